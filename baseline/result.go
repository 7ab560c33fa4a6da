package baseline

import "time"

// Result is the outcome of an evaluation.
type Result struct {
	Items           []Item   `json:"items"` // by name, then architecture
	Counts          Counts   `json:"counts"`
	Status          string   `json:"status"` // COMPLIANT or NON_COMPLIANT
	OverallSeverity string   `json:"overallSeverity,omitempty"`
	ToInstall       []string `json:"toInstall,omitempty"` // name.arch=version
	Notes           []string `json:"notes,omitempty"`     // extensions used, pins ignored, ...
	// ReportedSeverity is OverallSeverity as Patch Manager reports it: never lower
	// than INFORMATIONAL on a non-compliant node (AMB-24).
	ReportedSeverity string `json:"reportedSeverity,omitempty"`
	// DeploymentStatus is Windows only: the effective patches by KB id (§4).
	DeploymentStatus map[string]string `json:"deploymentStatus,omitempty"`
	// RebootPending are the ids to write to the state file after this run (§7.1).
	RebootPending []string `json:"rebootPending,omitempty"`
}

// Item is one package's state.
type Item struct {
	ID              string    `json:"id"`    // name.arch (Linux), name (macOS), KB id (Windows)
	Title           string    `json:"title"` // §7
	Name            string    `json:"name"`
	Arch            string    `json:"arch,omitempty"`
	State           State     `json:"state"`
	Installed       string    `json:"installed,omitempty"` // full version, if any
	Version         string    `json:"version,omitempty"`   // the version the item shows: the target if Missing or Failed
	ComplianceLevel string    `json:"complianceLevel"`
	Classification  string    `json:"classification,omitempty"`
	Severity        string    `json:"severity,omitempty"` // the publisher's
	CVEs            []string  `json:"cves,omitempty"`
	Rule            string    `json:"rule,omitempty"` // what approved it
	Reason          string    `json:"reason,omitempty"`
	InstalledTime   time.Time `json:"installedTime,omitzero"`
}

// Counts are the counters of InstancePatchState (§7.2).
type Counts struct {
	InstalledCount               int `json:"InstalledCount"`
	InstalledOtherCount          int `json:"InstalledOtherCount"`
	InstalledPendingRebootCount  int `json:"InstalledPendingRebootCount"`
	InstalledRejectedCount       int `json:"InstalledRejectedCount"`
	MissingCount                 int `json:"MissingCount"`
	FailedCount                  int `json:"FailedCount"`
	NotApplicableCount           int `json:"NotApplicableCount"`
	UnreportedNotApplicableCount int `json:"UnreportedNotApplicableCount"`
	AvailableSecurityUpdateCount int `json:"AvailableSecurityUpdateCount"`
	CriticalNonCompliantCount    int `json:"CriticalNonCompliantCount"`
	SecurityNonCompliantCount    int `json:"SecurityNonCompliantCount"`
	OtherNonCompliantCount       int `json:"OtherNonCompliantCount"`
}

// The values of Result.Status.
const (
	Compliant    = "COMPLIANT"
	NonCompliant = "NON_COMPLIANT"
)

// conclude counts the items and sets status and severities (§7.2). availableFails
// says that an available security update makes a node non-compliant.
func (r *Result) conclude(availableFails bool) {
	worst, failing := level(0), false
	for i := range r.Items {
		it := &r.Items[i]
		if counter := r.Counts.of(it.State); counter != nil {
			*counter++
		}
		if !nonCompliant(it.State, availableFails) {
			continue
		}
		failing = true
		l, _ := parseLevel(it.ComplianceLevel)
		worst = max(worst, l)
		security := it.State == StateAvailableSecurityUpdate || isSecurity(it.Classification)
		if it.ComplianceLevel == LevelCritical {
			r.Counts.CriticalNonCompliantCount++
		} else if !security {
			r.Counts.OtherNonCompliantCount++
		}
		if security {
			r.Counts.SecurityNonCompliantCount++
		}
	}
	r.Status = Compliant
	if failing {
		r.Status = NonCompliant
		r.OverallSeverity = worst.String()
		r.ReportedSeverity = max(worst, 1).String()
	}
}
