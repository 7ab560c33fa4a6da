package modelled

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/twin/backing"
)

// clock is a function field for a time that tests set.
type clock struct{ now func() time.Time }

func (c clock) Now() time.Time                               { return c.now() }
func (c clock) Sleep(ctx context.Context, _ time.Time) error { return ctx.Err() }

// bench is a backing with one repository that moves on.
type bench struct {
	*Modelled
	dir    string
	now    time.Time
	offers baseline.Available
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{dir: t.TempDir(), now: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), offers: offers("2")}
	b.Modelled = b.restart()
	return b
}

// restart is a backing as a new process would make it.
func (b *bench) restart() *Modelled {
	return New(Options{
		Clock: clock{func() time.Time { return b.now }},
		Repository: func(name string) (baseline.Available, error) {
			if name != "world" {
				return baseline.Available{}, errors.New("no such repository")
			}
			return b.offers, nil
		},
	})
}

func pkg(name, version string) baseline.Package {
	return baseline.Package{Name: name, Arch: "amd64", Version: version}
}

// offers is a Debian security repository with app, lib (which app of version 2 and
// above requires) and other at a version.
func offers(version string) baseline.Available {
	origin := baseline.Origin{Origin: "Debian", Label: "Debian-Security", Suite: "stable-security", Codename: "bookworm-security", Component: "main", Trusted: true}
	a := baseline.Available{Repositories: []baseline.Repository{{ID: "sec", URL: "http://archive.test/", Suite: "bookworm-security", Origin: origin, Verified: true}}}
	for _, name := range []string{"app", "lib", "other", "linux-image-cloud"} {
		p := baseline.AvailablePackage{
			Package: pkg(name, version), Priority: "optional", Section: "admin", Origins: []baseline.Origin{origin},
			Repository: "sec", Filename: name + "_" + version + ".deb", Size: 10, SHA256: strings.Repeat("ab", 32),
		}
		if name == "app" {
			p.Requires = []baseline.Package{{Name: "lib"}}
		}
		a.Packages = append(a.Packages, p)
	}
	return a
}

func (b *bench) spec(id string) backing.Machine {
	return backing.Machine{ID: id, Dir: filepath.Join(b.dir, id), Image: backing.Image{Modelled: &backing.ModelledImage{
		OS: baseline.Debian, Product: "Debian12", Arch: "amd64", Kernel: "6.1.0-1-cloud-amd64", Repository: "world",
		Installed: []baseline.Installed{
			{Package: pkg("app", "1")}, {Package: pkg("dpkg", "1.21")}, {Package: pkg("linux-image-cloud", "1"), Source: "linux"},
			{Package: pkg("other", "1"), Held: true},
		},
	}}}
}

func request(op string) record.NodeRequest {
	return record.NodeRequest{Schema: record.NodeSchema, Operation: op, Baseline: json.RawMessage(`{"Name":"all","OperatingSystem":"DEBIAN",
		"ApprovalRules":{"PatchRules":[{"PatchFilterGroup":{"PatchFilters":[{"Key":"PRIORITY","Values":["*"]}]},"EnableNonSecurity":true}]}}`)}
}

func start(t *testing.T, d *Modelled, m backing.Machine) {
	t.Helper()
	if err := d.Start(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

func versions(list []baseline.Installed) string {
	var s []string
	for _, p := range list {
		s = append(s, p.Name+"="+p.Version)
	}
	slices.Sort(s)
	return strings.Join(s, " ")
}

func TestScanFindsWhatIsMissingAndChangesNothing(t *testing.T) {
	b := newBench(t)
	m := b.spec("i-1")
	start(t, b.Modelled, m)
	r, err := b.Patch(t.Context(), m.ID, request("Scan"))
	if err != nil {
		t.Fatal(err)
	}
	if !r.Modelled || r.Node != m.ID || r.Evaluation.Counts.MissingCount != 3 || len(r.Changes) != 0 || !strings.Contains(strings.Join(r.Findings, "\n"), "modelled") {
		t.Errorf("got %+v", r)
	}
	if !r.StartedAt.Equal(b.now) || !r.Before.Inventory.BootTime.Equal(b.now) {
		t.Errorf("times are not the twin's: %v, %v", r.StartedAt, r.Before.Inventory.BootTime)
	}
	if _, err := os.Stat(m.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a machine that never changed has a folder: %v", err)
	}
}

func TestInstallChangesTheMachineAndNotItsImage(t *testing.T) {
	b := newBench(t)
	m := b.spec("i-1")
	before := versions(m.Image.Modelled.Installed)
	start(t, b.Modelled, m)
	r, err := b.Patch(t.Context(), m.ID, request("Install"))
	if fault.KindOf(err) != fault.Partial && err != nil {
		t.Fatal(err)
	}
	const want = "app=2 dpkg=1.21 lib=2 linux-image-cloud=2 other=1"
	if got := versions(r.After.Installed); got != want {
		t.Errorf("after: %s, want %s (%v)", got, want, r.Findings)
	}
	if len(r.Changes) != 3 || !r.RebootNeed || r.Lock == nil || r.LockDigest == "" {
		t.Errorf("got %+v", r)
	}
	for _, o := range r.Obtained {
		if o.From != "source" {
			t.Errorf("%+v", o)
		}
	}
	if got := versions(m.Image.Modelled.Installed); got != before {
		t.Errorf("the image has changed: %s", got)
	}
	if i := slices.IndexFunc(r.After.Installed, func(p baseline.Installed) bool { return p.Name == "linux-image-cloud" }); r.After.Installed[i].Source != "linux" || !r.After.Installed[i].InstalledTime.Equal(b.now) {
		t.Errorf("got %+v", r.After.Installed[i])
	}

	t.Run("a new process finds the same", func(t *testing.T) {
		again := b.restart()
		start(t, again, m)
		r, err := again.Patch(t.Context(), m.ID, request("Scan"))
		if err != nil || versions(r.Before.Inventory.Installed) != want {
			t.Errorf("got %+v, %v", r.Before, err)
		}
	})
	t.Run("another machine of the image does not", func(t *testing.T) {
		other := b.spec("i-2")
		other.Image = m.Image
		start(t, b.Modelled, other)
		r, err := b.Patch(t.Context(), other.ID, request("Scan"))
		if err != nil || versions(r.Before.Inventory.Installed) != before {
			t.Errorf("got %+v, %v", r.Before, err)
		}
	})
}

func TestWhatWaitsForARebootIsOverAfterIt(t *testing.T) {
	b := newBench(t)
	m := b.spec("i-1")
	m.Image.Modelled.Installed[3].Held = false
	start(t, b.Modelled, m)
	q := request("Install")
	q.RebootOption = string(baseline.NoReboot)
	b.now = b.now.Add(time.Hour)
	r, err := b.Patch(t.Context(), m.ID, q)
	if err != nil {
		t.Fatal(err)
	}
	if n := r.Evaluation.Counts.InstalledPendingRebootCount; n == 0 {
		t.Fatalf("nothing waits: %+v", r.Evaluation.Counts)
	}
	if r, err = b.Patch(t.Context(), m.ID, request("Scan")); err != nil || r.Evaluation.Counts.InstalledPendingRebootCount == 0 {
		t.Errorf("forgotten: %+v, %v", r.Evaluation, err)
	}
	b.now = b.now.Add(time.Hour)
	if err := b.Reboot(t.Context(), m.ID); err != nil {
		t.Fatal(err)
	}
	if r, err = b.Patch(t.Context(), m.ID, request("Scan")); err != nil || r.Evaluation.Counts.InstalledPendingRebootCount != 0 || !r.Before.Inventory.BootTime.Equal(b.now) {
		t.Errorf("still waits: %+v, %v", r.Evaluation, err)
	}
}

func TestALockIsInstalledFromWhereItStillIs(t *testing.T) {
	b := newBench(t)
	first, second := b.spec("i-1"), b.spec("i-2")
	start(t, b.Modelled, first)
	start(t, b.Modelled, second)
	made, err := b.Patch(t.Context(), first.ID, request("Install"))
	if made.Lock == nil {
		t.Fatal(err)
	}
	b.offers = offers("3")
	with := func(change func(*record.NodeRequest)) record.NodeRequest {
		q := request("Install")
		lock := *made.Lock
		lock.Repositories = slices.Clone(lock.Repositories)
		q.Lock = &lock
		change(&q)
		return q
	}
	t.Run("from nowhere is an error that names the package", func(t *testing.T) {
		r, err := b.Patch(t.Context(), second.ID, with(func(*record.NodeRequest) {}))
		if err == nil || !strings.Contains(err.Error(), "no longer offers") || !strings.Contains(r.Error, "obtain") || len(r.Changes) != 0 {
			t.Errorf("got %v, %+v", err, r.Changes)
		}
	})
	t.Run("by time travel", func(t *testing.T) {
		third := b.spec("i-3")
		start(t, b.Modelled, third)
		r, _ := b.Patch(t.Context(), third.ID, with(func(q *record.NodeRequest) { q.Lock.Repositories[0].TimeTravel = "http://snapshot.test/1" }))
		if len(r.Obtained) == 0 || r.Obtained[0].From != "time-travel" || len(r.Changes) != 3 {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("by the bundle, which is said to be a model", func(t *testing.T) {
		r, _ := b.Patch(t.Context(), second.ID, with(func(q *record.NodeRequest) { q.Bundle = "/var/tmp/bundle" }))
		if len(r.Obtained) == 0 || r.Obtained[0].From != "bundle" || !strings.Contains(strings.Join(r.Findings, "\n"), "taken to be complete") {
			t.Errorf("got %+v", r)
		}
		if got := versions(r.After.Installed); !strings.Contains(got, "app=2 ") {
			t.Errorf("after: %s", got)
		}
	})
}

func TestAnUnknownRepositoryIsAnError(t *testing.T) {
	b := newBench(t)
	m := b.spec("i-1")
	m.Image.Modelled.Repository = "gone"
	start(t, b.Modelled, m)
	if r, err := b.Patch(t.Context(), m.ID, request("Scan")); err == nil || !strings.Contains(r.Error, `"gone"`) || r.Evaluation != nil {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestThereIsNoShell(t *testing.T) {
	b := newBench(t)
	m := b.spec("i-1")
	start(t, b.Modelled, m)
	var out, errs bytes.Buffer
	code, err := b.Run(t.Context(), m.ID, backing.Command{Script: "id", Stdout: &out, Stderr: &errs})
	if code != 127 || err != nil || out.Len() != 0 || errs.String() != "modelled instance: no shell\n" {
		t.Errorf("got %d %v %q %q", code, err, out.String(), errs.String())
	}
}

func TestFilesArePutAndGot(t *testing.T) {
	b := newBench(t)
	m := b.spec("i-1")
	start(t, b.Modelled, m)
	if err := b.Put(t.Context(), m.ID, "/opt//x", 0o600, strings.NewReader("data")); err != nil {
		t.Fatal(err)
	}
	get := func(d *Modelled, name string) (string, error) {
		var w bytes.Buffer
		err := d.Get(t.Context(), m.ID, name, &w)
		return w.String(), err
	}
	again := b.restart()
	start(t, again, m)
	if got, err := get(again, "/opt/x"); got != "data" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := get(b.Modelled, "/etc/os-release"); err != nil || !strings.Contains(got, `VERSION_ID="12"`) {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := get(b.Modelled, "/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if err := b.Put(t.Context(), m.ID, "/y", 0o600, io.MultiReader(strings.NewReader("half"), failing{})); err == nil {
		t.Error("half a file was put")
	}
	if m.Image.Modelled.Files != nil {
		t.Error("the image has changed")
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("cut off") }

func TestAMachineThatDoesNotRunDoesNothing(t *testing.T) {
	b := newBench(t)
	m := b.spec("i-1")
	start(t, b.Modelled, m)
	start(t, b.Modelled, m) // nothing
	if err := b.Stop(t.Context(), m.ID); err != nil {
		t.Fatal(err)
	}
	calls := map[string]func(string) error{
		"reboot": func(id string) error { return b.Reboot(t.Context(), id) },
		"run":    func(id string) error { _, err := b.Run(t.Context(), id, backing.Command{Script: "x"}); return err },
		"put":    func(id string) error { return b.Put(t.Context(), id, "/x", 0, strings.NewReader("")) },
		"get":    func(id string) error { return b.Get(t.Context(), id, "/x", io.Discard) },
		"patch":  func(id string) error { _, err := b.Patch(t.Context(), id, request("Scan")); return err },
	}
	for name, call := range calls {
		for _, id := range []string{m.ID, "i-unknown"} {
			if err := call(id); !errors.Is(err, backing.ErrNotRunning) || !strings.Contains(err.Error(), id) {
				t.Errorf("%s of %s: %v", name, id, err)
			}
		}
	}
	if err := b.Stop(t.Context(), "i-unknown"); err != nil {
		t.Error(err)
	}
	if err := b.Start(t.Context(), backing.Machine{ID: "i-real"}); !errors.Is(err, errNoData) {
		t.Errorf("start of a real root: %v", err)
	}
	start(t, b.Modelled, m)
	if err := b.Put(t.Context(), m.ID, "/x", 0, strings.NewReader("")); err != nil {
		t.Fatal(err)
	}
	if err := b.Destroy(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(m.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its folder: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestADamagedStateIsAnError(t *testing.T) {
	b := newBench(t)
	m := b.spec("i-1")
	if err := os.MkdirAll(m.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(m.Dir, stateFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.Start(t.Context(), m); err == nil || !strings.Contains(err.Error(), stateFile) {
		t.Errorf("got %v", err)
	}
}

func TestCaptureIsAnImageOfTheMachine(t *testing.T) {
	b := newBench(t)
	m := b.spec("i-1")
	start(t, b.Modelled, m)
	r, err := b.Patch(t.Context(), m.ID, request("Install"))
	if r.After == nil {
		t.Fatal(err)
	}
	image, err := b.Capture(t.Context(), m, filepath.Join(b.dir, "ami"), 0)
	if err != nil {
		t.Fatal(err)
	}
	next := b.spec("i-2")
	next.Image = image
	start(t, b.Modelled, next)
	again, err := b.Patch(t.Context(), next.ID, request("Scan"))
	if err != nil || versions(again.Before.Inventory.Installed) != versions(r.After.Installed) {
		t.Errorf("got %+v, %v", again.Before, err)
	}
	if got, err := json.Marshal(image); err != nil || len(got) == 0 {
		t.Errorf("an image is data: %v", err)
	}
	if reflect.DeepEqual(image.Modelled.Installed, m.Image.Modelled.Installed) {
		t.Error("the captured image is the old one")
	}
}
