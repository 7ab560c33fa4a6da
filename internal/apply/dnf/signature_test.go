package dnf

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply/rpmfile"
	"github.com/goldenami/rehydrate/internal/testkit"
)

// key makes a signing key and returns gpg's home and the file of its public part.
func key(t *testing.T) (home, public string) {
	t.Helper()
	for _, tool := range []string{"gpg", "rpmsign"} {
		if _, err := exec.LookPath(tool); err != nil {
			testkit.Missing(t, "%v: `make tools` installs it", err)
		}
	}
	home, err := os.MkdirTemp("", "gpg") // short: gpg's agent makes a socket in it
	if err != nil {
		t.Fatal(err)
	}
	gpg := func(args ...string) []byte {
		t.Helper()
		cmd := exec.Command("gpg", append([]string{"--homedir", home, "--batch", "--passphrase", ""}, args...)...)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("gpg: %v", err)
		}
		return out
	}
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run() // an agent that is gone is as good
		if err := os.RemoveAll(home); err != nil {
			t.Error(err)
		}
	})
	gpg("--quick-gen-key", "packager@example.test", "rsa2048", "sign", "never")
	public = filepath.Join(t.TempDir(), "RPM-GPG-KEY-test")
	if err := os.WriteFile(public, gpg("--armor", "--export", "packager@example.test"), 0o644); err != nil {
		t.Fatal(err)
	}
	return home, public
}

// TestSignaturesAreCheckedAsTheSourceIsConfigured: the files come from a repository
// of ours, and still the source's gpgcheck and gpgkey decide.
func TestSignaturesAreCheckedAsTheSourceIsConfigured(t *testing.T) {
	r := newRig(t, nil)
	home, public := key(t)
	tool, err := exec.LookPath("gpg")
	r.must(err)
	signed := r.copyRepo(func(dir string) {
		files, err := filepath.Glob(filepath.Join(dir, "Packages", "libz-*.rpm"))
		r.must(err)
		cmd := exec.Command("rpmsign", append([]string{"--define", "_gpg_name packager@example.test", "--define", "__gpg " + tool, "--addsign"}, files...)...)
		cmd.Env = append(os.Environ(), "GNUPGHOME="+home)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("rpmsign: %v: %s", err, out)
		}
	})
	r.edit("etc/yum.repos.d/base.repo", r.repo, signed)
	r.repo = signed
	conf := filepath.Join(r.root.Dir, "etc/yum.repos.d/base.repo")
	text, err := os.ReadFile(conf)
	r.must(err)
	if !strings.Contains(string(text), "gpgcheck=0") {
		t.Fatalf("unexpected configuration: %s", text)
	}
	configure := func(check int, key string) {
		t.Helper()
		with := strings.Replace(string(text), "gpgcheck=0", fmt.Sprintf("gpgcheck=%d\n%s", check, key), 1)
		r.must(os.WriteFile(conf, []byte(with), 0o644))
	}
	try := func(name string) error {
		t.Helper()
		s, _, err := newManager(r).Obtain(t.Context(), order(r.lock(name)))
		r.must(err)
		return s.Install(t.Context(), r.lock(name))
	}

	configure(1, "")
	if err := try("libz"); err == nil || !strings.Contains(err.Error(), "libz") {
		t.Errorf("signed by a key that nobody trusts: %v, want a refusal", err)
	}
	configure(1, "gpgkey=file://"+public)
	if err := try("noise"); err == nil || !strings.Contains(err.Error(), "noise-2.0-1.noarch") || !strings.Contains(err.Error(), "is not signed") {
		t.Errorf("not signed: %v, want a refusal", err)
	}
	if list := r.installed(); slices.Contains(list, "libz-1:1.2-1.x86_64") || slices.Contains(list, "noise-0:2.0-1.noarch") {
		t.Errorf("a refused package was installed: %v", list)
	}
	if err := try("libz"); err != nil { // the key is imported as the source says
		t.Errorf("signed by the source's key: %v", err)
	}
	configure(0, "")
	if err := try("noise"); err != nil {
		t.Errorf("a source that is not checked: %v", err)
	}
	if list := r.installed(); !slices.Contains(list, "libz-1:1.2-1.x86_64") || !slices.Contains(list, "noise-0:2.0-1.noarch") {
		t.Errorf("installed %v", list)
	}
}

func TestConfigurationsAreReadAsDnfDoes(t *testing.T) {
	got := parse([]byte("# c\n[main]\ngpgcheck = True\n[a]\ngpgkey=file:///1\n  file:///2\n; c\nname = x = y\n\n[b]\ngpgcheck=0\nno value\n"))
	s := settings{main: got["main"], repos: got}
	if s.key("a") != "file:///1 file:///2" || got["a"]["name"] != "x = y" || !s.checked("a") || s.checked("b") || !s.checked("unknown") || s.key("unknown") != "" {
		t.Errorf("got %v", got)
	}
	if (settings{}).checked("x") {
		t.Error("nobody asked for a check")
	}
	text := s.local(DNF, map[string]string{"b": "/w/1", "a": "/w/0"})
	want := "[a]\nname=a as locked\nbaseurl=file:///w/0\nenabled=1\nskip_if_unavailable=0\nrepo_gpgcheck=0\ngpgcheck=1\ngpgkey=file:///1 file:///2\nmodule_hotfixes=1\n"
	if !strings.HasPrefix(text, want) || !strings.Contains(text, "[b]\n") || !strings.Contains(text, "gpgcheck=0\n") {
		t.Errorf("got %s", text)
	}
	for id, want := range map[string]string{"baseos": "baseos", "a/b": "rehydrate-lock", "x]\ny": "rehydrate-lock", "": "rehydrate-lock", "main": "rehydrate-lock"} {
		if got := safeID(id); got != want {
			t.Errorf("safeID(%q) = %q, want %q", id, got, want)
		}
	}
}

func TestFileNamesStayInTheirFolder(t *testing.T) {
	p := baseline.LockedPackage{Package: baseline.Package{Name: "a", Version: "1", Release: "2", Arch: "noarch"}, SHA256: "00"}
	if got := fileName(p, nil); got != "a-1-2.noarch.rpm" {
		t.Errorf("got %s", got)
	}
	if got := fileName(p, []rpmfile.Entry{{Name: "a-1-2.noarch.rpm"}}); got != "00.rpm" {
		t.Errorf("taken: got %s", got)
	}
	for _, name := range []string{"../../etc/x", ".hidden", "a/b"} {
		p.Name = name
		if got := fileName(p, nil); got != "00.rpm" {
			t.Errorf("%s: got %s", name, got)
		}
	}
}
