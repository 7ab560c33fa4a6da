//go:build linux

package rpm

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/inventory/reading"
	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
)

var now = time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)

func collect(t testing.TB, root fs.FS, o reading.Options) (baseline.Node, []string) {
	t.Helper()
	o.Now = now
	node, findings, err := Collect(root, o)
	if err != nil {
		t.Fatal(err)
	}
	return node, findings
}

// world builds a world for a test that compares with the real dnf.
func world(t *testing.T, w rpmworld.World) *rpmworld.Root {
	t.Helper()
	if testing.Short() {
		t.Skip("runs rpmbuild and dnf: left out by -short")
	}
	return rpmworld.Build(t, w)
}

// text is a package as dnf prints it.
func text(p baseline.Package) string {
	epoch := ""
	if p.Epoch != "0" {
		epoch = p.Epoch + ":"
	}
	return p.Name + "-" + epoch + p.Version + "-" + p.Release + "." + p.Arch
}

// highest are the highest installed versions by name and architecture.
func highest(n baseline.Node) map[[2]string]baseline.Package {
	out := map[[2]string]baseline.Package{}
	for _, p := range n.Inventory.Installed {
		k := [2]string{p.Name, p.Arch}
		if old, ok := out[k]; !ok || baseline.CompareVersions(n.Inventory.OS, evr(p.Package), evr(old)) > 0 {
			out[k] = p.Package
		}
	}
	return out
}

// newer are the offers that an evaluation could select: of an installed name and
// architecture, newer than what is installed, and not hidden by modules.
func newer(n baseline.Node) []baseline.AvailablePackage {
	have := highest(n)
	active, provided := map[string]bool{"": true}, map[string]bool{}
	for _, m := range n.Inventory.EnabledModules {
		active[m] = true
	}
	for _, p := range n.Available.Packages {
		if p.Module != "" && active[p.Module] {
			provided[p.Name] = true
		}
	}
	var out []baseline.AvailablePackage
	for _, p := range n.Available.Packages {
		old, ok := have[[2]string{p.Name, p.Arch}]
		if !ok || baseline.CompareVersions(n.Inventory.OS, evr(p.Package), evr(old)) <= 0 {
			continue
		}
		if !active[p.Module] || (p.Module == "" && provided[p.Name] && !p.Hotfix) {
			continue
		}
		p.Notices = slices.DeleteFunc(slices.Clone(p.Notices), func(a baseline.Notice) bool { return !active[a.Module] })
		out = append(out, p)
	}
	return out
}

// advised lists "advisory package" of what is newer.
func advised(n baseline.Node, keep func(baseline.Notice) bool) []string {
	var out []string
	for _, p := range newer(n) {
		for _, a := range p.Notices {
			if keep(a) {
				out = append(out, a.ID+" "+text(p.Package))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func all(baseline.Notice) bool { return true }

func security(n baseline.Notice) bool { return n.Type == "security" }

func upgrades(n baseline.Node) []string {
	var out []string
	for _, p := range newer(n) {
		out = append(out, text(p.Package))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// dnfAdvised is what `dnf updateinfo list` says.
func dnfAdvised(t testing.TB, r *rpmworld.Root, args ...string) []string {
	t.Helper()
	var out []string
	for l := range strings.Lines(r.DNF(t, append([]string{"-C", "updateinfo", "list"}, args...)...)) {
		if f := strings.Fields(l); len(f) >= 3 {
			out = append(out, f[0]+" "+f[len(f)-1])
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// dnfUpgrades is what `dnf repoquery --upgrades` says.
func dnfUpgrades(t testing.TB, r *rpmworld.Root) []string {
	t.Helper()
	var out []string
	for l := range strings.Lines(r.DNF(t, "-C", "repoquery", "--upgrades", "--queryformat", "%{name} %{epoch} %{version} %{release} %{arch}")) {
		if f := strings.Fields(l); len(f) == 5 {
			out = append(out, text(baseline.Package{Name: f[0], Epoch: f[1], Version: f[2], Release: f[3], Arch: f[4]}))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// dnfCheck is what `dnf check-update` says: updates, and "new obsoletes old".
func dnfCheck(t testing.TB, r *rpmworld.Root) []string {
	t.Helper()
	var out []string
	obsoleting, by := false, ""
	for l := range strings.Lines(r.DNF(t, "-C", "check-update")) {
		f := strings.Fields(l)
		switch {
		case strings.HasPrefix(l, "Obsoleting"):
			obsoleting = true
		case len(f) < 3:
		case !obsoleting:
			i := strings.LastIndexByte(f[0], '.')
			out = append(out, f[0][:i]+"-"+f[1]+f[0][i:])
		case !strings.HasPrefix(l, " "):
			by = f[0]
		default:
			if by != f[0] { // a new version that obsoletes older ones of itself is an update
				out = append(out, by+" obsoletes "+f[0])
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// check is what we expect check-update to say: the newest of each name and
// architecture, and what takes another package's place.
func check(n baseline.Node) []string {
	best := map[[2]string]baseline.Package{}
	for _, p := range newer(n) {
		k := [2]string{p.Name, p.Arch}
		if old, ok := best[k]; !ok || baseline.CompareVersions(n.Inventory.OS, evr(p.Package), evr(old)) > 0 {
			best[k] = p.Package
		}
	}
	var out []string
	for _, p := range best {
		out = append(out, text(p))
	}
	for _, p := range n.Available.Packages {
		for _, name := range p.Obsoletes {
			for _, h := range n.Inventory.Installed {
				if h.Name == name {
					out = append(out, p.Name+"."+p.Arch+" obsoletes "+name+"."+h.Arch)
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func same(t *testing.T, what string, ours, dnf []string) {
	t.Helper()
	if d := cmp.Diff(dnf, ours); d != "" {
		t.Errorf("%s: dnf has -, we have +\n%s", what, d)
	}
}

func nevras(list ...string) []rpmworld.Package { return rpmworld.Packages(list...) }

func advisory(id, kind, severity string, packages ...rpmworld.Package) rpmworld.Advisory {
	return rpmworld.Advisory{ID: id, Type: kind, Severity: severity, Issued: "2025-01-02", Updated: "2025-01-03", CVEs: []string{"CVE-2025-" + id}, Packages: packages}
}

func TestCollectAgreesWithDNF(t *testing.T) {
	curl, ssl := nevras("curl-8.1-1.x86_64")[0], nevras("openssl-1:3.0.9-2.x86_64")[0]
	for name, w := range map[string]rpmworld.World{
		"security, bugfix and no advisory at all": {
			Installed: nevras("curl-8.0-1.x86_64", "openssl-1:3.0.8-1.x86_64", "tzdata-2025a-1.noarch", "vim-9-1.x86_64"),
			Repositories: []rpmworld.Repository{{ID: "core", Packages: nevras("curl-8.1-1.x86_64", "openssl-1:3.0.9-2.x86_64", "tzdata-2025b-1.noarch", "vim-9-1.x86_64", "absent-2-1.x86_64"),
				Advisories: []rpmworld.Advisory{
					advisory("A-1", "security", "Important", curl, nevras("absent-2-1.x86_64")[0]), advisory("A-2", "bugfix", "", ssl), advisory("A-3", "security", "", curl),
					advisory("A-4", "security", "Low", nevras("vim-9-1.x86_64", "curl-7.9-1.x86_64")...), // not newer
				}}},
		},
		"epochs beat versions": {
			Installed: nevras("a-1:1-1.x86_64", "b-9-9.x86_64", "c-2:5-1.x86_64"),
			Repositories: []rpmworld.Repository{{ID: "core", Packages: nevras("a-2-1.x86_64", "b-1:1-1.x86_64", "c-2:5-2.x86_64", "c-1:9-1.x86_64"),
				Advisories: []rpmworld.Advisory{advisory("E-1", "security", "Low", nevras("a-2-1.x86_64", "b-1:1-1.x86_64", "c-2:5-2.x86_64", "c-1:9-1.x86_64")...)}}},
		},
		"tildes and carets": {
			Installed:    nevras("a-1.0~rc1-1.x86_64", "b-1.0-1.x86_64", "c-1.0^git1-1.x86_64"),
			Repositories: []rpmworld.Repository{{ID: "core", Packages: nevras("a-1.0-1.x86_64", "b-1.0~rc2-1.x86_64", "b-1.0^git1-1.x86_64", "c-1.0-2.x86_64", "c-1.0.1-1.x86_64")}},
		},
		"several installed kernels": {
			Installed: nevras("kernel-6.1-1.x86_64", "kernel-6.1-3.x86_64", "kernel-6.1-2.x86_64"),
			Repositories: []rpmworld.Repository{{ID: "core", Packages: nevras("kernel-6.1-2.x86_64", "kernel-6.1-3.x86_64", "kernel-6.1-4.x86_64", "kernel-6.1-5.x86_64"),
				Advisories: []rpmworld.Advisory{advisory("K-2", "security", "Low", nevras("kernel-6.1-2.x86_64")...), advisory("K-4", "security", "Low", nevras("kernel-6.1-4.x86_64")...),
					advisory("K-5", "security", "Critical", nevras("kernel-6.1-5.x86_64")...)}}},
		},
		"two architectures": {
			Installed: nevras("glibc-1-1.x86_64", "glibc-1-1.i686", "zlib-1-1.x86_64"),
			Repositories: []rpmworld.Repository{{ID: "core", Packages: nevras("glibc-2-1.x86_64", "glibc-2-1.i686", "zlib-2-1.x86_64", "zlib-2-1.i686"),
				Advisories: []rpmworld.Advisory{advisory("M-1", "security", "Low", nevras("glibc-2-1.x86_64", "glibc-2-1.i686", "zlib-2-1.i686", "zlib-2-1.x86_64")...)}}},
		},
		"a disabled repository": {
			Installed: nevras("a-1-1.x86_64"),
			Repositories: []rpmworld.Repository{{ID: "core", Packages: nevras("a-2-1.x86_64")},
				{ID: "extra", Settings: map[string]string{"enabled": "0"}, Packages: nevras("a-3-1.x86_64"), Advisories: []rpmworld.Advisory{advisory("X-1", "security", "Low", nevras("a-2-1.x86_64", "a-3-1.x86_64")...)}}},
		},
		"the same advisory in two repositories": {
			Installed: nevras("a-1-1.x86_64", "b-1-1.x86_64"),
			Repositories: []rpmworld.Repository{
				{ID: "core", Packages: nevras("a-2-1.x86_64"), Advisories: []rpmworld.Advisory{advisory("D-1", "security", "Low", nevras("a-2-1.x86_64", "b-2-1.x86_64")...)}},
				{ID: "extra", Packages: nevras("a-2-1.x86_64", "b-2-1.x86_64"), Advisories: []rpmworld.Advisory{advisory("D-1", "security", "Low", nevras("a-2-1.x86_64", "b-2-1.x86_64")...)}},
			},
		},
		"a better priority hides": {
			Installed: nevras("a-1-1.x86_64", "b-1-1.x86_64", "c-1-1.x86_64", "c-1-1.i686"),
			Repositories: []rpmworld.Repository{
				{ID: "core", Settings: map[string]string{"priority": "10"}, Packages: nevras("a-2-1.x86_64", "c-2-1.x86_64")},
				{ID: "extra", Packages: nevras("a-3-1.x86_64", "b-2-1.x86_64", "c-3-1.i686")},
			},
		},
		"obsoletes": {
			Installed: nevras("old-1-1.x86_64", "kept-5-1.x86_64", "self-1-1.x86_64", "gone-1-1.noarch"),
			Repositories: []rpmworld.Repository{{ID: "core", Packages: []rpmworld.Package{
				{Name: "new", Version: "2", Obsoletes: []string{"old < 2", "kept < 5", "absent"}},
				{Name: "self", Version: "2", Obsoletes: []string{"self < 2"}},
				{Name: "heir", Version: "1", Arch: "noarch", Obsoletes: []string{"gone"}},
			}, Advisories: []rpmworld.Advisory{advisory("O-1", "security", "Low", rpmworld.Package{Name: "new", Version: "2"}, rpmworld.Package{Name: "self", Version: "2"})}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := world(t, w)
			node, _ := collect(t, r.FS(t), reading.Options{})
			same(t, "updateinfo list", advised(node, all), dnfAdvised(t, r))
			same(t, "updateinfo list --security", advised(node, security), dnfAdvised(t, r, "--security"))
			if name != "a better priority hides" {
				same(t, "repoquery --upgrades", upgrades(node), dnfUpgrades(t, r))
			}
			same(t, "check-update", check(node), dnfCheck(t, r))
			if len(upgrades(node)) == 0 {
				t.Error("nothing was compared")
			}
		})
	}
}
