package cloudwatch_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"

	"github.com/goldenami/rehydrate/internal/twin/cloudwatch"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// client speaks the SDK's own CBOR to a fresh world; heard gets what a listener does.
func client(t *testing.T) (c *sdk.Client, heard *[]string) {
	t.Helper()
	heard = &[]string{}
	s := cloudwatch.New(func(_ *world.Tx, alarm string, in bool) { *heard = append(*heard, fmt.Sprint(alarm, " ", in)) })
	return sdk.NewFromConfig(wiretest.Client(t, wiretest.World(t), s.Wire())), heard
}

func put(t *testing.T, c *sdk.Client, name string) {
	t.Helper()
	_, err := c.PutMetricAlarm(t.Context(), alarm(name))
	if err != nil {
		t.Fatal(err)
	}
}

func alarm(name string) *sdk.PutMetricAlarmInput {
	return &sdk.PutMetricAlarmInput{
		AlarmName: &name, MetricName: aws.String("5xx"), Namespace: aws.String("web"), Statistic: types.StatisticSum,
		Period: aws.Int32(60), EvaluationPeriods: aws.Int32(3), Threshold: aws.Float64(-0.5), ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold,
		AlarmActions: []string{"arn:aws:sns:eu-west-1:111122223333:pager"},
	}
}

func TestAnAlarmKeepsItsStateWhenItIsPutAgain(t *testing.T) {
	c, heard := client(t)
	put(t, c, "errors")
	if _, err := c.SetAlarmState(t.Context(), &sdk.SetAlarmStateInput{AlarmName: aws.String("errors"), StateValue: types.StateValueAlarm, StateReason: aws.String("test")}); err != nil {
		t.Fatal(err)
	}
	put(t, c, "errors")
	out, err := c.DescribeAlarms(t.Context(), &sdk.DescribeAlarmsInput{AlarmNames: []string{"errors", "unknown"}})
	if err != nil || len(out.MetricAlarms) != 1 {
		t.Fatalf("%+v, %v", out, err)
	}
	a := out.MetricAlarms[0]
	if a.StateValue != types.StateValueAlarm || *a.Threshold != -0.5 || *a.Period != 60 || !*a.ActionsEnabled || !a.StateUpdatedTimestamp.Equal(wiretest.Start) {
		t.Errorf("%+v", a)
	}
	if _, err := c.DeleteAlarms(t.Context(), &sdk.DeleteAlarmsInput{AlarmNames: []string{"errors"}}); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(*heard); got != "[errors true errors false]" {
		t.Errorf("the listener heard %s", got)
	}
}

func TestAlarmsComeInPagesByName(t *testing.T) {
	c, _ := client(t)
	for i := range 120 {
		put(t, c, fmt.Sprintf("a-%03d", (i*7)%120))
	}
	put(t, c, "b")
	var names []string
	pages := sdk.NewDescribeAlarmsPaginator(c, &sdk.DescribeAlarmsInput{AlarmNamePrefix: aws.String("a-"), ActionPrefix: aws.String("arn:aws:sns"), StateValue: types.StateValueInsufficientData})
	n := 0
	for ; pages.HasMorePages(); n++ {
		p, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range p.MetricAlarms {
			names = append(names, *a.AlarmName)
		}
	}
	if n != 3 || len(names) != 120 || names[0] != "a-000" || names[119] != "a-119" {
		t.Errorf("%d pages, %d names, %s … %s", n, len(names), names[0], names[len(names)-1])
	}
}

func TestWhatCloudWatchRefuses(t *testing.T) {
	c, heard := client(t)
	put(t, c, "errors")
	late := alarm("x")
	late.DatapointsToAlarm = aws.Int32(4)
	odd := alarm("x")
	odd.Period = aws.Int32(45)
	bare := alarm("x")
	bare.Statistic = ""
	for _, tt := range []struct {
		name, code string
		call       func() error
	}{
		{"state of an unknown alarm", "ResourceNotFound", func() error {
			_, err := c.SetAlarmState(t.Context(), &sdk.SetAlarmStateInput{AlarmName: aws.String("nope"), StateValue: types.StateValueOk, StateReason: aws.String("x")})
			return err
		}},
		{"a state that there is not", "ValidationError", func() error {
			_, err := c.SetAlarmState(t.Context(), &sdk.SetAlarmStateInput{AlarmName: aws.String("errors"), StateValue: "BAD", StateReason: aws.String("x")})
			return err
		}},
		{"deleting a known and an unknown one", "ResourceNotFound", func() error {
			_, err := c.DeleteAlarms(t.Context(), &sdk.DeleteAlarmsInput{AlarmNames: []string{"errors", "nope"}})
			return err
		}},
		{"names and prefix", "ValidationError", func() error {
			_, err := c.DescribeAlarms(t.Context(), &sdk.DescribeAlarmsInput{AlarmNames: []string{"errors"}, AlarmNamePrefix: aws.String("e")})
			return err
		}},
		{"a token of somebody else", "InvalidNextToken", func() error {
			_, err := c.DescribeAlarms(t.Context(), &sdk.DescribeAlarmsInput{NextToken: aws.String("%")})
			return err
		}},
		{"a token that only decodes", "InvalidNextToken", func() error {
			_, err := c.DescribeAlarms(t.Context(), &sdk.DescribeAlarmsInput{NextToken: aws.String("gaga")})
			return err
		}},
		{"more data points than periods", "ValidationError", func() error { _, err := c.PutMetricAlarm(t.Context(), late); return err }},
		{"a period of 45 s", "ValidationError", func() error { _, err := c.PutMetricAlarm(t.Context(), odd); return err }},
		{"no statistic", "ValidationError", func() error { _, err := c.PutMetricAlarm(t.Context(), bare); return err }},
	} {
		var e smithy.APIError
		if err := tt.call(); !errors.As(err, &e) || e.ErrorCode() != tt.code {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.code)
		}
	}
	out, err := c.DescribeAlarms(t.Context(), &sdk.DescribeAlarmsInput{})
	if err != nil || len(out.MetricAlarms) != 1 || len(*heard) != 0 {
		t.Errorf("a refused call changed something: %+v %v %v", out, err, *heard)
	}
}

// "PutMetricAlarm", CloudWatch API Reference: what an alarm on a metric needs and may not
// have. The model itself asks for the name only.
func TestAnAlarmThatCouldNotBeEvaluatedIsRefused(t *testing.T) {
	c, _ := client(t)
	for name, edit := range map[string]func(*sdk.PutMetricAlarmInput){
		"no namespace":           func(in *sdk.PutMetricAlarmInput) { in.Namespace = nil },
		"no periods":             func(in *sdk.PutMetricAlarmInput) { in.EvaluationPeriods = nil },
		"datapoints, no periods": func(in *sdk.PutMetricAlarmInput) { in.EvaluationPeriods, in.DatapointsToAlarm = nil, aws.Int32(1) },
		"no comparison":          func(in *sdk.PutMetricAlarmInput) { in.ComparisonOperator = "" },
		"two statistics":         func(in *sdk.PutMetricAlarmInput) { in.ExtendedStatistic = aws.String("p99") },
		"missing data":           func(in *sdk.PutMetricAlarmInput) { in.TreatMissingData = aws.String("forget") },
		"more than a day":        func(in *sdk.PutMetricAlarmInput) { in.EvaluationPeriods = aws.Int32(1441) },
		"more than seven days":   func(in *sdk.PutMetricAlarmInput) { in.Period, in.EvaluationPeriods = aws.Int32(3600), aws.Int32(169) },
	} {
		in := alarm("bad")
		edit(in)
		_, err := c.PutMetricAlarm(t.Context(), in)
		wantCode(t, name, err, "ValidationError")
	}
	in := alarm("week")
	in.Period, in.EvaluationPeriods, in.TreatMissingData = aws.Int32(3600), aws.Int32(168), aws.String("notBreaching")
	if _, err := c.PutMetricAlarm(t.Context(), in); err != nil {
		t.Error(err)
	}
	in.ThresholdMetricId = aws.String("band")
	_, err := c.PutMetricAlarm(t.Context(), in)
	wantCode(t, "on anomalies", err, "UnsupportedOperation")
	_, err = c.SetAlarmState(t.Context(), &sdk.SetAlarmStateInput{AlarmName: aws.String("week"), StateValue: "OK", StateReason: aws.String("x"), StateReasonData: aws.String("{")})
	wantCode(t, "reason data", err, "InvalidFormat")
}

func TestATokenIsForItsList(t *testing.T) {
	c, _ := client(t)
	put(t, c, "a")
	put(t, c, "b")
	for range 2 {
		set(t, c, "a", types.StateValueAlarm)
		set(t, c, "a", types.StateValueOk)
	}
	page, err := c.DescribeAlarms(t.Context(), &sdk.DescribeAlarmsInput{MaxRecords: aws.Int32(1)})
	if err != nil || page.NextToken == nil {
		t.Fatal(page, err)
	}
	_, err = c.DescribeAlarms(t.Context(), &sdk.DescribeAlarmsInput{NextToken: page.NextToken, StateValue: types.StateValueOk})
	wantCode(t, "with another filter", err, "InvalidNextToken")
	_, err = c.DescribeAlarmHistory(t.Context(), &sdk.DescribeAlarmHistoryInput{NextToken: page.NextToken})
	wantCode(t, "of another operation", err, "InvalidNextToken")
	for _, order := range []types.ScanBy{types.ScanByTimestampAscending, types.ScanByTimestampDescending} {
		in, n := &sdk.DescribeAlarmHistoryInput{MaxRecords: aws.Int32(3), ScanBy: order}, 0
		p := sdk.NewDescribeAlarmHistoryPaginator(c, in)
		for p.HasMorePages() {
			out, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			n += len(out.AlarmHistoryItems)
		}
		if n != 4 {
			t.Errorf("%s: %d items", order, n)
		}
	}
	for _, beyond := range []string{"OTk5", "MQ"} { // 999 and 1
		_, err := c.DescribeAlarmHistory(t.Context(), &sdk.DescribeAlarmHistoryInput{NextToken: &beyond})
		wantCode(t, "position "+beyond, err, "InvalidNextToken")
	}
}

func wantCode(t *testing.T, name string, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("%s: %v, want %s", name, err, code)
	}
}
