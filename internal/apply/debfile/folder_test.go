package debfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/goldenami/rehydrate/baseline"
)

func TestChangelogsOfAFolderAreThoseOfTheOffersByTheirDigest(t *testing.T) {
	rebuilt := "tool (1.3-1+b1) unstable; urgency=low, binary-only=yes\n\n  * Rebuild for CVE-2026-7777\n\n -- A <a@b>  Wed, 04 Nov 2026 10:00:00 +0000\n"
	deb := build(t, "xz", map[string]string{
		"usr/share/doc/tool/changelog.Debian.gz":       zipped(log),
		"usr/share/doc/tool/changelog.Debian.amd64.gz": zipped(rebuilt),
	})
	bare := build(t, "zstd", map[string]string{"usr/bin/x": "y"})
	offer := func(name string, deb []byte) baseline.AvailablePackage {
		sum := sha256.Sum256(deb)
		return baseline.AvailablePackage{Package: baseline.Package{Name: name, Arch: "all", Version: "1.3-1+b1"}, SHA256: hex.EncodeToString(sum[:])}
	}
	tool, none, absent := offer("tool", deb), offer("bare", bare), offer("absent", []byte("x"))
	folder := fstest.MapFS{
		"another-name.deb": {Data: deb},
		none.SHA256:        {Data: bare}, // as in a bundle
		"tool_1_all.deb":   {Data: []byte("no package, and none that is wanted")},
		"readme.txt":       {Data: []byte("x")},
	}
	logs, remarks, err := InFolder(t.Context(), folder, baseline.Debian, []baseline.AvailablePackage{tool, none, absent}, map[string]string{"tool.all": "1.1-1"})
	if err != nil || len(logs) != 1 {
		t.Fatalf("logs = %v, %v; want one", logs, err)
	}
	got := logs[tool.SHA256]
	if !got.Date.Equal(time.Date(2026, 11, 4, 10, 0, 0, 0, time.UTC)) || got.Urgency != "low" ||
		!slices.Equal(got.CVEs, []string{"CVE-2025-1111", "CVE-2026-00005", "CVE-2026-1234", "CVE-2026-7777"}) {
		t.Errorf("changelog = %+v: want the later date and every CVE newer than 1.1-1", got)
	}
	if len(remarks) != 1 || !strings.Contains(remarks[0], "bare 1.3-1+b1") || !strings.Contains(remarks[0], "no changelog") {
		t.Errorf("remarks = %q, want one for the package without a changelog", remarks)
	}
}

func TestAMemberThatUnpacksWithoutEndIsAnError(t *testing.T) {
	b := &bounded{zeroes{}, 1 << 20}
	n, err := io.Copy(io.Discard, b)
	if err == nil || n != 1<<20 {
		t.Errorf("read %d bytes, %v; want an error at the limit", n, err)
	}
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func FuzzChangelogs(f *testing.F) {
	f.Add(build(f, "none", map[string]string{"usr/share/doc/tool/changelog.Debian.gz": zipped(log)}))
	f.Add(build(f, "gzip", map[string]string{"usr/share/doc/tool/changelog.gz": zipped(log)}))
	f.Fuzz(func(t *testing.T, deb []byte) {
		if texts, err := Changelogs(bytes.NewReader(deb), "tool"); (err == nil) != (len(texts) > 0) {
			t.Fatalf("%d changelogs, %v", len(texts), err)
		}
	})
}
