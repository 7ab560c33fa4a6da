package wire_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// TestCloudWatchAnswersInTheProtocolItIsAskedIn: botocore and the AWS CLI speak JSON to
// it, what is older the query protocol, AWS's SDKs CBOR.
func TestCloudWatchAnswersInTheProtocolItIsAskedIn(t *testing.T) {
	t.Parallel()
	s := wire.NewService("monitoring")
	wire.Op(s, "DescribeAlarms", func(_ *world.Tx, in *cloudwatch.DescribeAlarmsInput) (*cloudwatch.DescribeAlarmsOutput, error) {
		return &cloudwatch.DescribeAlarmsOutput{MetricAlarms: []types.MetricAlarm{{AlarmName: aws.String(strings.Join(in.AlarmNames, "+")), Threshold: aws.Float64(1)}}}, nil
	})
	wire.Op(s, "SetAlarmState", func(*world.Tx, *cloudwatch.SetAlarmStateInput) (*cloudwatch.SetAlarmStateOutput, error) {
		return nil, wire.Errorf("ResourceNotFound", "no such alarm")
	})
	h := lenient(t, wiretest.World(t), s)
	asJSON := func(op, body string) raw {
		return raw{scope: "monitoring", target: "GraniteServiceVersion20100801." + op, ctype: "application/x-amz-json-1.0", body: body}
	}
	asQuery := func(body string) raw { return raw{scope: "monitoring", ctype: form, body: body} }

	w := asJSON("DescribeAlarms", `{"AlarmNames":["a","b"]}`).send(h)
	var got struct{ MetricAlarms []struct{ AlarmName string } }
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK || len(got.MetricAlarms) != 1 || got.MetricAlarms[0].AlarmName != "a+b" ||
		w.Header().Get("Content-Type") != "application/x-amz-json-1.0" {
		t.Errorf("JSON: %d %s %s", w.Code, w.Header(), w.Body)
	}
	w = asQuery("Action=DescribeAlarms&AlarmNames.member.1=a&AlarmNames.member.2=b").send(h)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "<MetricAlarms><member><AlarmName>a+b</AlarmName>") {
		t.Errorf("query: %d %s", w.Code, w.Body)
	}

	for name, test := range map[string]struct {
		raw      raw
		status   int
		code     string
		queryErr string
	}{
		"unknown alarm in JSON":    {asJSON("SetAlarmState", `{"AlarmName":"x","StateValue":"OK","StateReason":"y"}`), 404, "ResourceNotFound", "ResourceNotFound;Sender"},
		"unknown alarm in query":   {asQuery("Action=SetAlarmState&AlarmName=x&StateValue=OK&StateReason=y"), 404, "ResourceNotFound", ""},
		"nothing required in JSON": {asJSON("SetAlarmState", `{}`), 400, "ValidationError", "ValidationError;Sender"},
		"no JSON":                  {asJSON("SetAlarmState", `{`), 400, "SerializationException", "SerializationException;Sender"},
		"unmodelled in JSON":       {asJSON("PutMetricData", `{}`), 400, "UnsupportedOperation", "UnsupportedOperation;Sender"},
		"unmodelled in query":      {asQuery("Action=PutMetricData"), 400, "UnsupportedOperation", ""},
		"nonsense in JSON":         {asJSON("DescribeAlarms", `{"Bogus":1}`), 400, "ValidationError", "ValidationError;Sender"},
	} {
		w := test.raw.send(h)
		if w.Code != test.status || codeOf(w) != test.code || w.Header().Get("X-Amzn-Query-Error") != test.queryErr {
			t.Errorf("%s: %d %s %s", name, w.Code, w.Header(), w.Body)
		}
	}
}
