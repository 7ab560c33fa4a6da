package alarms_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/goldenami/rehydrate/rollout/gate"
)

// What an alarm's history says is a document within a text. One that is not understood
// is an error: it must not pass for an alarm that never was on.
func FuzzHistoryIsUnderstoodOrAnError(f *testing.F) {
	f.Add(`{"version":"1.0","oldState":{"stateValue":"OK"},"newState":{"stateValue":"ALARM"}}`)
	f.Add(`{"oldState":{"stateValue":"ALARM"},"newState":{"stateValue":"OK"}}`)
	f.Add(`{"newState":{"stateValue":"INSUFFICIENT_DATA"}}`)
	f.Add(`{"newState":null}`)
	f.Add(`[`)
	f.Add("")
	f.Fuzz(func(t *testing.T, data string) {
		s := &stub{history: []*cloudwatch.DescribeAlarmHistoryOutput{{AlarmHistoryItems: []types.AlarmHistoryItem{{HistoryData: &data}}}}}
		fired, err := open(s).Fired(t.Context(), gate.Cell{}, "x", time.Unix(0, 0))
		var any map[string]json.RawMessage
		if bad := json.Unmarshal([]byte(data), &any); bad != nil && (err == nil || fired) {
			t.Errorf("%q is no document, and it was taken for one: %v", data, fired)
		}
		if err == nil && !fired && len(any) == 0 {
			t.Errorf("%q names no state, and the alarm was taken for off", data)
		}
	})
}
