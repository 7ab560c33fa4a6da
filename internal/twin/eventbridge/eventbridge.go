// Package eventbridge is the twin's EventBridge as far as putting events goes. There
// are no rules and no targets: what was put is in the twin's event log.
package eventbridge

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// New is the service with its operations.
func New() *wire.Service {
	o := wire.NewService("events")
	wire.Op(o, "CreateEventBus", createBus)
	wire.Op(o, "DescribeEventBus", describeBus)
	wire.Op(o, "PutEvents", putEvents)
	return o
}

// bus is an event bus by name.
type bus struct {
	Created time.Time `json:"created"`
}

func buses(tx *world.Tx) *world.Rows[bus] { return world.Table[bus](tx, "events/buses") }

const defaultBus = "default"

func arn(tx *world.Tx, name string) *string {
	return aws.String(fmt.Sprintf("arn:aws:events:%s:%s:event-bus/%s", tx.Region, tx.Account, name))
}

func createBus(tx *world.Tx, in *eventbridge.CreateEventBusInput) (*eventbridge.CreateEventBusOutput, error) {
	if in.EventSourceName != nil || strings.Contains(*in.Name, "/") {
		return nil, wire.Errorf("ValidationException", "The twin does not model partner event buses.")
	}
	if _, ok := buses(tx).Get(*in.Name); ok || *in.Name == defaultBus {
		return nil, wire.Errorf("ResourceAlreadyExistsException", "Event bus %s already exists.", *in.Name)
	}
	buses(tx).Put(*in.Name, bus{tx.Now})
	return &eventbridge.CreateEventBusOutput{EventBusArn: arn(tx, *in.Name)}, nil
}

func describeBus(tx *world.Tx, in *eventbridge.DescribeEventBusInput) (*eventbridge.DescribeEventBusOutput, error) {
	name, err := find(tx, in.Name)
	if err != nil {
		return nil, err
	}
	return &eventbridge.DescribeEventBusOutput{Name: &name, Arn: arn(tx, name)}, nil
}

// find is the name of a bus of this account and region, given by name or ARN.
func find(tx *world.Tx, ref *string) (string, error) {
	name := strings.TrimPrefix(aws.ToString(ref), *arn(tx, ""))
	if name == "" || name == defaultBus {
		return defaultBus, nil
	}
	if _, ok := buses(tx).Get(name); !ok {
		return "", wire.Errorf("ResourceNotFoundException", "Event bus %s does not exist.", name)
	}
	return name, nil
}

// Limits of one call ("PutEvents", EventBridge API Reference): 10 entries, checked by
// the model, and 256 KiB altogether.
const maxEvents = 256 << 10

// putEvents logs each entry that is whole and refuses the others one by one, as the
// service does: the call itself succeeds.
func putEvents(tx *world.Tx, in *eventbridge.PutEventsInput) (*eventbridge.PutEventsOutput, error) {
	size := 0
	for _, e := range in.Entries {
		size += len(aws.ToString(e.Detail)) + len(aws.ToString(e.DetailType)) + len(aws.ToString(e.Source))
	}
	if size > maxEvents {
		return nil, wire.Errorf("ValidationException", "Total size of the entries in the request is over the limit.")
	}
	out := &eventbridge.PutEventsOutput{Entries: []types.PutEventsResultEntry{}}
	for _, e := range in.Entries {
		code, message := problem(e)
		name, err := find(tx, e.EventBusName)
		if code == "" && err != nil {
			code, message = "ResourceNotFoundException", err.Error()
		}
		if code != "" {
			out.FailedEntryCount++
			out.Entries = append(out.Entries, types.PutEventsResultEntry{ErrorCode: &code, ErrorMessage: &message})
			continue
		}
		id := tx.Hex(32)
		id = id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
		tx.Event("events.put", map[string]any{"bus": name, "id": id, "source": *e.Source, "detailType": *e.DetailType, "detail": json.RawMessage(*e.Detail)})
		out.Entries = append(out.Entries, types.PutEventsResultEntry{EventId: &id})
	}
	return out, nil
}

// problem is what is wrong with an entry, or "".
func problem(e types.PutEventsRequestEntry) (code, message string) {
	switch {
	case aws.ToString(e.Source) == "":
		return "InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument."
	case strings.HasPrefix(*e.Source, "aws."):
		return "NotAuthorizedForSourceException", "Not authorized for the source."
	case aws.ToString(e.DetailType) == "":
		return "InvalidArgument", "Parameter DetailType is not valid. Reason: DetailType is a required argument."
	case aws.ToString(e.Detail) == "":
		return "InvalidArgument", "Parameter Detail is not valid. Reason: Detail is a required argument."
	}
	var object map[string]any
	if json.Unmarshal([]byte(*e.Detail), &object) != nil {
		return "MalformedDetail", "Detail is malformed."
	}
	return "", ""
}
