package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/baseline"
)

func lockFile(t *testing.T, change func(*baseline.Lock)) string {
	t.Helper()
	l := &baseline.Lock{
		Schema: baseline.LockSchema, Baseline: "web", BaselineDigest: "sha256:aa", OS: baseline.Debian, Product: "Debian12", Arch: "amd64",
		EvaluatedAt:  time.Date(2026, 1, 20, 12, 0, 0, 0, time.UTC),
		Extensions:   []string{baseline.ExtensionAptDelay},
		Repositories: []baseline.Repository{{ID: "main", URL: "https://deb.example.com/debian", IndexSHA256: "bb", Verified: true}},
		Packages: []baseline.LockedPackage{
			{Package: baseline.Package{Name: "libnew", Arch: "amd64", Version: "1.0"}, Repository: "main", Filename: "pool/libnew.deb", SHA256: "dd", Rule: baseline.RuleDependency, ComplianceLevel: "UNSPECIFIED"},
			{Package: baseline.Package{Name: "openssl", Arch: "amd64", Version: "3.0.11-2"}, From: "3.0.11-1", Repository: "main", Filename: "pool/openssl.deb", SHA256: "cc",
				CVEs: []string{"CVE-2026-0001"}, Rule: "approval_rule[0]", ComplianceLevel: "HIGH"},
		},
		Skipped: []baseline.SkippedPackage{{Package: baseline.Package{Name: "bash", Arch: "amd64", Version: "5.2-2"}, From: "5.2-1", Reason: "held"}},
	}
	if change != nil {
		change(l)
	}
	return file(t, "lock.json", string(l.Canonical()))
}

func TestLockShow_says_what_and_why(t *testing.T) {
	contains(t, must(t, "lock", "show", lockFile(t, nil)),
		"Debian12 amd64", "by baseline web (sha256:aa) at 2026-01-20T12:00:00Z", baseline.ExtensionAptDelay, "index bb, signature checked",
		"3.0.11-1 → 3.0.11-2", "approval_rule[0]", "CVE-2026-0001", "new → 1.0", "skipped: bash.amd64 stays at 5.2-1: held", "2 packages, 1 CVE, lock sha256:")
}

func TestLockShow_gives_what_installs_it(t *testing.T) {
	path := lockFile(t, nil)
	if out := must(t, "lock", "show", "--output", "install-list", path); out != "libnew:amd64=1.0\nopenssl:amd64=3.0.11-2\n" {
		t.Errorf("got %q", out)
	}
	list, _, err := baseline.ParseInstallOverrideList([]byte(must(t, "lock", "show", "--output", "override-list", path)))
	if err != nil || len(list.Patches) != 2 {
		t.Errorf("%v, %v", list, err)
	}
	over, err := baseline.ParseBaselineOverride([]byte(must(t, "lock", "show", "--output", "baseline-override", path)))
	if err != nil || len(over) != 1 || len(over[0].ApprovedPatches) != 2 {
		t.Errorf("%v, %v", over, err)
	}
	l, err := baseline.ParseLock([]byte(must(t, "lock", "show", "--output", "json", path)))
	if err != nil || len(l.Packages) != 2 {
		t.Errorf("%v, %v", l, err)
	}
}

func TestLockShow_refuses_what_is_no_lock(t *testing.T) {
	for name, text := range map[string]string{"no JSON": "x", "another schema": `{"schema": 99}`, "a baseline": `{"Name": "web"}`} {
		code, out, errs := rehydrate(t, text, "lock", "show", "-")
		if code != 2 || out != "" || !strings.Contains(errs, "read lock -") {
			t.Errorf("%s: exit %d, %q, %s", name, code, out, errs)
		}
	}
}

func TestLockDiff_in_words(t *testing.T) {
	old := lockFile(t, nil)
	fresh := lockFile(t, func(l *baseline.Lock) {
		l.Packages[1].Version, l.Packages[1].SHA256 = "3.0.11-3", "ee"
		l.Packages[1].CVEs = []string{"CVE-2026-0001", "CVE-2026-0002"}
		l.Packages = l.Packages[1:]
	})
	contains(t, must(t, "lock", "diff", old, fresh),
		"openssl.amd64 raised from 3.0.11-2 to 3.0.11-3, fixes CVE-2026-0002 (approval_rule[0])", "libnew.amd64 1.0 no longer locked", "fixed by the new lock only: CVE-2026-0002")
	if out := must(t, "lock", "diff", old, old); out != "no difference\n" {
		t.Errorf("got %q", out)
	}
	var d baseline.LockDiff
	if err := json.Unmarshal([]byte(must(t, "lock", "diff", "--output", "json", old, fresh)), &d); err != nil || len(d.Changes) != 2 || d.SameBake {
		t.Errorf("%+v, %v", d, err)
	}
	code, _, errs := rehydrate(t, "", "lock", "diff", "a", "b")
	if code != 2 || !strings.Contains(errs, "read lock a") || !strings.Contains(errs, "read lock b") {
		t.Errorf("exit %d, %s", code, errs)
	}
}
