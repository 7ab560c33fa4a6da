package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
)

func TestRequest_names_a_range_of_stages(t *testing.T) {
	for _, c := range []struct {
		from, until string
		first, last int
		refused     string
	}{
		{"", "", 0, 4, ""},
		{"bake", "bake", 0, 0, ""},
		{"publish", "", 2, 4, ""},
		{"", "validate", 0, 1, ""},
		{"roll", "bake", 0, 0, "roll comes after stage bake"},
		{"rol", "", 0, 0, `unknown stage "rol": one of bake, validate, publish, roll, patch`},
		{"", "deploy", 0, 0, `unknown stage "deploy"`},
	} {
		in := Request{From: c.from, Until: c.until}
		first, last, err := in.stages()
		if c.refused != "" {
			if fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%q to %q: %v", c.from, c.until, err)
			}
			continue
		}
		if err != nil || first != c.first || last != c.last {
			t.Errorf("%q to %q: %d to %d, %v", c.from, c.until, first, last, err)
		}
	}
}

func TestWhatIsModelled_never_calls_the_twin_AWS(t *testing.T) {
	for name, c := range map[string]struct {
		twin     string
		modelled bool
		lists    []string // in what is modelled
		real     string
	}{
		"on AWS":                 {"", false, nil, ""},
		"on the twin":            {"http://127.0.0.1:1", false, []string{"by the embedded twin"}, "Packer"},
		"on the twin's own data": {"http://127.0.0.1:1", true, []string{"by the embedded twin", "no Packer and no package manager ran"}, "the evaluation"},
	} {
		modelled, real := whatIsModelled(Request{Cloud: &Cloud{Twin: c.twin}, Modelled: c.modelled})
		for _, want := range c.lists {
			if !strings.Contains(strings.Join(modelled, "\n"), want) {
				t.Errorf("%s: %q is not in %q", name, want, modelled)
			}
		}
		if len(c.lists) == 0 && len(modelled)+len(real) > 0 || !strings.Contains(strings.Join(real, "\n"), c.real) {
			t.Errorf("%s: modelled %q, real %q", name, modelled, real)
		}
	}
}

func TestUnfinished_tells_waiting_from_interrupted_from_failed(t *testing.T) {
	for want, err := range map[string]error{
		"waiting":     fmt.Errorf("roll: %w", fault.New(fault.Waiting, "", "until tomorrow")),
		"interrupted": fmt.Errorf("roll: %w", context.Canceled),
		"failed":      errors.New("boom"),
	} {
		if got := unfinished(err); got != want {
			t.Errorf("%v: %s", err, got)
		}
	}
}

func TestRun_of_a_leased_line_touches_nothing(t *testing.T) {
	s := state(t)
	release, err := s.Lease(t.Context(), "web", "run-1")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	in := Request{Config: &config.Config{}, Image: &config.Image{Label: "web"}, State: s, Cloud: &Cloud{}}
	for _, run := range []string{"", "20260101-000000-abcdef"} {
		in.Run = run
		if _, err := Run(t.Context(), in); fault.KindOf(err) != fault.Conflict {
			t.Errorf("run %q: %v", run, err)
		}
	}
	if _, err := os.Stat(s.Artifacts("")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a run that was not begun left a folder: %v", err)
	}
}

func TestADocumentOfAnInterruptedRunSaysHowToGoOn(t *testing.T) {
	cut := fmt.Errorf("roll: %w; later rings were not touched", context.Canceled)
	for _, c := range []struct {
		err  error
		run  string
		want string
	}{
		{cut, "r1", "interrupted; `rehydrate run --resume r1` goes on with it"},
		{cut, "", "interrupted"},
		{errors.Join(errors.New("group a: failed"), cut), "r1", "interrupted; `rehydrate run --resume r1` goes on with it\ngroup a: failed"},
		{errors.New("group a: failed"), "r1", "group a: failed"},
	} {
		if got := told(c.err, c.run); got != c.want {
			t.Errorf("%q, not %q", got, c.want)
		}
	}
}
