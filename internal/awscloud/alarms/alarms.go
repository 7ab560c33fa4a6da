// Package alarms is CloudWatch as far as alarms are watched.
package alarms

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/rollout/gate"
)

// API is what the adapter calls.
type API interface {
	cloudwatch.DescribeAlarmsAPIClient
	cloudwatch.DescribeAlarmHistoryAPIClient
}

var (
	_ API         = (*cloudwatch.Client)(nil)
	_ gate.Alarms = Alarms{}
)

// Alarms reads the alarms of any cell.
type Alarms struct {
	// Open is the API of a cell; the zero Cell is the session's own.
	Open func(context.Context, gate.Cell) (API, error)
}

// New is the adapter over sessions.
func New(open func(ctx context.Context, account, region string) (*session.Session, error)) Alarms {
	return Alarms{func(ctx context.Context, c gate.Cell) (API, error) {
		s, err := open(ctx, c.Account, c.Region)
		if err != nil {
			return nil, err
		}
		return cloudwatch.NewFromConfig(s.Config()), nil
	}}
}

// perCall is how many names one call takes (DescribeAlarms: AlarmNames).
const perCall = 100

// kinds are all kinds of alarm: without them the API leaves composite alarms out.
var kinds = []types.AlarmType{types.AlarmTypeMetricAlarm, types.AlarmTypeCompositeAlarm}

// States implements gate.Alarms.
func (a Alarms) States(ctx context.Context, c gate.Cell, names []string) (map[string]gate.Alarm, error) {
	api, err := a.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	out := map[string]gate.Alarm{}
	for len(names) > 0 {
		some := names[:min(perCall, len(names))]
		names = names[len(some):]
		pages := cloudwatch.NewDescribeAlarmsPaginator(api, &cloudwatch.DescribeAlarmsInput{AlarmNames: some, AlarmTypes: kinds, MaxRecords: aws.Int32(perCall)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, awscloud.Wrap(err, "describe %d alarms", len(some))
			}
			for _, m := range page.MetricAlarms {
				out[aws.ToString(m.AlarmName)] = gate.Alarm{State: string(m.StateValue), Reason: aws.ToString(m.StateReason), Since: aws.ToTime(m.StateTransitionedTimestamp)}
			}
			for _, m := range page.CompositeAlarms {
				out[aws.ToString(m.AlarmName)] = gate.Alarm{State: string(m.StateValue), Reason: aws.ToString(m.StateReason), Since: aws.ToTime(m.StateTransitionedTimestamp)}
			}
		}
	}
	return out, nil
}

// Fired implements gate.Alarms. The alarm counts as fired, too, when it was in ALARM
// already at that time.
func (a Alarms) Fired(ctx context.Context, c gate.Cell, name string, since time.Time) (bool, error) {
	api, err := a.Open(ctx, c)
	if err != nil {
		return false, err
	}
	pages := cloudwatch.NewDescribeAlarmHistoryPaginator(api, &cloudwatch.DescribeAlarmHistoryInput{AlarmName: &name, AlarmTypes: kinds,
		HistoryItemType: types.HistoryItemTypeStateUpdate, StartDate: &since, ScanBy: types.ScanByTimestampAscending, MaxRecords: aws.Int32(perCall)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return false, awscloud.Wrap(err, "describe the history of alarm %s", name)
		}
		for _, item := range page.AlarmHistoryItems {
			on, err := alarmed(item)
			if on || err != nil {
				return on, err
			}
		}
	}
	return false, nil
}

// alarmed reads the data of an item, a JSON document with the states before and after.
func alarmed(item types.AlarmHistoryItem) (bool, error) {
	type state struct {
		Value string `json:"stateValue"`
	}
	var data struct {
		Old state `json:"oldState"`
		New state `json:"newState"`
	}
	if err := json.Unmarshal([]byte(aws.ToString(item.HistoryData)), &data); err != nil {
		return false, fmt.Errorf("read the history of alarm %s: %w", aws.ToString(item.AlarmName), err)
	}
	if data.New.Value == "" {
		return false, fmt.Errorf("read the history of alarm %s: %q names no state", aws.ToString(item.AlarmName), aws.ToString(item.HistorySummary))
	}
	const on = string(types.StateValueAlarm)
	return data.Old.Value == on || data.New.Value == on, nil
}
