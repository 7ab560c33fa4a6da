package dpkg

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/inventory/rootfs"
	"github.com/goldenami/rehydrate/internal/testkit"
	"github.com/goldenami/rehydrate/internal/testkit/debroot"
)

// everything approves every update, so that what is Missing is what is pending.
const everything = `{"Name": "everything", "OperatingSystem": "DEBIAN", "ApprovalRules": {"PatchRules": [
	{"PatchFilterGroup": {"PatchFilters": [{"Key": "PRIORITY", "Values": ["*"]}]}, "EnableNonSecurity": true}]}}`

// On real roots of three releases dpkg and apt are the oracles.
func TestRealRootsAgreeWithDpkgAndApt(t *testing.T) {
	if testing.Short() {
		t.Skip("needs real Debian roots: left out by -short")
	}
	for _, suite := range []string{"bullseye", "bookworm", "trixie"} {
		t.Run(suite, func(t *testing.T) {
			dir, err := debroot.Make(t.Context(), testkit.Cache(t), suite, io.Discard)
			if err != nil {
				testkit.Missing(t, "%v", err)
			}
			root, err := rootfs.Open(dir)
			must(t, err)
			defer root.Close()
			node, findings, err := Collect(root, Options{Now: time.Now()})
			must(t, err)
			for _, r := range node.Available.Repositories {
				if !r.Verified || len(r.SignedBy) != 40 || r.Date.IsZero() || r.SeenFrom == "" {
					t.Errorf("repository %+v is not verified: %q", r, findings)
				}
			}

			var ours []string
			for _, p := range node.Inventory.Installed {
				ours = append(ours, p.Name+" "+p.Arch+" "+p.Version)
			}
			out := inRoot(t, dir, "dpkg-query", "-W", "-f", "${Package} ${Architecture} ${Version}\n")
			theirs := strings.Split(strings.TrimSpace(out), "\n")
			slices.Sort(ours)
			slices.Sort(theirs)
			if d := cmp.Diff(theirs, ours); d != "" {
				t.Errorf("installed (-dpkg-query +ours):\n%s", d)
			}

			got := pending(node)
			uncached := []string{"-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="}
			if d := cmp.Diff(upgradable(inRoot(t, dir, "apt", append(uncached, "list", "--upgradable")...)), got); d != "" {
				t.Errorf("pending (-apt list --upgradable +ours):\n%s", d)
			}
			simulated := inRoot(t, dir, "apt-get", append(uncached, "-o", "Debug::NoLocking=1", "-s", "dist-upgrade")...)
			if d := cmp.Diff(upgrades(simulated), got); d != "" {
				t.Errorf("pending (-apt-get -s dist-upgrade +ours):\n%s", d)
			}

			b, err := baseline.Parse([]byte(everything))
			must(t, err)
			result, err := baseline.Evaluate(b, node, time.Now(), baseline.Options{})
			must(t, err)
			var missing []string
			for _, i := range result.Items {
				if i.State == baseline.StateMissing {
					missing = append(missing, i.Name+" "+i.Arch+" "+i.Version)
				}
			}
			slices.Sort(missing)
			if d := cmp.Diff(got, missing); d != "" {
				t.Errorf("what a baseline for everything misses (-pending +missing):\n%s", d)
			}
			t.Logf("%d installed, %d pending", len(ours), len(got))
		})
	}
}

func inRoot(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	out, err := debroot.Command(t.Context(), dir, program, args...).Output()
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	return string(out)
}

// upgrades reads lines of "Inst name [installed] (version suite [arch])" as
// apt-get -s prints them, without new packages.
func upgrades(out string) []string {
	var set []string
	for line := range strings.Lines(out) {
		words := strings.Fields(line)
		if len(words) < 4 || words[0] != "Inst" || !strings.HasPrefix(words[2], "[") {
			continue
		}
		name, _, _ := strings.Cut(words[1], ":")
		_, arch, _ := strings.Cut(line[strings.Index(line, "("):], "[")
		arch, _, _ = strings.Cut(arch, "]")
		set = append(set, name+" "+arch+" "+strings.TrimPrefix(words[3], "("))
	}
	slices.Sort(set)
	return set
}

// a is a package of amd64.
func a(name, version string) aptPackage { return aptPackage{name, version, "amd64", ""} }

// agree updates apt's lists and wants the same pending set from apt and us.
func (w *world) agree(want ...string) (baseline.Node, []string) {
	w.t.Helper()
	w.update()
	return w.agreeAsItIs(want...)
}

// agreeAsItIs does so without an update.
func (w *world) agreeAsItIs(want ...string) (baseline.Node, []string) {
	w.t.Helper()
	n, findings, err := w.collect(Options{})
	must(w.t, err)
	apt, ours := w.upgradable(), pending(n)
	if d := cmp.Diff(apt, ours); d != "" {
		w.t.Errorf("pending (-apt +ours):\n%s", d)
	}
	slices.Sort(want)
	if d := cmp.Diff(want, ours); d != "" {
		w.t.Errorf("pending (-want +ours):\n%s", d)
	}
	return n, findings
}

func TestVersionsAreOrderedAsAptOrdersThem(t *testing.T) {
	w := newWorld(t, a("epoch", "1:1.0-1"), a("candidate", "1.0~rc1-1"), a("final", "1.0-1"), a("security", "1.0-1"), a("rebuild", "1.0-1"), a("same", "1.0-1"), a("zeroes", "1.010"), a("letters", "1.0"))
	w.offer(a("epoch", "2.0-1"), a("candidate", "1.0-1"), a("final", "1.0~rc2-1"), a("security", "1.0-1+deb12u1"), a("rebuild", "1.0-1+b1"), a("same", "1.0-1"), a("zeroes", "1.10"), a("letters", "1.0a"), a("new", "1"))
	w.agree("candidate amd64 1.0-1", "security amd64 1.0-1+deb12u1", "rebuild amd64 1.0-1+b1", "letters amd64 1.0a")
}

func TestForeignArchitecturesCountForThemselves(t *testing.T) {
	same := "Multi-Arch: same\n"
	w := newWorld(t, aptPackage{"lib", "1", "amd64", same}, aptPackage{"lib", "1", "i386", same}, aptPackage{"only", "1", "i386", ""}, aptPackage{"data", "1", "all", ""})
	w.foreign = []string{"i386"}
	w.put("var/lib/dpkg/arch", "amd64\ni386\n")
	w.offer(aptPackage{"lib", "2", "amd64", same}, aptPackage{"lib", "2", "i386", same}, aptPackage{"only", "2", "i386", ""}, aptPackage{"only", "3", "amd64", ""}, aptPackage{"data", "2", "all", ""})
	w.agree("lib amd64 2", "lib i386 2", "only i386 2", "data all 2")
}

func TestHeldPackagesArePendingAndSaidToBeHeld(t *testing.T) {
	held := a("held", "1")
	held.fields = "Status: hold ok installed\n"
	w := newWorld(t, held, a("free", "1"))
	w.offer(a("held", "2"), a("free", "2"))
	n, findings := w.agree("held amd64 2", "free amd64 2")
	if !slices.ContainsFunc(n.Inventory.Installed, func(p baseline.Installed) bool { return p.Name == "held" && p.Held }) || !strings.Contains(strings.Join(findings, "\n"), "held is on hold at 1") {
		t.Errorf("the hold is not reported: %q", findings)
	}
	out, err := w.apt("apt-get", "-s", "dist-upgrade")
	must(t, err)
	if got := upgrades(out); !slices.Equal(got, []string{"free amd64 2"}) {
		t.Errorf("apt would upgrade %q: the case is not what it was made for", got)
	}
}

// Patch Manager does not honour pins, and neither do we: apt differs by exactly the
// pinned packages, and the findings name them.
func TestPinsAreReportedAndNotHonoured(t *testing.T) {
	w := newWorld(t, a("never", "1"), a("kept", "1"), a("free", "1"))
	w.put("etc/apt/preferences.d/p.pref", "Explanation: x\nPackage: never\nPin: release *\nPin-Priority: -1\n\n# c\nPackage: kept\nPin: version 1\nPin-Priority: 1001\n")
	w.offer(a("never", "2"), a("kept", "2"), a("free", "2"))
	w.update()
	n, findings, err := w.collect(Options{})
	must(t, err)
	if got := w.upgradable(); !slices.Equal(got, []string{"free amd64 2"}) {
		t.Errorf("apt says %q: the case is not what it was made for", got)
	}
	if got := pending(n); !slices.Equal(got, []string{"free amd64 2", "kept amd64 2", "never amd64 2"}) {
		t.Errorf("pending = %q, want all three", got)
	}
	text := strings.Join(findings, "\n")
	for _, want := range []string{"package never, release *, priority -1", "package kept, version 1, priority 1001"} {
		if !strings.Contains(text, want) {
			t.Errorf("no finding says %q:\n%s", want, text)
		}
	}
}

func TestPhasedUpdatesAreReported(t *testing.T) {
	w := newWorld(t, a("slow", "1"), a("quick", "1"))
	slow := a("slow", "2")
	w.offer(slow, a("quick", "2"))
	list := filepath.Join(w.archive, "dists/demo/main/binary-amd64/Packages")
	text, err := os.ReadFile(list)
	must(t, err)
	write(t, list, strings.Replace(string(text), "Package: slow\n", "Package: slow\nPhased-Update-Percentage: 10\n", 1))
	w.publish()
	n, findings := w.agree("slow amd64 2", "quick amd64 2")
	if !strings.Contains(strings.Join(findings, "\n"), "slow 2 is phased: offered to 10 %") {
		t.Errorf("findings = %q", findings)
	}
	for _, p := range n.Available.Packages {
		if (p.Phased == 10) != (p.Name == "slow" && p.Version == "2") {
			t.Errorf("offer %+v", p)
		}
	}
}

// Baselines count architectures apart and apt does not: where it matters, people are
// told.
func TestAPackageThatChangesItsArchitectureIsReported(t *testing.T) {
	w := newWorld(t, aptPackage{"split", "1", "all", ""}, a("joined", "1"), a("older", "3"))
	w.offer(a("split", "2"), aptPackage{"joined", "2", "all", ""}, aptPackage{"older", "2", "all", ""})
	w.update()
	if got := w.upgradable(); len(got) != 2 {
		t.Errorf("apt says %q: the case is not what it was made for", got)
	}
	n, findings, err := w.collect(Options{})
	must(t, err)
	text := strings.Join(findings, "\n")
	if len(pending(n)) != 0 || len(findings) != 2 || !strings.Contains(text, "split 2 is for amd64 and the installed 1 for all") || !strings.Contains(text, "joined 2 is for all and the installed 1 for amd64") {
		t.Errorf("pending %q, findings:\n%s", pending(n), text)
	}
}

func TestListsInEveryFormThatAptKeeps(t *testing.T) {
	for _, c := range []struct{ tool, ext string }{{"gzip", ".gz"}, {"xz", ".xz"}, {"lz4", ".lz4"}, {"zstd", ".zst"}, {"bzip2", ".bz2"}} {
		t.Run(c.tool, func(t *testing.T) {
			w := newWorld(t, a("tool", "1"))
			w.offer(a("tool", "2"))
			w.pack(c.tool, c.ext)
			w.agree("tool amd64 2") // apt unpacks what it downloads

			plain := w.list("Packages")
			packed, err := exec.Command(c.tool, "-c", plain).Output()
			must(t, err)
			write(t, plain+c.ext, string(packed))
			must(t, os.Remove(plain))
			w.agreeAsItIs("tool amd64 2")

			must(t, os.Remove(plain+c.ext))
			w.put("etc/apt/apt.conf.d/gzip", "Acquire::GzipIndexes \"true\";\n")
			w.agree("tool amd64 2") // and now keeps it packed, in a form of its own choice
			if kept := w.list("Packages*"); strings.HasSuffix(kept, "Packages") {
				t.Errorf("apt kept %q: the case is not what it was made for", kept)
			}
		})
	}
}

// list is the file of apt's lists whose name ends like that.
func (w *world) list(suffix string) string {
	w.t.Helper()
	names, err := filepath.Glob(w.dir + "/var/lib/apt/lists/*_" + suffix)
	must(w.t, err)
	if len(names) != 1 {
		w.t.Fatalf("lists like %s: %q, want one", suffix, names)
	}
	return names[0]
}
