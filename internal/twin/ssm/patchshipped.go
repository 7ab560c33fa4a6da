package ssm

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/baseline/predefined"
)

// shippedBaselines are the baselines that AWS ships in a region (specification §12).
// The ARNs of the defaults are AWS's own where the region is known; those of the two
// further Windows baselines, and of unknown regions, are made from the same parts,
// for no source has them.
func shippedBaselines(region string) ([]patchBaseline, error) {
	docs, err := predefined.All()
	if err != nil {
		return nil, err
	}
	var out []patchBaseline
	for _, d := range docs {
		b := patchBaseline{Policy: d.Baseline, AWS: true, Shipped: d.DefaultBaseline != nil && *d.DefaultBaseline}
		known, err := predefined.DefaultARN(region, d.OperatingSystem)
		switch {
		case err == nil && b.Shipped:
			b.ID = known
		case err == nil:
			b.ID = known[:strings.LastIndex(known, "/")] + d.BaselineID[strings.LastIndex(d.BaselineID, "/"):]
		default:
			b.ID = strings.Replace(d.BaselineID, ":us-east-1:", ":"+region+":", 1)
		}
		if b.Created, err = shippedTime(d.CreatedDate); err != nil {
			return nil, err
		}
		if b.Modified, err = shippedTime(d.ModifiedDate); err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

func shippedTime(raw json.RawMessage) (time.Time, error) {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return time.Time{}, fmt.Errorf("read the date of a predefined baseline: %w", err)
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("read the date of a predefined baseline: %w", err)
	}
	return t.UTC(), nil
}

// shippedDefault is the baseline that AWS ships as the default of an operating system.
func shippedDefault(region string, os baseline.OperatingSystem) (patchBaseline, error) {
	all, err := shippedBaselines(region)
	if err != nil {
		return patchBaseline{}, err
	}
	for _, b := range all {
		if b.Shipped && b.Policy.OperatingSystem == os {
			return b, nil
		}
	}
	return patchBaseline{}, invalid("there is no predefined patch baseline for %s", os)
}
