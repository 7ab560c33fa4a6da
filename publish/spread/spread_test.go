package spread

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/goldenami/rehydrate/internal/unit"
)

const (
	homeAccount = "111111111111"
	otherA      = "222222222222"
	otherB      = "333333333333"
)

var homeCell = Cell{homeAccount, "eu-west-1"}

// six are three accounts in two Regions.
func six() (out []Target) {
	for _, a := range []string{homeAccount, otherA, otherB} {
		for _, r := range []string{"eu-west-1", "us-east-1"} {
			t := Target{Cell: Cell{a, r}}
			if a != homeAccount {
				t.Role = "arn:aws:iam::" + a + ":role/rehydrate"
			}
			out = append(out, t)
		}
	}
	return out
}

func input(edit func(*Input)) Input {
	in := Input{Run: "run-1", Home: homeCell, Image: "ami-baked", Targets: six(), Type: "t3.micro"}
	if edit != nil {
		edit(&in)
	}
	return in
}

// process advances units from kept states; a unit whose process died goes on from the
// last state that was kept.
type process struct {
	c      *cloud
	states map[string]json.RawMessage
	ended  map[string]bool
}

func (p *process) run(name string, u unit.Unit) error {
	for range 2000 {
		if p.ended[name] {
			return nil
		}
		before := len(p.c.calls)
		out, next, err := u.Advance(context.Background(), p.states[name])
		if n := len(p.c.calls) - before; n > 1 {
			return fmt.Errorf("%s made %d mutating calls in one step", name, n)
		}
		if err != nil {
			return err
		}
		p.states[name], p.ended[name] = out, next.Done
		p.c.now = p.c.now.Add(next.After)
	}
	return fmt.Errorf("%s does not end", name)
}

// all runs a plan to its end, one unit after the other, as the program does.
func (p *process) all(s *Stage, plan *Plan) error {
	if err := p.run("grants", s.GrantUnit(plan.Grants)); err != nil {
		return err
	}
	images := make([]string, len(plan.Places))
	for _, after := range []bool{false, true} {
		for n, pl := range plan.Places {
			if pl.After != after {
				continue
			}
			name := fmt.Sprintf("place %d", n)
			if err := p.run(name, s.PlaceUnit(pl)); err != nil {
				return err
			}
			r, err := PlaceResult(pl, p.states[name])
			if err != nil {
				return err
			}
			images[n] = r.Image
		}
	}
	for n, k := range plan.Checks {
		name := fmt.Sprintf("check %d", n)
		if err := p.run(name, s.CheckUnit(k, images[k.Place])); err != nil {
			return err
		}
		if _, err := CheckResult(k, images[k.Place], p.states[name]); err != nil {
			return err
		}
	}
	return nil
}

func newProcess(c *cloud) *process {
	return &process{c: c, states: map[string]json.RawMessage{}, ended: map[string]bool{}}
}

func cloudWithKeys(copies bool) *cloud {
	c := newCloud()
	for _, t := range six() {
		if t.Account == homeAccount || copies {
			c.key(t.Cell)
		}
	}
	return c
}

// Every process that dies at one of its calls, before or after it was made, is gone on
// with by another one; what stands in the end is the same, by the same calls.
func TestDyingAtEveryCallEndsTheSame(t *testing.T) {
	for name, edit := range map[string]func(*Input){
		"shared": func(in *Input) { in.Key, in.Grant, in.Canary = "alias/golden", true, "t3.micro" },
		"copied": func(in *Input) { in.Key, in.Grant, in.Copy = "alias/golden", true, true },
		"plain":  nil,
	} {
		t.Run(name, func(t *testing.T) {
			in := input(edit)
			live := func(dieAt int, after bool) (*cloud, []string) {
				c := cloudWithKeys(in.Copy)
				plan, err := c.stage().Plan(t.Context(), in)
				if err != nil {
					t.Fatal(err)
				}
				c.dieAt, c.dieAfter = dieAt, after
				p := newProcess(c)
				if err = p.all(c.stage(), plan); errors.Is(err, errDied) {
					err = p.all(c.stage(), plan)
				}
				if err != nil {
					t.Fatalf("died at call %d (%t): %v", dieAt, after, err)
				}
				return c, c.calls
			}
			want, calls := live(0, false)
			for at := 1; at <= len(calls); at++ {
				for _, after := range []bool{false, true} {
					c, again := live(at, after)
					if d := cmp.Diff(want.world(), c.world()); d != "" {
						t.Errorf("died at call %d (%t): %s", at, after, d)
					}
					if d := cmp.Diff(calls, again); d != "" {
						t.Errorf("died at call %d (%t), other calls: %s", at, after, d)
					}
				}
			}
			t.Logf("%d calls", len(calls))
		})
	}
}

// world is what stands, as text.
func (c *cloud) world() string {
	data, err := json.Marshal(map[string]any{"audience": c.audience, "readers": c.readers, "grants": c.grants, "instances": c.instances, "images": c.byCell()})
	if err != nil {
		panic(err)
	}
	return string(data)
}

func (c *cloud) byCell() map[string]map[string]*Image {
	out := map[string]map[string]*Image{}
	for at, all := range c.images {
		out[at.String()] = all
	}
	return out
}

func TestWhateverDiesHoweverOftenEndsTheSame(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		in := input(func(in *Input) {
			in.Copy = rapid.Bool().Draw(r, "copy")
			in.Grant, in.Key = true, rapid.SampledFrom([]string{"", "alias/golden"}).Draw(r, "key")
			in.Targets = rapid.Permutation(in.Targets).Draw(r, "targets")[:rapid.IntRange(1, 6).Draw(r, "n")]
		})
		fail := rapid.SampledFrom([]string{"", homeAccount + "/us-east-1", otherA + "/us-east-1"}).Draw(r, "fails once")
		live := func(deaths []int) *cloud {
			c := cloudWithKeys(in.Copy)
			if fail != "" {
				c.failing[fail] = 1
			}
			in := in
			in.Targets = slices.Clone(in.Targets)
			plan, err := c.stage().Plan(context.Background(), in)
			if err != nil {
				r.Fatal(err)
			}
			p := newProcess(c)
			for _, d := range deaths {
				c.dieAt, c.dieAfter = len(c.calls)+1+d/2, d%2 == 0
				if err := p.all(c.stage(), plan); err != nil && !errors.Is(err, errDied) {
					r.Fatal(err)
				}
			}
			c.dieAt = 0
			if err := p.all(c.stage(), plan); err != nil {
				r.Fatal(err)
			}
			return c
		}
		deaths := rapid.SliceOfN(rapid.IntRange(0, 20), 0, 5).Draw(r, "deaths")
		if d := cmp.Diff(live(nil).world(), live(deaths).world()); d != "" {
			r.Error(d)
		}
	})
}
