// Package quotas reads EC2's limits of running vCPUs from Service Quotas, and what
// runs.
package quotas

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas/types"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout/estimate"
)

// API is what Quotas calls of Service Quotas.
type API interface {
	GetServiceQuota(context.Context, *servicequotas.GetServiceQuotaInput, ...func(*servicequotas.Options)) (*servicequotas.GetServiceQuotaOutput, error)
	GetAWSDefaultServiceQuota(context.Context, *servicequotas.GetAWSDefaultServiceQuotaInput, ...func(*servicequotas.Options)) (*servicequotas.GetAWSDefaultServiceQuotaOutput, error)
}

var (
	_ API                               = (*servicequotas.Client)(nil)
	_ cloudwatch.GetMetricDataAPIClient = (*cloudwatch.Client)(nil)
	_ estimate.Quotas                   = Quotas{}
)

// Quotas implements estimate.Quotas.
type Quotas struct {
	API     API
	Metrics cloudwatch.GetMetricDataAPIClient
	EC2     ec2.DescribeInstancesAPIClient
	Now     func() time.Time
}

// New is the adapter over a session; now is the time by which CloudWatch is asked.
func New(s *session.Session, now func() time.Time) *Quotas {
	return &Quotas{servicequotas.NewFromConfig(s.Config()), cloudwatch.NewFromConfig(s.Config()), ec2.NewFromConfig(s.Config()), now}
}

// service is EC2's code in Service Quotas.
const service = "ec2"

// Limits is the account's value of each quota; one that it never changed may have
// none, and then AWS's default holds. A roll needs one or two of them, so each is asked
// for by itself.
func (q Quotas) Limits(ctx context.Context, codes []string) (map[string]estimate.Limit, error) {
	out := map[string]estimate.Limit{}
	for _, code := range codes {
		value, err := q.limit(ctx, code)
		if err != nil {
			return nil, err
		}
		out[code] = value
	}
	return out, nil
}

func (q Quotas) limit(ctx context.Context, code string) (out estimate.Limit, err error) {
	var quota *types.ServiceQuota
	got, err := q.API.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: aws.String(service), QuotaCode: &code})
	if err = awscloud.Wrap(err, "get the service quota %s", code); err == nil {
		quota = got.Quota
	} else if fault.KindOf(err) == fault.NotFound {
		var standard *servicequotas.GetAWSDefaultServiceQuotaOutput
		standard, err = q.API.GetAWSDefaultServiceQuota(ctx, &servicequotas.GetAWSDefaultServiceQuotaInput{ServiceCode: aws.String(service), QuotaCode: &code})
		if err = awscloud.Wrap(err, "get AWS's default of the service quota %s", code); err == nil {
			quota, out.Default = standard.Quota, true
		}
	}
	if err != nil {
		return out, err
	}
	if quota == nil || quota.Value == nil {
		return out, fault.New(fault.Failed, "", "get the service quota %s: the answer has no value", code)
	}
	out.VCPUs, out.Metric = int(*quota.Value), metric(quota.UsageMetric)
	return out, nil
}

// metric is nil where none is named that could be asked for.
func metric(m *types.MetricInfo) *estimate.Metric {
	if m == nil || aws.ToString(m.MetricNamespace) == "" || aws.ToString(m.MetricName) == "" || aws.ToString(m.MetricStatisticRecommendation) == "" {
		return nil
	}
	return &estimate.Metric{Namespace: *m.MetricNamespace, Name: *m.MetricName, Statistic: *m.MetricStatisticRecommendation, Dimensions: m.MetricDimensions}
}

// Usage metrics are collected every minute ("CloudWatch usage metrics", Amazon CloudWatch
// User Guide). The newest of the last few periods counts: one that has just begun has none
// yet, and clocks differ.
const (
	period = 5 * time.Minute
	back   = 3 * period
)

// Usage asks for all metrics in one call. A data point that is not whole is rounded up.
func (q Quotas) Usage(ctx context.Context, of map[string]estimate.Metric) (map[string]int, error) {
	now := q.Now()
	in := &cloudwatch.GetMetricDataInput{StartTime: aws.Time(now.Add(-back)), EndTime: aws.Time(now.Add(period)), ScanBy: cwtypes.ScanByTimestampDescending}
	byID := map[string]string{}
	for n, key := range slices.Sorted(maps.Keys(of)) {
		m, id := of[key], fmt.Sprintf("q%d", n)
		byID[id] = key
		metric := &cwtypes.Metric{Namespace: aws.String(m.Namespace), MetricName: aws.String(m.Name)}
		for _, name := range slices.Sorted(maps.Keys(m.Dimensions)) {
			metric.Dimensions = append(metric.Dimensions, cwtypes.Dimension{Name: aws.String(name), Value: aws.String(m.Dimensions[name])})
		}
		in.MetricDataQueries = append(in.MetricDataQueries, cwtypes.MetricDataQuery{Id: aws.String(id),
			MetricStat: &cwtypes.MetricStat{Metric: metric, Period: aws.Int32(int32(period / time.Second)), Stat: aws.String(m.Statistic)}})
	}
	got, err := q.Metrics.GetMetricData(ctx, in)
	if err != nil {
		return nil, awscloud.Wrap(err, "get the usage of vCPUs from CloudWatch")
	}
	out := map[string]int{}
	for _, r := range got.MetricDataResults {
		key, asked := byID[aws.ToString(r.Id)]
		if asked && len(r.Values) > 0 && r.Values[0] >= 0 && r.Values[0] <= math.MaxInt32 { // newest first
			out[key] = int(math.Ceil(r.Values[0]))
		}
	}
	return out, nil
}

// Running counts the running instances of the account's Region, in pages of 1000.
func (q Quotas) Running(ctx context.Context) (map[estimate.Kind]int, error) {
	out := map[estimate.Kind]int{}
	p := ec2.NewDescribeInstancesPaginator(q.EC2, &ec2.DescribeInstancesInput{MaxResults: aws.Int32(1000),
		Filters: []ec2types.Filter{{Name: aws.String("instance-state-name"), Values: []string{"running"}}}})
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, awscloud.Wrap(err, "count the running instances")
		}
		for _, r := range page.Reservations {
			for _, i := range r.Instances {
				out[estimate.Kind{Type: string(i.InstanceType), Spot: i.InstanceLifecycle == ec2types.InstanceLifecycleTypeSpot}]++
			}
		}
	}
	return out, nil
}
