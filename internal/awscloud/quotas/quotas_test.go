package quotas_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/awscloud/quotas"
	"github.com/goldenami/rehydrate/internal/fault"
	twin "github.com/goldenami/rehydrate/internal/twin/servicequotas"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/rollout/estimate"
)

const standard, spot = "L-1216C47A", "L-34B43A08"

func TestALimitIsTheAccountsOwnElseTheDefault(t *testing.T) {
	w := wiretest.World(t)
	if err := w.Do(wiretest.Account, wiretest.Region, func(tx *world.Tx) error { return twin.Set(tx, standard, 128) }); err != nil {
		t.Fatal(err)
	}
	q := quotas.Quotas{API: servicequotas.NewFromConfig(wiretest.Client(t, w, twin.New()))}
	got, err := q.Limits(t.Context(), []string{standard, spot, "L-417A185B"})
	if d := cmp.Diff(map[string]int{standard: 128, spot: 5, "L-417A185B": 0}, got); d != "" || err != nil {
		t.Errorf("%s, %v", d, err)
	}
	if _, err := q.Limits(t.Context(), []string{"L-00000000"}); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
}

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
