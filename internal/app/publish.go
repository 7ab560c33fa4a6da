package app

import (
	"context"
	"fmt"

	"github.com/goldenami/rehydrate/publish"
)

func (p *pipeline) publish(ctx context.Context) (outcome, text string, err error) {
	r, err := p.baked()
	if err != nil {
		return "", "", err
	}
	plan, err := planned(ctx, p, "publish", func(ctx context.Context) (*publish.Plan, error) {
		return p.parts.publish.Plan(ctx, publish.Input{Run: p.Run, Channel: p.Image.Channel, Image: r.Bake.Image, Verdict: p.doc.Validate, Bake: r.Bake})
	})
	if err != nil {
		return "", "", err
	}
	raw, err := p.advance(ctx, "publish", "publish", p.parts.publish.Unit(plan))
	if err != nil {
		return "", "", err
	}
	out, err := publish.Result(raw)
	if err != nil {
		return "", "", err
	}
	p.doc.Publish = &out
	if out.Skipped {
		return "nothing-to-do", fmt.Sprintf("%s holds %s already", out.Channel, out.Image), nil
	}
	return "done", fmt.Sprintf("%s version %d: %s → %s", out.Channel, out.Version, orNone(out.From), out.Image), nil
}

func orNone(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}
