package debfile

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/testkit"
)

const log = `tool (1.3-1) unstable; urgency=HIGH

  * Fix it (CVE-2026-1234, cve-2026-00005).

 -- A Maintainer <a@example.org>  Tue, 03 Nov 2026 10:00:00 +0200

tool (1.2-1) unstable; urgency=low

  * CVE-2025-1111

 -- A Maintainer <a@example.org>  Mon, 2 Nov 2026 10:00:00 +0200

tool (1.1-1) unstable; urgency=low

  * CVE-2020-9999

 -- A Maintainer <a@example.org>  Sun, 1 Nov 2026 10:00:00 +0200
`

func TestChangelogCountsEveryEntryNewerThanInstalled(t *testing.T) {
	got, err := ParseChangelog([]byte(log), func(v string) bool { return v <= "1.1-1" })
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"CVE-2025-1111", "CVE-2026-00005", "CVE-2026-1234"}; !slices.Equal(got.CVEs, want) {
		t.Errorf("CVEs = %v, want %v", got.CVEs, want)
	}
	if want := time.Date(2026, 11, 3, 8, 0, 0, 0, time.UTC); !got.Date.Equal(want) || got.Urgency != "high" {
		t.Errorf("top entry = %v %s, want %v high", got.Date, got.Urgency, want)
	}
}

func TestAChangelogWithoutADateIsNoChangelog(t *testing.T) {
	for _, text := range []string{"", "Upstream news\n=====\n", "tool (1) u; urgency=low\n\n  * x\n", "tool (1) u; urgency=low\n\n -- A <a@b>  yesterday\n"} {
		if got, err := ParseChangelog([]byte(text), func(string) bool { return false }); err == nil {
			t.Errorf("ParseChangelog(%q) = %+v, want an error", text, got)
		}
	}
}

// build makes a real package file with dpkg-deb.
func build(t testing.TB, packing string, files map[string]string) []byte {
	t.Helper()
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		if os.Getenv("REQUIRE_ALL") == "1" {
			t.Fatal("dpkg-deb is needed: ", err)
		}
		t.Skip("no dpkg-deb on this machine: ", err)
	}
	root := filepath.Join(t.TempDir(), "root")
	files["DEBIAN/control"] = "Package: tool\nVersion: 1.3-1\nArchitecture: all\nMaintainer: a <a@b>\nDescription: x\n y\n"
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "x.deb")
	if out, err := exec.Command("dpkg-deb", "--root-owner-group", "-Z"+packing, "--build", root, file).CombinedOutput(); err != nil {
		t.Fatalf("dpkg-deb: %v: %s", err, out)
	}
	deb, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return deb
}

func zipped(text string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write([]byte(text)) // a bytes.Buffer takes everything
	_ = w.Close()
	return out.String()
}

func TestRealPackagesInEveryPacking(t *testing.T) {
	for _, packing := range []string{"gzip", "xz", "zstd", "none"} {
		deb := build(t, packing, map[string]string{
			"usr/share/doc/tool/changelog.gz":            zipped("upstream"),
			"usr/share/doc/tool/changelog.Debian.gz":     zipped(log),
			"usr/share/doc/tool/changelog.Debian.all.gz": zipped("rebuild"),
			"usr/share/doc/other/changelog.Debian.gz":    zipped("other"),
			"usr/bin/tool": strings.Repeat("x", 100_000),
		})
		control, err := Control(bytes.NewReader(deb))
		if err != nil || !strings.HasPrefix(string(control), "Package: tool\nVersion: 1.3-1\n") {
			t.Errorf("%s: control = %q, %v", packing, control, err)
		}
		logs, err := Changelogs(bytes.NewReader(deb), "tool")
		if err != nil || len(logs) != 2 || !slices.ContainsFunc(logs, func(b []byte) bool { return string(b) == log }) {
			t.Errorf("%s: %d changelogs, %v; want the package's two", packing, len(logs), err)
		}
		for cut := range len(deb) / 97 {
			if _, err := Changelogs(bytes.NewReader(deb[:cut*97]), "tool"); err == nil && cut*97 < len(deb)/2 {
				t.Fatalf("%s: a file cut to %d of %d bytes was read without error", packing, cut*97, len(deb))
			}
		}
	}
}

func TestNativePackagesHaveThePlainName(t *testing.T) {
	logs, err := Changelogs(bytes.NewReader(build(t, "xz", map[string]string{"usr/share/doc/tool/changelog.gz": zipped(log)})), "tool")
	if err != nil || len(logs) != 1 || string(logs[0]) != log {
		t.Errorf("changelogs = %d, %v; want the native one", len(logs), err)
	}
	_, err = Changelogs(bytes.NewReader(build(t, "xz", map[string]string{"usr/bin/x": "y"})), "tool")
	if !errors.Is(err, ErrNoChangelog) {
		t.Errorf("error = %v, want ErrNoChangelog", err)
	}
}

func FuzzControl(f *testing.F) {
	f.Add([]byte(magic + "debian-binary   0           0     0     100644  4         `\n2.0\n"))
	f.Add([]byte(magic + "control.tar     0           0     0     100644  99999999  `\n"))
	f.Fuzz(func(t *testing.T, deb []byte) {
		if text, err := Control(bytes.NewReader(deb)); err == nil && len(text) == 0 {
			t.Fatal("neither a paragraph nor an error")
		}
	})
}

func FuzzChangelog(f *testing.F) {
	f.Add([]byte(log))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := ParseChangelog(text, func(string) bool { return false })
		if (err == nil) != (got != nil && !got.Date.IsZero()) {
			t.Fatalf("half a changelog: %+v, %v", got, err)
		}
	})
}

// dpkg-parsechangelog is the oracle for the top entry.
func TestTheTopEntryIsWhatDpkgReads(t *testing.T) {
	if _, err := exec.LookPath("dpkg-parsechangelog"); err != nil {
		testkit.Missing(t, "%v: `make tools` installs it", err)
	}
	file := filepath.Join(t.TempDir(), "changelog")
	if err := os.WriteFile(file, []byte(log), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("dpkg-parsechangelog", "-l", file, "-S", "Timestamp").Output()
	if err != nil {
		t.Fatal(err)
	}
	urgency, err := exec.Command("dpkg-parsechangelog", "-l", file, "-S", "Urgency").Output()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseChangelog([]byte(log), func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.TrimSpace(string(out)); strconv.FormatInt(got.Date.Unix(), 10) != want || got.Urgency != strings.TrimSpace(string(urgency)) {
		t.Errorf("top entry = %d %s, dpkg-parsechangelog says %s %s", got.Date.Unix(), got.Urgency, want, urgency)
	}
}
