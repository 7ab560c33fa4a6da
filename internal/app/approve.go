package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/unit"
)

// The bounds of what a person writes into the journal, in characters.
const (
	maxName    = 100
	maxComment = 500
)

// Decide records somebody's answer to an approval that a run waits for: that of the unit
// or, with an empty one, the only one that is open. It returns what was answered. The
// answer is written once; `rehydrate run --resume` goes on with it.
func Decide(ctx context.Context, s State, run, unitName string, d unit.Decision) (journal.Ask, error) {
	if err := line("--by", d.By, maxName); err != nil {
		return journal.Ask{}, err
	}
	if err := line("--comment", d.Comment, maxComment); err != nil {
		return journal.Ask{}, err
	}
	if strings.TrimSpace(d.By) == "" {
		return journal.Ask{}, fault.New(fault.Usage, "add --by NAME", "nobody is named who answers")
	}
	doc, err := s.Load(run)
	if err != nil {
		return journal.Ask{}, err
	}
	j := journal.Open(s.Store(), doc.ID)
	asks, err := j.Asks(ctx)
	if err != nil {
		return journal.Ask{}, err
	}
	ask, err := choose(asks, doc.ID, orNone(doc.Outcome), unitName)
	if err != nil {
		return ask, err
	}
	d.Approval = ask.Approval
	return ask, j.Decide(ctx, ask, d)
}

func choose(asks []journal.Ask, run, outcome, name string) (journal.Ask, error) {
	if len(asks) == 0 {
		return journal.Ask{}, fault.New(fault.Usage, "`rehydrate history` lists the runs", "run %s waits for no approval (%s)", run, outcome)
	}
	open := slices.DeleteFunc(slices.Clone(asks), func(a journal.Ask) bool { return a.Decision != nil })
	var names []string
	for _, a := range asks {
		names = append(names, a.Unit)
	}
	switch {
	case name != "":
		at := slices.Index(names, name)
		if at < 0 {
			return journal.Ask{}, fault.New(fault.NotFound, "name one of: "+strings.Join(names, ", "), "no unit %q of run %s waits for an approval", name, run)
		}
		return asks[at], nil // one that is answered is refused when it is written
	case len(open) == 0 && len(asks) == 1:
		return asks[0], nil
	case len(open) == 0:
		return journal.Ask{}, fault.New(fault.Conflict, "`rehydrate run --resume "+run+"` goes on with the answers", "everything that run %s waits for is answered", run)
	case len(open) > 1:
		return journal.Ask{}, fault.New(fault.Usage, "add --unit with one of: "+strings.Join(names, ", "), "run %s waits for %d approvals", run, len(open))
	}
	return open[0], nil
}

// line refuses what is no single line: it goes into the journal, reports and logs.
func line(what, text string, most int) error {
	if n := len([]rune(text)); n > most {
		return fault.New(fault.Usage, "", "%s has %d characters, at most %d", what, n, most)
	}
	if strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar
	}) {
		return fault.New(fault.Usage, "", "%s has characters that cannot be printed", what)
	}
	return nil
}

// Answered says whether a run that waits for approvals has got an answer since.
func Answered(ctx context.Context, s State, run string) (bool, error) {
	asks, err := journal.Open(s.Store(), run).Asks(ctx)
	if err != nil {
		return false, fmt.Errorf("look for answers: %w", err)
	}
	return slices.ContainsFunc(asks, func(a journal.Ask) bool { return a.Decision != nil }), nil
}
