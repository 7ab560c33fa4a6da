package backing

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/record"
)

// stub notes what it is asked.
type stub struct {
	name  string
	calls []string
	err   error
}

func (s *stub) say(what, id string) error { s.calls = append(s.calls, what+" "+id); return s.err }

func (s *stub) Start(_ context.Context, m Machine) error   { return s.say("start", m.ID) }
func (s *stub) Stop(_ context.Context, id string) error    { return s.say("stop", id) }
func (s *stub) Reboot(_ context.Context, id string) error  { return s.say("reboot", id) }
func (s *stub) Destroy(_ context.Context, m Machine) error { return s.say("destroy", m.ID) }
func (s *stub) Close() error                               { return s.say("close", "") }
func (s *stub) Disk(_ context.Context, _ Image, file string, _ int64) error {
	return s.say("disk", file)
}
func (s *stub) Run(_ context.Context, id string, _ Command) (int, error) { return 5, s.say("run", id) }
func (s *stub) Put(_ context.Context, id, _ string, _ fs.FileMode, _ io.Reader) error {
	return s.say("put", id)
}
func (s *stub) Get(_ context.Context, id, _ string, _ io.Writer) error { return s.say("get", id) }
func (s *stub) Capture(_ context.Context, m Machine, _ string, _ int64) (Image, error) {
	return Image{Disk: s.name}, s.say("capture", m.ID)
}
func (s *stub) Patch(_ context.Context, id string, _ record.NodeRequest) (record.NodeReport, error) {
	return record.NodeReport{Node: s.name}, s.say("patch", id)
}

func (s *stub) Claim(_ Image, a netip.Addr) bool { return a.IsLoopback() }

// useAll calls everything for a machine and returns the errors.
func useAll(t *testing.T, r *Router, m Machine) map[string]error {
	t.Helper()
	ctx := t.Context()
	errs := map[string]error{}
	errs["start"] = r.Start(ctx, m)
	code, err := r.Run(ctx, m.ID, Command{Script: "x"})
	if err == nil && code != 5 {
		t.Errorf("exit code %d", code)
	}
	errs["run"] = err
	errs["put"] = r.Put(ctx, m.ID, "/x", 0, strings.NewReader(""))
	errs["get"] = r.Get(ctx, m.ID, "/x", new(bytes.Buffer))
	errs["reboot"] = r.Reboot(ctx, m.ID)
	_, errs["patch"] = r.Patch(ctx, m.ID, record.NodeRequest{})
	_, errs["capture"] = r.Capture(ctx, m, "/dir", 0)
	errs["disk"] = r.Disk(ctx, m.Image, m.ID, 0)
	errs["stop"] = r.Stop(ctx, m.ID)
	errs["destroy"] = r.Destroy(ctx, m)
	return errs
}

func TestMachinesGoWhereTheirImageBelongs(t *testing.T) {
	real, data := &stub{name: "real"}, &stub{name: "modelled"}
	r := &Router{Real: real, Modelled: data}
	all := func(id string, patched bool) []string {
		calls := []string{"start " + id, "run " + id, "put " + id, "get " + id, "reboot " + id}
		if patched {
			calls = append(calls, "patch "+id)
		}
		return append(calls, "capture "+id, "disk "+id, "stop "+id, "destroy "+id)
	}
	errs := useAll(t, r, Machine{ID: "i-data", Image: Image{Modelled: &ModelledImage{}}})
	for what, err := range errs {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if !reflect.DeepEqual(data.calls, all("i-data", true)) || len(real.calls) > 0 {
		t.Errorf("modelled %v, real %v", data.calls, real.calls)
	}
	data.calls = nil
	errs = useAll(t, r, Machine{ID: "i-real", Image: Image{Layers: []string{"/"}}})
	for what, err := range errs {
		if want := what == "patch"; errors.Is(err, ErrNotModelled) != want || !want && err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if !reflect.DeepEqual(real.calls, all("i-real", false)) || len(data.calls) > 0 {
		t.Errorf("modelled %v, real %v", data.calls, real.calls)
	}
	if err := r.Close(); err != nil || real.calls[len(real.calls)-1] != "close " || data.calls[len(data.calls)-1] != "close " {
		t.Errorf("close: %v %v %v", err, real.calls, data.calls)
	}
}

func TestWithoutRealRootsTheirMachinesAreRefused(t *testing.T) {
	r := &Router{Modelled: &stub{}}
	for _, i := range []Image{{Layers: []string{"/"}}, {}} {
		errs := useAll(t, r, Machine{ID: "i-real", Image: i})
		for what, err := range errs {
			want := ErrUnavailable
			switch what {
			case "run", "put", "get", "reboot", "patch":
				want = ErrNotRunning
			case "stop": // nothing to stop
				want = nil
			}
			if !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", what, err, want)
			}
		}
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestAMachineThatCouldNotBeDestroyedIsStillKnown(t *testing.T) {
	data := &stub{}
	r := &Router{Modelled: data}
	m := Machine{ID: "i-1", Image: Image{Modelled: &ModelledImage{}}}
	if err := r.Start(t.Context(), m); err != nil || !r.IsModelled(m.ID) {
		t.Fatal(err)
	}
	data.err = errors.New("busy")
	if err := r.Destroy(t.Context(), m); err == nil || !r.IsModelled(m.ID) {
		t.Errorf("got %v", err)
	}
	data.err = nil
	if err := r.Destroy(t.Context(), m); err != nil || r.IsModelled(m.ID) {
		t.Errorf("got %v", err)
	}
}

func TestOnlyAddressesOfRealRootsAreClaimed(t *testing.T) {
	real, other := Image{Layers: []string{"/x"}}, netip.MustParseAddr("10.0.0.1")
	for name, c := range map[string]struct {
		r    *Router
		i    Image
		a    netip.Addr
		want bool
	}{
		"a real root's":                  {&Router{Real: &stub{}}, real, netip.MustParseAddr("127.1.2.3"), true},
		"a real root's that it refuses":  {&Router{Real: &stub{}}, real, other, false},
		"a modelled machine's":           {&Router{Modelled: plain{&stub{}, &stub{}}}, Image{Modelled: &ModelledImage{}}, other, true},
		"one's where there are no roots": {&Router{}, real, other, true},
	} {
		if got := c.r.Claim(c.i, c.a); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// plain is a stub that claims nothing.
type plain struct {
	Backing
	Patcher
}
