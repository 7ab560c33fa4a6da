package dpkg

import (
	"bytes"
	"cmp"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/inventory/rootfs"
	"github.com/goldenami/rehydrate/internal/testkit"
)

// world is a root of its own that this machine's apt works on, and a real archive of
// packages built by dpkg-deb and listed by apt-ftparchive, served on loopback.
type world struct {
	t       *testing.T
	dir     string // the root
	archive string // what is served
	address string // host:port
	key     *openpgp.Entity
	signer  *openpgp.Entity // nil: nobody signs
	// options of the Release file, as apt-ftparchive takes them
	release []string
	extra   string // lines that the Release file has besides
	edition int    // how often it was published
	foreign []string
}

// aptPackage is a package of the archive or, with a state, of the root.
type aptPackage struct {
	name, version, arch string
	fields              string // further fields, each with its line break
}

func newWorld(t *testing.T, installed ...aptPackage) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("runs apt on a real archive: left out by -short")
	}
	for _, tool := range []string{"apt-get", "apt-ftparchive", "dpkg-deb", "gpgv"} {
		if _, err := exec.LookPath(tool); err != nil {
			testkit.Missing(t, "%v: `make tools` installs it", err)
		}
	}
	w := &world{t: t, dir: t.TempDir(), archive: t.TempDir(), key: newRealKey(t)}
	w.signer = w.key
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	w.address = listener.Addr().String()
	server := &http.Server{Handler: http.FileServer(http.Dir(w.archive)), ReadHeaderTimeout: time.Minute}
	var served sync.WaitGroup
	served.Go(func() { _ = server.Serve(listener) }) // ends by Close
	t.Cleanup(func() {
		must(t, server.Close())
		served.Wait()
	})
	var ring bytes.Buffer
	must(t, w.key.Serialize(&ring))
	w.put("etc/apt/trusted.gpg.d/k.gpg", ring.String())
	w.put("usr/lib/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
	w.put("etc/apt/sources.list", "deb http://"+w.address+" demo main\n")
	for _, d := range []string{"etc/apt/preferences.d", "etc/apt/apt.conf.d", "etc/apt/sources.list.d", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial"} {
		must(t, os.MkdirAll(filepath.Join(w.dir, d), 0o755))
	}
	w.install(append(installed, aptPackage{"dpkg", "1.21", "amd64", ""})...)
	return w
}

// newRealKey is a key of now, for apt asks this machine's clock.
func newRealKey(t *testing.T) *openpgp.Entity {
	t.Helper()
	key, err := openpgp.NewEntity("Archive", "", "a@example.invalid", config(time.Now().Add(-time.Hour)))
	must(t, err)
	return key
}

func (w *world) put(name, text string) { write(w.t, filepath.Join(w.dir, name), text) }

func (w *world) install(list ...aptPackage) {
	var b strings.Builder
	for _, p := range list {
		state := "install ok installed"
		if strings.Contains(p.fields, "Status: ") {
			state = ""
		}
		fmt.Fprintf(&b, "Package: %s\n", p.name)
		if state != "" {
			fmt.Fprintf(&b, "Status: %s\n", state)
		}
		fmt.Fprintf(&b, "Maintainer: a <a@b.example>\nArchitecture: %s\nVersion: %s\n%sDescription: x\n\n", p.arch, p.version, p.fields)
	}
	w.put("var/lib/dpkg/status", b.String())
}

// offer builds packages and lists them: in dists/demo/main, one list for each
// architecture with those of "all" inside.
func (w *world) offer(list ...aptPackage) {
	w.t.Helper()
	for _, p := range list {
		w.build(p, "pool")
	}
	archs := []string{"amd64"}
	for _, p := range list {
		if p.arch != "all" && !slices.Contains(archs, p.arch) {
			archs = append(archs, p.arch)
		}
	}
	for _, arch := range archs {
		text := w.ftparchive("--arch", arch, "packages", "pool")
		write(w.t, filepath.Join(w.archive, "dists/demo/main/binary-"+arch+"/Packages"), text)
	}
	w.publish()
}

// pack leaves of every list only the form that tool makes.
func (w *world) pack(tool, ext string) {
	w.t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		testkit.Missing(w.t, "%v: `make tools` installs it", err)
	}
	files, err := filepath.Glob(w.archive + "/dists/demo/main/*/Packages")
	must(w.t, err)
	for _, name := range files {
		out, err := exec.Command(tool, "-c", name).Output()
		must(w.t, err)
		write(w.t, name+ext, string(out))
	}
	w.publish()
	for _, name := range files { // the Release file names the plain form too, as real ones do
		must(w.t, os.Remove(name))
	}
}

func (w *world) build(p aptPackage, folder string) {
	w.t.Helper()
	root := w.t.TempDir()
	write(w.t, root+"/DEBIAN/control", fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: a <a@b.example>\n%sDescription: x\n", p.name, p.version, p.arch, p.fields))
	must(w.t, os.MkdirAll(filepath.Join(w.archive, folder), 0o755))
	name := fmt.Sprintf("%s/%s_%s_%s.deb", folder, p.name, strings.ReplaceAll(p.version, ":", "%3a"), p.arch)
	if out, err := exec.Command("dpkg-deb", "--root-owner-group", "-Znone", "--build", root, filepath.Join(w.archive, name)).CombinedOutput(); err != nil {
		w.t.Fatalf("dpkg-deb: %v: %s", err, out)
	}
}

func (w *world) ftparchive(args ...string) string {
	w.t.Helper()
	cmd := exec.Command("apt-ftparchive", args...)
	cmd.Dir = w.archive
	out, err := cmd.Output()
	must(w.t, err)
	return string(out)
}

// publish writes the Release file of dists/demo and signs it.
func (w *world) publish() { w.publishIn("dists/demo", w.release...) }

func (w *world) publishIn(folder string, options ...string) {
	w.t.Helper()
	at := filepath.Join(w.archive, folder)
	must(w.t, cmp.Or(remove(at+"/Release"), remove(at+"/InRelease")))
	args := []string{"-o", "APT::FTPArchive::Release::Codename=demo", "-o", "APT::FTPArchive::Release::Suite=demo",
		"-o", "APT::FTPArchive::Release::Origin=Test", "-o", "APT::FTPArchive::Release::Label=Test"}
	for _, o := range options {
		args = append(args, "-o", "APT::FTPArchive::Release::"+o)
	}
	text := w.extra + w.ftparchive(append(args, "release", folder)...)
	name := at + "/Release"
	if w.signer != nil {
		name, text = at+"/InRelease", string(clearsignedAt(w.t, w.signer, text, time.Now().Add(-time.Minute)))
	}
	write(w.t, name, text)
	// Within a second apt would take the new file for the one it has.
	w.edition++
	when := time.Now().Add(time.Duration(w.edition-1000) * time.Second)
	must(w.t, os.Chtimes(name, when, when))
}

func remove(name string) error {
	if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

// apt runs a program of apt's on the root, with none of this machine's settings.
func (w *world) apt(program string, args ...string) (string, error) {
	conf := filepath.Join(w.dir, "apt-for-test.conf")
	write(w.t, conf, fmt.Sprintf("Dir %q;\nDir::State::status %q;\nAPT::Architecture \"amd64\";\nAPT::Architectures { %s};\nAPT::Sandbox::User \"root\";\nAcquire::Languages \"none\";\nDebug::NoLocking \"1\";\nAcquire::Retries \"0\";\nDPkg::Pre-Install-Pkgs {};\n",
		w.dir, w.dir+"/var/lib/dpkg/status", w.quotedArchs()))
	cmd := exec.Command(program, args...)
	cmd.Env = []string{"APT_CONFIG=" + conf, "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "HOME=" + w.dir}
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String() + errs.String(), fmt.Errorf("%s %s: %w: %s%s", program, strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String(), nil
}

func (w *world) quotedArchs() string {
	text := `"amd64"; `
	for _, a := range w.foreign {
		text += `"` + a + `"; `
	}
	return text
}

func (w *world) update(options ...string) {
	w.t.Helper()
	must(w.t, os.RemoveAll(w.dir+"/var/lib/apt/lists/partial")) // of an update that failed
	_, err := w.apt("apt-get", append(options, "-q", "update")...)
	must(w.t, err)
}

// upgradable is apt's own answer.
func (w *world) upgradable() []string {
	w.t.Helper()
	out, err := w.apt("apt", "list", "--upgradable")
	must(w.t, err)
	return upgradable(out)
}

// upgradable reads lines of "name/suites version arch [upgradable from: version]".
func upgradable(out string) []string {
	var set []string
	for line := range strings.Lines(out) {
		name, rest, ok := strings.Cut(line, "/")
		words := strings.Fields(rest)
		if ok && len(words) >= 3 && strings.Contains(rest, "[upgradable from: ") {
			set = append(set, name+" "+words[2]+" "+words[1])
		}
	}
	slices.Sort(set)
	return set
}

// collect is ours.
func (w *world) collect(o Options) (baseline.Node, []string, error) {
	root, err := rootfs.Open(w.dir)
	must(w.t, err)
	defer root.Close()
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	return Collect(root, o)
}
