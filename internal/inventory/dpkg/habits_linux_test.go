package dpkg

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// apt reads an archive without a Release file where the source is trusted. Nothing
// states its age, so whoever sets a limit cannot have it.
func TestATrustedArchiveNeedsNoReleaseFile(t *testing.T) {
	w := newWorld(t, a("tool", "1"), aptPackage{"data", "1", "all", ""}, aptPackage{"lib", "1", "i386", ""})
	w.foreign = []string{"i386"}
	w.put("var/lib/dpkg/arch", "amd64\ni386\n")
	w.build(a("tool", "2"), "flat")
	w.build(aptPackage{"data", "2", "all", ""}, "flat")
	w.build(aptPackage{"lib", "2", "i386", ""}, "flat")
	text := w.ftparchive("packages", "flat")
	write(t, w.archive+"/flat/Packages", text)
	for _, folder := range []string{"binary-amd64", "binary-i386"} {
		write(t, w.archive+"/dists/bare/main/"+folder+"/Packages", text)
	}
	must(t, os.MkdirAll(w.dir+filepath.Dir(w.dir), 0o755))
	must(t, os.Symlink("/", w.dir+w.dir))
	must(t, os.CopyFS(w.dir+"/srv", os.DirFS(w.archive)))
	for _, source := range []string{
		"deb [trusted=yes] http://" + w.address + "/flat ./", "deb [trusted=yes] http://" + w.address + " flat/",
		"deb [trusted=yes] file:" + w.dir + "/srv flat/", "deb [trusted=yes] http://" + w.address + " bare main",
	} {
		w.put("etc/apt/sources.list", source+"\n")
		n, findings := w.agree("data all 2", "lib i386 2", "tool amd64 2")
		if r := n.Available.Repositories[0]; r.Verified || !r.Origin.Trusted || r.SeenFrom == "" || !strings.Contains(strings.Join(findings, "\n"), "no Release file") {
			t.Errorf("%s: repository %+v, findings %q", source, r, findings)
		}
		if _, _, err := w.collect(Options{MaxAge: time.Hour}); err == nil || !strings.Contains(err.Error(), "no date") {
			t.Errorf("%s: with a limit: %v", source, err)
		}
	}
	must(t, os.Truncate(filepath.Join(w.dir, "var/lib/apt/lists", listName("http://"+w.address+"/dists/bare/main/binary-amd64/Packages")), 40))
	if _, _, err := w.collect(Options{}); err == nil || !strings.Contains(err.Error(), "lacks Version") {
		t.Errorf("cut off within a paragraph: %v", err)
	}
	w.put("etc/apt/sources.list", "deb http://"+w.address+" bare main\n")
	if _, _, err := w.collect(Options{}); err == nil || !strings.Contains(err.Error(), "was not downloaded") {
		t.Errorf("not trusted: %v", err)
	}
}

// Field names count in any case, and packages that are listed without SHA-256 are
// pending like others.
func TestListsOfOtherToolsAreRead(t *testing.T) {
	w := newWorld(t, a("tool", "1"), a("old", "1"))
	w.offer(a("tool", "2"), a("old", "2"))
	list := filepath.Join(w.archive, "dists/demo/main/binary-amd64/Packages")
	text, err := os.ReadFile(list)
	must(t, err)
	var other strings.Builder
	for l := range strings.Lines(string(text)) {
		key, rest, field := strings.Cut(l, ":")
		switch {
		case strings.HasPrefix(key, "SHA"):
		case field:
			other.WriteString(strings.ToLower(key) + ":" + rest)
		default:
			other.WriteString(l)
		}
	}
	write(t, list, other.String())
	w.publish()
	n, _ := w.agree("tool amd64 2", "old amd64 2")
	for _, p := range n.Available.Packages {
		if p.SHA256 != "" || p.Size == 0 || p.Filename == "" {
			t.Errorf("%+v", p)
		}
	}
}

// What apt passes over in its folders of configuration is none for us either.
func TestFilesThatAptPassesOver(t *testing.T) {
	w := newWorld(t, a("tool", "1"))
	w.offer(a("tool", "2"))
	for _, name := range []string{".hidden.list", "a b.list", "a~.list", "a+b.list", "ü.list", "a.list.save", "A.LIST", "a.sources.bak"} {
		w.put("etc/apt/sources.list.d/"+name, "deb http://127.0.0.1:1 absent main\n")
	}
	must(t, os.MkdirAll(w.dir+"/etc/apt/sources.list.d/folder.list", 0o755))
	must(t, os.Symlink("folder.list", w.dir+"/etc/apt/sources.list.d/linked.list"))
	for _, name := range []string{".hidden", "a b", "x.disabled", "a~"} {
		w.put("etc/apt/preferences.d/"+name, "Package: tool\nPin: version 1\nPin-Priority: 1001\n")
		w.put("etc/apt/apt.conf.d/"+name, "Dir::State::lists \"/elsewhere\";\n")
	}
	if _, findings := w.agree("tool amd64 2"); len(findings) != 0 {
		t.Errorf("findings %q", findings)
	}
	must(t, os.Remove(w.dir+"/etc/apt/sources.list")) // now from a file that apt takes
	w.put("etc/apt/sources.list.d/ppa:x_y-1.0.list", "deb http://"+w.address+" demo main\n")
	w.agree("tool amd64 2")
}

// Patch Manager takes the newest version of all that is enabled (specification §2); apt
// would not.
func TestAnArchiveThatIsNotAutomaticIsReported(t *testing.T) {
	w := newWorld(t, a("tool", "1"))
	w.extra = "NotAutomatic: yes\nButAutomaticUpgrades: yes\n"
	w.offer(a("tool", "2"))
	w.put("etc/apt/apt.conf.d/x", "#clear DPkg::Pre-Invoke;\nAPT::Default-Release \"demo\";\n#clear apt::default-release;\n")
	w.update()
	cache := t.TempDir()
	for range 2 { // the second time from the cache
		n, findings, err := w.collect(Options{Cache: cache})
		must(t, err)
		said := strings.Join(findings, "\n")
		if len(pending(n)) != 1 || !strings.Contains(said, "NotAutomatic is not honoured") || strings.Contains(said, "Default-Release") {
			t.Errorf("pending %q, findings %q", pending(n), findings)
		}
	}
	if out, err := w.apt("apt-config", "dump", "APT::Default-Release"); err != nil || strings.Contains(out, "demo") {
		t.Errorf("apt says %q, %v: the case is not what it was made for", out, err)
	}
	w.put("etc/apt/apt.conf.d/y", "APT::Default-Release \"other\";\n")
	_, findings, err := w.collect(Options{})
	must(t, err)
	if !strings.Contains(strings.Join(findings, "\n"), `APT::Default-Release "other" is not honoured`) {
		t.Errorf("findings %q", findings)
	}
}
