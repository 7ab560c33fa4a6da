package rpmworld

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Advisory is a notice of updateinfo.xml.
type Advisory struct {
	ID, Type, Status, Title string // Status is "final" unless it says else
	Severity                string // empty: no such element; EmptyElement: an empty one
	Issued, Updated         string // verbatim; empty: no such element
	CVEs, Bugzillas         []string
	Module                  string // name:stream:version:context:arch of its collection
	Reboot                  bool   // reboot_suggested on each package
	Text                    string // its description
	Packages                []Package
}

// EmptyElement as a severity writes the element without text.
const EmptyElement = "\x00"

// Repository is a repository to be built, and how it is configured.
type Repository struct {
	ID         string
	Packages   []Package
	Advisories []Advisory
	UpdateInfo string // verbatim instead of Advisories
	Modules    string // modules.yaml
	// Compression of the metadata: gz (the default), xz, zst, bz2 or none.
	Compression string
	// Checksum of the metadata: sha256 (the default), sha512 or sha1.
	Checksum string
	// Synthetic describes the packages without building them: enough for what only
	// lists them.
	Synthetic bool
	// Extra are further arguments for createrepo_c.
	Extra []string

	// Settings are further lines of its section, such as "module_hotfixes": "1";
	// "enabled", "gpgcheck" and "baseurl" have defaults that they replace.
	Settings map[string]string
}

// content is what the files of a repository depend on.
type content struct {
	Packages                                   []Package
	UpdateInfo, Modules, Compression, Checksum string
	Extra                                      []string
	Synthetic                                  bool
}

// Repo builds the repository and returns its folder, which nothing may write to.
func Repo(t testing.TB, r Repository) string {
	t.Helper()
	need(t, "createrepo_c", "modifyrepo_c")
	c := content{UpdateInfo: r.UpdateInfo, Modules: r.Modules, Compression: r.Compression, Checksum: r.Checksum, Extra: r.Extra, Synthetic: r.Synthetic}
	for _, p := range r.Packages {
		c.Packages = append(c.Packages, p.full())
	}
	if c.UpdateInfo == "" && len(r.Advisories) > 0 {
		c.UpdateInfo = UpdateInfo(r.Advisories)
	}
	if c.Compression == "" {
		c.Compression = "gz"
	}
	if c.Checksum == "" {
		c.Checksum = "sha256"
	}
	rpms := ""
	if len(r.Packages) > 0 && !r.Synthetic {
		rpms = RPMs(t, r.Packages)
	}
	return kept(t, "repo", c, func(dir string) {
		if rpms != "" {
			run(t, "cp", "-a", rpms, filepath.Join(dir, "Packages"))
		}
		args := append([]string{"--quiet", "--no-database", "--checksum", c.Checksum, "--revision", "1735700000"}, c.Extra...)
		if c.Compression != "none" && c.Compression != "zst" {
			args = append(args, "--general-compress-type", c.Compression)
		}
		run(t, "createrepo_c", append(args, dir)...)
		md := filepath.Join(dir, "repodata")
		for _, name := range []string{"primary", "filelists", "other"} {
			if c.Compression == "none" || c.Compression == "zst" {
				repack(t, md, name, c)
			}
		}
		if c.Synthetic {
			synthesize(t, md, c)
		}
		annotate(t, md, "updateinfo", ".xml", c.UpdateInfo, c)
		annotate(t, md, "modules", ".yaml", c.Modules, c)
		if c.Compression == "zst" {
			zstdAll(t, md)
		}
	})
}

// annotate adds a metadata file of the type to a repository; an empty text adds
// nothing.
func annotate(t testing.TB, md, mdtype, ext, text string, c content) {
	t.Helper()
	if text == "" {
		return
	}
	file := filepath.Join(t.TempDir(), mdtype+ext)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	modify(t, md, mdtype, file, c)
}

// repack stores one of createrepo_c's files in a form that it cannot write itself.
func repack(t testing.TB, md, mdtype string, c content) {
	t.Helper()
	packed, _ := filepath.Glob(filepath.Join(md, "*"+mdtype+".xml.gz"))
	if len(packed) != 1 {
		t.Fatalf("%d files of type %s", len(packed), mdtype)
	}
	plain := filepath.Join(t.TempDir(), mdtype+".xml")
	run(t, "sh", "-c", "gzip -dc '"+packed[0]+"' >'"+plain+"'")
	run(t, "modifyrepo_c", "--remove", mdtype, md)
	modify(t, md, mdtype, plain, c)
}

// modify adds file to a repository, packed as c says.
func modify(t testing.TB, md, mdtype, file string, c content) {
	t.Helper()
	args := []string{"--mdtype=" + mdtype, "--checksum=" + c.Checksum}
	switch c.Compression {
	case "none", "zst":
		args = append(args, "--no-compress")
	default:
		args = append(args, "--compress", "--compress-type="+c.Compression)
	}
	run(t, "modifyrepo_c", append(args, file, md)...)
}

// entry is one file of repomd.xml as modifyrepo_c writes it without compression.
var entry = regexp.MustCompile(`(?s)<data type="(\w+)">.*?<checksum type="(\w+)">(\w+)</checksum>.*?<location href="([^"]+)"/>.*?<size>(\d+)</size>.*?</data>`)

// zstdAll packs every file of a plain repository by zstd, which these tools cannot.
func zstdAll(t testing.TB, md string) {
	t.Helper()
	file := filepath.Join(md, "repomd.xml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out := entry.ReplaceAllStringFunc(string(text), func(block string) string {
		m := entry.FindStringSubmatch(block)
		at := filepath.Join(filepath.Dir(md), m[4])
		run(t, "zstd", "-q", "--rm", at)
		sum, _, _ := strings.Cut(run(t, m[2]+"sum", at+".zst"), " ")
		info, err := os.Stat(at + ".zst")
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(`<data type="%s">
    <checksum type="%s">%s</checksum>
    <open-checksum type="%s">%s</open-checksum>
    <location href="%s.zst"/>
    <timestamp>1735700000</timestamp>
    <size>%d</size>
    <open-size>%s</open-size>
  </data>`, m[1], m[2], sum, m[2], m[3], m[4], info.Size(), m[5])
	})
	if err := os.WriteFile(file, []byte(out), 0o644); err != nil {
		t.Fatal(err)
	}
}

// UpdateInfo writes advisories as updateinfo.xml.
func UpdateInfo(list []Advisory) string {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<updates>\n")
	for _, a := range list {
		a.write(&b)
	}
	b.WriteString("</updates>\n")
	return b.String()
}

func (a Advisory) write(b *strings.Builder) {
	status := a.Status
	if status == "" {
		status = "final"
	}
	fmt.Fprintf(b, "<update from=%q status=%q type=%q version=\"1\">\n  <id>%s</id>\n  <title>%s</title>\n",
		"security@example.com", status, a.Type, escape(a.ID), escape(a.Title))
	for _, d := range [][2]string{{"issued", a.Issued}, {"updated", a.Updated}} {
		if d[1] != "" {
			fmt.Fprintf(b, "  <%s date=\"%s\"/>\n", d[0], escape(d[1]))
		}
	}
	switch a.Severity {
	case "":
	case EmptyElement:
		b.WriteString("  <severity/>\n")
	default:
		fmt.Fprintf(b, "  <severity>%s</severity>\n", escape(a.Severity))
	}
	b.WriteString("  <release>test</release>\n  <summary>s</summary>\n  <description>")
	b.WriteString(escape(cmp.Or(a.Text, "d & more")) + "</description>\n  <references>\n")
	for _, c := range a.CVEs {
		fmt.Fprintf(b, "    <reference href=\"https://example.com/%s\" id=%q type=\"cve\" title=%q/>\n", c, c, c)
	}
	for _, z := range a.Bugzillas {
		fmt.Fprintf(b, "    <reference href=\"https://example.com/%s\" id=%q type=\"bugzilla\" title=\"bug\"/>\n", z, z)
	}
	b.WriteString("  </references>\n  <pkglist>\n    <collection short=\"c\">\n      <name>c</name>\n")
	if m := strings.Split(a.Module, ":"); len(m) == 5 {
		fmt.Fprintf(b, "      <module name=%q stream=%q version=%q context=%q arch=%q/>\n", m[0], m[1], m[2], m[3], m[4])
	}
	for _, p := range a.Packages {
		p = p.full()
		fmt.Fprintf(b, "      <package name=%q epoch=\"%d\" version=%q release=%q arch=%q src=\"%s.src.rpm\">\n        <filename>%s</filename>\n",
			p.Name, p.Epoch, p.Version, p.Release, p.Arch, p.Name, p.File())
		if a.Reboot {
			b.WriteString("        <reboot_suggested>True</reboot_suggested>\n")
		}
		b.WriteString("      </package>\n")
	}
	b.WriteString("    </collection>\n  </pkglist>\n</update>\n")
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

// section is the repository's part of a repo file.
func (r Repository) section(dir string) string {
	lines := map[string]string{"name": r.ID, "enabled": "1", "gpgcheck": "0", "baseurl": "file://" + dir}
	for k, v := range r.Settings {
		lines[k] = v
	}
	if lines["mirrorlist"] != "" || lines["metalink"] != "" {
		if r.Settings["baseurl"] == "" {
			delete(lines, "baseurl")
		}
	}
	text := "[" + r.ID + "]\n"
	for _, k := range slices.Sorted(maps.Keys(lines)) {
		text += k + "=" + lines[k] + "\n"
	}
	return text
}

func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
