package retire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
)

// Runner runs a unit to its end and returns its last state.
type Runner func(ctx context.Context, name string, u unit.Unit) (json.RawMessage, error)

// Apply carries the plan out, image by image. What fails does not keep the others
// waiting. The results stand also beside an error, whose kind is Conflict (something
// was kept that the plan would have touched), Partial (a call failed after others had
// succeeded) or that of the call which failed.
func (s *Stage) Apply(ctx context.Context, p *Plan, run Runner) ([]Result, error) {
	var results []Result
	var errs []error
	done := 0
	for _, w := range s.Units(p) {
		raw, err := run(ctx, w.Name, w.Unit)
		if err == nil {
			var r Result
			if r, err = ReadResult(raw); err == nil {
				results = append(results, r)
				if r.Outcome == OutcomeDone {
					done++
				}
			}
		}
		if err != nil {
			errs = append(errs, err)
			failed := w.of
			failed.Outcome, failed.Text = OutcomeFailed, err.Error()
			results = append(results, failed)
		}
		if ctx.Err() != nil {
			break
		}
	}
	if len(errs) == 0 {
		return results, Err(results)
	}
	kind := fault.KindOf(errs[0])
	if done > 0 && kind != fault.Interrupted {
		kind = fault.Partial
	}
	return results, fault.As(fmt.Errorf("retire images of %s: %w", p.Input.Line, errors.Join(errs...)), kind, "repeat the command: it goes on where it ended")
}
