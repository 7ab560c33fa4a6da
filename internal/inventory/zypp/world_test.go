//go:build linux

package zypp

import (
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/inventory/rootfs"
	"github.com/goldenami/rehydrate/internal/testkit"
	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
)

// world is a root with real packages that real zypper looks at from outside.
type world struct {
	t   *testing.T
	dir string
	rpm *rpmworld.Root
}

// newWorld builds the root; its repositories' settings are lines of their .repo files.
func newWorld(t *testing.T, w rpmworld.World) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("compares with real zypper: left out by -short")
	}
	if _, err := exec.LookPath("zypper"); err != nil {
		testkit.Missing(t, "%v: `make tools` installs it", err)
	}
	if os.Geteuid() != 0 {
		testkit.Missing(t, "zypper writes its caches as root")
	}
	if w.ID == "" {
		w.ID, w.VersionID = "sles", "15.6"
	}
	w.NoCache = true
	root := rpmworld.Build(t, w)
	// Debian's rpm keeps its database in the home folder unless told where.
	home := t.TempDir()
	put(t, filepath.Join(home, ".rpmmacros"), "%_dbpath /var/lib/rpm\n")
	t.Setenv("HOME", home)
	out := &world{t: t, dir: root.Dir, rpm: root}
	for _, r := range w.Repositories {
		text := "[" + r.ID + "]\nautorefresh=0\ngpgcheck=0\nbaseurl=file:" + root.Repos[r.ID] + "\n"
		for k, v := range r.Settings {
			text += k + "=" + v + "\n"
		}
		out.put("etc/zypp/repos.d/"+r.ID+".repo", text)
	}
	if len(w.Repositories) > 0 {
		out.zypper("--non-interactive", "refresh")
	}
	return out
}

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (w *world) put(name, text string) {
	w.t.Helper()
	put(w.t, filepath.Join(w.dir, name), text)
}

// zypper runs zypper on the root and returns its standard output. The codes by which
// it says that there are updates are no failure.
func (w *world) zypper(args ...string) string {
	w.t.Helper()
	cmd := exec.Command("zypper", append([]string{"--root", w.dir, "--no-refresh"}, args...)...)
	if slices.Contains(args, "refresh") {
		cmd = exec.Command("zypper", append([]string{"--root", w.dir}, args...)...)
	}
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState.ExitCode() < 100 {
		w.t.Fatalf("zypper %s: %v: %s%s", strings.Join(args, " "), err, out, said.String())
	}
	return string(out)
}

func (w *world) fs() *rootfs.FS {
	w.t.Helper()
	root, err := rootfs.Open(w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { root.Close() })
	return root
}

// update is a line of zypper's list of patches or of updates.
type update struct {
	Kind     string `xml:"kind,attr"`
	Name     string `xml:"name,attr"`
	Edition  string `xml:"edition,attr"`
	Arch     string `xml:"arch,attr"`
	Status   string `xml:"status,attr"`
	Category string `xml:"category,attr"`
	Severity string `xml:"severity,attr"`
	Source   struct {
		Alias string `xml:"alias,attr"`
	} `xml:"source"`
	Date struct {
		Seconds int64 `xml:"time_t,attr"`
	} `xml:"issue-date"`
	Issues []struct {
		Type string `xml:"type,attr"`
		ID   string `xml:"id,attr"`
	} `xml:"issue-list>issue"`
}

// updates asks zypper for a list in XML.
func (w *world) updates(args ...string) []update {
	w.t.Helper()
	out := w.zypper(append([]string{"--xmlout"}, args...)...)
	var stream struct {
		List    []update `xml:"update-status>update-list>update"`
		Blocked []update `xml:"update-status>blocked-update-list>update"`
	}
	if err := xml.Unmarshal([]byte(out), &stream); err != nil {
		w.t.Fatalf("read zypper %v: %v: %s", args, err, out)
	}
	return slices.Concat(stream.List, stream.Blocked)
}

// table asks zypper for patches and reads its tables, whose filters, unlike those of
// the XML, work on category and severity: name and status of each row.
func (w *world) table(args ...string) []string {
	w.t.Helper()
	var out, head []string
	for line := range strings.Lines(w.zypper(append([]string{"--no-abbrev"}, args...)...)) {
		cells := strings.Split(line, "|")
		if len(cells) < 6 {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		name := max(slices.Index(cells, "Name"), slices.Index(cells, "Patch"))
		if name >= 0 && slices.Contains(cells, "Status") {
			head = cells
			continue
		}
		at := max(slices.Index(head, "Name"), slices.Index(head, "Patch"))
		out = append(out, cells[at]+" "+cells[slices.Index(head, "Status")])
	}
	return out
}

// notice is the text of an advisory in SUSE's form.
func notice(version, kind, severity, status, id, issued, updated string, refs []string, packages ...rpmworld.Package) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<update from=\"maint@example.com\" status=%q type=%q version=%q><id>%s</id><title>T</title>", status, kind, version, id)
	if severity != "" {
		fmt.Fprintf(&b, "<severity>%s</severity>", severity)
	}
	if issued != "" {
		fmt.Fprintf(&b, "<issued date=%q/>", issued)
	}
	if updated != "" {
		fmt.Fprintf(&b, "<updated date=%q/>", updated)
	}
	b.WriteString("<release>SLES</release><references>")
	for _, r := range refs {
		kind := "bugzilla"
		if strings.HasPrefix(r, "CVE-") {
			kind = "cve"
		}
		fmt.Fprintf(&b, "<reference href=\"https://example.com/%s\" id=%q title=\"t\" type=%q/>", r, r, kind)
	}
	b.WriteString("</references><description>d</description><pkglist><collection>")
	for _, p := range packages {
		v := rpmworld.Parse(p.NEVRA())
		fmt.Fprintf(&b, "<package name=%q epoch=\"%d\" version=%q release=%q arch=%q src=\"x.src.rpm\"><filename>%s</filename></package>",
			v.Name, v.Epoch, v.Version, v.Release, v.Arch, p.File())
	}
	b.WriteString("</collection></pkglist></update>\n")
	return b.String()
}

func notices(list ...string) string { return "<updates>\n" + strings.Join(list, "") + "</updates>\n" }
