package wire_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

func TestNumbersWithAFractionShowThatTheyMayHaveOne(t *testing.T) {
	t.Parallel()
	for value, want := range map[float64]string{5: "5.0", 0: "0.0", -2: "-2.0", 0.5: "0.5", 1e30: "1e+30"} {
		s := wire.NewService("monitoring")
		wire.Op(s, "DescribeAlarms", func(*world.Tx, *cloudwatch.DescribeAlarmsInput) (*cloudwatch.DescribeAlarmsOutput, error) {
			return &cloudwatch.DescribeAlarmsOutput{MetricAlarms: []types.MetricAlarm{{Threshold: aws.Float64(value)}}}, nil
		})
		h := lenient(t, wiretest.World(t), s)
		json := raw{scope: "monitoring", target: "GraniteServiceVersion20100801.DescribeAlarms", ctype: "application/x-amz-json-1.0", body: "{}"}.send(h)
		xml := raw{scope: "monitoring", ctype: form, body: "Action=DescribeAlarms"}.send(h)
		if !strings.Contains(json.Body.String(), `"Threshold":`+want+"}") || !strings.Contains(xml.Body.String(), "<Threshold>"+want+"</Threshold>") {
			t.Errorf("%v: %s\n%s", value, json.Body, xml.Body)
		}
	}
}
