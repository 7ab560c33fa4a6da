package cloudwatch

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Usage tells the vCPUs in use of the transaction's account and Region, by the Class of
// their metric, such as Standard/OnDemand. Classes without any are left out.
type Usage func(tx *world.Tx) map[string]float64

// Meter gives AWS/Usage its values; without it the metrics have no data.
func (s *Service) Meter(u Usage) { s.usage = u }

// modelled says whether the twin knows what a metric's data would be. In AWS/Usage these are
// EC2's counts of vCPUs, with the dimensions that "GetServiceQuota" names for EC2's quotas.
// Namespaces of AWS are others' to fill and are not modelled. All else comes from
// PutMetricData, which the twin does not have: nobody has put any, and GetMetricData answers
// with no data, as it does for every metric that there is not.
func modelled(m *types.Metric) (usage bool, class string, err error) {
	if !strings.HasPrefix(*m.Namespace, "AWS/") {
		return false, "", nil
	}
	have := map[string]string{}
	for _, d := range m.Dimensions {
		have[aws.ToString(d.Name)] = aws.ToString(d.Value)
	}
	class = have["Class"]
	delete(have, "Class")
	vcpus := map[string]string{"Service": "EC2", "Type": "Resource", "Resource": "vCPU"}
	if *m.Namespace != "AWS/Usage" || *m.MetricName != "ResourceCount" || class == "" || !maps.Equal(have, vcpus) {
		return false, "", wire.Errorf("UnsupportedOperation", "the twin does not model the metric %s of %s with these dimensions: of AWS's own it has ResourceCount of AWS/Usage for EC2's vCPUs", *m.MetricName, *m.Namespace)
	}
	return true, class, nil
}

// known refuses statistics that need more than one sample. An account's usage is one
// number at a time, so its largest, least and mean are the same.
func known(stat string) error {
	if !slices.Contains([]string{"Maximum", "Minimum", "Average"}, stat) {
		return wire.Errorf("UnsupportedOperation", "the twin does not model the statistic %q of a metric", stat)
	}
	return nil
}

// day is one of the days after which data are kept more coarsely.
const day = 24 * time.Hour

// point is when the one data point of the present is dated that a query gets, if it gets it:
// the twin keeps none of the past. Source: "MetricStat" and "GetMetricData", CloudWatch API
// Reference: the unit, the times and how fine the data are that there are after some time.
func point(now, start, end time.Time, stat *types.MetricStat) (at time.Time, ok bool) {
	period := time.Duration(*stat.Period) * time.Second
	finest := time.Minute
	switch age := now.Sub(start); {
	case age > 63*day:
		finest = time.Hour
	case age > 15*day:
		finest = 5 * time.Minute
	}
	at = now.Truncate(period)
	return at, period%finest == 0 && (stat.Unit == "" || stat.Unit == types.StandardUnitNone) &&
		!at.Before(start.Truncate(finest)) && at.Before(end)
}
