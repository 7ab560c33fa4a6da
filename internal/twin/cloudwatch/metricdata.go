package cloudwatch

import (
	"regexp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/goldenami/rehydrate/internal/twin/cursor"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// maxQueries is how many metrics one call may ask for ("GetMetricData").
const maxQueries = 500

// GetMetricData tells what the account's Region uses of EC2's vCPUs; other metrics have no
// data, or are not modelled. There is one data point of a metric at most.
func (s *Service) GetMetricData(tx *world.Tx, in *cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error) {
	if err := checkData(tx, in); err != nil {
		return nil, err
	}
	out := &cloudwatch.GetMetricDataOutput{MetricDataResults: []types.MetricDataResult{}, Messages: []types.MessageData{}}
	scope := []any{tx.Account, tx.Region, in.MetricDataQueries, in.StartTime, in.EndTime, in.ScanBy}
	last, err := opened(in.NextToken, scope)
	if err != nil {
		return nil, err
	}
	room := len(in.MetricDataQueries) // a page takes 100,800 data points
	if in.MaxDatapoints != nil {
		room = min(room, int(*in.MaxDatapoints))
	}
	var used map[string]float64 // counted once, if at all
	from := 1 + slices.IndexFunc(in.MetricDataQueries, func(q types.MetricDataQuery) bool { return *q.Id == last })
	for n, q := range in.MetricDataQueries[from:] {
		usage, class, err := modelled(q.MetricStat.Metric)
		if err == nil && usage {
			err = known(*q.MetricStat.Stat)
		}
		if err != nil {
			return nil, err
		}
		if q.ReturnData != nil && !*q.ReturnData {
			continue
		}
		r := types.MetricDataResult{Id: q.Id, Label: q.Label, StatusCode: types.StatusCodeComplete, Timestamps: []time.Time{}, Values: []float64{}}
		if r.Label == nil {
			r.Label = q.MetricStat.Metric.MetricName
		}
		if at, ok := point(tx.Now, *in.StartTime, *in.EndTime, q.MetricStat); ok && usage && s.usage != nil {
			if used == nil {
				used = s.usage(tx)
			}
			if cpus, some := used[class]; some {
				if room--; room < 0 {
					out.NextToken = aws.String(cursor.Seal(*in.MetricDataQueries[from+n-1].Id, scope...))
					break
				}
				r.Timestamps, r.Values = append(r.Timestamps, at), append(r.Values, cpus)
			}
		}
		out.MetricDataResults = append(out.MetricDataResults, r)
	}
	return out, nil
}

// dataID is what a query may be called ("MetricDataQuery").
var dataID = regexp.MustCompile(`^[a-z][A-Za-z0-9_]*$`)

// checkData refuses what the references of GetMetricData, MetricDataQuery and MetricStat
// call invalid.
func checkData(tx *world.Tx, in *cloudwatch.GetMetricDataInput) error {
	bad := func(format string, args ...any) error { return wire.Errorf("ValidationError", format, args...) }
	switch n := len(in.MetricDataQueries); {
	case n == 0 || n > maxQueries:
		return bad("MetricDataQueries must have from 1 to %d members", maxQueries)
	case !in.StartTime.Before(*in.EndTime):
		return bad("StartTime must be before EndTime")
	case in.MaxDatapoints != nil && *in.MaxDatapoints < 1:
		return bad("MaxDatapoints must be at least 1")
	}
	seen := map[string]bool{}
	for _, q := range in.MetricDataQueries {
		id := *q.Id
		switch {
		case !dataID.MatchString(id):
			return bad("The Id %q must begin with a lowercase letter, and have letters, digits and underscores", id)
		case seen[id]:
			return bad("The Id %q is not unique", id)
		case q.Expression != nil && q.MetricStat != nil:
			return bad("Expression and MetricStat may not both be specified in %q", id)
		case q.Expression != nil:
			return wire.Errorf("UnsupportedOperation", "the twin does not model expressions over metrics")
		case q.MetricStat == nil:
			return bad("Either Expression or MetricStat must be specified in %q", id)
		case q.AccountId != nil && *q.AccountId != tx.Account:
			return wire.Errorf("UnsupportedOperation", "the twin does not model metrics of other accounts")
		case aws.ToString(q.MetricStat.Metric.Namespace) == "" || aws.ToString(q.MetricStat.Metric.MetricName) == "":
			return bad("Namespace and MetricName must be specified in %q", id)
		case !whole(*q.MetricStat.Period):
			return bad("Period must be 1, 5, 10, 20, 30 or a multiple of 60 in %q", id)
		}
		seen[id] = true
	}
	return nil
}

func whole(period int32) bool {
	switch period {
	case 1, 5, 10, 20, 30:
		return true
	}
	return period > 0 && period%60 == 0
}
