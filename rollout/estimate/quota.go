package estimate

import (
	"context"
	"strings"
)

// Quotas tells the limits of vCPUs that may run at a time in an account's Region, and
// what runs there.
type Quotas interface {
	// Limits is each quota's limit by its code: the account's own value or, where it has
	// none, AWS's default.
	Limits(ctx context.Context, codes []string) (map[string]Limit, error)
	// Usage is how many vCPUs ran some minutes ago by each metric, by the keys given.
	// Metrics without data are left out: that is not zero.
	Usage(ctx context.Context, of map[string]Metric) (map[string]int, error)
	// Running is how many instances run, by what they are. Others than running ones do
	// not count towards the limits.
	Running(ctx context.Context) (map[Kind]int, error)
}

// Limit is what an account may run of a quota.
type Limit struct {
	VCPUs int
	// Default says that the account has no value of its own that could be read, and this
	// is AWS's.
	Default bool
	// Metric counts what runs; nil: Service Quotas names none.
	Metric *Metric
}

// Metric is one of CloudWatch's, as Service Quotas names it.
type Metric struct {
	Namespace, Name string
	Statistic       string // such as Maximum
	Dimensions      map[string]string
}

// Kind is an instance type, and how it was bought.
type Kind struct {
	Type string
	Spot bool
}

// Quota is one of EC2's limits in Service Quotas.
type Quota struct{ Code, Name string }

// Quota is what instances of the kind count towards; ok is false for families that none
// of the quotas names. Source: "Amazon EC2 instance type quotas", Amazon EC2 Instance
// Types Guide.
func (k Kind) Quota() (q Quota, ok bool) {
	family, _, found := strings.Cut(k.Type, ".")
	at := strings.IndexFunc(family, func(r rune) bool { return r < 'a' || r > 'z' })
	if !found || at < 0 {
		return Quota{}, false
	}
	onDemand, spot := codes(family[:at], family[at:])
	if k.Spot {
		return spot, spot.Code != ""
	}
	return onDemand, onDemand.Code != ""
}

// codes are the quotas of a family by its letters; generation is what follows them.
func codes(letters, generation string) (onDemand, spot Quota) {
	switch letters {
	case "a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z":
		return Quota{"L-1216C47A", "On-Demand Standard"}, Quota{"L-34B43A08", "Spot Standard"}
	case "dl":
		return Quota{"L-6E869C2A", "On-Demand DL"}, Quota{"L-85EED4F7", "Spot DL"}
	case "f":
		return Quota{"L-74FC7D96", "On-Demand F"}, Quota{"L-88CF9481", "Spot F"}
	case "g", "gr", "vt":
		return Quota{"L-DB2E81BA", "On-Demand G and VT"}, Quota{"L-3819A6DF", "Spot G and VT"}
	case "hpc":
		return Quota{"L-F7808C92", "On-Demand HPC"}, Quota{}
	case "inf":
		return Quota{"L-1945791B", "On-Demand Inf"}, Quota{"L-B5D1601B", "Spot Inf"}
	case "p":
		onDemand = Quota{"L-417A185B", "On-Demand P"}
		switch generation[0] {
		case '2', '3', '4':
			spot = Quota{"L-7212CCBC", "Spot P4, P3 and P2"}
		case '5':
			spot = Quota{"L-C4BD4855", "Spot P5"}
		}
		return onDemand, spot
	case "trn":
		return Quota{"L-2C3B7624", "On-Demand Trn"}, Quota{"L-6B0D517C", "Spot Trn"}
	case "u":
		return Quota{"L-43DA4232", "On-Demand High Memory"}, Quota{}
	case "x":
		return Quota{"L-7295265B", "On-Demand X"}, Quota{"L-E3A00192", "Spot X"}
	}
	return Quota{}, Quota{}
}
