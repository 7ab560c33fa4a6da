//go:build linux

package rpm

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/inventory/reading"
	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
)

// stream writes the document of a module stream; label is name:stream:version:context.
func stream(label, requires string, packages ...rpmworld.Package) string {
	f := strings.Split(label, ":")
	var rpms strings.Builder
	for _, p := range packages {
		release, arch := p.Release, p.Arch
		if release == "" {
			release = "1"
		}
		if arch == "" {
			arch = "x86_64"
		}
		fmt.Fprintf(&rpms, "    - %s-%d:%s-%s.%s\n", p.Name, p.Epoch, p.Version, release, arch)
	}
	if requires == "" {
		requires = "platform: []"
	}
	return fmt.Sprintf(`---
document: modulemd
version: 2
data:
  name: %s
  stream: %q
  version: %s
  context: %s
  arch: x86_64
  summary: a module
  description: >-
    A module: of a test
  license:
    module:
    - MIT
  dependencies:
  - buildrequires:
      platform: []
    requires:
      %s
  artifacts:
    rpms:
%s...
`, f[0], f[1], f[2], f[3], requires, rpms.String())
}

func defaultStream(name, stream string) string {
	return fmt.Sprintf("---\ndocument: modulemd-defaults\nversion: 1\ndata:\n  module: %s\n  stream: %q\n  profiles:\n    %q: []\n...\n", name, stream, stream)
}

// modular marks the packages as of the module build.
func modular(label string, packages ...rpmworld.Package) []rpmworld.Package {
	out := slices.Clone(packages)
	for i := range out {
		out[i].Module = label
	}
	return out
}

func moduleState(name, stream, state string) (string, string) {
	return "etc/dnf/modules.d/" + name + ".module", fmt.Sprintf("[%s]\nname=%s\nstream=%s\nprofiles=\nstate=%s\n", name, name, stream, state)
}

func TestCollectAgreesWithDNFOnModules(t *testing.T) {
	n10 := modular("node:10:1:aa", nevras("node-10.1-1.x86_64", "npm-6-1.noarch")...)
	n10b := modular("node:10:2:aa", nevras("node-10.2-1.x86_64", "npm-7-1.noarch")...)
	n12 := modular("node:12:1:bb", nevras("node-12.1-1.x86_64", "npm-8-1.noarch")...)
	plain := nevras("node-13.0-1.x86_64", "npm-9-1.noarch", "other-2-1.x86_64")
	installed := append(nevras("other-1-1.x86_64"), modular("node:10:0:aa", nevras("node-10.0-1.x86_64", "npm-5-1.noarch")...)...)
	var packages []rpmworld.Package
	for _, l := range [][]rpmworld.Package{n10, n10b, n12, plain} {
		packages = append(packages, l...)
	}
	streams := stream("node:10:1:aa", "", n10...) + stream("node:10:2:aa", "", n10b...) + stream("node:12:1:bb", "", n12...)
	advisories := []rpmworld.Advisory{
		advisory("N-10", "security", "Low", n10[0]), advisory("N-10b", "security", "Low", n10b...), advisory("N-12", "security", "Low", n12...), advisory("N-13", "security", "Low", plain...),
	}
	advisories[0].Module, advisories[1].Module, advisories[2].Module = "node:10:1:aa:x86_64", "node:10:2:aa:x86_64", "node:12:1:bb:x86_64"
	// One that names a package of an active stream, bound to a stream that is not.
	other := advisory("N-X", "security", "Low", n10b[0])
	other.Module = "node:12:1:bb:x86_64"
	advisories = append(advisories, other)

	needy := modular("app:1:1:cc", nevras("app-2-1.x86_64")...)
	// Built once for each stream of what it needs, as RHEL's perl modules are.
	for10 := modular("app:1:2:c10", nevras("app-2-10.x86_64")...)
	for12 := modular("app:1:1:c12", nevras("app-2-12.x86_64")...)
	contexts := func(one, other string) string {
		return streams + stream("app:1:2:c10", one, for10...) + stream("app:1:1:c12", other, for12...) + defaultStream("app", "1")
	}
	for name, c := range map[string]struct {
		modules  string
		states   [][3]string
		settings map[string]string
		platform string // other than el8
		config   string // in dnf.conf
		want     string
	}{
		"no stream is active":           {modules: streams},
		"enabled":                       {modules: streams, states: [][3]string{{"node", "10", "enabled"}}, want: "node:10"},
		"another one enabled":           {modules: streams, states: [][3]string{{"node", "12", "enabled"}}, want: "node:12"},
		"default":                       {modules: streams + defaultStream("node", "10"), want: "node:10"},
		"enabled beside a default":      {modules: streams + defaultStream("node", "10"), states: [][3]string{{"node", "12", "enabled"}}, want: "node:12"},
		"disabled":                      {modules: streams + defaultStream("node", "10"), states: [][3]string{{"node", "", "disabled"}}},
		"hotfixes":                      {modules: streams + defaultStream("node", "10"), settings: map[string]string{"module_hotfixes": "1"}, want: "node:10"},
		"required by an active one":     {modules: streams + stream("app:1:1:cc", "node: [12]", needy...) + defaultStream("app", "1"), want: "app:1 node:12"},
		"required, with a default":      {modules: streams + stream("app:1:1:cc", "node: []", needy...) + defaultStream("app", "1") + defaultStream("node", "10"), want: "app:1 node:10"},
		"a build for each, default":     {modules: contexts("node: [10]", "node: [12]") + defaultStream("node", "10"), want: "app:1 node:10"},
		"a build for each, enabled":     {modules: contexts("node: [10]", "node: [12]") + defaultStream("node", "10"), states: [][3]string{{"node", "12", "enabled"}}, want: "app:1 node:12"},
		"a build for each, free":        {modules: contexts("node: [10]", "node: [12]"), want: "app:1 node:10"},
		"a build for each, turned":      {modules: contexts("node: [12]", "node: [10]"), want: "app:1 node:10"},
		"a build for each, disabled":    {modules: contexts("node: [10]", "node: [12]") + defaultStream("node", "10"), states: [][3]string{{"node", "", "disabled"}}},
		"a build that needs nothing":    {modules: contexts("node: [10]", "platform: [el8]"), want: "app:1"},
		"needs little or more":          {modules: contexts("platform: [el8]", "node: [10]") + defaultStream("node", "10"), want: "app:1 node:10"},
		"needs any or one":              {modules: contexts("node: []", "node: [10]") + defaultStream("node", "10"), want: "app:1 node:10"},
		"needs some or one":             {modules: contexts("node: [10, 12]", "node: [10]") + defaultStream("node", "10"), want: "app:1 node:10"},
		"one build of another platform": {modules: contexts("platform: [el8]", "platform: [el9]"), want: "app:1"},
		"any stream will do":            {modules: contexts("node: []", "node: []"), want: "app:1 node:10"},
		"any but one":                   {modules: contexts("node: [-10]", "node: [-10]"), want: "app:1 node:12"},
		"no platform":                   {modules: streams + defaultStream("node", "10"), platform: "none"},
		"enabled without platform":      {modules: streams, states: [][3]string{{"node", "10", "enabled"}}, platform: "none"},
		"a platform set by hand":        {modules: streams + defaultStream("node", "10"), platform: "none", config: "module_platform_id=platform:el8\n", want: "node:10"},
		"of another platform":           {modules: strings.ReplaceAll(streams, "platform: []", "platform: [el9]") + defaultStream("node", "10")},
	} {
		t.Run(name, func(t *testing.T) {
			w := rpmworld.World{
				ID: "rhel", VersionID: "8.10", Platform: "el8", Installed: slices.Concat(installed, nevras("app-1-1.x86_64")), Files: map[string]string{},
				Repositories: []rpmworld.Repository{{ID: "appstream", Packages: slices.Concat(packages, needy, for10, for12), Advisories: advisories, Modules: c.modules, Settings: c.settings}},
			}
			if c.config != "" {
				w.Files["etc/dnf/dnf.conf"] = "[main]\ngpgcheck=0\n" + c.config
			}
			for _, s := range c.states {
				file, text := moduleState(s[0], s[1], s[2])
				w.Files[file] = text
			}
			if c.platform != "" {
				w.Platform = strings.TrimPrefix(c.platform, "none")
			}
			r := world(t, w)
			node, findings := collect(t, r.FS(t), reading.Options{})
			if got := strings.Join(node.Inventory.EnabledModules, " "); got != c.want {
				t.Errorf("active streams %q, want %q (%q)", got, c.want, findings)
			}
			// updateinfo also lists packages that dnf itself would not offer; an evaluation
			// ignores them (specification §2).
			offered := dnfUpgrades(t, r)
			rows := slices.DeleteFunc(dnfAdvised(t, r), func(row string) bool {
				_, p, _ := strings.Cut(row, " ")
				return !slices.Contains(offered, p)
			})
			same(t, "updateinfo list", advised(node, all), rows)
			same(t, "repoquery --upgrades", upgrades(node), offered)
			same(t, "check-update", check(node), dnfCheck(t, r))
			if len(upgrades(node)) == 0 {
				t.Error("nothing was compared")
			}
		})
	}
}

// A plain package that an active stream hides does not hide the stream's by the better
// priority of its repository.
func TestModulesHideBeforePrioritiesDo(t *testing.T) {
	n10 := modular("node:10:1:aa", nevras("node-10.2-1.x86_64")...)
	r := world(t, rpmworld.World{
		ID: "rhel", VersionID: "8.10", Platform: "el8",
		Installed: slices.Concat(modular("node:10:0:aa", nevras("node-10.1-1.x86_64")...), nevras("a-1-1.x86_64")),
		Repositories: []rpmworld.Repository{
			{ID: "appstream", Packages: slices.Concat(n10, nevras("a-3-1.x86_64")), Modules: stream("node:10:1:aa", "", n10...) + defaultStream("node", "10")},
			{ID: "core", Settings: map[string]string{"priority": "10"}, Packages: nevras("node-14-1.x86_64", "a-2-1.x86_64")},
		},
	})
	node, _ := collect(t, r.FS(t), reading.Options{})
	same(t, "check-update", check(node), dnfCheck(t, r))
	if got := strings.Join(check(node), " "); got != "a-2-1.x86_64 node-10.2-1.x86_64" {
		t.Errorf("pending %s", got)
	}
}

// dnf can be had on systems of yum, and leaves its own cache there.
func TestDNFsCacheIsReadOnASystemOfYum(t *testing.T) {
	r := world(t, rpmworld.World{
		ID: "amzn", VersionID: "2", Installed: nevras("a-1-1.x86_64"),
		Repositories: []rpmworld.Repository{{ID: "core", Packages: nevras("a-2-1.x86_64"), Advisories: []rpmworld.Advisory{advisory("Y-1", "security", "Low", nevras("a-2-1.x86_64")...)}}},
	})
	node, _ := collect(t, r.FS(t), reading.Options{})
	if !strings.Contains(node.Available.Repositories[0].SeenFrom, "var/cache/dnf/core-") {
		t.Errorf("seen from %s", node.Available.Repositories[0].SeenFrom)
	}
	same(t, "updateinfo list", advised(node, all), dnfAdvised(t, r))
	same(t, "check-update", check(node), dnfCheck(t, r))
}
