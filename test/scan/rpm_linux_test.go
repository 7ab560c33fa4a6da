package scan

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
)

// An RPM root with advisories: what the program lists is what dnf would update, and
// every advisory and CVE between stands beside it.
func TestScanSaysWhatDnfSays(t *testing.T) {
	if testing.Short() {
		t.Skip("builds packages and repositories")
	}
	fixed := rpmworld.Packages("curl-8.2-1.x86_64", "zlib-2:1.3-1.x86_64")
	r := rpmworld.Build(t, rpmworld.World{
		Installed: rpmworld.Packages("curl-8.0-1.x86_64", "zlib-2:1.2-1.x86_64", "plain-1-1.noarch"),
		Repositories: []rpmworld.Repository{{ID: "core", Packages: append(fixed, rpmworld.Packages("plain-1-1.noarch")...), Advisories: []rpmworld.Advisory{
			{ID: "SEC-1", Type: "security", Severity: "Important", CVEs: []string{"CVE-2026-1"}, Packages: fixed[:1]},
			{ID: "FIX-1", Type: "bugfix", Packages: fixed[1:]},
		}}},
	})
	s := scan(t, r.Dir)
	var want []string
	for line := range strings.Lines(r.DNF(t, "-q", "list", "--upgrades")) {
		if w := strings.Fields(line); len(w) == 3 && strings.Contains(w[0], ".") {
			name, arch, _ := strings.Cut(w[0], ".")
			want = append(want, name+" "+arch+" "+w[1])
		}
	}
	slices.Sort(want)
	var got []string
	for _, u := range s.Updates {
		got = append(got, u.Name+" "+u.Arch+" "+strings.TrimPrefix(u.Version, "0:"))
	}
	if d := cmp.Diff(want, got); d != "" || len(got) != 2 || !s.UpdatesKnown {
		t.Errorf("updates (%s):\n%s", s.UpdatesReason, d)
	}
	if u := s.Updates[0]; !u.Security || len(u.Advisories) != 1 || u.Advisories[0].ID != "SEC-1" || !slices.Equal(u.CVEs, []string{"CVE-2026-1"}) || s.Updates[1].Security {
		t.Errorf("%+v", s.Updates)
	}
}

// A root whose package manager keeps no metadata: only --fetch reads the
// repository's address, and it says the same as a cache would.
func TestScanFetchesOnlyWhenToldTo(t *testing.T) {
	if testing.Short() {
		t.Skip("builds packages and repositories")
	}
	fixed := rpmworld.Packages("curl-8.2-1.x86_64")
	core := rpmworld.Repository{ID: "core", Packages: fixed, Advisories: []rpmworld.Advisory{{ID: "SEC-1", Type: "security", Packages: fixed}}}
	served := httptest.NewServer(http.FileServer(http.Dir(rpmworld.Repo(t, core))))
	defer served.Close()
	core.Settings = map[string]string{"baseurl": served.URL}
	r := rpmworld.Build(t, rpmworld.World{NoCache: true, Installed: rpmworld.Packages("curl-8.0-1.x86_64"), Repositories: []rpmworld.Repository{core}})

	if s := scan(t, r.Dir); s.UpdatesKnown || !strings.Contains(s.UpdatesReason, "core") {
		t.Errorf("without --fetch: %t %s", s.UpdatesKnown, s.UpdatesReason)
	}
	s := scan(t, "--fetch", r.Dir)
	if !s.UpdatesKnown || len(s.Updates) != 1 || s.Updates[0].Advisories[0].ID != "SEC-1" {
		t.Errorf("with --fetch: %t %s %+v", s.UpdatesKnown, s.UpdatesReason, s.Updates)
	}
	if src := s.Sources[0]; !strings.HasPrefix(src.SeenFrom, served.URL) {
		t.Errorf("seen from %s", src.SeenFrom)
	}
	served.Close()
	if s := scan(t, "--fetch", r.Dir); s.UpdatesKnown {
		t.Error("a repository that does not answer has no updates")
	}
}
