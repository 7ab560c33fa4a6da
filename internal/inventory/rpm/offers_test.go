//go:build linux

package rpm

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/inventory/reading"
	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
)

func TestADatedReleaseLeadsBackInTime(t *testing.T) {
	release := rpmworld.Package{Name: "system-release", Version: "2023.6.20250107", Release: "0", Arch: "noarch", Provides: []string{"system-release(releasever) = 2023.6.20250107"}}
	r := world(t, rpmworld.World{Installed: append(nevras("curl-8.0-1.x86_64"), release), Repositories: []rpmworld.Repository{core()}, NoCache: true})
	for address, want := range map[string]string{
		"/srv/$releasever":       "file:///srv/2023.6.20250107",
		"/srv/core/guids/abc":    "file:///srv/core/guids/abc",
		"/srv/latest":            "",
		"/old/2023.6.20250107/x": "",
	} {
		put(t, r, "etc/yum.repos.d/core.repo", "[core]\nbaseurl=file://"+address+"\n")
		into(t, r, r.Repos["core"], strings.ReplaceAll(address, "$releasever", "2023.6.20250107"))
		node, _ := collect(t, r.FS(t), reading.Options{})
		if got := node.Available.Repositories[0].TimeTravel; got != want {
			t.Errorf("%s: time travel by %q, want %q", address, got, want)
		}
	}
}

func TestWhatPatchManagerSeesOtherwiseThanDNF(t *testing.T) {
	fixed := nevras("curl-8.1-1.x86_64", "vim-2-1.x86_64")
	withdrawn := advisory("R-1", "security", "Low", fixed[1])
	withdrawn.Status = "retracted"
	r := world(t, rpmworld.World{
		Installed: nevras("curl-8.0-1.x86_64", "vim-1-1.x86_64", "tool-1-1.noarch"),
		Repositories: []rpmworld.Repository{{ID: "core", Packages: append(fixed, nevras("tool-2-1.x86_64")...), Settings: map[string]string{"excludepkgs": "curl"},
			Advisories: []rpmworld.Advisory{advisory("A-1", "security", "Low", fixed[0]), withdrawn}}},
	})
	node, _ := collect(t, r.FS(t), reading.Options{})
	if got := strings.Join(upgrades(node), " "); got != "curl-8.1-1.x86_64 vim-2-1.x86_64" {
		t.Errorf("excluded packages count, another architecture does not: %s", got)
	}
	if got := strings.Join(dnfUpgrades(t, r), " "); got != "tool-2-1.x86_64 vim-2-1.x86_64" {
		t.Errorf("dnf: %s", got)
	}
	for _, p := range node.Available.Packages {
		if p.Name == "vim" && (len(p.Notices) != 1 || p.Notices[0].Status != "retracted") {
			t.Errorf("the withdrawn advisory is %+v", p.Notices)
		}
	}
}

func TestAnUpdateSaysWhatItWouldPullIn(t *testing.T) {
	update := rpmworld.Package{Name: "app", Version: "2", Requires: []string{
		"libbad.so.5()(64bit)", "libc", "libold >= 2", "either", "/bin/sh", "(libbad if libc)", "nobody", "app-data = 2",
	}}
	r := world(t, rpmworld.World{
		Installed: nevras("app-1-1.x86_64", "libc-1-1.x86_64", "libold-1-1.x86_64", "app-data-1-1.noarch"),
		Repositories: []rpmworld.Repository{
			{ID: "a", Packages: []rpmworld.Package{update, {Name: "libbad", Version: "5", Provides: []string{"libbad.so.5()(64bit)"}}, {Name: "one", Version: "1", Provides: []string{"either"}}, {Name: "app-data", Version: "2", Arch: "noarch"}}},
			{ID: "b", Packages: []rpmworld.Package{{Name: "libbad", Version: "5.1", Provides: []string{"libbad.so.5()(64bit)"}}, {Name: "other", Version: "1", Provides: []string{"either"}}, {Name: "libold", Version: "1.5"}, {Name: "libold", Version: "3"}}},
		},
	})
	for _, o := range []reading.Options{{}, {Cache: t.TempDir()}} {
		node, _ := collect(t, r.FS(t), o)
		var got []string
		for _, p := range node.Available.Packages {
			if p.Name == "app" {
				for _, need := range p.Requires {
					got = append(got, text(need))
				}
			}
		}
		slices.Sort(got)
		if d := cmp.Diff([]string{"app-data-2-1.noarch", "libbad-5.1-1.x86_64", "libold-3-1.x86_64"}, got); d != "" {
			t.Error(d)
		}
	}
}

func TestTheCacheGivesTheSameAnswer(t *testing.T) {
	r := world(t, rpmworld.World{Installed: nevras("curl-8.0-1.x86_64"), Repositories: []rpmworld.Repository{core()}})
	plain, _ := collect(t, r.FS(t), reading.Options{})
	dir := t.TempDir()
	<-time.After(2 * time.Second) // what was written a moment ago is not kept
	for range 2 {
		if cached, _ := collect(t, r.FS(t), reading.Options{Cache: dir}); !cmp.Equal(plain, cached) {
			t.Error(cmp.Diff(plain, cached))
		}
	}
	if list, _ := filepath.Glob(dir + "/rpmmd-*"); len(list) != 1 {
		t.Errorf("entries %q", list)
	}
}

func TestNamesThatAreAskedForAreOfferedInEveryVersion(t *testing.T) {
	r := world(t, rpmworld.World{Installed: nevras("curl-8.0-1.x86_64"), Repositories: []rpmworld.Repository{{ID: "core", Packages: nevras("new-1-1.x86_64", "new-2-1.x86_64", "curl-7-1.x86_64", "other-1-1.x86_64", "new-1-1.aarch64")}}})
	node, _ := collect(t, r.FS(t), reading.Options{Names: []string{"new", "curl"}})
	var got []string
	for _, p := range node.Available.Packages {
		got = append(got, text(p.Package))
	}
	if d := cmp.Diff([]string{"curl-7-1.x86_64", "new-1-1.x86_64", "new-2-1.x86_64"}, got); d != "" {
		t.Error(d)
	}
}
