package apply

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
)

func have(name, arch, version string) baseline.Installed {
	return baseline.Installed{Package: baseline.Package{Name: name, Arch: arch, Version: version}}
}

func TestDiffNamesEveryDifferenceOnce(t *testing.T) {
	before := []baseline.Installed{have("same", "all", "1"), have("up", "amd64", "1"), have("up", "i386", "1"), have("gone", "all", "1")}
	after := []baseline.Installed{have("new", "all", "3"), have("same", "all", "1"), have("up", "i386", "1"), have("up", "amd64", "2")}
	want := []record.Change{
		{Name: "gone", Arch: "all", From: "1"}, {Name: "new", Arch: "all", To: "3"}, {Name: "up", Arch: "amd64", From: "1", To: "2"},
	}
	if d := cmp.Diff(want, Diff(before, after)); d != "" {
		t.Error(d)
	}
	if got := Diff(before, before); got != nil {
		t.Errorf("Diff of equals = %v", got)
	}
}

func TestExtraIsWhatWasNotAskedFor(t *testing.T) {
	sim := Simulation{Install: []record.Change{{Name: "a", Arch: "all", To: "2"}, {Name: "b", Arch: "all", To: "2"}, {Name: "a", Arch: "i386", To: "2"}}}
	wanted := []baseline.LockedPackage{{Package: baseline.Package{Name: "a", Arch: "all", Version: "2"}}, {Package: baseline.Package{Name: "b", Arch: "all", Version: "1"}}}
	if got := sim.Extra(wanted); len(got) != 2 || got[0].Name != "b" || got[1].Arch != "i386" {
		t.Errorf("Extra = %v, want b at another version and a of another architecture", got)
	}
}

func TestSayIsForPeople(t *testing.T) {
	for want, c := range map[string]record.Change{
		"a:all 1 → 2":     {Name: "a", Arch: "all", From: "1", To: "2"},
		"a:all 2 new":     {Name: "a", Arch: "all", To: "2"},
		"a:all 1 removed": {Name: "a", Arch: "all", From: "1"},
		"a 1 removed":     {Name: "a", From: "1"},
	} {
		if got := Say(c); got != want {
			t.Errorf("Say(%+v) = %q, want %q", c, got, want)
		}
	}
}
