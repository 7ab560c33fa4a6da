package quotas_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/awscloud/quotas"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout/estimate"
)

const standard = "L-1216C47A"

// answers is a Service Quotas that gives the same answer, or error, each time.
type answers struct {
	quota *types.ServiceQuota
	err   error
	asked int
}

func (a *answers) GetServiceQuota(context.Context, *servicequotas.GetServiceQuotaInput, ...func(*servicequotas.Options)) (*servicequotas.GetServiceQuotaOutput, error) {
	a.asked++
	return &servicequotas.GetServiceQuotaOutput{Quota: a.quota}, a.err
}

func (a *answers) GetAWSDefaultServiceQuota(context.Context, *servicequotas.GetAWSDefaultServiceQuotaInput, ...func(*servicequotas.Options)) (*servicequotas.GetAWSDefaultServiceQuotaOutput, error) {
	a.asked++
	return &servicequotas.GetAWSDefaultServiceQuotaOutput{Quota: a.quota}, a.err
}

func TestAQuotaThatMayNotBeReadIsNoDefault(t *testing.T) {
	denied := &answers{err: &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "no"}}
	if _, err := (quotas.Quotas{API: denied}).Limits(t.Context(), []string{standard}); fault.KindOf(err) != fault.Denied || denied.asked != 1 {
		t.Errorf("%v after %d calls", err, denied.asked)
	}
	for _, q := range []*types.ServiceQuota{nil, {QuotaCode: aws.String(standard)}} {
		if got, err := (quotas.Quotas{API: &answers{quota: q}}).Limits(t.Context(), []string{standard}); err == nil {
			t.Errorf("an answer without a value is %v", got)
		}
	}
}

// pages are the instances of a Region, two a page.
type pages []ec2types.Instance

func (p pages) DescribeInstances(_ context.Context, in *ec2.DescribeInstancesInput, _ ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	if f := in.Filters; len(f) != 1 || *f[0].Name != "instance-state-name" || len(f[0].Values) != 1 || f[0].Values[0] != "running" {
		return nil, &smithy.GenericAPIError{Code: "InvalidParameterValue", Message: "only running instances count"}
	}
	at := len(aws.ToString(in.NextToken))
	out := &ec2.DescribeInstancesOutput{Reservations: []ec2types.Reservation{{Instances: p[at:min(len(p), at+2)]}}}
	if at+2 < len(p) {
		out.NextToken = aws.String("xxxxxxxx"[:at+2])
	}
	return out, nil
}

func TestRunningInstancesAreCountedByTypeAndMarket(t *testing.T) {
	small, large := ec2types.Instance{InstanceType: "t3.small"}, ec2types.Instance{InstanceType: "m5.large"}
	bid := ec2types.Instance{InstanceType: "t3.small", InstanceLifecycle: ec2types.InstanceLifecycleTypeSpot}
	got, err := (quotas.Quotas{EC2: pages{small, large, bid, small, small}}).Running(t.Context())
	if d := cmp.Diff(map[estimate.Kind]int{{Type: "t3.small"}: 3, {Type: "m5.large"}: 1, {Type: "t3.small", Spot: true}: 1}, got); d != "" || err != nil {
		t.Errorf("%s, %v", d, err)
	}
}

// values are a CloudWatch that gives these results to every question.
type values struct {
	results []cwtypes.MetricDataResult
	err     error
	asked   []*cloudwatch.GetMetricDataInput
}

func (v *values) GetMetricData(_ context.Context, in *cloudwatch.GetMetricDataInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error) {
	v.asked = append(v.asked, in)
	return &cloudwatch.GetMetricDataOutput{MetricDataResults: v.results}, v.err
}

func TestTheNewestDataPointCountsAndNoneThatCannotBe(t *testing.T) {
	m := map[string]estimate.Metric{"a": {Namespace: "AWS/Usage", Name: "A", Statistic: "Maximum"}, "b": {Namespace: "AWS/Usage", Name: "B", Statistic: "Maximum"}}
	for name, c := range map[string]struct {
		values []float64
		want   map[string]int
	}{
		"the first of several": {[]float64{7, 9, 8}, map[string]int{"b": 7}},
		"not whole":            {[]float64{7.2}, map[string]int{"b": 8}},
		"none":                 {nil, map[string]int{}},
		"no number":            {[]float64{math.NaN()}, map[string]int{}},
		"less than nothing":    {[]float64{-1}, map[string]int{}},
		"more than there is":   {[]float64{1e300}, map[string]int{}},
	} {
		v := &values{results: []cwtypes.MetricDataResult{{Id: aws.String("q1"), Values: c.values}, {Id: aws.String("stranger"), Values: []float64{1}}, {}}}
		got, err := quotas.Quotas{Metrics: v, Now: time.Now}.Usage(t.Context(), m)
		if d := cmp.Diff(c.want, got); d != "" || err != nil || len(v.asked) != 1 || v.asked[0].ScanBy != cwtypes.ScanByTimestampDescending {
			t.Errorf("%s: %s, %v", name, d, err)
		}
	}
	denied := &values{err: &smithy.GenericAPIError{Code: "AccessDenied", Message: "no"}}
	if got, err := (quotas.Quotas{Metrics: denied, Now: time.Now}).Usage(t.Context(), m); fault.KindOf(err) != fault.Denied || got != nil {
		t.Errorf("%v, %v", got, err)
	}
}
