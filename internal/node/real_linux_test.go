package node_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/node"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/testkit"
)

// These tests patch real Debian roots with real apt. They need root, debootstrap
// and the Debian archive that this machine's apt is configured with.

const rootPolicy = `{"Name":"demo","OperatingSystem":"DEBIAN","ApprovalRules":{"PatchRules":[
 {"PatchFilterGroup":{"PatchFilters":[{"Key":"PRIORITY","Values":["Required","Important","Standard","Optional"]}]},"EnableNonSecurity":true},
 {"PatchFilterGroup":{"PatchFilters":[{"Key":"PRIORITY","Values":["Extra"]}]},"ApproveAfterDays":7,"EnableNonSecurity":true}]},
 "RejectedPatches":["demo-agent"]}`

// real is the demo's archive, served, and a base root.
type real struct {
	t       *testing.T
	base    string
	archive string
	url     string
	state   atomic.Value // folder that is served; empty: every answer is 503
	binary  string
}

func newReal(t *testing.T) *real {
	t.Helper()
	base := testkit.Root(t)
	for _, tool := range []string{"apt-ftparchive", "dpkg-deb", "gpg"} {
		if _, err := exec.LookPath(tool); err != nil {
			testkit.Missing(t, "%v: `make tools` installs it", err)
		}
	}
	r := &real{t: t, base: base, archive: filepath.Join(t.TempDir(), "archive"), binary: filepath.Join(t.TempDir(), "rehydrate-node")}
	r.must(output("go", "run", "../../examples/demo/archive", "-out", r.archive))
	build := exec.Command("go", "build", "-o", r.binary, "../../cmd/rehydrate-node")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build rehydrate-node: %v: %s", err, out)
	}
	r.serve()
	return r
}

// serve serves the archive's present state on a loopback address of its own.
func (r *real) serve() {
	r.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.78:0")
	if err != nil {
		r.t.Fatal(err)
	}
	r.url = "http://" + l.Addr().String() + "/"
	r.turn(1)
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		dir := r.state.Load().(string)
		if dir == "" {
			http.Error(w, "broken", http.StatusServiceUnavailable)
			return
		}
		http.FileServer(http.Dir(dir)).ServeHTTP(w, q)
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			r.t.Error("serve the archive: ", err)
		}
	}()
	r.t.Cleanup(func() { _ = s.Close(); <-done })
}

func (r *real) turn(state int) {
	r.state.Store(filepath.Join(r.archive, fmt.Sprintf("state-%d", state)))
}

// root makes a demo root with rehydrate-node in it.
func (r *real) root() string {
	r.t.Helper()
	root := filepath.Join(r.t.TempDir(), "root")
	r.must(output("../../examples/demo/demo-root.sh", r.base, r.archive, root, r.url))
	r.must(output("cp", r.binary, filepath.Join(root, "usr/local/bin/rehydrate-node")))
	return root
}

// in runs a command in root, in namespaces that end with it.
func (r *real) in(root string, args ...string) (string, error) {
	const prepare = `set -e
mount --make-rprivate /
mount -t proc proc "$0/proc"
mount -t tmpfs -o mode=755 dev "$0/dev"
for d in null zero full random urandom; do touch "$0/dev/$d"; mount --bind "/dev/$d" "$0/dev/$d"; done
touch "$0/etc/resolv.conf"
mount --bind /etc/resolv.conf "$0/etc/resolv.conf"
exec chroot "$0" "$@"`
	return output("unshare", append([]string{"--mount", "--pid", "--fork", "--kill-child", "sh", "-c", prepare, root}, args...)...)
}

func (r *real) must(out string, err error) string {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// run has rehydrate-node do req in root.
func (r *real) run(root string, req record.NodeRequest) (*record.NodeReport, error) {
	r.t.Helper()
	if req.Baseline == nil {
		req.Baseline, req.Options.AptApprovalDelay = json.RawMessage(rootPolicy), true
	}
	if req.LockTimeout == 0 {
		req.LockTimeout = 60
	}
	req.Schema, req.Bundle = 1, "/var/lib/rehydrate/bundle"
	if err := os.RemoveAll(filepath.Join(root, "root/report.json")); err != nil {
		r.t.Fatal(err)
	}
	text, err := json.Marshal(req)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "root/request.json"), text, 0o600); err != nil {
		r.t.Fatal(err)
	}
	_, failed := r.in(root, "/usr/local/bin/rehydrate-node", "run", "--request", "/root/request.json", "--report", "/root/report.json")
	text, err = os.ReadFile(filepath.Join(root, "root/report.json"))
	if err != nil {
		r.t.Fatalf("no report: %v (%v)", err, failed)
	}
	var rep record.NodeReport
	if err := json.Unmarshal(text, &rep); err != nil {
		r.t.Fatal(err)
	}
	return &rep, failed
}

// packages is what dpkg itself says is installed in root: "name:arch version".
func (r *real) packages(root string) map[string]string {
	r.t.Helper()
	m := map[string]string{}
	for line := range strings.Lines(r.must(output("dpkg-query", "--admindir="+root+"/var/lib/dpkg", "-W", "-f", "${Package}:${Architecture} ${Version}\n"))) {
		name, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		m[name] = version
	}
	return m
}

// pending is what apt itself would still do: "name=version", sorted.
func (r *real) pending(root string) []string {
	r.t.Helper()
	var list []string
	for line := range strings.Lines(r.must(r.in(root, "apt-get", "-s", "dist-upgrade"))) {
		if f := strings.Fields(line); len(f) > 3 && (f[0] == "Inst" || f[0] == "Remv") {
			list = append(list, f[1]+"="+strings.TrimLeft(f[3], "("))
		}
	}
	slices.Sort(list)
	return list
}

func output(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive")
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", filepath.Base(name), err, errs.String())
	}
	return string(out), err
}

func differs(before, after map[string]string) map[string]string {
	m := map[string]string{}
	for name, v := range after {
		if before[name] != v {
			m[name] = v
		}
	}
	for name := range before {
		if after[name] == "" {
			m[name] = ""
		}
	}
	return m
}

func inLock(l *baseline.Lock) map[string]string {
	m := map[string]string{}
	for _, p := range l.Packages {
		m[p.Name+":"+p.Arch] = p.Version
	}
	return m
}

func TestARealRootIsPatchedExactlyAndAgainAfterTheArchiveMovedOn(t *testing.T) {
	r := newReal(t)
	first := r.root()
	before := r.packages(first)

	// apt is the oracle for what is pending.
	scan, err := r.run(first, record.NodeRequest{Operation: node.Scan})
	if err != nil {
		t.Fatal(err)
	}
	wanted := slices.Clone(scan.Evaluation.ToInstall)
	for i, w := range wanted {
		name, version, _ := strings.Cut(w, "=")
		wanted[i] = name[:strings.LastIndexByte(name, '.')] + "=" + version
	}
	wanted = append(wanted, "demo-agent=1.1", "demo-extra=1.1") // rejected, delayed
	slices.Sort(wanted)
	pending := r.pending(first)
	if d := cmp.Diff(pending, wanted); d != "" {
		t.Errorf("apt and the evaluation differ about what is pending:\n%s", d)
	}
	if len(pending) < 4 {
		t.Errorf("only %v is pending: no Debian security update was there to prove anything with", pending)
	}
	for _, repo := range scan.Before.Available.Repositories {
		if !repo.Verified {
			t.Errorf("repository %s was not verified", repo.ID)
		}
	}

	rep, err := r.run(first, record.NodeRequest{Operation: node.Install})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.pending(first), []string{"demo-agent=1.1", "demo-extra=1.1"}; !slices.Equal(got, want) {
		t.Errorf("after the installation apt would still do %v, want exactly %v", got, want)
	}
	after := r.packages(first)
	if d := cmp.Diff(inLock(rep.Lock), differs(before, after)); d != "" {
		t.Errorf("dpkg before and after differs from the lock:\n%s", d)
	}
	if manual := r.must(r.in(first, "apt-mark", "showauto")); manual != "" {
		t.Errorf("the automatic marks changed: %s", manual)
	}

	// The same lock again changes nothing, before anything is fetched.
	again, err := r.run(r.root(), record.NodeRequest{Operation: node.Install, SkipIdentity: rep.Identity})
	if err != nil || !again.Skipped || len(again.Changes) > 0 {
		t.Errorf("second bake: skipped %v, %v, %v", again.Skipped, again.Changes, err)
	}

	// The archive moves on: 1.2 of demo-tool is gone, the bundle has it.
	r.turn(2)
	second := r.root()
	if _, err := r.run(second, record.NodeRequest{Operation: node.Install, Lock: rep.Lock}); err == nil || !strings.Contains(err.Error(), "demo-tool 1.2") || !strings.Contains(err.Error(), "exit status 10") {
		t.Errorf("without a bundle: %v, want exit 10 naming demo-tool", err)
	}
	if d := cmp.Diff(before, r.packages(second)); d != "" {
		t.Errorf("a refused installation changed something:\n%s", d)
	}
	r.must(output("cp", "-a", filepath.Join(first, "var/lib/rehydrate/bundle"), filepath.Join(second, "var/lib/rehydrate/")))
	late, err := r.run(second, record.NodeRequest{Operation: node.Install, Lock: rep.Lock})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(after, r.packages(second)); d != "" {
		t.Errorf("the second node differs from the first:\n%s", d)
	}
	for _, o := range late.Obtained {
		if (o.From == "bundle") != (o.Name == "demo-tool") {
			t.Errorf("%s came from %s", o.Name, o.From)
		}
	}
	if list, err := os.ReadDir(filepath.Join(second, "etc/apt/sources.list.d")); err != nil || len(list) != 1 {
		t.Errorf("sources are left behind: %v, %v", list, err)
	}
	if left, _ := filepath.Glob(filepath.Join(second, "var/lib/rehydrate/run-*")); len(left) > 0 {
		t.Errorf("working files are left behind: %v", left)
	}

	// A broken archive is an error, and nothing changes.
	r.state.Store("")
	third := r.root()
	if _, err := r.run(third, record.NodeRequest{Operation: node.Install}); err == nil || !strings.Contains(err.Error(), r.url) {
		t.Errorf("with a broken archive: %v, want an error naming %s", err, r.url)
	}
	if d := cmp.Diff(before, r.packages(third)); d != "" {
		t.Errorf("an installation without lists changed something:\n%s", d)
	}
}
