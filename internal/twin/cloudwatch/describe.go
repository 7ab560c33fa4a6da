package cloudwatch

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/goldenami/rehydrate/internal/twin/cursor"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Page sizes of DescribeAlarms: MaxRecords, 50 unless given, at most 100.
const (
	defaultPage = 50
	maxPage     = 100
)

// DescribeAlarms lists metric alarms by name. Names and a prefix exclude each other;
// a name that does not exist is left out of the answer.
func (s *Service) DescribeAlarms(tx *world.Tx, in *cloudwatch.DescribeAlarmsInput) (*cloudwatch.DescribeAlarmsOutput, error) {
	if len(in.AlarmNames) > 0 && in.AlarmNamePrefix != nil {
		return nil, wire.Errorf("ValidationError", "AlarmNames and AlarmNamePrefix may not both be specified")
	}
	out := &cloudwatch.DescribeAlarmsOutput{MetricAlarms: []types.MetricAlarm{}, CompositeAlarms: []types.CompositeAlarm{}}
	if len(in.AlarmTypes) > 0 && !slices.Contains(in.AlarmTypes, types.AlarmTypeMetricAlarm) {
		return out, nil
	}
	scope := []any{tx.Account, tx.Region, in.AlarmNames, in.AlarmNamePrefix, in.StateValue, in.ActionPrefix, in.AlarmTypes}
	after, err := opened(in.NextToken, scope)
	if err != nil {
		return nil, err
	}
	var found []types.MetricAlarm
	for name, a := range alarms(tx).All() {
		if name > after && matches(in, a) {
			found = append(found, a)
		}
	}
	slices.SortFunc(found, func(a, b types.MetricAlarm) int { return strings.Compare(*a.AlarmName, *b.AlarmName) })
	size := defaultPage
	if in.MaxRecords != nil {
		size = int(*in.MaxRecords)
	}
	if size = min(size, maxPage); len(found) > size {
		found = found[:size]
		out.NextToken = aws.String(cursor.Seal(*found[size-1].AlarmName, scope...))
	}
	out.MetricAlarms = append(out.MetricAlarms, found...)
	return out, nil
}

// opened is the key of the last row of the page before.
func opened(token *string, scope []any) (string, error) {
	if token == nil {
		return "", nil
	}
	last, ok := cursor.Open(*token, scope...)
	if !ok {
		return "", wire.Errorf("InvalidNextToken", "The next token specified is invalid.")
	}
	return last, nil
}

func matches(in *cloudwatch.DescribeAlarmsInput, a types.MetricAlarm) bool {
	switch {
	case len(in.AlarmNames) > 0 && !slices.Contains(in.AlarmNames, *a.AlarmName),
		!strings.HasPrefix(*a.AlarmName, aws.ToString(in.AlarmNamePrefix)),
		in.StateValue != "" && a.StateValue != in.StateValue:
		return false
	}
	prefix := aws.ToString(in.ActionPrefix)
	return prefix == "" || slices.ContainsFunc(slices.Concat(a.AlarmActions, a.OKActions, a.InsufficientDataActions),
		func(action string) bool { return strings.HasPrefix(action, prefix) })
}
