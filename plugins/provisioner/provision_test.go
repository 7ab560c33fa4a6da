package provisioner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	packersdk "github.com/hashicorp/packer-plugin-sdk/packer"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
)

const testBaseline = `{"Name":"web-patches","OperatingSystem":"DEBIAN","ApprovalRules":{"PatchRules":[{"PatchFilterGroup":{"PatchFilters":[{"Key":"PRIORITY","Values":["*"]}]},"ComplianceLevel":"HIGH"}]}}`

const testPackage = "a package file"

func testLock() *baseline.Lock {
	sum := sha256.Sum256([]byte(testPackage))
	return &baseline.Lock{
		Schema: baseline.LockSchema, Baseline: "web-patches", OS: baseline.Debian, Product: "Debian12", Arch: "amd64",
		Packages: []baseline.LockedPackage{{
			Package: baseline.Package{Name: "hello", Arch: "amd64", Version: "2"}, SHA256: hex.EncodeToString(sum[:]), Rule: "approval_rule[0]",
		}},
	}
}

// bench is a prepared provisioner and where its outputs go.
type bench struct {
	t    *testing.T
	p    *Provisioner
	i    *instance
	ui   packersdk.MockUi
	here string
}

func newBench(t *testing.T, more map[string]any) *bench {
	t.Helper()
	b := &bench{t: t, p: new(Provisioner), i: newInstance(), here: t.TempDir()}
	b.write("baseline.json", testBaseline)
	b.write("node", "the node binary")
	c := map[string]any{
		"node_binary": b.file("node"), "baseline_file": b.file("baseline.json"),
		"report_file": b.file("out/report.json"), "lock_out": b.file("out/lock.json"), "bundle_out": b.file("out/bundle"),
		"marker": "m123", "run": "run-1",
	}
	for k, v := range more {
		c[k] = v
	}
	if err := b.p.Prepare(c); err != nil {
		t.Fatal(err)
	}
	// The node writes the package files of the lock that it makes.
	node := b.i.node
	b.i.node = func(req record.NodeRequest) (record.NodeReport, int) {
		if req.Bundle != "" {
			b.i.files[req.Bundle+"/"+testLock().Packages[0].SHA256] = []byte(testPackage)
		}
		return node(req)
	}
	return b
}

func (b *bench) file(name string) string { return filepath.Join(b.here, filepath.FromSlash(name)) }

func (b *bench) write(name, body string) {
	b.t.Helper()
	if err := os.WriteFile(b.file(name), []byte(body), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// provision runs the provisioner and checks what every end has in common.
func (b *bench) provision(ctx context.Context) error {
	b.t.Helper()
	err := b.p.Provision(ctx, &b.ui, b.i, nil)
	if left := b.i.leftovers(); len(left) > 0 {
		b.t.Errorf("left on the instance: %v", left)
	}
	return err
}

func (b *bench) report() record.NodeReport {
	b.t.Helper()
	var r record.NodeReport
	body, err := os.ReadFile(b.file("out/report.json"))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := json.Unmarshal(body, &r); err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *bench) said(part string) bool {
	for _, m := range b.ui.SayMessages {
		if strings.Contains(m.Message, part) {
			return true
		}
	}
	return false
}

func TestProvision_brings_back_report_lock_and_bundle(t *testing.T) {
	b := newBench(t, nil)
	if err := b.provision(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.report().LockDigest; got != testLock().Digest() {
		t.Errorf("report of lock %s", got)
	}
	var l baseline.Lock
	body, err := os.ReadFile(b.file("out/lock.json"))
	if err != nil || json.Unmarshal(body, &l) != nil || l.Digest() != testLock().Digest() {
		t.Errorf("lock %s: %v", body, err)
	}
	got, err := os.ReadFile(b.file("out/bundle/" + testLock().Packages[0].SHA256))
	if err != nil || string(got) != testPackage {
		t.Errorf("bundle file %q: %v", got, err)
	}
	if got := string(b.i.files[MarkerPath]); got != `{"marker":"m123","run":"run-1"}`+"\n" {
		t.Errorf("marker %q", got)
	}
	if !b.said("reading the package lists") {
		t.Error("the node's progress was not shown")
	}
}

func TestProvision_uses_sudo_only_for_others_than_root(t *testing.T) {
	for uid, want := range map[string]bool{"0": false, "1000": true} {
		b := newBench(t, nil)
		b.i.uid = uid
		if err := b.provision(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(strings.Join(b.i.commands, "\n"), "sudo"); got != want {
			t.Errorf("uid %s: sudo %v", uid, got)
		}
	}
}

func TestProvision_runs_the_users_execute_command(t *testing.T) {
	b := newBench(t, map[string]any{"execute_command": "sudo -n {{ .Command }}"})
	b.i.uid = "0"
	if err := b.provision(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(b.i.commands, "\n"), "sudo -n sh -c '") {
		t.Errorf("commands %q", b.i.commands)
	}
}

func TestProvision_asks_the_node_what_the_configuration_says(t *testing.T) {
	b := newBench(t, nil)
	b.write("options.json", `{"aptApprovalDelay":true}`)
	b.write("seen.json", `{"hello=2":"2026-01-02T03:04:05Z"}`)
	lock, _ := json.Marshal(testLock())
	b.write("lock.json", string(lock))
	if err := os.Mkdir(b.file("in"), 0o755); err != nil {
		t.Fatal(err)
	}
	b.write("in/"+testLock().Packages[0].SHA256, testPackage)
	b2 := newBench(t, map[string]any{
		"options_file": b.file("options.json"), "first_seen_file": b.file("seen.json"), "lock_file": b.file("lock.json"), "bundle_in": b.file("in"),
		"now": "2026-01-02T03:04:05Z", "lock_timeout": "90s",
	})
	var got record.NodeRequest
	node := b2.i.node
	b2.i.node = func(r record.NodeRequest) (record.NodeReport, int) {
		got = r
		if string(b2.i.files[r.Bundle+"/"+testLock().Packages[0].SHA256]) != testPackage {
			t.Error("the bundle was not uploaded")
		}
		return node(r)
	}
	if err := b2.provision(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got.Operation != "Install" || !got.Options.AptApprovalDelay || got.Lock.Digest() != testLock().Digest() || got.LockTimeout != 90 ||
		got.Now.Year() != 2026 || len(got.FirstSeen) != 1 || got.RebootOption != "NoReboot" || string(got.Baseline) == "" {
		t.Errorf("request %+v", got)
	}
}

func TestProvision_ends_recognisably_when_there_is_nothing_to_do(t *testing.T) {
	b := newBench(t, map[string]any{"skip_identity": "sha256:42"})
	b.i.node = func(record.NodeRequest) (record.NodeReport, int) {
		return record.NodeReport{Schema: record.NodeSchema, Skipped: true}, 0
	}
	err := b.provision(t.Context())
	if err == nil || err.Error() != NothingToDo+" (sha256:42)" {
		t.Errorf("err = %v", err)
	}
	if !b.report().Skipped {
		t.Error("the report does not say so")
	}
	if _, ok := b.i.files[MarkerPath]; ok {
		t.Error("a marker was planted")
	}
}

func TestProvision_fails_with_the_nodes_reason_and_keeps_its_report(t *testing.T) {
	b := newBench(t, nil)
	b.i.node = func(record.NodeRequest) (record.NodeReport, int) {
		return record.NodeReport{Schema: record.NodeSchema, Error: "apt: no space left"}, 1
	}
	if err := b.provision(t.Context()); err == nil || !strings.Contains(err.Error(), "apt: no space left") {
		t.Errorf("err = %v", err)
	}
	if b.report().Error == "" {
		t.Error("the report was lost")
	}
}

func TestProvision_status_without_a_reason_is_a_failure(t *testing.T) {
	b := newBench(t, nil)
	b.i.node = func(r record.NodeRequest) (record.NodeReport, int) {
		report, _ := patched(r)
		return report, 3
	}
	if err := b.provision(t.Context()); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("err = %v", err)
	}
}

func TestProvision_without_a_report_says_the_nodes_last_words(t *testing.T) {
	b := newBench(t, nil)
	b.i.node = func(record.NodeRequest) (record.NodeReport, int) { return record.NodeReport{}, 139 }
	err := b.provision(t.Context())
	if err == nil || !strings.Contains(err.Error(), "exit status 139: 12:00:00 reading the package lists") {
		t.Errorf("err = %v", err)
	}
}

func TestProvision_refuses_a_report_of_another_version(t *testing.T) {
	b := newBench(t, nil)
	b.i.node = func(record.NodeRequest) (record.NodeReport, int) { return record.NodeReport{Schema: 99}, 0 }
	if err := b.provision(t.Context()); err == nil || !strings.Contains(err.Error(), "schema 99") {
		t.Errorf("err = %v", err)
	}
}

func TestProvision_believes_no_file_that_has_another_digest(t *testing.T) {
	b := newBench(t, nil)
	b.i.node = func(r record.NodeRequest) (record.NodeReport, int) {
		b.i.files[r.Bundle+"/"+testLock().Packages[0].SHA256] = []byte("something else")
		return patched(r)
	}
	if err := b.provision(t.Context()); err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("err = %v", err)
	}
	if found, _ := filepath.Glob(b.file("out/bundle/*")); len(found) > 0 {
		t.Errorf("kept %v", found)
	}
}

func TestProvision_cleans_up_whichever_command_fails(t *testing.T) {
	for _, fails := range []string{"mkdir -m 0700 /tmp/rehydrate-", "chmod 0700", "/bundle", "chown -R", "mkdir -p /var"} {
		b := newBench(t, nil)
		b.i.fails = fails
		if err := b.provision(t.Context()); err == nil || !strings.Contains(err.Error(), "it failed") {
			t.Errorf("%s: err = %v", fails, err)
		}
	}
}

func TestProvision_fails_when_our_files_would_stay_in_the_image(t *testing.T) {
	b := newBench(t, nil)
	b.i.fails = "rm -rf"
	if err := b.p.Provision(t.Context(), &b.ui, b.i, nil); err == nil || !strings.Contains(err.Error(), "remove /tmp/rehydrate-") {
		t.Errorf("err = %v", err)
	}
}

func TestProvision_cleans_up_when_the_build_is_cancelled(t *testing.T) {
	b := newBench(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	node := b.i.node
	b.i.node = func(r record.NodeRequest) (record.NodeReport, int) {
		cancel()
		return node(r)
	}
	_ = b.provision(ctx) // whether it noticed or not, nothing may be left
}

func TestProvision_leaves_a_phase_that_takes_too_long(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, map[string]any{"timeout": "10m"})
		b.i.hangs = "rehydrate-node run"
		start := time.Now()
		err := b.provision(t.Context())
		b.i.release()
		if err == nil || !strings.Contains(err.Error(), `phase "Install" took longer than 10m`) {
			t.Errorf("err = %v", err)
		}
		if took := time.Since(start); took != 10*time.Minute {
			t.Errorf("took %s", took)
		}
	})
}

func TestProvision_reboots_by_policy(t *testing.T) {
	for _, c := range []struct {
		policy string
		needs  int // reboots until none is needed
		boots  int
		fails  bool
	}{
		{rebootNever, 1, 0, false},
		{rebootIfNeeded, 0, 0, false},
		{rebootIfNeeded, 1, 1, false},
		{rebootIfNeeded, 2, 2, false},
		{rebootIfNeeded, 3, 2, true},
		{rebootAlways, 0, 1, false},
	} {
		t.Run(fmt.Sprintf("%s_when_%d_needed", c.policy, c.needs), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, map[string]any{"reboot": c.policy})
				b.i.downTime = 40 * time.Second
				node := b.i.node
				b.i.node = func(r record.NodeRequest) (record.NodeReport, int) {
					report, status := node(r)
					report.RebootNeed = b.i.boots < c.needs
					if r.Operation == "Scan" {
						report.Before = &baseline.Node{Inventory: baseline.Inventory{Kernel: fmt.Sprint(b.i.boots)}}
					}
					return report, status
				}
				err := b.provision(t.Context())
				if (err != nil) != c.fails || b.i.boots != c.boots {
					t.Fatalf("%d boots, err = %v", b.i.boots, err)
				}
				if r := b.report(); c.boots > 0 && (r.After == nil || r.After.Kernel != fmt.Sprint(c.boots)) {
					t.Errorf("the last scan is not in the report: %+v", r.After)
				}
			})
		})
	}
}

func TestProvision_gives_up_on_an_instance_that_does_not_come_back(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, map[string]any{"reboot": "always", "restart_timeout": "5m"})
		b.i.downTime = time.Hour
		err := b.p.Provision(t.Context(), &b.ui, b.i, nil)
		if err == nil || !strings.Contains(err.Error(), "timed out after 5m") || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("err = %v", err)
		}
	})
}
