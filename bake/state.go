package bake

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/unit"
)

// The outcomes of a bake.
const (
	OutcomeDone    = "done"    // there is a candidate
	OutcomeSkipped = "skipped" // nothing to do
	OutcomeFailed  = "failed"  // nothing was made, and nothing is left
)

// Outcome is how a bake ended.
type Outcome struct {
	Outcome string       `json:"outcome,omitempty"` // empty: not ended yet
	Reason  string       `json:"reason,omitempty"`
	Bake    *record.Bake `json:"bake,omitempty"`
	// Left are resources that could not be removed, as "kind id".
	Left []string `json:"left,omitempty"`
}

// Result reads the outcome out of the last state of a bake's unit.
func Result(state json.RawMessage) (Outcome, error) {
	var s State
	if err := json.Unmarshal(state, &s); err != nil {
		return Outcome{}, fmt.Errorf("read the state of a bake: %w", err)
	}
	return s.Outcome, nil
}

// A step of a bake. Both builders end in the same steps, from reap on.
type step string

const (
	stepBegin   step = ""
	stepStart   step = "start"   // Packer: start it
	stepWatch   step = "watch"   // Packer: until it ends
	stepSalvage step = "salvage" // Packer: find what it left, whichever way it ended
	stepRun     step = "run"     // Run Command: start an instance
	stepBoot    step = "boot"    // until it runs and answers
	stepPatch   step = "patch"   // patch it
	stepStop    step = "stop"    // until it is stopped
	stepImage   step = "image"   // make an image of it
	stepAppear  step = "appear"  // until the image is available
	stepReap    step = "reap"    // remove everything of this run but the image
	stepTag     step = "tag"     // tag the image with its digests
	stepConfirm step = "confirm" // until the tags can be read back
	stepEnd     step = "end"
)

// State is the whole state of a bake.
type State struct {
	Step      step      `json:"step"`
	Attempt   int       `json:"attempt,omitempty"`
	Marker    string    `json:"marker,omitempty"`
	Builder   string    `json:"builder,omitempty"`
	Instance  string    `json:"instance,omitempty"`
	Image     string    `json:"image,omitempty"`
	StartedAt time.Time `json:"startedAt,omitzero"`
	// Until is when the step under way gives up.
	Until time.Time `json:"until,omitzero"`
	// Then is the step after a reap.
	Then step `json:"then,omitempty"`
	// Settle asks that a reap look twice: what a killed Packer asked for last may
	// not be listed at once.
	Settle bool `json:"settle,omitempty"`
	// Orphans are snapshots, by id, of images that a reap has removed or will.
	Orphans []string `json:"orphans,omitempty"`
	Outcome `json:"outcome,omitzero"`
}

// attempts is how often a bake is begun again after its builder was killed.
const attempts = 3

// run is one bake: the stage's means and the plan's decisions.
type run struct {
	*Stage
	plan Plan
}

// folder is where an attempt keeps its files.
func (r run) folder(s *State) string {
	return filepath.Join(r.plan.Request.Folder, "bake", fmt.Sprintf("attempt-%d", s.Attempt))
}

func (r run) emit(kind event.Kind, format string, args ...any) {
	r.Events.Emit(event.Event{
		Time: r.Clock.Now(), Run: r.plan.Request.Run, Stage: "bake", Unit: "bake/" + r.plan.Request.Line,
		Kind: kind, Text: fmt.Sprintf(format, args...),
	})
}

// enter goes to a step that may take limit at most; 0 is no limit.
func (r run) enter(s *State, to step, limit time.Duration) (unit.Next, error) {
	s.Step, s.Until = to, time.Time{}
	if limit > 0 {
		s.Until = r.Clock.Now().Add(limit)
	}
	return unit.Again(0), nil
}

func (r run) late(s *State) bool { return !s.Until.IsZero() && r.Clock.Now().After(s.Until) }

// fail removes everything and ends with a reason.
func (r run) fail(s *State, format string, args ...any) (unit.Next, error) {
	s.Reason = fmt.Sprintf(format, args...)
	r.emit(event.Warned, "%s", s.Reason)
	s.Outcome.Outcome, s.Image = OutcomeFailed, ""
	return r.reap(s, stepEnd)
}

// again removes everything and begins another attempt at step to, if any is left.
func (r run) again(s *State, to step, format string, args ...any) (unit.Next, error) {
	why := fmt.Sprintf(format, args...)
	if s.Attempt >= attempts {
		return r.fail(s, "%s, in attempt %d of %d", why, s.Attempt, attempts)
	}
	r.emit(event.Warned, "%s: removing what is left, then beginning again", why)
	s.Attempt++
	s.Image, s.Instance, s.Settle = "", "", true
	return r.reap(s, to)
}

// reap goes to the step reap, and from there to the step then.
func (r run) reap(s *State, then step) (unit.Next, error) {
	s.Then = then
	return r.enter(s, stepReap, reapLimit)
}

// skipped ends without a new image, before anything was made or after it was
// removed.
func (r run) skipped(s *State, reason string) {
	b := record.Bake{SourceImage: r.plan.Source.ID, Arch: r.plan.Arch, InputDigest: r.plan.InputDigest}
	if c := r.plan.Current; c != nil {
		b = *c
		b.Files = record.Files{} // they belong to the run that made them
	}
	b.Skipped, b.SkipReason = true, reason
	s.Outcome = Outcome{Outcome: OutcomeSkipped, Reason: reason, Bake: &b}
}

// end says how it ended.
func (r run) end(s *State) (unit.Next, error) {
	switch s.Outcome.Outcome {
	case OutcomeDone:
		r.emit(event.Ended, "candidate %s (%s)", s.Bake.Image, s.Bake.ImageName)
	case OutcomeSkipped:
		r.emit(event.Ended, "nothing to do: %s", s.Reason)
	default:
		r.emit(event.Failed, "%s", s.Reason)
	}
	return unit.Done(), nil
}
