package rpmworld

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/inventory/rootfs"
)

// World describes a root and what it is configured with.
type World struct {
	// ID and VersionID are those of os-release; by default amzn and 2023.
	ID, VersionID string
	Platform      string // such as el8: modules require it
	Repositories  []Repository
	Installed     []Package
	// DBPath is where the database lies, by default /var/lib/rpm. It is sqlite always:
	// Debian's rpm writes neither ndb nor bdb.
	DBPath string
	// Files are further files, by their path under the root.
	Files map[string]string
	// NoCache leaves out dnf's makecache.
	NoCache bool
}

// Root is a built root.
type Root struct {
	Dir string
	// Repos are the folders of the repositories by their id: shared, not to be written.
	Repos map[string]string

	home, releasever string
}

// Build makes the repositories of w, a root with w.Installed by the real rpm, its
// configuration, and dnf's cache of every enabled repository.
func Build(t testing.TB, w World) *Root {
	t.Helper()
	need(t, "rpm", "dnf")
	if w.ID == "" {
		w.ID, w.VersionID = "amzn", "2023"
	}
	if w.DBPath == "" {
		w.DBPath = "/var/lib/rpm"
	}
	r := &Root{Dir: filepath.Join(t.TempDir(), "root"), Repos: map[string]string{}, home: t.TempDir(), releasever: w.VersionID}
	// Debian's rpm keeps its database in the home folder unless told where.
	put(t, r.home, ".rpmmacros", "%_dbpath "+w.DBPath+"\n")
	release := fmt.Sprintf("NAME=%q\nID=%q\nVERSION_ID=%q\n", w.ID, w.ID, w.VersionID)
	if w.Platform != "" {
		release += fmt.Sprintf("PLATFORM_ID=%q\n", "platform:"+w.Platform)
	}
	put(t, r.Dir, "etc/os-release", release)
	put(t, r.Dir, "etc/dnf/dnf.conf", "[main]\ngpgcheck=0\nbest=False\nskip_if_unavailable=False\n")
	for name, text := range w.Files {
		put(t, r.Dir, name, text)
	}
	r.Install(t, w.Installed)
	for _, repo := range w.Repositories {
		dir := Repo(t, repo)
		r.Repos[repo.ID] = dir
		put(t, r.Dir, "etc/yum.repos.d/"+repo.ID+".repo", repo.section(dir))
	}
	if !w.NoCache && len(w.Repositories) > 0 {
		r.DNF(t, "makecache")
	}
	return r
}

// Install puts packages into the root by rpm, without looking at dependencies. Older
// ones beside newer ones stay, as with kernels.
func (r *Root) Install(t testing.TB, packages []Package) {
	t.Helper()
	args := []string{"--root", r.Dir, "--install", "--nodeps", "--noscripts", "--force", "--nosignature", "--ignorearch", "--quiet"}
	if len(packages) == 0 {
		r.RPM(t, "--root", r.Dir, "--initdb")
		return
	}
	dir := RPMs(t, packages)
	for _, p := range packages {
		args = append(args, filepath.Join(dir, p.File()))
	}
	r.RPM(t, args...)
}

// Erase removes packages by name or by name-version-release.arch.
func (r *Root) Erase(t testing.TB, names ...string) {
	t.Helper()
	r.RPM(t, append([]string{"--root", r.Dir, "--erase", "--nodeps", "--noscripts"}, names...)...)
}

// RPM runs rpm with the root's database path and returns what it printed.
func (r *Root) RPM(t testing.TB, args ...string) string {
	t.Helper()
	out, err := r.command("rpm", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("rpm %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Query is rpm's own list of installed packages, in the query format.
func (r *Root) Query(t testing.TB, format string) []string {
	t.Helper()
	return lines(r.RPM(t, "--root", r.Dir, "--query", "--all", "--queryformat", format+"\n"))
}

// DNF runs dnf on the root and returns its standard output. An exit code of 100
// (updates exist) is no failure.
func (r *Root) DNF(t testing.TB, args ...string) string {
	t.Helper()
	cmd := r.DNFCommand(args...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState.ExitCode() != 100 {
		t.Fatalf("dnf %s: %v: %s%s", strings.Join(args, " "), err, out, said.String())
	}
	return string(out)
}

// DNFCommand is dnf on the root, quiet, answering yes.
func (r *Root) DNFCommand(args ...string) *exec.Cmd {
	return r.command("dnf", append([]string{"--installroot=" + r.Dir, "--releasever=" + r.releasever, "-q", "-y"}, args...)...)
}

// FS opens the root.
func (r *Root) FS(t testing.TB) *rootfs.FS {
	t.Helper()
	root, err := rootfs.Open(r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

func (r *Root) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "HOME="+r.home, "LC_ALL=C", "TZ=UTC")
	return cmd
}

func lines(text string) []string {
	var out []string
	for l := range strings.Lines(text) {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}

func put(t testing.TB, dir, name, text string) {
	t.Helper()
	at := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
