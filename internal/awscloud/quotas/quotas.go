// Package quotas reads EC2's limits of running vCPUs from Service Quotas, and what
// runs.
package quotas

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
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
	_ API             = (*servicequotas.Client)(nil)
	_ estimate.Quotas = Quotas{}
)

// Quotas implements estimate.Quotas.
type Quotas struct {
	API API
	EC2 ec2.DescribeInstancesAPIClient
}

// New is the adapter over a session.
func New(s *session.Session) Quotas {
	return Quotas{servicequotas.NewFromConfig(s.Config()), ec2.NewFromConfig(s.Config())}
}

// service is EC2's code in Service Quotas.
const service = "ec2"

// Limits is the account's value of each quota; one that it never changed may have
// none, and then AWS's default holds. A roll needs one or two of them, so each is asked
// for by itself.
func (q Quotas) Limits(ctx context.Context, codes []string) (map[string]int, error) {
	out := map[string]int{}
	for _, code := range codes {
		value, err := q.limit(ctx, code)
		if err != nil {
			return nil, err
		}
		out[code] = value
	}
	return out, nil
}

func (q Quotas) limit(ctx context.Context, code string) (int, error) {
	var quota *types.ServiceQuota
	got, err := q.API.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: aws.String(service), QuotaCode: &code})
	if err = awscloud.Wrap(err, "get the service quota %s", code); err == nil {
		quota = got.Quota
	} else if fault.KindOf(err) == fault.NotFound {
		var standard *servicequotas.GetAWSDefaultServiceQuotaOutput
		standard, err = q.API.GetAWSDefaultServiceQuota(ctx, &servicequotas.GetAWSDefaultServiceQuotaInput{ServiceCode: aws.String(service), QuotaCode: &code})
		if err = awscloud.Wrap(err, "get AWS's default of the service quota %s", code); err == nil {
			quota = standard.Quota
		}
	}
	if err != nil {
		return 0, err
	}
	if quota == nil || quota.Value == nil {
		return 0, fault.New(fault.Failed, "", "get the service quota %s: the answer has no value", code)
	}
	return int(*quota.Value), nil
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
