package cloudwatch_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/goldenami/rehydrate/internal/twin/cloudwatch"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// metered is a client of a Region that uses 40 vCPUs On-Demand, and how often they were
// counted.
func metered(t *testing.T) (c *sdk.Client, counted *int) {
	t.Helper()
	counted = new(int)
	s := cloudwatch.New(nil)
	s.Meter(func(tx *world.Tx) map[string]float64 {
		*counted++
		if tx.Account != wiretest.Account || tx.Region != wiretest.Region {
			t.Errorf("counted in %s %s", tx.Account, tx.Region)
		}
		return map[string]float64{"Standard/OnDemand": 40}
	})
	return sdk.NewFromConfig(wiretest.Client(t, wiretest.World(t), s.Wire())), counted
}

// vcpus asks for a class's vCPUs of the last quarter of an hour.
func vcpus(classes ...string) *sdk.GetMetricDataInput {
	in := &sdk.GetMetricDataInput{StartTime: aws.Time(wiretest.Start.Add(-15 * time.Minute)), EndTime: aws.Time(wiretest.Start.Add(time.Minute))}
	for n, class := range classes {
		in.MetricDataQueries = append(in.MetricDataQueries, types.MetricDataQuery{Id: aws.String(fmt.Sprintf("q%d", n)), MetricStat: &types.MetricStat{
			Period: aws.Int32(300), Stat: aws.String("Maximum"),
			Metric: &types.Metric{Namespace: aws.String("AWS/Usage"), MetricName: aws.String("ResourceCount"), Dimensions: []types.Dimension{
				{Name: aws.String("Service"), Value: aws.String("EC2")}, {Name: aws.String("Type"), Value: aws.String("Resource")},
				{Name: aws.String("Resource"), Value: aws.String("vCPU")}, {Name: aws.String("Class"), Value: aws.String(class)}}}}})
	}
	return in
}

func TestUsageIsWhatRunsNowAndCountedOnceACall(t *testing.T) {
	c, counted := metered(t)
	out, err := c.GetMetricData(t.Context(), vcpus("Standard/Spot", "Standard/OnDemand", "Standard/OnDemand"))
	if err != nil || len(out.MetricDataResults) != 3 || *counted != 1 {
		t.Fatalf("%+v, %v, counted %d times", out, err, *counted)
	}
	spot, onDemand := out.MetricDataResults[0], out.MetricDataResults[1]
	if *spot.Id != "q0" || len(spot.Values)+len(spot.Timestamps) != 0 || spot.StatusCode != types.StatusCodeComplete {
		t.Errorf("Spot: %+v", spot)
	}
	if *onDemand.Id != "q1" || len(onDemand.Values) != 1 || onDemand.Values[0] != 40 || !onDemand.Timestamps[0].Equal(wiretest.Start.Truncate(5*time.Minute)) {
		t.Errorf("On-Demand: %+v", onDemand)
	}
}

func TestAUsageWithoutDataIsAnswered(t *testing.T) {
	c, counted := metered(t)
	for name, edit := range map[string]func(*sdk.GetMetricDataInput){
		"another class":      func(in *sdk.GetMetricDataInput) { in.MetricDataQueries[0] = vcpus("G/OnDemand").MetricDataQueries[0] },
		"another unit":       func(in *sdk.GetMetricDataInput) { in.MetricDataQueries[0].MetricStat.Unit = types.StandardUnitCount },
		"less than a minute": func(in *sdk.GetMetricDataInput) { in.MetricDataQueries[0].MetricStat.Period = aws.Int32(30) },
		"before":             func(in *sdk.GetMetricDataInput) { in.EndTime = aws.Time(in.StartTime.Add(time.Minute)) },
		"after": func(in *sdk.GetMetricDataInput) {
			in.StartTime, in.EndTime = in.EndTime, aws.Time(in.EndTime.Add(time.Hour))
		},
		"too fine for 20 days": func(in *sdk.GetMetricDataInput) {
			*in.StartTime = wiretest.Start.AddDate(0, 0, -20)
			*in.MetricDataQueries[0].MetricStat.Period = 60
		},
		"too fine for 70 days": func(in *sdk.GetMetricDataInput) { *in.StartTime = wiretest.Start.AddDate(0, 0, -70) },
		"what nobody put": func(in *sdk.GetMetricDataInput) {
			in.MetricDataQueries[0].MetricStat.Metric.Namespace = aws.String("web")
		},
		"what is not to be told of": func(in *sdk.GetMetricDataInput) { in.MetricDataQueries[0].ReturnData = aws.Bool(false) },
	} {
		in := vcpus("Standard/OnDemand")
		edit(in)
		out, err := c.GetMetricData(t.Context(), in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, r := range out.MetricDataResults {
			if len(r.Values) > 0 {
				t.Errorf("%s: %+v", name, r)
			}
		}
		if told := name != "what is not to be told of"; told != (len(out.MetricDataResults) == 1) {
			t.Errorf("%s: %+v", name, out.MetricDataResults)
		}
	}
	*counted = 0
	hour := vcpus("Standard/OnDemand")
	*hour.StartTime, *hour.MetricDataQueries[0].MetricStat.Period = wiretest.Start.AddDate(0, 0, -70), 3600
	if out, err := c.GetMetricData(t.Context(), hour); err != nil || len(out.MetricDataResults[0].Values) != 1 || *counted != 1 {
		t.Errorf("by the hour: %+v, %v", out, err)
	}
	bare, _ := client(t)
	if out, err := bare.GetMetricData(t.Context(), vcpus("Standard/OnDemand")); err != nil || len(out.MetricDataResults) != 1 || len(out.MetricDataResults[0].Values) != 0 {
		t.Errorf("nothing is metered: %+v, %v", out, err)
	}
}

// The references of GetMetricData, MetricDataQuery and MetricStat; what is beyond the twin
// is refused as such, and not answered as if there were no data.
func TestQueriesThatCannotBeAnsweredAreRefused(t *testing.T) {
	c, counted := metered(t)
	query := func(edit func(*types.MetricDataQuery)) func(*sdk.GetMetricDataInput) {
		return func(in *sdk.GetMetricDataInput) { edit(&in.MetricDataQueries[0]) }
	}
	metric := func(edit func(*types.Metric)) func(*sdk.GetMetricDataInput) {
		return query(func(q *types.MetricDataQuery) { edit(q.MetricStat.Metric) })
	}
	for name, tt := range map[string]struct {
		code string
		edit func(*sdk.GetMetricDataInput)
	}{
		"no time between": {"ValidationError", func(in *sdk.GetMetricDataInput) { in.EndTime = in.StartTime }},
		"no queries":      {"ValidationError", func(in *sdk.GetMetricDataInput) { in.MetricDataQueries = []types.MetricDataQuery{} }},
		"501 queries": {"ValidationError", func(in *sdk.GetMetricDataInput) {
			in.MetricDataQueries = vcpus(strings.Fields(strings.Repeat("x ", 501))...).MetricDataQueries
		}},
		"a name twice": {"ValidationError", func(in *sdk.GetMetricDataInput) {
			in.MetricDataQueries = append(in.MetricDataQueries, in.MetricDataQueries[0])
		}},
		"a name's capital":    {"ValidationError", query(func(q *types.MetricDataQuery) { q.Id = aws.String("Q") })},
		"nothing asked":       {"ValidationError", query(func(q *types.MetricDataQuery) { q.MetricStat = nil })},
		"both asked":          {"ValidationError", query(func(q *types.MetricDataQuery) { q.Expression = aws.String("1") })},
		"a period of 45 s":    {"ValidationError", query(func(q *types.MetricDataQuery) { q.MetricStat.Period = aws.Int32(45) })},
		"no metric's name":    {"ValidationError", metric(func(m *types.Metric) { m.MetricName = nil })},
		"no namespace":        {"ValidationError", metric(func(m *types.Metric) { m.Namespace = nil })},
		"somebody's token":    {"InvalidNextToken", func(in *sdk.GetMetricDataInput) { in.NextToken = aws.String("x") }},
		"an expression":       {"UnsupportedOperation", query(func(q *types.MetricDataQuery) { q.MetricStat, q.Expression = nil, aws.String("1") })},
		"another account":     {"UnsupportedOperation", query(func(q *types.MetricDataQuery) { q.AccountId = aws.String("444455556666") })},
		"a sum":               {"UnsupportedOperation", query(func(q *types.MetricDataQuery) { q.MetricStat.Stat = aws.String("Sum") })},
		"pages of nothing":    {"ValidationError", func(in *sdk.GetMetricDataInput) { in.MaxDatapoints = aws.Int32(0) }},
		"AWS's own metrics":   {"UnsupportedOperation", metric(func(m *types.Metric) { m.Namespace = aws.String("AWS/EC2") })},
		"usage of calls":      {"UnsupportedOperation", metric(func(m *types.Metric) { m.MetricName = aws.String("CallCount") })},
		"a dimension missing": {"UnsupportedOperation", metric(func(m *types.Metric) { m.Dimensions = m.Dimensions[1:] })},
		"no class":            {"UnsupportedOperation", metric(func(m *types.Metric) { m.Dimensions = m.Dimensions[:3] })},
		"another service":     {"UnsupportedOperation", metric(func(m *types.Metric) { m.Dimensions[0].Value = aws.String("Fargate") })},
	} {
		in := vcpus("Standard/OnDemand")
		tt.edit(in)
		_, err := c.GetMetricData(t.Context(), in)
		wantCode(t, name, err, tt.code)
	}
	if *counted != 0 {
		t.Errorf("counted %d times for nothing", *counted)
	}
}

func TestUsageComesInPages(t *testing.T) {
	c, _ := metered(t)
	all := []string{"Standard/Spot", "Standard/OnDemand", "Standard/Spot", "Standard/OnDemand", "Standard/OnDemand", "G/Spot"}
	in := vcpus(all...)
	in.MaxDatapoints = aws.Int32(1)
	var ids []string
	n := 0
	for p := sdk.NewGetMetricDataPaginator(c, in); p.HasMorePages(); n++ {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		points := 0
		for _, r := range page.MetricDataResults {
			ids = append(ids, *r.Id)
			points += len(r.Values)
		}
		if points != 1 {
			t.Errorf("page %d has %d data points", n, points)
		}
	}
	if got := fmt.Sprint(ids); n != 3 || got != "[q0 q1 q2 q3 q4 q5]" {
		t.Errorf("%d pages of %s", n, got)
	}
	in.MaxDatapoints = aws.Int32(2)
	page, err := c.GetMetricData(t.Context(), in)
	if err != nil || page.NextToken == nil {
		t.Fatal(page, err)
	}
	other := vcpus("Standard/OnDemand")
	other.NextToken = page.NextToken
	_, err = c.GetMetricData(t.Context(), other)
	wantCode(t, "a token of other queries", err, "InvalidNextToken")
}

// The SDK speaks CBOR, newer awsclis JSON and older ones the query protocol.
func TestUsageIsToldInJSONAndXMLToo(t *testing.T) {
	s := cloudwatch.New(nil)
	s.Meter(func(*world.Tx) map[string]float64 { return map[string]float64{"Standard/OnDemand": 40} })
	h := wiretest.Handler(t, wiretest.World(t), s.Wire())
	dimensions, form := []string{}, url.Values{"Action": {"GetMetricData"}, "StartTime": {"2026-03-01T11:45:00Z"}, "EndTime": {"2026-03-01T12:01:00Z"}}
	query := "MetricDataQueries.member.1."
	stat := query + "MetricStat."
	for k, v := range map[string]string{query + "Id": "q", stat + "Period": "300", stat + "Stat": "Maximum", stat + "Metric.Namespace": "AWS/Usage", stat + "Metric.MetricName": "ResourceCount"} {
		form.Set(k, v)
	}
	for n, d := range vcpus("Standard/OnDemand").MetricDataQueries[0].MetricStat.Metric.Dimensions {
		dimensions = append(dimensions, fmt.Sprintf(`{"Name":%q,"Value":%q}`, *d.Name, *d.Value))
		at := fmt.Sprintf("%sMetric.Dimensions.member.%d.", stat, n+1)
		form.Set(at+"Name", *d.Name)
		form.Set(at+"Value", *d.Value)
	}
	for name, r := range map[string]struct{ kind, body, want string }{
		"JSON": {"application/x-amz-json-1.0", `{"StartTime":1772365500,"EndTime":1772366460,"MetricDataQueries":[{"Id":"q","MetricStat":{"Period":300,"Stat":"Maximum","Metric":{
			"Namespace":"AWS/Usage","MetricName":"ResourceCount","Dimensions":[` + strings.Join(dimensions, ",") + `]}}}]}`, `"Timestamps":[1772366400],"Values":[40.0]`},
		"XML": {"application/x-www-form-urlencoded", form.Encode(), `<Timestamps><member>2026-03-01T12:00:00.000Z</member></Timestamps><Values><member>40.0</member></Values>`},
	} {
		req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(r.body))
		req.Header.Set("Content-Type", r.kind)
		if name == "JSON" {
			req.Header.Set("X-Amz-Target", "GraniteServiceVersion20100801.GetMetricData")
		}
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20260301/"+wiretest.Region+"/monitoring/aws4_request, SignedHeaders=host, Signature=00")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), r.want) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}
