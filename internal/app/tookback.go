package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/rollout"
)

// tookBack writes down how a way back that somebody asked for ended: of the groups that
// the run had rolled those in left still run, or may, what it brought. Where neither a
// group nor a channel has gone back, the run stays as it was.
func (p *pipeline) tookBack(why string, rolls, left, back []record.Roll, groups, channels error) {
	p.doc.Going = false
	outcome, message := rollout.RolledBack, why
	switch err := errors.Join(groups, channels); {
	case err == nil && len(back) == 0 && (p.doc.Outcome != rollout.Halted || len(left) > 0 || !slices.ContainsFunc(rolls, isBack)):
		return // nothing was left to take back, and nothing had failed before
	case err != nil && len(back) == 0 && len(p.back) == 0:
		return
	case err != nil:
		outcome, message = rollout.Halted, partlyBack(why, rolls, left)+firstLine(told(err, ""))
		if k := fault.KindOf(err); k == fault.Interrupted || k == fault.Waiting {
			outcome = outcomeInterrupted
		}
		message += fmt.Sprintf(". `rehydrate roll rollback --run %s` goes on with what is left", p.Run)
	}
	p.doc.Outcome, p.doc.Message, p.doc.EndedAt = outcome, message, p.Cloud.Clock.Now()
	for i := range p.doc.Stages {
		if p.doc.Stages[i].Name == "roll" {
			p.doc.Stages[i].Outcome, p.doc.Stages[i].Text = outcome, strings.Join(append([]string{message}, p.back...), "; ")
		}
	}
}

func isBack(r record.Roll) bool { return r.Outcome == rollout.RolledBack }

// partlyBack is how far a way back came.
func partlyBack(why string, rolls, left []record.Roll) string {
	all := 0
	for _, r := range rolls {
		if r.Refresh != "" {
			all++
		}
	}
	var names []string
	for _, r := range left {
		names = append(names, r.Group)
	}
	text := fmt.Sprintf("taken back in part (%s): %d of %d groups are back", why, all-len(left), all)
	if n := len(names); n > manyRolled {
		names = append(names[:manyRolled], fmt.Sprintf("and %d more", n-manyRolled))
	}
	if len(names) > 0 {
		text += ", left: " + strings.Join(names, ", ")
	}
	return text + "; "
}
