package publish_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/publish"
)

var t0 = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// store is a Parameter Store with asynchronous validation: an image value becomes
// readable at the second Get or History after the write, or never.
type store struct {
	versions map[string][]publish.Parameter
	pending  map[string]int // looks until the newest version shows
	invalid  map[string]bool
	last     map[string]int64
	writes   []string
	// hook runs before and after every call; an error from it is the call's.
	hook func(call string, after bool) error
	// between runs right before a pointer is written.
	between func()
}

func newStore() *store {
	return &store{versions: map[string][]publish.Parameter{}, pending: map[string]int{}, invalid: map[string]bool{}, last: map[string]int64{}}
}

func (s *store) at(call string, after bool) error {
	if s.hook == nil {
		return nil
	}
	return s.hook(call, after)
}

func (s *store) Get(_ context.Context, name string) (publish.Parameter, error) {
	if err := s.at("Get", false); err != nil {
		return publish.Parameter{}, err
	}
	all := s.shown(name)
	if len(all) == 0 {
		return publish.Parameter{}, fault.New(fault.NotFound, "", "no parameter %s", name)
	}
	p := all[len(all)-1]
	p.Description, p.Labels = "", nil
	return p, s.at("Get", true)
}

// shown are the versions that can be read.
func (s *store) shown(name string) []publish.Parameter {
	all := s.versions[name]
	if n := len(all); n > 0 && all[n-1].DataType == publish.DataTypeImage && (s.pending[name] > 0 || s.invalid[all[n-1].Value]) {
		s.pending[name]--
		all = all[:n-1]
	}
	return all
}

func (s *store) History(_ context.Context, name string) ([]publish.Parameter, error) {
	if err := s.at("History", false); err != nil {
		return nil, err
	}
	return slices.Clone(s.shown(name)), s.at("History", true)
}

func (s *store) Put(_ context.Context, in publish.NewVersion) (int64, error) {
	if err := s.at("Put", false); err != nil {
		return 0, err
	}
	if s.between != nil && in.Overwrite && in.DataType == publish.DataTypeImage {
		f := s.between
		s.between = nil
		f()
	}
	if !in.Overwrite && len(s.versions[in.Name]) > 0 {
		return 0, fault.New(fault.Conflict, "", "%s exists", in.Name)
	}
	if in.DataType == publish.DataTypeImage {
		s.writes = append(s.writes, in.Name+"="+in.Value)
	}
	if all := s.versions[in.Name]; len(all) >= 100 && len(all[0].Labels) > 0 {
		return 0, fault.New(fault.Failed, "", "ParameterMaxVersionLimitExceeded")
	} else if len(all) >= 100 {
		s.versions[in.Name] = all[1:]
	}
	v := s.add(in.Name, in.Value, in.Description)
	all := s.versions[in.Name]
	if all[len(all)-1].DataType = in.DataType; in.DataType == publish.DataTypeImage {
		s.pending[in.Name] = 1
	}
	return v, s.at("Put", true)
}

func (s *store) add(name, value, description string) int64 {
	s.last[name]++
	v := s.last[name]
	s.versions[name] = append(s.versions[name], publish.Parameter{Name: name, Value: value,
		DataType: publish.DataTypeImage, Description: description, Version: v})
	return v
}

func (s *store) Label(_ context.Context, name string, version int64, labels ...string) error {
	if err := s.at("Label", false); err != nil {
		return err
	}
	for i := range s.versions[name] {
		p := &s.versions[name][i]
		p.Labels = slices.DeleteFunc(slices.Clone(p.Labels), func(l string) bool { return slices.Contains(labels, l) })
		if p.Version == version {
			p.Labels = append(p.Labels, labels...)
		}
	}
	return s.at("Label", true)
}

func (s *store) Unlabel(_ context.Context, name string, version int64, labels ...string) error {
	if err := s.at("Unlabel", false); err != nil {
		return err
	}
	for i := range s.versions[name] {
		if p := &s.versions[name][i]; p.Version == version {
			p.Labels = slices.DeleteFunc(slices.Clone(p.Labels), func(l string) bool { return slices.Contains(labels, l) })
		}
	}
	return s.at("Unlabel", true)
}

func (s *store) labelled(name, label string) int64 {
	for _, p := range s.versions[name] {
		if slices.Contains(p.Labels, label) {
			return p.Version
		}
	}
	return 0
}

func (s *store) newest(name string) publish.Parameter {
	all := s.versions[name]
	if len(all) == 0 {
		return publish.Parameter{}
	}
	return all[len(all)-1]
}

type images map[string]publish.Image

func (m images) Image(_ context.Context, id string) (publish.Image, error) {
	i, ok := m[id]
	if !ok {
		return publish.Image{}, fault.New(fault.NotFound, "", "no image %s", id)
	}
	return i, nil
}

// clock goes on when it is slept on.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }
func (c *clock) Sleep(ctx context.Context, until time.Time) error {
	c.now = until
	return ctx.Err()
}

var known = images{
	"ami-old":  {ID: "ami-old", State: "available", CreatedAt: t0.Add(-24 * time.Hour)},
	"ami-new":  {ID: "ami-new", State: "available", CreatedAt: t0},
	"ami-late": {ID: "ami-late", State: "available", CreatedAt: t0.Add(24 * time.Hour)},
	"ami-wait": {ID: "ami-wait", State: "pending", CreatedAt: t0},
}

func newStage(s *store) *publish.Stage {
	return &publish.Stage{Cells: publish.One(s, known), Clock: &clock{t0.Add(time.Hour)}, Events: event.Discard}
}

// drive advances u to its end; after an error it goes on from the last saved state,
// as a resumed run does. It returns the last state and how often Advance failed.
func drive(t *testing.T, stage *publish.Stage, p *publish.Plan, tolerate int) (json.RawMessage, int, error) {
	t.Helper()
	var state json.RawMessage
	u := stage.Unit(p)
	fails, ctx := 0, t.Context()
	for range 2000 {
		out, next, err := u.Advance(ctx, state)
		if err != nil {
			if fails++; fails > tolerate || !errors.Is(err, errInjected) {
				return state, fails, err
			}
			ctx = unit.Repeat(t.Context())
			continue
		}
		state, ctx = out, t.Context()
		if next.Done {
			return state, fails, nil
		}
		if next.After > 0 {
			if err := stage.Clock.Sleep(ctx, stage.Clock.Now().Add(next.After)); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Fatalf("the unit does not end: %s", state)
	return nil, 0, nil
}

var errInjected = errors.New("injected")
