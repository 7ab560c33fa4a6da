package rollout_test

import (
	"testing"

	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/rollout"
)

// listed counts the lists of refreshes between the making of a version, or the read of
// one, and the first refresh.
func listed(f *fleet) *int {
	n := new(int)
	begun := false
	f.hook = func(call string, after bool) error {
		switch {
		case call == "Start":
			begun = true
		case call == "List" && !after && !begun:
			*n++
		}
		return nil
	}
	return n
}

func TestRefreshesAreNotListedBeforeAVersionThatThisProcessMade(t *testing.T) {
	f := demo()
	p := plan(t, f, demoInput())
	n := listed(f)
	if _, err := roll(t, f, p); err != nil {
		t.Fatal(err)
	}
	if *n != 0 {
		t.Errorf("listed %d times", *n)
	}
}

func TestRefreshesAreListedBeforeAVersionThatWasThere(t *testing.T) {
	f := demo()
	p := plan(t, f, demoInput())
	if _, err := roll(t, f, p); err != nil {
		t.Fatal(err)
	}
	// A person takes the group back; the version, and a refresh to it, stay behind.
	g := f.groups["web-dev"]
	g.Template.Version = "1"
	for i := range g.Instances {
		g.Instances[i] = f.launch("lt-1", "1")
	}
	p = plan(t, f, demoInput())
	n := listed(f)
	got, err := roll(t, f, p)
	if err != nil || *n != 1 {
		t.Fatalf("listed %d times, %v", *n, err)
	}
	if got[0].Refresh != "r-2" || got[0].OnImage != 2 {
		t.Errorf("%+v", got[0])
	}
}

// The process dies between the start and its record, and another one goes on: what the
// first one began is found though nothing was listed before.
func TestAnotherProcessAdoptsARefreshBeforeWhichNothingWasListed(t *testing.T) {
	f := demo()
	p := plan(t, f, demoInput())
	store := journal.NewFolder(t.TempDir())
	run := func() error {
		x := f.execution(t)
		x.Pool = &engine.Pool{Local: &engine.Local{Journal: journal.Open(store, "r1"), Clock: f.clock}}
		_, err := x.Roll(t.Context(), p)
		return err
	}
	died := false
	f.hook = func(call string, after bool) error {
		if call == "Start" && after && !died {
			died = true
			panic("killed")
		}
		return nil
	}
	func() {
		defer func() { _ = recover() }()
		_ = run()
	}()
	if !died {
		t.Fatal("it did not die")
	}
	if err := run(); err != nil {
		t.Fatal(err)
	}
	want := []string{"version lt-1 2", "refresh web-dev 2", "refresh web-prod 2"}
	if len(f.writes) != len(want) {
		t.Errorf("wrote %v", f.writes)
	}
	if got := f.running("web-dev"); got["ami-new"] != 2 {
		t.Errorf("runs %v", got)
	}
}

// Somebody's refresh that nobody listed is seen when ours is refused.
func TestARefreshOfOursThatIsUnderWayIsAdoptedWhenTheStartIsRefused(t *testing.T) {
	f := demo()
	p := plan(t, f, demoInput())
	f.hook = func(call string, after bool) error {
		if call == "Start" && !after && len(f.refreshes["web-dev"]) == 0 {
			f.refreshes["web-dev"] = []rollout.Refresh{{ID: "r-9", Status: "InProgress",
				Desired: rollout.Desired{Template: rollout.Template{ID: "lt-1", Version: "2"}}}}
		}
		return nil
	}
	got, err := roll(t, f, p)
	if err != nil || got[0].Refresh != "r-9" || got[0].OnImage != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}
