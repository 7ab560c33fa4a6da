package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

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
	back, err := p.decidedBack(ctx)
	if err == nil && back == nil { // else it was this run that moved the channel
		err = p.unmoved(ctx, "roll")
	}
	if err != nil {
		return "", "", err
	}
	plan, err := planned(ctx, p, "roll", p.rollPlan)
	if err != nil {
		return "", "", err
	}
	if err := refuseOld(ctx, p.local.Journal, plan); err != nil {
		return "", "", err
	}
	x := p.execution()
	x.Returning = p.returning(x)
	if back != nil && back.Andon != "" {
		x.Andon.Switch = insisting{x.Andon.Switch, back.Andon}
	}
	results, err := x.Roll(ctx, plan)
	p.doc.Roll = results
	if err != nil && ctx.Err() != nil {
		return "interrupted", strings.Trim(rolled(results)+"; AWS goes on with the refreshes that have begun", "; "),
			fault.As(err, fault.Interrupted, "`rehydrate roll status` shows what AWS goes on doing; `rehydrate run --resume latest` goes on with the roll, after `rehydrate roll cancel` to end it")
	}
	if err != nil {
		return p.fell(results, err), strings.Join(append([]string{rolled(results)}, p.back...), "; "), err
	}
	p.passed(ctx)
	if plan.Nothing() {
		return "nothing-to-do", rolled(results), nil
	}
	return "done", rolled(results), nil
}

// fell is the outcome of a roll that ended with an error; "" leaves it to the error.
func (p *pipeline) fell(results []record.Roll, err error) string {
	switch fault.KindOf(err) {
	case fault.Waiting, fault.Interrupted, fault.Conflict, fault.GateSaysNo, fault.Denied:
		return ""
	}
	if all := rollout.Gravest(results); all != "" {
		return all
	}
	switch fault.KindOf(err) { // no group ended badly, but the roll did
	case fault.Halted:
		return rollout.Halted
	case fault.RolledBack:
		return rollout.RolledBack
	}
	return ""
}

// manyRolled is up to how many groups a stage's line names.
const manyRolled = 20

// rolled is how many instances of which group run the image, with where a group is when
// they are not all in one account and Region.
func rolled(all []record.Roll) string {
	several := slices.ContainsFunc(all, func(r record.Roll) bool { return r.Account != all[0].Account || r.Region != all[0].Region })
	var parts []string
	on, of := 0, 0
	for n, g := range all {
		on, of = on+g.OnImage, of+g.Of
		if n >= manyRolled {
			continue
		}
		at := ""
		if several {
			at = " in " + rollout.Cell{Account: g.Account, Region: g.Region}.String()
		}
		parts = append(parts, fmt.Sprintf("%s%s %d of %d on %s", g.Group, at, g.OnImage, g.Of, g.To))
	}
	if n := len(all) - manyRolled; n > 0 {
		parts = append(parts, fmt.Sprintf("and %d more groups: %d of %d instances in all", n, on, of))
	}
	return strings.Join(parts, ", ")
}

// rollSpan is when the first group began and the last one ended. A fleet's groups are too
// many to read all their records again for that.
func rollSpan(rolls []record.Roll) (begun, ended time.Time) {
	for _, r := range rolls {
		if !r.StartedAt.IsZero() && (begun.IsZero() || r.StartedAt.Before(begun)) {
			begun = r.StartedAt
		}
		if r.EndedAt.After(ended) {
			ended = r.EndedAt
		}
	}
	return begun, ended
}
