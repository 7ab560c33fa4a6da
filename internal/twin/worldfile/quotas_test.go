package worldfile_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/servicequotas"

	"github.com/goldenami/rehydrate/internal/twin/servicequotas"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/worldfile"
)

const withQuotas = `{"account": "111122223333", "region": "eu-west-1", "quotas": [{"code": "L-1216C47A", "value": 256}]}`

func TestQuotasOfAFileAreTheAccountsOwn(t *testing.T) {
	f, err := worldfile.Parse([]byte(withQuotas), "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	w := wiretest.World(t)
	w.Start()
	l := &worldfile.Loader{World: w}
	for _, want := range []int{1, 0} {
		if made, err := l.Load(f); err != nil || made != want {
			t.Fatalf("made %d, %v", made, err)
		}
	}
	for region, want := range map[string]bool{"eu-west-1": true, "us-east-1": false} {
		cfg := wiretest.Config(wiretest.Handler(t, w, servicequotas.New()), "test")
		cfg.Region, cfg.Credentials = region, wiretest.Key("111122223333")
		got, err := sdk.NewFromConfig(cfg).GetServiceQuota(t.Context(), &sdk.GetServiceQuotaInput{ServiceCode: aws.String("ec2"), QuotaCode: aws.String("L-1216C47A")})
		if (err == nil) != want || err == nil && *got.Quota.Value != 256 {
			t.Errorf("%s: %+v, %v", region, got, err)
		}
	}
}

func TestQuotasThatCannotBeAreNamed(t *testing.T) {
	for from, to := range map[string]string{"L-1216C47A": "L-00000000", "256": "-1"} {
		if _, err := worldfile.Parse([]byte(strings.Replace(withQuotas, from, to, 1)), "/", nil); err == nil || !strings.Contains(err.Error(), "quotas[0]") {
			t.Errorf("%s: %v", to, err)
		}
	}
}
