package alarms_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"

	"github.com/goldenami/rehydrate/internal/awscloud/alarms"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout/gate"
)

type stub struct {
	calls   int
	err     error
	history []*cloudwatch.DescribeAlarmHistoryOutput
}

func (s *stub) DescribeAlarms(_ context.Context, in *cloudwatch.DescribeAlarmsInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error) {
	s.calls++
	out := &cloudwatch.DescribeAlarmsOutput{}
	for i, n := range in.AlarmNames {
		if i%2 == 0 {
			out.MetricAlarms = append(out.MetricAlarms, types.MetricAlarm{AlarmName: aws.String(n), StateValue: types.StateValueOk, StateTransitionedTimestamp: aws.Time(time.Unix(5, 0))})
		} else {
			out.CompositeAlarms = append(out.CompositeAlarms, types.CompositeAlarm{AlarmName: aws.String(n), StateValue: types.StateValueAlarm, StateReason: aws.String("why")})
		}
	}
	return out, s.err
}

func (s *stub) DescribeAlarmHistory(_ context.Context, in *cloudwatch.DescribeAlarmHistoryInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmHistoryOutput, error) {
	if s.err != nil {
		return nil, s.err
	}
	at := 0
	if in.NextToken != nil {
		at = 1
	}
	return s.history[at], nil
}

func open(s *stub) alarms.Alarms {
	return alarms.Alarms{Open: func(context.Context, gate.Cell) (alarms.API, error) { return s, nil }}
}

func TestManyAlarmsOfBothKindsAreReadByHundreds(t *testing.T) {
	s := &stub{}
	var names []string
	for i := range 250 {
		names = append(names, fmt.Sprint("a", i))
	}
	got, err := open(s).States(t.Context(), gate.Cell{}, names)
	if err != nil || len(got) != 250 || s.calls != 3 || got["a0"].State != "OK" || !got["a0"].Since.Equal(time.Unix(5, 0)) || got["a1"].State != "ALARM" || got["a1"].Reason != "why" {
		t.Errorf("%d alarms in %d calls, %+v, %v", len(got), s.calls, got["a1"], err)
	}
	s.err = &smithy.GenericAPIError{Code: "Throttling", Message: "Rate exceeded"}
	if _, err := open(s).States(t.Context(), gate.Cell{}, names); fault.KindOf(err) != fault.Throttled {
		t.Errorf("throttled: %v", err)
	}
	shut := alarms.Alarms{Open: func(context.Context, gate.Cell) (alarms.API, error) { return nil, errors.New("no way in") }}
	if _, err := shut.States(t.Context(), gate.Cell{}, names); err == nil {
		t.Error("a cell that cannot be opened was read")
	}
	if _, err := shut.Fired(t.Context(), gate.Cell{}, "a", time.Time{}); err == nil {
		t.Error("a cell that cannot be opened was read")
	}
}

func TestFiredReadsTheHistoryThroughAllPages(t *testing.T) {
	item := func(data string) types.AlarmHistoryItem {
		return types.AlarmHistoryItem{AlarmName: aws.String("a"), HistoryData: &data}
	}
	update := func(from, to string) types.AlarmHistoryItem {
		return item(`{"version":"1.0","oldState":{"stateValue":"` + from + `"},"newState":{"stateValue":"` + to + `","stateReason":"x"}}`)
	}
	for name, c := range map[string]struct {
		items []types.AlarmHistoryItem
		fired bool
		err   string
	}{
		"nothing":                {nil, false, ""},
		"from no data":           {[]types.AlarmHistoryItem{update("INSUFFICIENT_DATA", "OK")}, false, ""},
		"on and off":             {[]types.AlarmHistoryItem{update("OK", "ALARM"), update("ALARM", "OK")}, true, ""},
		"on before":              {[]types.AlarmHistoryItem{update("ALARM", "OK")}, true, ""},
		"what is no JSON":        {[]types.AlarmHistoryItem{item("x")}, false, "read the history of alarm a"},
		"what names no state":    {[]types.AlarmHistoryItem{item("{}")}, false, "names no state"},
		"on, before what is not": {[]types.AlarmHistoryItem{update("OK", "ALARM"), item("x")}, true, ""},
	} {
		s := &stub{history: []*cloudwatch.DescribeAlarmHistoryOutput{{NextToken: aws.String("2")}, {AlarmHistoryItems: c.items}}}
		fired, err := open(s).Fired(t.Context(), gate.Cell{}, "a", time.Unix(0, 0))
		if fired != c.fired || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, %v", name, fired, err)
		}
	}
}
