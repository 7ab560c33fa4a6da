package rpmworld

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/testkit"
)

// recipe counts up when what is built from the same description changes.
const recipe = 2

// kept is the folder that build fills, made once for the description what.
func kept(t testing.TB, kind string, what any, build func(dir string)) string {
	t.Helper()
	text, err := json.Marshal(what)
	if err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(testkit.Cache(t), "rpmworld", fmt.Sprintf("%s-%d-%x", kind, recipe, sha256.Sum256(text))[:len(kind)+24])
	if _, err := os.Stat(at); err == nil {
		return at
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(filepath.Dir(at), "."+kind+"-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	build(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	// Another test may have been first: its folder is as good.
	if err := os.Rename(dir, at); err != nil {
		if _, there := os.Stat(at); there != nil {
			t.Fatal(err)
		}
	}
	return at
}

// need ends the test unless every tool is installed.
func need(t testing.TB, tools ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		testkit.Missing(t, "rpm installs into a root as root only")
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			testkit.Missing(t, "%v: `make tools` installs it", err)
		}
	}
}

// RPMs builds the packages and returns the folder of their files. One build makes
// many: what has different names goes into one spec file.
func RPMs(t testing.TB, packages []Package) string {
	t.Helper()
	need(t, "rpmbuild")
	full := make([]Package, len(packages))
	for i, p := range packages {
		full[i] = p.full()
	}
	return kept(t, "rpms", full, func(dir string) {
		top := t.TempDir()
		for _, batch := range batches(full) {
			build(t, top, dir, batch)
		}
	})
}

// batches splits packages into those that one spec file can make: one target, one
// build time, every name once.
func batches(packages []Package) [][]Package {
	type key struct {
		arch  string
		time  int64
		round int
	}
	rounds := map[string]int{}
	groups := map[key][]Package{}
	var order []key
	for _, p := range packages {
		k := key{p.Arch, p.BuildTime, 0}
		if p.Arch == "noarch" {
			k.arch = "x86_64"
		}
		name := fmt.Sprint(k.arch, k.time, p.Name)
		k.round = rounds[name]
		rounds[name]++
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], p)
	}
	var out [][]Package
	for _, k := range order {
		// A part of a noarch package is noarch too, so such a one cannot lead others.
		slices.SortStableFunc(groups[k], func(a, b Package) int { return rank(a) - rank(b) })
		out = append(out, groups[k])
	}
	return out
}

func rank(p Package) int {
	if p.Arch == "noarch" {
		return 1
	}
	return 0
}

func build(t testing.TB, top, dir string, batch []Package) {
	t.Helper()
	var b strings.Builder
	b.WriteString("%global debug_package %{nil}\n")
	for i, p := range batch {
		p.preamble(&b, i == 0)
	}
	spec := filepath.Join(top, "world.spec")
	if err := os.WriteFile(spec, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	target := batch[0].Arch
	if target == "noarch" {
		target = "x86_64"
	}
	cmd := exec.Command("rpmbuild", "-bb", "--quiet", "--target", target,
		"--define", "_topdir "+top, "--define", "_rpmdir "+dir,
		"--define", "_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
		"--define", "use_source_date_epoch_as_buildtime 1", "--define", "_buildhost test",
		"--define", "source_date_epoch_from_changelog 0", "--define", "_dbpath "+top+"/db",
		"--define", "_binary_payload w1.gzdio", spec)
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+strconv.FormatInt(batch[0].BuildTime, 10))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("rpmbuild: %v: %s", err, out)
	}
}
