package witness

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/baseline"
)

// Packages are versions by name:architecture, as dpkg-query has them.
type Packages map[string]string

const (
	// Query is the script whose output ParsePackages reads.
	Query = `dpkg-query -W -f '${db:Status-Abbrev}|${Package}:${Architecture}|${Version}\n'`
	// Upgrade is the script that asks Debian itself what it would do now; Pending
	// reads its output.
	Upgrade = `apt-get -qq update >&2 && apt-get -s dist-upgrade`
)

// fewest is how many packages the smallest Debian has, at the very least.
const fewest = 50

// ParsePackages reads the output of Query. Every package must be installed properly.
func ParsePackages(t testing.TB, text string) Packages {
	t.Helper()
	out := Packages{}
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) != 3 {
			t.Fatalf("dpkg-query said %q", line)
		}
		if f[0] != "ii " {
			t.Errorf("%s is in state %q, not installed", f[1], f[0])
		}
		out[f[1]] = f[2]
	}
	if len(out) < fewest {
		t.Fatalf("dpkg-query lists %d packages: that is no Debian", len(out))
	}
	return out
}

// Pending are the names of the packages that apt-get -s dist-upgrade would install:
// its lines are "Inst name [installed] (candidate archive [arch])".
func Pending(simulated string) []string {
	var out []string
	for line := range strings.Lines(simulated) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "Inst" {
			out = append(out, f[1])
		}
	}
	slices.Sort(out)
	return out
}

// DiffersByTheLock fails unless after is before with the lock installed, exactly.
func DiffersByTheLock(t testing.TB, lock *baseline.Lock, before, after Packages) {
	t.Helper()
	if cmp.Equal(before, after) {
		t.Fatal("nothing has changed: this shows nothing")
	}
	want := maps.Clone(before)
	for _, p := range lock.Packages {
		want[p.Name+":"+p.Arch] = baseline.FullVersion(lock.OS, p.Package)
	}
	if d := cmp.Diff(want, after); d != "" {
		t.Errorf("dpkg-query differs by something else than the lock (-by the lock +is):\n%s", d)
	}
}

// HasTheLock fails unless every package of the lock is installed, exactly.
func HasTheLock(t testing.TB, lock *baseline.Lock, have Packages) {
	t.Helper()
	for _, p := range lock.Packages {
		if got, want := have[p.Name+":"+p.Arch], baseline.FullVersion(lock.OS, p.Package); got != want {
			t.Errorf("%s is %q, the lock says %s", p.Name, got, want)
		}
	}
}
