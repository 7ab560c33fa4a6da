package cloudwatch

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/goldenami/rehydrate/internal/twin/cursor"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// kept is how long history is kept ("DescribeAlarmHistory": 30 days).
const kept = 30 * 24 * time.Hour

// change is one change of an alarm's state.
type change struct {
	Alarm string           `json:"alarm"`
	At    time.Time        `json:"at"`
	From  types.StateValue `json:"from"`
	To    types.StateValue `json:"to"`
	Why   string           `json:"why"`
	key   string
}

func history(tx *world.Tx) *world.Rows[change] {
	return world.Table[change](tx, "monitoring/history")
}

// remember writes a change down. Changes of configuration and actions are not modelled.
func remember(tx *world.Tx, c change) {
	history(tx).Put(fmt.Sprintf("%08d", history(tx).Len()), c)
}

// DescribeAlarmHistory lists changes of state, newest first unless ScanBy says
// otherwise. An alarm that does not exist, or not any more, has the history that it has.
func (s *Service) DescribeAlarmHistory(tx *world.Tx, in *cloudwatch.DescribeAlarmHistoryInput) (*cloudwatch.DescribeAlarmHistoryOutput, error) {
	scope := []any{tx.Account, tx.Region, in.AlarmName, in.AlarmTypes, in.HistoryItemType, in.ScanBy, in.StartDate, in.EndDate}
	last, err := opened(in.NextToken, scope)
	if err != nil {
		return nil, err
	}
	size := maxPage
	if in.MaxRecords != nil {
		size = min(size, int(*in.MaxRecords))
	}
	found := remembered(tx, in)
	out := &cloudwatch.DescribeAlarmHistoryOutput{AlarmHistoryItems: []types.AlarmHistoryItem{}}
	if last != "" { // keys are numbers in the order of time
		found = slices.DeleteFunc(found, func(c change) bool {
			return c.key == last || (c.key < last) == (in.ScanBy == types.ScanByTimestampAscending)
		})
	}
	if len(found) > size {
		found = found[:size]
		out.NextToken = aws.String(cursor.Seal(found[size-1].key, scope...))
	}
	for _, c := range found {
		out.AlarmHistoryItems = append(out.AlarmHistoryItems, c.item())
	}
	return out, nil
}

func remembered(tx *world.Tx, in *cloudwatch.DescribeAlarmHistoryInput) []change {
	var found []change
	if in.HistoryItemType != "" && in.HistoryItemType != types.HistoryItemTypeStateUpdate {
		return nil
	}
	for key, c := range history(tx).All() {
		c.key = key
		if in.AlarmName != nil && c.Alarm != *in.AlarmName || in.StartDate != nil && c.At.Before(*in.StartDate) ||
			in.EndDate != nil && c.At.After(*in.EndDate) || tx.Now.Sub(c.At) > kept {
			continue
		}
		found = append(found, c)
	}
	if in.ScanBy != types.ScanByTimestampAscending {
		slices.Reverse(found)
	}
	return found
}

// item is a change in the API's shape. The data are a JSON document with the states
// before and after.
func (c change) item() types.AlarmHistoryItem {
	type state struct {
		Value  types.StateValue `json:"stateValue"`
		Reason string           `json:"stateReason,omitempty"`
	}
	data, err := json.Marshal(map[string]any{"version": "1.0", "oldState": state{Value: c.From}, "newState": state{c.To, c.Why}})
	if err != nil {
		panic(err) // plain strings
	}
	return types.AlarmHistoryItem{
		AlarmName: &c.Alarm, AlarmType: types.AlarmTypeMetricAlarm, Timestamp: &c.At, HistoryItemType: types.HistoryItemTypeStateUpdate,
		HistorySummary: aws.String(fmt.Sprintf("Alarm updated from %s to %s", c.From, c.To)), HistoryData: aws.String(string(data)),
	}
}
