package cloudwatch

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Listener hears in the transaction itself of an alarm that goes into ALARM, leaves
// it, or is deleted.
type Listener func(tx *world.Tx, alarm string, in bool)

// Service is the twin's CloudWatch in all accounts and regions of one world.
type Service struct {
	changed Listener
	usage   Usage // may be nil
}

// New makes the service; changed may be nil.
func New(changed Listener) *Service {
	if changed == nil {
		changed = func(*world.Tx, string, bool) {}
	}
	return &Service{changed: changed}
}

// Wire is the service's operations.
func (s *Service) Wire() *wire.Service {
	o := wire.NewService("monitoring")
	wire.Op(o, "PutMetricAlarm", s.PutMetricAlarm)
	wire.Op(o, "DescribeAlarms", s.DescribeAlarms)
	wire.Op(o, "DescribeAlarmHistory", s.DescribeAlarmHistory)
	wire.Op(o, "SetAlarmState", s.SetAlarmState)
	wire.Op(o, "DeleteAlarms", s.DeleteAlarms)
	wire.Op(o, "GetMetricData", s.GetMetricData)
	return o
}

// alarms are the rows, in the API's own shape.
func alarms(tx *world.Tx) *world.Rows[types.MetricAlarm] {
	return world.Table[types.MetricAlarm](tx, "monitoring/alarms")
}

// Exists says whether there is an alarm of that name.
func (s *Service) Exists(tx *world.Tx, name string) bool {
	_, ok := alarms(tx).Get(name)
	return ok
}

// PutMetricAlarm makes or replaces an alarm. A new one is in INSUFFICIENT_DATA, a
// replaced one keeps its state ("PutMetricAlarm", CloudWatch API Reference).
func (s *Service) PutMetricAlarm(tx *world.Tx, in *cloudwatch.PutMetricAlarmInput) (*cloudwatch.PutMetricAlarmOutput, error) {
	if err := checkAlarm(in); err != nil {
		return nil, err
	}
	name := *in.AlarmName
	a := types.MetricAlarm{
		AlarmName: &name, AlarmArn: aws.String(fmt.Sprintf("arn:aws:cloudwatch:%s:%s:alarm:%s", tx.Region, tx.Account, name)),
		AlarmDescription: in.AlarmDescription, ActionsEnabled: aws.Bool(in.ActionsEnabled == nil || *in.ActionsEnabled),
		AlarmActions: in.AlarmActions, OKActions: in.OKActions, InsufficientDataActions: in.InsufficientDataActions,
		MetricName: in.MetricName, Namespace: in.Namespace, Statistic: in.Statistic, ExtendedStatistic: in.ExtendedStatistic,
		Dimensions: in.Dimensions, Period: in.Period, Unit: in.Unit, EvaluationPeriods: in.EvaluationPeriods,
		DatapointsToAlarm: in.DatapointsToAlarm, Threshold: in.Threshold, ComparisonOperator: in.ComparisonOperator,
		TreatMissingData: in.TreatMissingData, Metrics: in.Metrics, AlarmConfigurationUpdatedTimestamp: &tx.Now,
		StateValue: types.StateValueInsufficientData, StateReason: aws.String("Unchecked: Initial alarm creation"), StateUpdatedTimestamp: &tx.Now,
	}
	if old, ok := alarms(tx).Get(name); ok {
		a.StateValue, a.StateReason, a.StateUpdatedTimestamp = old.StateValue, old.StateReason, old.StateUpdatedTimestamp
	}
	alarms(tx).Put(name, a)
	tx.Event("alarm.put", map[string]any{"alarm": name})
	return &cloudwatch.PutMetricAlarmOutput{}, nil
}

// checkAlarm refuses what the reference of PutMetricAlarm calls invalid, as far as
// an alarm on one metric goes.
func checkAlarm(in *cloudwatch.PutMetricAlarmInput) error {
	bad := func(format string, args ...any) error { return wire.Errorf("ValidationError", format, args...) }
	switch {
	case in.EvaluationCriteria != nil || in.EvaluationInterval != nil || in.ThresholdMetricId != nil:
		return wire.Errorf("UnsupportedOperation", "the twin does not model alarms on PromQL and on anomalies")
	case in.EvaluationPeriods == nil:
		return bad("EvaluationPeriods must be specified")
	case in.ComparisonOperator == "":
		return bad("ComparisonOperator must be specified")
	case in.Statistic != "" && in.ExtendedStatistic != nil:
		return bad("Statistic and ExtendedStatistic may not both be specified")
	case !slices.Contains([]string{"", "breaching", "notBreaching", "ignore", "missing"}, aws.ToString(in.TreatMissingData)):
		return bad("TreatMissingData must be one of breaching, notBreaching, ignore and missing")
	case in.MetricName == nil && len(in.Metrics) == 0:
		return bad("Either MetricName or Metrics must be specified")
	case in.MetricName != nil && in.Namespace == nil:
		return bad("Namespace must be specified for a metric")
	case in.MetricName != nil && len(in.Metrics) > 0:
		return bad("MetricName and Metrics may not both be specified")
	case in.MetricName != nil && in.Statistic == "" && in.ExtendedStatistic == nil:
		return bad("Either Statistic or ExtendedStatistic must be specified")
	case in.MetricName != nil && in.Period == nil:
		return bad("Period must be specified for a metric")
	case in.Threshold == nil:
		return bad("Threshold must be specified")
	case in.DatapointsToAlarm != nil && *in.DatapointsToAlarm > *in.EvaluationPeriods:
		return bad("DatapointsToAlarm must not exceed EvaluationPeriods")
	case in.Period != nil && *in.Period != 10 && *in.Period != 20 && *in.Period != 30 && *in.Period%60 != 0:
		return bad("Period must be 10, 20, 30 or a multiple of 60")
	case in.Period != nil && !evaluable(time.Duration(*in.Period)*time.Second, *in.EvaluationPeriods):
		return bad("Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400), or seven days for periods of an hour and more")
	}
	return nil
}

// evaluable: at most seven days altogether, and one day for periods of less than an hour
// ("Period multiplied by EvaluationPeriods", PutMetricAlarm).
func evaluable(period time.Duration, n int32) bool {
	const day = 24 * time.Hour
	all := period * time.Duration(n)
	return all <= day || period >= time.Hour && all <= 7*day
}

// SetAlarmState sets the state until the metric is evaluated again; here nothing
// evaluates it, so it stays.
func (s *Service) SetAlarmState(tx *world.Tx, in *cloudwatch.SetAlarmStateInput) (*cloudwatch.SetAlarmStateOutput, error) {
	a, ok := alarms(tx).Get(*in.AlarmName)
	if !ok {
		return nil, wire.Errorf("ResourceNotFound", "Unknown alarm: %s", *in.AlarmName)
	}
	if data := in.StateReasonData; data != nil && !json.Valid([]byte(*data)) {
		return nil, wire.Errorf("InvalidFormat", "StateReasonData is not valid JSON")
	}
	was := a.StateValue
	a.StateValue, a.StateReason, a.StateReasonData, a.StateUpdatedTimestamp = in.StateValue, in.StateReason, in.StateReasonData, &tx.Now
	if was != a.StateValue {
		a.StateTransitionedTimestamp = &tx.Now
		remember(tx, change{Alarm: *in.AlarmName, At: tx.Now, From: was, To: a.StateValue, Why: *in.StateReason})
	}
	alarms(tx).Put(*in.AlarmName, a)
	tx.Event("alarm.state", map[string]any{"alarm": *in.AlarmName, "from": string(was), "to": string(a.StateValue), "reason": *in.StateReason})
	s.changed(tx, *in.AlarmName, a.StateValue == types.StateValueAlarm)
	return &cloudwatch.SetAlarmStateOutput{}, nil
}

// maxDelete is how many alarms one call may delete ("DeleteAlarms").
const maxDelete = 100

// DeleteAlarms deletes alarms; if one does not exist, none is deleted.
func (s *Service) DeleteAlarms(tx *world.Tx, in *cloudwatch.DeleteAlarmsInput) (*cloudwatch.DeleteAlarmsOutput, error) {
	if len(in.AlarmNames) > maxDelete {
		return nil, wire.Errorf("ValidationError", "At most %d alarms can be deleted in one call", maxDelete)
	}
	for _, name := range in.AlarmNames {
		if _, ok := alarms(tx).Get(name); !ok {
			return nil, wire.Errorf("ResourceNotFound", "Unknown alarm: %s", name)
		}
	}
	for _, name := range in.AlarmNames {
		alarms(tx).Delete(name)
		s.changed(tx, name, false)
		tx.Event("alarm.deleted", map[string]any{"alarm": name, "at": tx.Now.Format(time.RFC3339)})
	}
	return &cloudwatch.DeleteAlarmsOutput{}, nil
}
