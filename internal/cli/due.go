package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

// resumeDue goes on with every waiting run whose time has come, oldest first, each
// up to the stage that it was begun for. One that fails does not keep the others
// waiting; the gravest error is returned.
func resumeDue(c *cli.Context) error {
	s, err := openAny(c)
	if err != nil {
		return err
	}
	all, err := s.state.History()
	if err != nil {
		return err
	}
	var failures []error
	ran := 0
	for _, r := range all {
		if !wanted(c, r) {
			continue
		}
		why, err := notYet(c.Context, s, r)
		if err != nil {
			failures = append(failures, fmt.Errorf("run %s: %w", r.ID, err))
			continue
		}
		if why != "" {
			fmt.Fprintf(c.App.ErrWriter, "run %s of %s: %s\n", r.ID, r.Line, why)
			continue
		}
		image, ok := s.cfg.ImageNamed(r.Line)
		if !ok {
			fmt.Fprintf(c.App.ErrWriter, "run %s: %s has no image %q any more\n", r.ID, s.cfg.File, r.Line)
			continue
		}
		ran++
		if c.Bool("dry-run") {
			fmt.Fprintf(c.App.Writer, "would go on with run %s of %s: %s\n", r.ID, r.Line, r.Message)
			continue
		}
		one := *s
		one.image = image
		if err := carryOut(c, &one, order{until: r.Until, run: r.ID}); err != nil {
			fmt.Fprintf(c.App.ErrWriter, "run %s of %s: %s\n", r.ID, r.Line, err)
			failures = append(failures, fmt.Errorf("run %s: %w", r.ID, err))
		}
	}
	if ran == 0 {
		fmt.Fprintln(c.App.ErrWriter, "no run is due")
	}
	return gravest(failures)
}

// wanted says whether the command is about this run: it waits, and is of the image
// and of the id that were named, if any were.
func wanted(c *cli.Context, r *record.Run) bool {
	if r.Outcome != "waiting" {
		return false
	}
	if name := c.Args().First(); name != "" && name != r.Line {
		return false
	}
	id := c.String("resume")
	return id == "" || id == latest || id == r.ID
}

// notYet is notNow, but a run that waits for an approval goes on when there is an
// answer, also a refusal: its end is then written down.
func notYet(ctx context.Context, s *setup, r *record.Run) (string, error) {
	why := notNow(r, s.cloud, s.cloud.Clock.Now())
	if why == "" || !r.Due.IsZero() || r.Account != s.cloud.Account || r.Region != s.cloud.Region {
		return why, nil
	}
	answered, err := app.Answered(ctx, s.state, r.ID)
	if answered {
		why = ""
	}
	return why, err
}

// notNow says why a waiting run cannot go on; empty: it can.
func notNow(r *record.Run, cloud *app.Cloud, now time.Time) string {
	switch {
	case r.Account != cloud.Account || r.Region != cloud.Region:
		return fmt.Sprintf("it is of account %s, region %s, not of %s, %s", r.Account, r.Region, cloud.Account, cloud.Region)
	case r.Due.IsZero():
		return "it waits, but not for a time: " + r.Message
	case now.Before(r.Due):
		return fmt.Sprintf("it waits until %s; it is %s", r.Due.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return ""
}

// gravity orders the kinds where runs differ, gravest first (exit codes 13 > 12 > 3
// > 1); waiting is no failure and comes last.
var gravity = []fault.Kind{fault.Interrupted, fault.Halted, fault.RolledBack, fault.GateSaysNo, fault.Conflict, fault.Denied, fault.Partial, fault.Usage}

func gravest(failures []error) error {
	if len(failures) == 0 {
		return nil
	}
	rank := func(err error) int {
		kind := fault.KindOf(err)
		if kind == fault.Waiting {
			return len(gravity) + 1
		}
		if at := slices.Index(gravity, kind); at >= 0 {
			return at
		}
		return len(gravity)
	}
	slices.SortStableFunc(failures, func(a, b error) int { return rank(a) - rank(b) })
	kind := fault.KindOf(failures[0])
	return fault.As(errors.Join(failures...), kind, fault.HintOf(errors.Unwrap(failures[0])))
}
