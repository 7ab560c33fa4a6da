package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/validate"
)

func (p *pipeline) validate(ctx context.Context) (outcome, text string, err error) {
	in, err := p.gateInput(ctx)
	if err != nil {
		return "", "", err
	}
	raw, err := p.advance(ctx, "validate", "validate", p.parts.gate.Unit(in))
	if err != nil {
		return "", "", err
	}
	var v record.Verdict
	if err := json.Unmarshal(raw, &v); err != nil {
		return "", "", err
	}
	p.doc.Validate = &v
	text = fmt.Sprintf("%s: %d packages read in %d of %d snapshot blocks", v.Image, v.Packages, v.Read.Blocks, v.Read.Total)
	if v.Outcome != record.Pass {
		return v.Outcome, text, fault.New(fault.GateSaysNo, "the channel is untouched; see the report in "+p.artifact("report.md"),
			"validate %s: verdict %s: %s", v.Image, v.Outcome, strings.Join(v.Reasons, "; "))
	}
	return v.Outcome, text, nil
}

func (p *pipeline) gateInput(ctx context.Context) (validate.Input, error) {
	r, err := p.baked()
	if err != nil {
		return validate.Input{}, err
	}
	in := validate.Input{Image: r.Bake.Image, Baseline: p.Image.Baseline.Baseline, Options: p.Image.Baseline.Options,
		Marker: r.Bake.Marker, Builder: r.Bake.Builder, SkipCheck: p.Image.Hygiene}
	var lock baseline.Lock
	if err := p.readArtifact(r, r.Bake.Files.Lock, &lock); err == nil {
		in.Lock = &lock
	} else if !errors.Is(err, os.ErrNotExist) {
		return in, err
	}
	if n, err := p.nodeReport(r); err == nil {
		in.Evidence = n.Before
	} else if !errors.Is(err, os.ErrNotExist) {
		return in, err
	}
	now, err := p.parts.params.Get(ctx, p.Image.Channel)
	switch {
	case err == nil:
		in.InUse = now.Value
	case fault.KindOf(err) == fault.NotFound:
		in.InUse = r.Bake.SourceImage // nothing is published yet: compare with where it came from
	default:
		return in, err
	}
	return in, nil
}
