// Package predefined holds the baselines that AWS ships: their policies and, per
// region, which one is the default of an operating system.
package predefined

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/goldenami/rehydrate/baseline"
)

// The embedded data is raw GetPatchBaseline output of December 2025.
//
//go:embed baselines.json
var data []byte

// ErrUnknown says that no predefined baseline has a name or serves an operating
// system.
var ErrUnknown = errors.New("no such predefined baseline")

type document struct {
	Meta      json.RawMessage                                `json:"_meta"`
	Baselines []baseline.Document                            `json:"baselines"`
	ARNs      map[string]map[baseline.OperatingSystem]string `json:"defaultBaselineArnByRegion"`
}

var load = sync.OnceValues(func() (*document, error) {
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("reading predefined baselines: %w", err)
	}
	for i := range d.Baselines {
		if err := d.Baselines[i].Validate(); err != nil {
			return nil, fmt.Errorf("reading predefined baselines: %w", err)
		}
	}
	return &d, nil
})

// All returns the predefined baselines by operating system and name, as the API
// describes them. The caller must not change what they hold.
func All() ([]baseline.Document, error) {
	d, err := load()
	if err != nil {
		return nil, err
	}
	return append([]baseline.Document(nil), d.Baselines...), nil
}

// ByName finds a baseline by its name, such as AWS-DebianDefaultPatchBaseline.
func ByName(name string) (*baseline.Baseline, error) {
	return find(name, func(d *baseline.Document) bool { return d.Name == name })
}

// Default is the baseline that AWS ships as the default of an operating system.
func Default(os baseline.OperatingSystem) (*baseline.Baseline, error) {
	return find(string(os), func(d *baseline.Document) bool {
		return d.OperatingSystem == os && d.DefaultBaseline != nil && *d.DefaultBaseline
	})
}

func find(what string, fits func(*baseline.Document) bool) (*baseline.Baseline, error) {
	d, err := load()
	if err != nil {
		return nil, err
	}
	for i := range d.Baselines {
		if fits(&d.Baselines[i]) {
			b := d.Baselines[i].Baseline
			return &b, nil
		}
	}
	return nil, fmt.Errorf("finding predefined baseline %s: %w", what, ErrUnknown)
}

// DefaultARN is the ARN of an operating system's default baseline in a region.
func DefaultARN(region string, os baseline.OperatingSystem) (string, error) {
	d, err := load()
	if err != nil {
		return "", err
	}
	if arn := d.ARNs[region][os]; arn != "" {
		return arn, nil
	}
	return "", fmt.Errorf("finding the default baseline of %s in %s: %w", os, region, ErrUnknown)
}

// Names maps every operating system to the name of its default baseline, the last
// step of resolution (§8).
func Names() (map[baseline.OperatingSystem]string, error) {
	out := map[baseline.OperatingSystem]string{}
	for _, os := range baseline.OperatingSystems() {
		b, err := Default(os)
		if err != nil {
			return nil, err
		}
		out[os] = b.Name
	}
	return out, nil
}
