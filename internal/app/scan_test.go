package app

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
)

// root is a folder with a dpkg database of one package.
func root(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range map[string]string{
		"etc/os-release":      "ID=debian\nVERSION_ID=\"12\"\n",
		"var/lib/dpkg/arch":   "amd64\n",
		"var/lib/dpkg/status": "Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.1\n\n",
	} {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func lock(version string) *baseline.Lock {
	return &baseline.Lock{OS: baseline.Debian, Packages: []baseline.LockedPackage{{Package: baseline.Package{Name: "tool", Arch: "amd64", Version: version}}}}
}

func TestRunScan_says_how_a_root_stands(t *testing.T) {
	for name, c := range map[string]struct {
		lock *baseline.Lock
		want string
	}{
		"nothing asked":       {nil, StandsInventory},
		"exactly the lock":    {lock("1.1"), StandsCompliant},
		"older than the lock": {lock("1.2"), StandsNonCompliant},
	} {
		s, err := RunScan(t.Context(), ScanRequest{Target: root(t), Lock: c.lock})
		if err != nil || s.Standing != c.want || s.Kind != "root" || len(s.Inventory.Installed) != 1 {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
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
		s, err := RunScan(t.Context(), ScanRequest{Target: target, Lock: lock("1.1")})
		if err != nil || s.Standing != StandsUnknown || s.Reason == "" {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

func TestRunScan_of_a_target_that_is_not_there_is_an_error(t *testing.T) {
	if _, err := RunScan(t.Context(), ScanRequest{Target: filepath.Join(t.TempDir(), "none")}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("no such folder: %v", err)
	}
	closed := func(context.Context) (*Cloud, error) { return nil, fault.New(fault.Denied, "", "no credentials") }
	for _, target := range []string{"snap-0123456789abcdef0", "ami-0123456789abcdef0"} {
		_, err := RunScan(t.Context(), ScanRequest{Target: target, Cloud: closed})
		if fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "scan "+target) {
			t.Errorf("%s: %v", target, err)
		}
	}
}
