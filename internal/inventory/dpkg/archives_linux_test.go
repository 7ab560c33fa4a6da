package dpkg

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAnExpiredIndexIsSaidToBeAndRefusedWhereFreshnessIsAsked(t *testing.T) {
	w := newWorld(t, a("tool", "1"))
	w.extra = "Valid-Until: " + time.Now().Add(-time.Hour).UTC().Format(time.RFC1123) + "\n"
	w.offer(a("tool", "2"))
	if out, err := w.apt("apt-get", "-q", "update"); err == nil || !strings.Contains(out, "expired") {
		t.Errorf("apt-get update: %v, %s: the case is not what it was made for", err, out)
	}
	w.update("-o", "Acquire::Check-Valid-Until=false")
	_, findings := w.agreeAsItIs("tool amd64 2")
	if !strings.Contains(strings.Join(findings, "\n"), "was valid until") {
		t.Errorf("findings = %q", findings)
	}
	if _, _, err := w.collect(Options{MaxAge: 24 * time.Hour}); err == nil || !strings.Contains(err.Error(), "valid until") {
		t.Errorf("with a limit: %v, want an error", err)
	}
	w.put("etc/apt/apt.conf.d/x", "Acquire::Check-Valid-Until \"false\";")
	if _, _, err := w.collect(Options{MaxAge: 24 * time.Hour}); err != nil {
		t.Errorf("with a limit on a root whose apt does not check: %v", err)
	}
	if _, _, err := w.collect(Options{Now: time.Now().Add(48 * time.Hour), MaxAge: 24 * time.Hour}); err == nil || !strings.Contains(err.Error(), "older than 24h") {
		t.Errorf("two days later: %v, want an error", err)
	}
}

// apt keeps no metadata that it could not verify, so there is nothing to read.
func TestAnArchiveSignedByAStrangerIsUnreadable(t *testing.T) {
	w := newWorld(t, a("tool", "1"))
	w.signer = newRealKey(t)
	w.offer(a("tool", "2"))
	if out, err := w.apt("apt-get", "-q", "update"); err == nil {
		t.Errorf("apt-get update took it: %s", out)
	}
	if _, _, err := w.collect(Options{}); err == nil || !strings.Contains(err.Error(), "was not downloaded") {
		t.Errorf("error = %v", err)
	}
	// What an update had left before is read, and apt goes on using it too.
	w.signer = w.key
	w.publish()
	w.update()
	w.signer = newRealKey(t)
	w.offer(a("tool", "3"))
	if out, err := w.apt("apt-get", "-q", "update"); err == nil && !strings.Contains(out, "NO_PUBKEY") {
		t.Errorf("apt-get update took it: %s", out)
	}
	w.agreeAsItIs("tool amd64 2")
}

func TestAnUnsignedArchiveIsReadAndSaidToBe(t *testing.T) {
	w := newWorld(t, a("tool", "1"))
	w.signer = nil
	w.put("etc/apt/sources.list", "deb [trusted=yes] http://"+w.address+" demo main\n")
	w.offer(a("tool", "2"))
	n, findings := w.agree("tool amd64 2")
	if r := n.Available.Repositories[0]; r.Verified || r.SignedBy != "" || !r.Origin.Trusted || !strings.Contains(strings.Join(findings, "\n"), "no signature") {
		t.Errorf("repository %+v, findings %q", r, findings)
	}
}

// apt says that nothing is pending when a list is gone. That is the answer this
// reader exists to refuse.
func TestListsThatAptPassesOverInSilenceAreErrors(t *testing.T) {
	for name, spoil := range map[string]func(*world){
		"gone":      func(w *world) { must(t, os.Remove(w.list("Packages"))) },
		"truncated": func(w *world) { must(t, os.Truncate(w.list("Packages"), 100)) },
		"emptied":   func(w *world) { must(t, os.Truncate(w.list("Packages"), 0)) },
		"replaced": func(w *world) {
			text, err := os.ReadFile(w.list("Packages"))
			must(t, err)
			write(t, w.list("Packages"), strings.Replace(string(text), "Version: 2", "Version: 1", 1))
		},
		"no Release": func(w *world) { must(t, os.Remove(w.list("InRelease"))) },
	} {
		w := newWorld(t, a("tool", "1"))
		w.offer(a("tool", "2"))
		w.agree("tool amd64 2")
		spoil(w)
		n, _, err := w.collect(Options{})
		if err == nil || !strings.Contains(err.Error(), "read source http://"+w.address) {
			t.Errorf("%s: %d pending, error %v; want one that names the source", name, len(pending(n)), err)
		}
	}
}

func TestPinnedKeyringsCountAlone(t *testing.T) {
	w := newWorld(t, a("tool", "1"))
	w.offer(a("tool", "2"))
	w.agree("tool amd64 2")
	var ours, others bytes.Buffer
	must(t, w.key.Serialize(&ours))
	must(t, newRealKey(t).Serialize(&others))
	for name, c := range map[string]struct {
		ring []byte
		want bool
	}{"the signer's": {ours.Bytes(), true}, "a stranger's": {others.Bytes(), false}, "junk": {[]byte("junk"), false}} {
		n, findings, err := w.collect(Options{Keyrings: [][]byte{c.ring}})
		must(t, err)
		r := n.Available.Repositories[0]
		if r.Verified != c.want || c.want != (r.SignedBy == fingerprint(w.key)) || c.want != (len(findings) == 0) {
			t.Errorf("%s: verified %v by %q, findings %q", name, r.Verified, r.SignedBy, findings)
		}
	}
}

func TestParagraphSourcesWithTheirOptions(t *testing.T) {
	w := newWorld(t, a("tool", "1"), aptPackage{"lib", "1", "i386", ""})
	w.foreign = []string{"i386"}
	w.put("var/lib/dpkg/arch", "amd64\ni386\n")
	w.offer(a("tool", "2"), aptPackage{"lib", "2", "i386", ""})
	must(t, os.Remove(w.dir+"/etc/apt/sources.list"))
	must(t, os.Remove(w.dir+"/etc/apt/trusted.gpg.d/k.gpg"))
	source := "Types: deb deb-src\nEnabled: %\nURIs: http://" + w.address + "/\nSuites: demo\nComponents: main\nSigned-By:\n" + folded(t, w.key)
	write := func(extra string) {
		w.put("etc/apt/sources.list.d/x.sources", "# a comment\n"+strings.Replace(source, "%", "yes", 1)+extra+"\n\n"+
			strings.Replace(strings.Replace(source, "%", "no", 1), "demo", "absent", 1))
	}
	w.put("etc/apt/apt.conf.d/nosrc", "Acquire::IndexTargets::deb-src::Sources::DefaultEnabled \"false\";\n")
	write("")
	w.agree("tool amd64 2", "lib i386 2")
	write("Architectures: amd64\n")
	w.agree("tool amd64 2")
	write("Architectures-Remove: amd64\n")
	w.agree("lib i386 2")
	write("Architectures: amd64\nArchitectures-Add: i386\n")
	w.agree("tool amd64 2", "lib i386 2")
}

// An archive may keep the packages of "all" in a list of their own.
func TestAListOfArchitectureAllIsRead(t *testing.T) {
	w := newWorld(t, a("tool", "1"), aptPackage{"data", "1", "all", ""})
	w.offer(a("tool", "2"))
	w.build(aptPackage{"data", "2", "all", ""}, "pool-all")
	write(t, filepath.Join(w.archive, "dists/demo/main/binary-all/Packages"), w.ftparchive("packages", "pool-all"))
	w.release = []string{"Architectures=all amd64"}
	w.publish()
	w.agree("tool amd64 2", "data all 2")

	w.extra = "No-Support-for-Architecture-all: Packages\n"
	w.publish()
	w.agree("tool amd64 2")
}

func TestFlatArchives(t *testing.T) {
	w := newWorld(t, a("tool", "1"), aptPackage{"data", "1", "all", ""})
	w.build(a("tool", "2"), "flat")
	w.build(aptPackage{"data", "2", "all", ""}, "flat")
	write(t, w.archive+"/flat/Packages", w.ftparchive("packages", "flat"))
	w.publishIn("flat")
	w.put("etc/apt/sources.list", "deb http://"+w.address+" flat/\n")
	w.agree("tool amd64 2", "data all 2")
	w.put("etc/apt/sources.list", "deb http://"+w.address+"/flat ./\n")
	w.agree("tool amd64 2", "data all 2")
}

// file: leaves links to the archive in the lists folder, copy: copies.
func TestLocalArchives(t *testing.T) {
	for _, scheme := range []string{"file:", "copy:", "file://", "copy://"} {
		w := newWorld(t, a("tool", "1"))
		w.archive = w.dir + "/srv/archive" // in the root, as a local archive is
		w.offer(a("tool", "2"))
		// apt works with paths of this machine, and we with those of the root.
		must(t, os.MkdirAll(w.dir+filepath.Dir(w.dir), 0o755))
		must(t, os.Symlink("/", w.dir+w.dir))
		w.put("etc/apt/sources.list", "deb "+scheme+w.archive+" demo main\n")
		n, _ := w.agree("tool amd64 2")
		if r := n.Available.Repositories[0]; !r.Verified || r.Origin.Site != "" {
			t.Errorf("%s: repository %+v", scheme, r)
		}
	}
}

func TestAMirrorListIsReadUnderItsOwnName(t *testing.T) {
	w := newWorld(t, a("tool", "1"))
	w.offer(a("tool", "2"))
	must(t, os.MkdirAll(w.dir+filepath.Dir(w.dir), 0o755))
	must(t, os.Symlink("/", w.dir+w.dir))
	w.put("etc/apt/mirrors/demo.list", "http://"+w.address+"/\n")
	w.put("etc/apt/sources.list", "deb mirror+file:"+w.dir+"/etc/apt/mirrors/demo.list demo main\n")
	w.agree("tool amd64 2")
}

// apt passes over a list of which the Release file names packed forms only.
func TestAListWithoutAPlainDigestIsAnError(t *testing.T) {
	w := newWorld(t, a("tool", "1"))
	w.offer(a("tool", "2"))
	w.pack("gzip", ".gz")
	w.publish()
	w.update()
	if got := w.upgradable(); got != nil {
		t.Errorf("apt says %q: the case is not what it was made for", got)
	}
	if _, _, err := w.collect(Options{}); err == nil || !strings.Contains(err.Error(), "names no main/binary-amd64/Packages") {
		t.Errorf("error = %v", err)
	}
}

func TestTimeTravelAddresses(t *testing.T) {
	w := newWorld(t, a("tool", "1"))
	w.offer(a("tool", "2"))
	w.extra = "Snapshots: https://snapshots.test/x/@SNAPSHOTID@\n"
	w.publish()
	n, _ := w.agree("tool amd64 2")
	r := n.Available.Repositories[0]
	if want := "https://snapshots.test/x/" + r.Date.Format(stampLayout) + "/"; r.TimeTravel != want {
		t.Errorf("time travel = %q, want %q", r.TimeTravel, want)
	}
	w.put("etc/apt/sources.list", "deb [snapshot=no] http://"+w.address+" demo main\n")
	if n, _ := w.agreeAsItIs("tool amd64 2"); n.Available.Repositories[0].TimeTravel != "" {
		t.Errorf("snapshot=no: time travel = %q", n.Available.Repositories[0].TimeTravel)
	}
}
