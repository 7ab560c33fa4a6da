package cloudwatch_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"

	"github.com/goldenami/rehydrate/internal/twin/wiretest"
)

func set(t *testing.T, c *sdk.Client, name string, state types.StateValue) {
	t.Helper()
	if _, err := c.SetAlarmState(t.Context(), &sdk.SetAlarmStateInput{AlarmName: &name, StateValue: state, StateReason: aws.String("test")}); err != nil {
		t.Fatal(err)
	}
}

func TestTheHistoryHasEveryChangeOfStateAndNoRepetition(t *testing.T) {
	c, _ := client(t)
	put(t, c, "errors")
	put(t, c, "other")
	set(t, c, "other", types.StateValueOk)
	for _, s := range []types.StateValue{types.StateValueOk, types.StateValueOk, types.StateValueAlarm, types.StateValueOk} {
		set(t, c, "errors", s)
	}
	for scan, want := range map[types.ScanBy]string{
		types.ScanByTimestampAscending: "Alarm updated from INSUFFICIENT_DATA to OK, Alarm updated from OK to ALARM, Alarm updated from ALARM to OK",
		"":                             "Alarm updated from ALARM to OK, Alarm updated from OK to ALARM, Alarm updated from INSUFFICIENT_DATA to OK",
	} {
		var got []string
		pages := sdk.NewDescribeAlarmHistoryPaginator(c, &sdk.DescribeAlarmHistoryInput{AlarmName: aws.String("errors"), HistoryItemType: types.HistoryItemTypeStateUpdate,
			ScanBy: scan, MaxRecords: aws.Int32(2), StartDate: &wiretest.Start, EndDate: aws.Time(wiretest.Start.Add(time.Hour))})
		for pages.HasMorePages() {
			p, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range p.AlarmHistoryItems {
				got = append(got, *i.HistorySummary)
				if *i.AlarmName != "errors" || !i.Timestamp.Equal(wiretest.Start) || !strings.Contains(*i.HistoryData, `"newState":{"stateValue":`) {
					t.Errorf("%+v", i)
				}
			}
		}
		if fmt.Sprint(strings.Join(got, ", ")) != want {
			t.Errorf("%s: %v", scan, got)
		}
	}
	for name, in := range map[string]*sdk.DescribeAlarmHistoryInput{
		"later":           {StartDate: aws.Time(wiretest.Start.Add(time.Minute))},
		"earlier":         {EndDate: aws.Time(wiretest.Start.Add(-time.Minute))},
		"actions":         {HistoryItemType: types.HistoryItemTypeAction},
		"somebody else's": {AlarmName: aws.String("nope")},
	} {
		if out, err := c.DescribeAlarmHistory(t.Context(), in); err != nil || len(out.AlarmHistoryItems) != 0 {
			t.Errorf("%s: %+v, %v", name, out, err)
		}
	}
	_, err := c.DescribeAlarmHistory(t.Context(), &sdk.DescribeAlarmHistoryInput{NextToken: aws.String("%")})
	if e := smithy.APIError(nil); !errors.As(err, &e) || e.ErrorCode() != "InvalidNextToken" {
		t.Errorf("a token of somebody else: %v", err)
	}
}
