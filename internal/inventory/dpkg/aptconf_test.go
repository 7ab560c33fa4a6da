package dpkg

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/testkit"
)

const someSettings = `
// a comment
Acquire::Check-Valid-Until "false"; # another
APT { Architectures { "amd64"; "i386"; }; /* and
one more */ Install-Recommends "0"; };
DPkg::Post-Invoke { "rm -f /var/cache/apt/*.deb || true"; };
Acquire::Retries "3";
APT::Periodic { Update-Package-Lists "1" };
Acquire { http { Proxy "http://127.0.0.1:1"; }; }
`

func TestSettingsAreReadAsAptReadsThem(t *testing.T) {
	s := settings{}
	must(t, s.parse(someSettings))
	for name, want := range map[string]string{
		"Acquire::Check-Valid-Until": "false", "APT::Install-Recommends": "0", "acquire::retries": "3",
		"APT::Periodic::Update-Package-Lists": "1", "Acquire::http::Proxy": "http://127.0.0.1:1", "no::such": "",
	} {
		if got := s.last(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if got := s["apt::architectures"]; !slices.Equal(got, []string{"amd64", "i386"}) {
		t.Errorf("APT::Architectures = %q", got)
	}
	for _, bad := range []string{"A {", "}", `A "x`, "/* x", "A", "#include /x;", strings.Repeat("A {", 40)} {
		if err := (settings{}).parse(bad); err == nil {
			t.Errorf("%q was read without an error", bad)
		}
	}
}

// apt-config is the oracle for this machine's own configuration.
func TestSettingsAgreeWithAptConfig(t *testing.T) {
	if _, err := exec.LookPath("apt-config"); err != nil {
		testkit.Missing(t, "apt-config: %v", err)
	}
	file := t.TempDir() + "/apt.conf"
	write(t, file, someSettings)
	cmd := exec.Command("apt-config", "dump", "--format", "%f=%v%n")
	cmd.Env = []string{"APT_CONFIG=" + file, "PATH=/usr/bin:/bin"}
	out, err := cmd.Output()
	must(t, err)
	s := settings{}
	must(t, s.parse(someSettings))
	for name := range s {
		if name == "apt::architectures" || name == "dpkg::post-invoke" {
			continue // lists: dump gives their items names of their own
		}
		want := ""
		for line := range strings.Lines(string(out)) {
			if k, v, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "="); ok && strings.EqualFold(k, name) {
				want = v
			}
		}
		if got := s.last(name); got != want {
			t.Errorf("%s = %q, apt-config says %q", name, got, want)
		}
	}
}

func TestFilesInOtherPlacesAreRefused(t *testing.T) {
	r := newRoot(t)
	r.put("etc/apt/apt.conf.d/90x", `Dir::State::lists "/srv/lists";`)
	if _, _, err := Collect(r, Options{Now: now}); err == nil || !strings.Contains(err.Error(), "/srv/lists") {
		t.Errorf("error = %v, want one that names the place", err)
	}
}

func FuzzSettings(f *testing.F) {
	f.Add(someSettings)
	f.Fuzz(func(t *testing.T, text string) {
		s := settings{}
		if s.parse(text) == nil {
			for name := range s {
				if name != strings.ToLower(name) {
					t.Fatalf("name %q is not in lower case", name)
				}
			}
		}
	})
}
