package apply

import (
	"testing"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
)

func rpm(name, epoch, version, release string) baseline.Package {
	return baseline.Package{Name: name, Arch: "x86_64", Epoch: epoch, Version: version, Release: release}
}

func TestVersionsAreWhole(t *testing.T) {
	for want, p := range map[string]baseline.Package{
		"1:2.0-3":   rpm("a", "1", "2.0", "3"),
		"0:2.0-3":   rpm("a", "", "2.0", "3"),
		"1:2.0-3.1": {Name: "a", Version: "1:2.0-3.1"}, // deb
	} {
		if got := Version(p); got != want {
			t.Errorf("Version(%+v) = %s, want %s", p, got, want)
		}
	}
	if !Same(rpm("a", "", "1", "1"), rpm("a", "0", "1", "1")) || Same(rpm("a", "1", "1", "1"), rpm("a", "0", "1", "1")) || Same(rpm("a", "0", "1", "1"), rpm("a", "0", "1", "2")) {
		t.Error("epoch and release count, and no epoch is epoch 0")
	}
}

func TestDiffShowsVersionsThatStandBesideEachOther(t *testing.T) {
	at := func(list ...baseline.Package) (out []baseline.Installed) {
		for _, p := range list {
			out = append(out, baseline.Installed{Package: p})
		}
		return out
	}
	before := at(rpm("kernel", "0", "5.9", "1"), rpm("lib", "0", "1", "1"))
	after := at(rpm("kernel", "0", "5.14", "1"), rpm("kernel", "0", "5.9", "1"), rpm("lib", "0", "1", "2"))
	want := []record.Change{
		{Name: "kernel", Arch: "x86_64", From: "0:5.9-1", To: "0:5.9-1 0:5.14-1"},
		{Name: "lib", Arch: "x86_64", From: "0:1-1", To: "0:1-2"},
	}
	if got := Diff(before, after); len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("Diff = %v, want %v", got, want)
	}
}
