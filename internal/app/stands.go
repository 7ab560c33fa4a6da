package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"github.com/goldenami/rehydrate/internal/record"
)

// The outcomes of runs whose documents do not tell: a process is at work on it, or was cut
// off.
const (
	outcomeRunning     = "running"
	outcomeInterrupted = "interrupted"
	outcomeAnswered    = "answered" // it waited for an approval, and nobody has gone on with it yet
)

// AsItStands is a run's document with an outcome and a message that are true now: while a
// process is at work the document has those of the process before, after one that was
// killed too, and it does not hear of an answer to an approval.
func (s State) AsItStands(ctx context.Context, r *record.Run) (*record.Run, error) {
	out := *r
	switch {
	case r.Going || r.Outcome == "":
		held, err := s.leased(ctx, r.Line, r.ID)
		if err != nil {
			return nil, err
		}
		if out.Outcome, out.Message = outcomeRunning, ""; !held {
			out.Outcome, out.Message = outcomeInterrupted, fmt.Sprintf("its process ended without a word; `rehydrate run --resume %s` goes on with it", r.ID)
		}
	case r.Outcome == "waiting" && r.Due.IsZero():
		answered, err := Answered(ctx, s, r.ID)
		if err != nil {
			return nil, err
		}
		if answered {
			out.Outcome, out.Message = outcomeAnswered, fmt.Sprintf("what it waited for is answered; `rehydrate run --resume %s` goes on with it", r.ID)
		}
	}
	return &out, nil
}

// leased says whether a process has the lease of a line for a run, on this machine or,
// where the runs are shared, on any. Nobody is kept from taking it.
func (s State) leased(ctx context.Context, line, run string) (bool, error) {
	path := filepath.Join(s.dir, "lines", line+".lease")
	// A file that cannot be read was not written here; and one that names another run is
	// not touched.
	if text, err := os.ReadFile(path); err == nil && strings.HasPrefix(string(text), "run "+run+" on ") {
		l := flock.New(path)
		free, err := l.TryRLock()
		if err != nil {
			return false, fmt.Errorf("look whether run %s is at work: %w", run, err)
		}
		if !free {
			return true, l.Close()
		}
		if err := l.Unlock(); err != nil {
			return false, fmt.Errorf("look whether run %s is at work: %w", run, err)
		}
	}
	if s.shared == nil {
		return false, nil
	}
	held, err := s.shared.bucket.Held(ctx, s.shared.clock, line, run)
	return held, s.shared.wrap(err, "look whether run %s is at work", run)
}

// told is an error as a document has it. One of a call that was interrupted says nothing to
// anybody: it becomes what to do, where run can be gone on with; the rest stays.
func told(err error, run string) string {
	if !errors.Is(err, context.Canceled) {
		return err.Error()
	}
	out := []string{"interrupted"}
	if run != "" {
		out[0] += fmt.Sprintf("; `rehydrate run --resume %s` goes on with it", run)
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if !strings.Contains(line, context.Canceled.Error()) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}
