package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/rollout"
)

func (p *pipeline) roll(ctx context.Context) (outcome, text string, err error) {
	if p.doc.Publish == nil {
		return "", "", fault.New(fault.Usage, "publish first", "run %s has published nothing", p.Run)
	}
	in := rollInput(p.Config, p.Image, p.doc.Publish.Image)
	if len(in.Fleets) == 0 {
		return "nothing-to-do", "no fleet of groups follows this image", nil
	}
	if err := p.unmoved(ctx, "roll"); err != nil {
		return "", "", err
	}
	plan, err := planned(ctx, p, "roll", p.rollPlan)
	if err == nil {
		err = p.samePlan(plan)
	}
	if err != nil {
		return "", "", err
	}
	p.doc.Roll = nil
	for n, ring := range plan.Rings {
		raw, err := p.advance(ctx, "roll", "roll/"+ring.Name, p.parts.roll.RingUnit(ring))
		if err != nil {
			return "", "", err
		}
		results, err := rollout.RingResults(raw)
		if err != nil {
			return "", "", err
		}
		p.doc.Roll = append(p.doc.Roll, results...)
		if err := rollout.Err(results); err != nil {
			if n < len(plan.Rings)-1 {
				err = fmt.Errorf("%w; later rings were not touched", err)
			}
			return rollout.Gravest(results), rolled(p.doc.Roll), err
		}
	}
	if plan.Nothing() {
		return "nothing-to-do", rolled(p.doc.Roll), nil
	}
	return "done", rolled(p.doc.Roll), nil
}

func rolled(all []record.Roll) string {
	var parts []string
	for _, g := range all {
		parts = append(parts, fmt.Sprintf("%s %d of %d on %s", g.Group, g.OnImage, g.Of, g.To))
	}
	return strings.Join(parts, ", ")
}
