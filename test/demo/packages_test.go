package demo

import (
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/baseline"
)

// packages are versions by name:architecture, as dpkg-query has them.
type packages map[string]string

const query = `dpkg-query -W -f '${db:Status-Abbrev}|${Package}:${Architecture}|${Version}\n'`

func parsePackages(t *testing.T, text string) packages {
	t.Helper()
	out := packages{}
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
	if len(out) < 50 {
		t.Fatalf("dpkg-query lists %d packages: that is no Debian", len(out))
	}
	return out
}

// installedIn asks the root's own dpkg-query.
func installedIn(t *testing.T, root string) packages {
	t.Helper()
	return parsePackages(t, inside(t, root, query))
}

// inside runs a script in a root, in namespaces of its own, so that nothing stays
// mounted or running.
func inside(t *testing.T, root, script string) string {
	t.Helper()
	const enter = `mount --make-rprivate / && mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev" && exec chroot "$1" /bin/sh -c "$2"`
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", enter, "inside", root, script)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive"}
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s in %s: %v\n%s%s", script, root, err, out, errs.String())
	}
	return string(out)
}

// pending are the names of the packages that apt-get -s dist-upgrade would install:
// its lines are "Inst name [installed] (candidate archive [arch])".
func pending(simulated string) []string {
	var out []string
	for line := range strings.Lines(simulated) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "Inst" {
			out = append(out, f[1])
		}
	}
	slices.Sort(out)
	return out
}

// upgrade is what Debian itself would do now.
const upgrade = `apt-get -qq update >&2 && apt-get -s dist-upgrade`

// byTheLock is what a root must have after the lock was installed on it.
func (j *job) byTheLock(before packages) packages {
	want := maps.Clone(before)
	for _, p := range j.lock.Packages {
		want[p.Name+":"+p.Arch] = baseline.FullVersion(j.lock.OS, p.Package)
	}
	return want
}

func (j *job) differsByTheLock(t *testing.T, before, after packages) {
	t.Helper()
	if cmp.Equal(before, after) {
		t.Fatal("nothing has changed")
	}
	if d := cmp.Diff(j.byTheLock(before), after); d != "" {
		t.Errorf("dpkg-query differs by something else than the lock (-by the lock +is):\n%s", d)
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
