package bake

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/unit"
)

// advanceAll advances a unit to its end without pauses.
func advanceAll(t *testing.T, u any) Outcome {
	t.Helper()
	var state []byte
	for range 1000 {
		out, next, err := u.(unit.Unit).Advance(t.Context(), state)
		if err != nil {
			t.Fatal(err)
		}
		if state = out; next.Done {
			o, err := Result(state)
			if err != nil {
				t.Fatal(err)
			}
			return o
		}
	}
	t.Fatal("the unit does not end")
	return Outcome{}
}

// jumping is a clock that goes on by a step at every look.
type jumping struct {
	now  *time.Time
	step time.Duration
}

func (j jumping) Now() time.Time {
	*j.now = j.now.Add(j.step)
	return *j.now
}
func (j jumping) Sleep(context.Context, time.Time) error { return nil }

func reapRun(images []Image, r stubResources, step time.Duration) run {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return run{&Stage{
		Images:    stubImages{find: func(ImageFilter) ([]Image, error) { return images, nil }},
		Resources: r, Clock: jumping{&now, step}, Events: event.Discard,
	}, Plan{Request: Request{Run: "run-1"}, ImageName: "web"}}
}

func TestReap_removes_in_the_order_in_which_things_can_go_and_keeps_the_image(t *testing.T) {
	have := []Resource{
		{Kind: KindSecurityGroup, ID: "sg-1"}, {Kind: KindKeyPair, ID: "key-1"}, {Kind: KindVolume, ID: "vol-1"}, {Kind: KindSnapshot, ID: "snap-keep"},
		{Kind: KindSnapshot, ID: "snap-1"}, {Kind: KindImage, ID: "ami-keep"}, {Kind: KindImage, ID: "ami-1"}, {Kind: KindInstance, ID: "i-1", State: "running"},
	}
	var gone []string
	r := reapRun([]Image{{ID: "ami-keep", Snapshots: []string{"snap-keep"}}, {ID: "ami-untagged", Snapshots: []string{"snap-untagged"}}}, stubResources{
		list: func() ([]Resource, error) { return slices.Clone(have), nil },
		delete: func(one Resource) error {
			gone = append(gone, one.ID)
			have = slices.DeleteFunc(have, func(h Resource) bool { return h.ID == one.ID })
			return nil
		},
	}, 0)
	all, _ := r.Images.Find(t.Context(), ImageFilter{})
	r.Images = stubImages{find: func(ImageFilter) ([]Image, error) {
		if slices.Contains(gone, "ami-untagged") {
			return all[:1], nil
		}
		return all, nil
	}}
	s := &State{Step: stepReap, Then: stepTag, Image: "ami-keep"}
	for s.Step == stepReap {
		before := len(gone)
		if _, err := r.reapOne(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if len(gone)-before > 1 {
			t.Error("more than one mutating call in one advance")
		}
		if len(gone) > 20 {
			t.Fatalf("it does not end: %v", gone)
		}
	}
	if got, want := strings.Join(gone, " "), "i-1 ami-1 ami-untagged snap-1 snap-untagged vol-1 key-1 sg-1"; got != want {
		t.Errorf("removed %s", got)
	}
}

func TestReap_waits_for_what_is_in_use_and_for_instances_that_are_going(t *testing.T) {
	looks := 0
	r := reapRun(nil, stubResources{
		list: func() ([]Resource, error) {
			if looks++; looks > 4 {
				return nil, nil
			}
			return []Resource{{Kind: KindInstance, ID: "i-1", State: "shutting-down"}, {Kind: KindSecurityGroup, ID: "sg-1"}}, nil
		},
		delete: func(one Resource) error {
			if one.ID == "i-1" {
				t.Error("an instance that is going was asked to go again")
			}
			return fault.New(fault.Conflict, "", "in use")
		},
	}, time.Second)
	s := &State{Step: stepReap, Then: stepStart, Settle: true, Until: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	for s.Step == stepReap {
		next, err := r.reapOne(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if s.Step == stepReap && next.After != reapEvery {
			t.Errorf("waits %s", next.After)
		}
	}
	if looks != 6 {
		t.Errorf("%d looks: it must look twice after a kill", looks)
	}
}

func TestReap_that_cannot_remove_something_says_so_and_begins_nothing_new(t *testing.T) {
	r := reapRun(nil, stubResources{
		list:   func() ([]Resource, error) { return []Resource{{Kind: KindSecurityGroup, ID: "sg-1"}}, nil },
		delete: func(Resource) error { return fault.New(fault.Conflict, "", "in use") },
	}, time.Minute)
	s := new(State)
	if _, err := r.again(s, stepStart, "it was killed"); err != nil {
		t.Fatal(err)
	}
	for s.Step == stepReap {
		if _, err := r.reapOne(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	if s.Step != stepEnd || s.Outcome.Outcome != OutcomeFailed || !slices.Equal(s.Left, []string{"security-group sg-1"}) {
		t.Errorf("%+v", s)
	}
}

func TestFinish_keeps_in_the_record_what_could_not_be_removed(t *testing.T) {
	r := reapRun(nil, stubResources{}, 0)
	left := []string{"key-pair key-1"}
	b := r.bake(&State{Outcome: Outcome{Left: left}}, &outputs{lock: &baseline.Lock{}, report: &record.NodeReport{}}, Image{ID: "ami-1"})
	if b.Image != "ami-1" || !slices.Equal(b.Left, left) {
		t.Errorf("%+v", b)
	}
}

func TestReap_stops_at_errors(t *testing.T) {
	boom := errors.New("denied")
	r := reapRun(nil, stubResources{list: func() ([]Resource, error) { return nil, boom }}, 0)
	if _, err := r.reapOne(t.Context(), &State{Step: stepReap}); !errors.Is(err, boom) {
		t.Errorf("err = %v", err)
	}
	r = reapRun(nil, stubResources{
		list:   func() ([]Resource, error) { return []Resource{{Kind: KindKeyPair, ID: "key-1"}}, nil },
		delete: func(Resource) error { return boom },
	}, 0)
	if _, err := r.reapOne(t.Context(), &State{Step: stepReap, Until: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}); !errors.Is(err, boom) || !strings.Contains(err.Error(), "key-1") {
		t.Errorf("err = %v", err)
	}
}

func TestReap_never_touches_another_runs_image_of_the_same_name(t *testing.T) {
	r := reapRun([]Image{{ID: "ami-1", Name: "web", Tags: map[string]string{TagRun: "run-9"}}}, stubResources{
		list: func() ([]Resource, error) { return nil, nil },
	}, 0)
	if _, err := r.reapOne(t.Context(), &State{Step: stepReap}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("err = %v", err)
	}
}

func TestAdvance_of_an_unknown_step_is_an_error(t *testing.T) {
	s := &Stage{Clock: testClock{}, Events: event.Discard}
	for _, u := range []unit.Unit{s.Packer(Plan{}), s.RunCommand(Plan{})} {
		if _, _, err := u.Advance(t.Context(), []byte(`{"step":"dance"}`)); err == nil || !strings.Contains(err.Error(), "dance") {
			t.Errorf("%s: %v", u.Kind(), err)
		}
	}
}
