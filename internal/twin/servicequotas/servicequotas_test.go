package servicequotas_test

import (
	"errors"
	"maps"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas/types"
	"github.com/aws/smithy-go"

	"github.com/goldenami/rehydrate/internal/twin/servicequotas"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

const standard = "L-1216C47A"

func start(t *testing.T) (*sdk.Client, *world.World) {
	t.Helper()
	w := wiretest.World(t)
	return sdk.NewFromConfig(wiretest.Client(t, w, servicequotas.New())), w
}

func set(t *testing.T, w *world.World, account, code string, value float64) error {
	t.Helper()
	return w.Do(account, wiretest.Region, func(tx *world.Tx) error { return servicequotas.Set(tx, code, value) })
}

func TestAQuotaThatNobodyChangedHasADefaultAndNoValueOfItsOwn(t *testing.T) {
	c, w := start(t)
	ec2 := aws.String("ec2")
	_, err := c.GetServiceQuota(t.Context(), &sdk.GetServiceQuotaInput{ServiceCode: ec2, QuotaCode: aws.String(standard)})
	wantCode(t, "an unchanged quota", err, "NoSuchResourceException")
	d, err := c.GetAWSDefaultServiceQuota(t.Context(), &sdk.GetAWSDefaultServiceQuotaInput{ServiceCode: ec2, QuotaCode: aws.String(standard)})
	if err != nil || *d.Quota.Value != 5 || *d.Quota.QuotaArn != "arn:aws:servicequotas:"+wiretest.Region+"::ec2/"+standard {
		t.Fatalf("%+v, %v", d, err)
	}
	for account, value := range map[string]float64{wiretest.Account: 64, "444455556666": 32} {
		if err := set(t, w, account, standard, value); err != nil {
			t.Fatal(err)
		}
	}
	got, err := c.GetServiceQuota(t.Context(), &sdk.GetServiceQuotaInput{ServiceCode: ec2, QuotaCode: aws.String(standard)})
	if err != nil || *got.Quota.Value != 64 || *got.Quota.QuotaArn != "arn:aws:servicequotas:"+wiretest.Region+":"+wiretest.Account+":ec2/"+standard {
		t.Errorf("%+v, %v", got, err)
	}
	// What Service Quotas answered to others who asked it, of both.
	for _, q := range []*types.ServiceQuota{d.Quota, got.Quota} {
		want := map[string]string{"Service": "EC2", "Type": "Resource", "Resource": "vCPU", "Class": "Standard/OnDemand"}
		if m := q.UsageMetric; m == nil || *m.MetricNamespace != "AWS/Usage" || *m.MetricName != "ResourceCount" || !maps.Equal(m.MetricDimensions, want) || *m.MetricStatisticRecommendation != "Maximum" {
			t.Errorf("what counts the usage: %+v", m)
		}
	}
	list, err := c.ListServiceQuotas(t.Context(), &sdk.ListServiceQuotasInput{ServiceCode: ec2})
	if err != nil || len(list.Quotas) != 1 || *list.Quotas[0].QuotaCode != standard {
		t.Errorf("%+v, %v", list, err)
	}
	none, err := c.ListServiceQuotas(t.Context(), &sdk.ListServiceQuotasInput{ServiceCode: ec2, QuotaCode: aws.String("L-34B43A08")})
	if err != nil || len(none.Quotas) != 0 {
		t.Errorf("%+v, %v", none, err)
	}
}

func TestDefaultsComeInPages(t *testing.T) {
	c, _ := start(t)
	codes, pages := map[string]bool{}, 0
	p := sdk.NewListAWSDefaultServiceQuotasPaginator(c, &sdk.ListAWSDefaultServiceQuotasInput{ServiceCode: aws.String("ec2"), MaxResults: aws.Int32(7)})
	for p.HasMorePages() {
		page, err := p.NextPage(t.Context())
		if err != nil || len(page.Quotas) > 7 {
			t.Fatalf("%+v, %v", page, err)
		}
		for _, q := range page.Quotas {
			codes[*q.QuotaCode] = true
		}
		pages++
	}
	if len(codes) != 19 || pages != 3 {
		t.Errorf("%d quotas in %d pages", len(codes), pages)
	}
}

func TestWhatServiceQuotasRefuses(t *testing.T) {
	c, w := start(t)
	_, err := c.GetServiceQuota(t.Context(), &sdk.GetServiceQuotaInput{ServiceCode: aws.String("rds"), QuotaCode: aws.String(standard)})
	wantCode(t, "another service", err, "NoSuchResourceException")
	_, err = c.GetAWSDefaultServiceQuota(t.Context(), &sdk.GetAWSDefaultServiceQuotaInput{ServiceCode: aws.String("rds"), QuotaCode: aws.String(standard)})
	wantCode(t, "another service's default", err, "NoSuchResourceException")
	_, err = c.ListServiceQuotas(t.Context(), &sdk.ListServiceQuotasInput{ServiceCode: aws.String("rds")})
	wantCode(t, "the quotas of another service", err, "NoSuchResourceException")
	if err := set(t, w, wiretest.Account, standard, 64); err != nil {
		t.Fatal(err)
	}
	_, err = c.GetServiceQuota(t.Context(), &sdk.GetServiceQuotaInput{ServiceCode: aws.String("ec2"), QuotaCode: aws.String(standard), ContextId: aws.String("*")})
	wantCode(t, "a quota of a resource", err, "NoSuchResourceException")
	for _, token := range []string{"nonsense", "OTk5"} {
		_, err = c.ListAWSDefaultServiceQuotas(t.Context(), &sdk.ListAWSDefaultServiceQuotasInput{ServiceCode: aws.String("ec2"), NextToken: &token})
		wantCode(t, "a token that is none", err, "InvalidPaginationTokenException")
	}
	for code, value := range map[string]float64{"L-00000000": 1, standard: -1} {
		if err := set(t, w, wiretest.Account, code, value); err == nil {
			t.Errorf("%s was set to %v", code, value)
		}
	}
}

func wantCode(t *testing.T, name string, err error, code string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code {
		t.Errorf("%s: %v, want %s", name, err, code)
	}
}
