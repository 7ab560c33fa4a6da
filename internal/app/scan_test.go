package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

var scanTime = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func write(t *testing.T, dir, name, body string) {
	t.Helper()
	p := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(body), 0o644); err != nil {
		t.Fatal(err)
	}
}

// root is a folder with a dpkg database of one package.
func root(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
	write(t, dir, "var/lib/dpkg/arch", "amd64\n")
	write(t, dir, "var/lib/dpkg/status", "Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.1\n\n")
	return dir
}

// fed is root with a security source that offers tool 1.2, of a day before the scan.
func fed(t *testing.T) string {
	t.Helper()
	dir := root(t)
	write(t, dir, "etc/apt/sources.list", "deb [trusted=yes] http://archive.invalid/sec bookworm-security main\n")
	list := "Package: tool\nVersion: 1.2\nArchitecture: amd64\nPriority: optional\nSection: utils\nFilename: pool/tool.deb\nSize: 3\nSHA256: " + strings.Repeat("a", 64) + "\n\n"
	sum := sha256.Sum256([]byte(list))
	const base = "var/lib/apt/lists/archive.invalid_sec_dists_bookworm-security_"
	write(t, dir, base+"main_binary-amd64_Packages", list)
	write(t, dir, base+"Release", fmt.Sprintf("Origin: Debian\nLabel: Debian-Security\nSuite: stable-security\nCodename: bookworm-security\nDate: %s\nArchitectures: amd64\nComponents: main\nSHA256:\n %s %d main/binary-amd64/Packages\n",
		scanTime.Add(-24*time.Hour).Format(time.RFC1123), hex.EncodeToString(sum[:]), len(list)))
	return dir
}

func lock(version string) *baseline.Lock {
	return &baseline.Lock{OS: baseline.Debian, Packages: []baseline.LockedPackage{{Package: baseline.Package{Name: "tool", Arch: "amd64", Version: version}}}}
}

// policy approves every Debian package.
func policy() *baseline.Baseline {
	b := everything(baseline.Debian)
	b.Name = "all"
	return b
}

func TestRunScan_says_how_a_root_stands(t *testing.T) {
	for name, c := range map[string]struct {
		in   ScanRequest
		want string
	}{
		"nothing asked":       {ScanRequest{Target: root(t)}, record.StandsInventory},
		"only the inventory":  {ScanRequest{Target: fed(t), InventoryOnly: true}, record.StandsInventory},
		"exactly the lock":    {ScanRequest{Target: root(t), Lock: lock("1.1")}, record.StandsCompliant},
		"older than the lock": {ScanRequest{Target: root(t), Lock: lock("1.2")}, record.StandsNonCompliant},
		"an update approved":  {ScanRequest{Target: fed(t), Baseline: policy()}, record.StandsNonCompliant},
		"lock kept, not the baseline": {ScanRequest{Target: fed(t), Baseline: policy(), Lock: lock("1.1")},
			record.StandsNonCompliant},
		"a baseline without lists":          {ScanRequest{Target: root(t), Baseline: policy()}, record.StandsUnknown},
		"a baseline without lists, a lock":  {ScanRequest{Target: root(t), Baseline: policy(), Lock: lock("1.1")}, record.StandsUnknown},
		"a baseline of another system":      {ScanRequest{Target: fed(t), Baseline: everything(baseline.Ubuntu)}, record.StandsUnknown},
		"lists older than what is accepted": {ScanRequest{Target: fed(t), Baseline: policy(), MaxAge: time.Hour}, record.StandsUnknown},
		"lists that no pinned key signed":   {ScanRequest{Target: fed(t), Baseline: policy(), Keyrings: [][]byte{nil}}, record.StandsUnknown},
		"lists young enough":                {ScanRequest{Target: fed(t), Baseline: policy(), MaxAge: 48 * time.Hour}, record.StandsNonCompliant},
	} {
		c.in.Now = scanTime
		s, err := RunScan(t.Context(), c.in)
		if err != nil || s.Standing != c.want || s.Kind != record.KindRoot || len(s.Inventory.Installed) != 1 {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
		if s != nil && s.Standing == record.StandsUnknown && (s.Reason == "" || s.Hint == "") {
			t.Errorf("%s: unknown without reason or hint: %q, %q", name, s.Reason, s.Hint)
		}
	}
}

func TestRunScan_lists_what_is_pending_and_where_it_comes_from(t *testing.T) {
	s, err := RunScan(t.Context(), ScanRequest{Target: fed(t), Now: scanTime})
	if err != nil || !s.UpdatesKnown || len(s.Updates) != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
	u := s.Updates[0]
	if u.Name != "tool" || u.Installed != "1.1" || u.Version != "1.2" || !u.Security || u.Origin != "Debian-Security bookworm-security" || u.Source == "" || u.Size != 3 {
		t.Errorf("%+v", u)
	}
	if len(s.Sources) != 1 || s.Sources[0].Verified || !s.Sources[0].Date.Equal(scanTime.Add(-24*time.Hour)) {
		t.Errorf("sources %+v", s.Sources)
	}
	if s.Read.Bytes == 0 || s.Standing != record.StandsInventory {
		t.Errorf("read %+v, %s", s.Read, s.Standing)
	}
}

func TestRunScan_of_a_source_that_apt_would_not_trust_is_unknown(t *testing.T) {
	dir := fed(t)
	write(t, dir, "etc/apt/sources.list", "deb http://archive.invalid/sec bookworm-security main\n")
	const base = "var/lib/apt/lists/archive.invalid_sec_dists_bookworm-security_Release"
	for name, signature := range map[string]string{"no signature": "", "no signature that anybody can read": "garbage"} {
		if signature != "" {
			write(t, dir, base+".gpg", signature)
		}
		s, err := RunScan(t.Context(), ScanRequest{Target: dir, Now: scanTime, Baseline: policy()})
		if err != nil || s.Standing != record.StandsUnknown || !strings.Contains(s.Reason, "source archive.invalid/sec bookworm-security: its index is not verified") ||
			!strings.Contains(s.Hint, "--keyring") || s.UpdatesKnown || s.Evaluation != nil {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
		s, err = RunScan(t.Context(), ScanRequest{Target: dir, Now: scanTime, Baseline: policy(), Lock: lock("1.1")})
		if err != nil || s.Standing != record.StandsUnknown {
			t.Errorf("%s, with a lock: %+v, %v", name, s, err)
		}
		s, err = RunScan(t.Context(), ScanRequest{Target: dir, Now: scanTime})
		if err != nil || s.Standing != record.StandsInventory || len(s.Updates) != 1 || !strings.Contains(s.UpdatesReason, "is not verified") ||
			!strings.Contains(strings.Join(s.Remarks, "\n"), "source archive.invalid/sec bookworm-security is not verified") {
			t.Errorf("%s, unjudged: %+v, %v", name, s, err)
		}
		s, err = RunScan(t.Context(), ScanRequest{Target: dir, Now: scanTime, Lock: lock("1.1")})
		if err != nil || s.Standing != record.StandsCompliant {
			t.Errorf("%s, by a lock alone: %+v, %v", name, s, err)
		}
	}
}

func TestRunScan_without_lists_does_not_call_updates_none(t *testing.T) {
	s, err := RunScan(t.Context(), ScanRequest{Target: root(t), Now: scanTime})
	if err != nil || s.UpdatesKnown || s.UpdatesReason == "" {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestRunScan_of_what_it_cannot_read_is_unknown_with_the_reason(t *testing.T) {
	garbage := filepath.Join(t.TempDir(), "disk.img")
	if err := os.WriteFile(garbage, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := root(t)
	if err := os.Truncate(filepath.Join(empty, "var/lib/dpkg/status"), 0); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"a root with an empty package database": empty, "a disk without a file system": garbage} {
		s, err := RunScan(t.Context(), ScanRequest{Target: target, Lock: lock("1.1"), Now: scanTime})
		if err != nil || s.Standing != record.StandsUnknown || s.Reason == "" {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

func TestRunScan_of_a_target_that_is_none_is_an_error_with_a_hint(t *testing.T) {
	nothing := filepath.Join(t.TempDir(), "empty.img")
	write(t, filepath.Dir(nothing), "empty.img", "")
	for target, want := range map[string]fault.Kind{
		filepath.Join(t.TempDir(), "none"): fault.NotFound,
		nothing:                            fault.Unsupported,
		t.TempDir():                        fault.Unsupported,
		os.DevNull:                         fault.Unsupported,
	} {
		_, err := RunScan(t.Context(), ScanRequest{Target: target, Now: scanTime})
		if fault.KindOf(err) != want || fault.HintOf(err) == "" || !strings.Contains(err.Error(), "scan "+target) {
			t.Errorf("%s: %v (%s)", target, err, fault.HintOf(err))
		}
	}
	closed := func(context.Context) (*Cloud, error) { return nil, fault.New(fault.Denied, "", "no credentials") }
	for _, target := range []string{"snap-0123456789abcdef0", "ami-0123456789abcdef0", "i-0123456789abcdef0"} {
		_, err := RunScan(t.Context(), ScanRequest{Target: target, Cloud: closed, Now: scanTime, Instance: InstanceScan{Bucket: "b"}})
		if fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "scan "+target) {
			t.Errorf("%s: %v", target, err)
		}
	}
}

func TestAFolderMayBeNamedLikeAnId(t *testing.T) {
	for target, want := range map[string]bool{"snap-0123abcd": true, "./snap-0123abcd": false, "snap-": false, "snap-shots": false, "i-0a": true} {
		if got := isID(target, "snap-") || isID(target, "i-"); got != want {
			t.Errorf("%s: %v", target, got)
		}
	}
}

func TestRunScan_reads_as_deep_as_it_is_asked(t *testing.T) {
	for depth, want := range map[string]int{"": 1, record.DepthPackages: 1, record.DepthMetadata: 2, record.DepthDigest: 3} {
		shown := ""
		s, err := RunScan(t.Context(), ScanRequest{Target: root(t), Now: scanTime, Depth: depth, Confirm: func(what string) error { shown = what; return nil }})
		if err != nil || len(s.Costs) != want || (s.Facts != nil) != (want > 1) || (shown != "") != (want == 3) {
			t.Errorf("%s: %+v, shown %q, %v", depth, s, shown, err)
		}
	}
	no := fault.New(fault.Interrupted, "", "declined")
	if _, err := RunScan(t.Context(), ScanRequest{Target: root(t), Now: scanTime, Depth: record.DepthDigest, Confirm: func(string) error { return no }}); !errors.Is(err, no) {
		t.Errorf("declined: %v", err)
	}
}
