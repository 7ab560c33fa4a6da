package buses_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/goldenami/rehydrate/internal/awscloud/buses"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/notify"
)

type stub struct {
	in  *eventbridge.PutEventsInput
	out *eventbridge.PutEventsOutput
}

func (s *stub) PutEvents(_ context.Context, in *eventbridge.PutEventsInput, _ ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error) {
	s.in = in
	return s.out, nil
}

func TestARefusedEntryIsAnErrorAlthoughTheCallSucceeds(t *testing.T) {
	m := notify.NewMessage(event.Event{Time: time.Unix(9, 0), Stage: "roll", Kind: event.Failed, Text: "x"})
	entry := func(code string) *eventbridge.PutEventsOutput {
		return &eventbridge.PutEventsOutput{FailedEntryCount: 1, Entries: []types.PutEventsResultEntry{{ErrorCode: &code, ErrorMessage: aws.String("why")}}}
	}
	for name, c := range map[string]struct {
		out  *eventbridge.PutEventsOutput
		want fault.Kind
		fine bool
	}{
		"taken":     {&eventbridge.PutEventsOutput{Entries: []types.PutEventsResultEntry{{EventId: aws.String("1")}}}, 0, true},
		"throttled": {entry("ThrottlingException"), fault.Throttled, false},
		"no bus":    {entry("ResourceNotFoundException"), fault.NotFound, false},
		"malformed": {entry("MalformedDetail"), fault.Denied, false},
		"nothing":   {&eventbridge.PutEventsOutput{}, fault.Failed, false},
	} {
		s := &stub{out: c.out}
		err := buses.Bus{API: s, Name: "default"}.Send(t.Context(), m)
		if (err == nil) != c.fine || err != nil && fault.KindOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
		if e := s.in.Entries[0]; *e.Source != "rehydrate" || *e.DetailType != "Rehydrate Event" || *e.Detail != string(m.JSON()) || !e.Time.Equal(time.Unix(9, 0)) || *e.EventBusName != "default" {
			t.Errorf("%s: %+v", name, e)
		}
	}
}
