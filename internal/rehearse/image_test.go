package rehearse

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
)

// real is a real side with one group and one image.
type real struct {
	states map[string]string
	err    error
}

func (real) Find(context.Context, []string, map[string]string) ([]rollout.Group, error) {
	return []rollout.Group{{Name: "web", Template: rollout.Template{ID: "lt-1", Version: "1"}, Max: 2, Desired: 1}}, nil
}
func (real) Pin(context.Context, string, rollout.Desired) error { panic("a rehearsal writes") }
func (real) Versions(context.Context, string, ...string) ([]rollout.TemplateVersion, error) {
	return []rollout.TemplateVersion{{Template: "lt-1", Number: "1", Image: "ami-0123456789abcdef0", Data: json.RawMessage(`{"InstanceType":"m5.large"}`)}}, nil
}
func (real) Create(context.Context, rollout.NewTemplateVersion) (rollout.TemplateVersion, error) {
	panic("a rehearsal writes")
}
func (r real) States(_ context.Context, ids []string) (map[string]string, error) {
	if len(ids) != 1 || ids[0] != "ami-to" {
		panic("asked for something else")
	}
	return r.states, r.err
}

func TestTheImageToGoToIsLookedForWhereItCanBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		states map[string]string
		err    error
		kind   fault.Kind // of a refusal
		note   string
	}{
		"there":       {states: map[string]string{"ami-to": "available"}},
		"not there":   {kind: fault.NotFound},
		"said so":     {err: fault.New(fault.NotFound, "", "InvalidAMIID.NotFound"), kind: fault.NotFound},
		"not ready":   {states: map[string]string{"ami-to": "pending"}, kind: fault.Conflict},
		"disabled":    {states: map[string]string{"ami-to": "disabled"}, kind: fault.Conflict},
		"not allowed": {err: fault.New(fault.Denied, "", "no DescribeImages"), note: "could not be seen: no DescribeImages"},
		"throttled":   {err: fault.New(fault.Throttled, "", "slow down"), kind: fault.Throttled},
	} {
		t.Run(name, func(t *testing.T) {
			side := real{c.states, c.err}
			r := Reader{To: "ami-to", Home: rollout.Cell{Account: "111122223333", Region: "eu-west-1"}, Now: time.Now,
				Cells: rollout.Everywhere(rollout.Ports{Groups: side, Templates: side, Images: side})}
			in := rollout.Input{Rings: []rollout.Ring{{Name: "all"}}, Fleets: []rollout.Fleet{{Name: "web", Ring: "all", Groups: []string{"web"}}}}
			f, err := r.Read(t.Context(), in)
			if c.kind != 0 {
				if fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), "ami-to in 111122223333") {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			copied, err := copyOf(f, in, "ami-to")
			if err != nil {
				t.Fatal(err)
			}
			said := strings.Join(notes(f, copied), "\n")
			if c.note == "" && strings.Contains(said, "ami-to") || !strings.Contains(said, c.note) {
				t.Errorf("notes: %s", said)
			}
		})
	}
}

func TestASavedFleetSaysThatTheImageWasNotLookedFor(t *testing.T) {
	text, err := small().Save()
	if err != nil {
		t.Fatal(err)
	}
	f, err := ParseFleet(text)
	if err != nil {
		t.Fatal(err)
	}
	f.Unlooked("ami-to")
	c, err := copyOf(f, rollout.Input{Rings: []rollout.Ring{{Name: "all"}}, Fleets: []rollout.Fleet{{Name: "web", Ring: "all"}}}, "ami-to")
	if err != nil {
		t.Fatal(err)
	}
	if said := strings.Join(notes(f, c), "\n"); !strings.Contains(said, "whether image ami-to exists could not be seen") {
		t.Errorf("notes: %s", said)
	}
}
