// Package quotas holds the adapter of vCPU quotas against the twin.
package quotas

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/awscloud/quotas"
	"github.com/goldenami/rehydrate/internal/fault"
	twinwatch "github.com/goldenami/rehydrate/internal/twin/cloudwatch"
	twinquotas "github.com/goldenami/rehydrate/internal/twin/servicequotas"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/rollout/estimate"
)

const standardQuota, spotQuota = "L-1216C47A", "L-34B43A08"

func TestALimitIsTheAccountsOwnElseTheDefault(t *testing.T) {
	w := wiretest.World(t)
	if err := w.Do(wiretest.Account, wiretest.Region, func(tx *world.Tx) error { return twinquotas.Set(tx, standardQuota, 128) }); err != nil {
		t.Fatal(err)
	}
	q := quotas.Quotas{API: servicequotas.NewFromConfig(wiretest.Client(t, w, twinquotas.New()))}
	got, err := q.Limits(t.Context(), []string{standardQuota, spotQuota, "L-F7808C92"})
	metric := func(class string) *estimate.Metric {
		return &estimate.Metric{Namespace: "AWS/Usage", Name: "ResourceCount", Statistic: "Maximum",
			Dimensions: map[string]string{"Service": "EC2", "Type": "Resource", "Resource": "vCPU", "Class": class}}
	}
	want := map[string]estimate.Limit{standardQuota: {VCPUs: 128, Metric: metric("Standard/OnDemand")},
		spotQuota: {VCPUs: 5, Default: true, Metric: metric("Standard/Spot")}, "L-F7808C92": {Default: true}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%s, %v", d, err)
	}
	if _, err := q.Limits(t.Context(), []string{"L-00000000"}); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
}

func TestUsageIsReadInOneCallAndWhatHasNoDataIsLeftOut(t *testing.T) {
	w := wiretest.World(t)
	watch, zero := twinwatch.New(nil), false
	watch.Meter(func(*world.Tx) map[string]float64 {
		if zero {
			return map[string]float64{"Standard/OnDemand": 0}
		}
		return map[string]float64{"Standard/OnDemand": 40}
	})
	cfg := wiretest.Client(t, w, twinquotas.New(), watch.Wire())
	q := quotas.Quotas{API: servicequotas.NewFromConfig(cfg), Metrics: cloudwatch.NewFromConfig(cfg), Now: func() time.Time { return wiretest.Start }}
	limits, err := q.Limits(t.Context(), []string{standardQuota, spotQuota})
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]estimate.Metric{standardQuota: *limits[standardQuota].Metric, spotQuota: *limits[spotQuota].Metric}
	got, err := q.Usage(t.Context(), of)
	if d := cmp.Diff(map[string]int{standardQuota: 40}, got); d != "" || err != nil {
		t.Errorf("%s, %v", d, err)
	}
	zero = true
	if got, err = q.Usage(t.Context(), of); err != nil || cmp.Diff(map[string]int{standardQuota: 0}, got) != "" {
		t.Errorf("a zero that was measured is data: %v, %v", got, err)
	}
	late := q
	late.Now = func() time.Time { return wiretest.Start.Add(time.Hour) }
	if got, err = late.Usage(t.Context(), of); err != nil || len(got) != 0 {
		t.Errorf("data of an hour ago are not what runs: %v, %v", got, err)
	}
}
