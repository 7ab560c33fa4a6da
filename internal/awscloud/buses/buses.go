// Package buses is EventBridge as far as putting events goes.
package buses

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/notify"
)

// The source and the detail type of our events; the message is the detail.
const (
	Source     = "rehydrate"
	DetailType = "Rehydrate Event"
)

// API is what the adapter calls.
type API interface {
	PutEvents(context.Context, *eventbridge.PutEventsInput, ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error)
}

var (
	_ API           = (*eventbridge.Client)(nil)
	_ notify.Sender = Bus{}
)

// Bus is one event bus.
type Bus struct {
	API  API
	Name string // or ARN
}

// New is the bus over a session; one named by ARN may be in another Region.
func New(s *session.Session, name string) Bus {
	if p := strings.SplitN(name, ":", 6); len(p) == 6 && p[3] != "" {
		s = s.In(p[3])
	}
	return Bus{eventbridge.NewFromConfig(s.Config()), name}
}

// Send implements notify.Sender. The call succeeds also when the event is refused; the
// answer says so.
func (b Bus) Send(ctx context.Context, m notify.Message) error {
	out, err := b.API.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		EventBusName: &b.Name, Source: aws.String(Source), DetailType: aws.String(DetailType), Detail: aws.String(string(m.JSON())), Time: &m.Time,
	}}})
	if err != nil {
		return awscloud.Wrap(err, "put an event on bus %s", b.Name)
	}
	for _, e := range out.Entries {
		if code := aws.ToString(e.ErrorCode); code != "" {
			return fault.New(refused(code), "", "put an event on bus %s: %s: %s", b.Name, code, aws.ToString(e.ErrorMessage))
		}
	}
	if out.FailedEntryCount > 0 || len(out.Entries) == 0 {
		return fault.New(fault.Failed, "", "put an event on bus %s: it was not taken, and no reason given", b.Name)
	}
	return nil
}

// refused is the kind of an entry's error code.
func refused(code string) fault.Kind {
	switch code {
	case "ThrottlingException", "InternalFailure", "InternalException":
		return fault.Throttled
	case "ResourceNotFoundException":
		return fault.NotFound
	}
	return fault.Denied
}
