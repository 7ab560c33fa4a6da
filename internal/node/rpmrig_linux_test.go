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

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/testkit"
	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
)

// These tests let rehydrate-node patch rpm packages with Debian's dnf 4, in an overlay
// of this machine whose os-release says AlmaLinux 9.4. The packages are synthetic: it
// is a rpm root that dnf works on, and not an AlmaLinux.

// rpmWorld is a machine of rpm packages and the repository that it is configured
// with.
type rpmWorld struct {
	t      *testing.T
	layers string // upper and work folder of the overlay
	shared string // bound to /srv/world
	repo   atomic.Value
	down   atomic.Bool
	url    string
}

// newRPM makes a machine with old installed and a repository with fresh.
func newRPM(t *testing.T, old []rpmworld.Package, repo rpmworld.Repository) *rpmWorld {
	t.Helper()
	return newMachine(t, "almalinux", "9.4", old, repo)
}

// newMachine makes a machine whose os-release has this ID and VERSION_ID.
func newMachine(t *testing.T, id, version string, old []rpmworld.Package, repo rpmworld.Repository) *rpmWorld {
	t.Helper()
	if testing.Short() {
		t.Skip("patches a machine in an overlay: left out by -short")
	}
	if os.Geteuid() != 0 {
		testkit.Missing(t, "an overlay of the machine needs root")
	}
	for _, tool := range []string{"dnf", "zypper", "rpm", "unshare", "mount"} {
		if _, err := exec.LookPath(tool); err != nil {
			testkit.Missing(t, "%v: `make tools` installs it", err)
		}
	}
	w := &rpmWorld{t: t, layers: t.TempDir(), shared: t.TempDir()}
	// A file system of its own: an upper layer may not lie within its lower one.
	w.must(output("mount", "-t", "tmpfs", "-o", "size=256m", "layers", w.layers))
	t.Cleanup(func() { w.must(output("umount", w.layers)) })
	w.must(output("mkdir", w.layers+"/upper", w.layers+"/work", w.layers+"/root"))
	build := exec.Command("go", "build", "-o", filepath.Join(w.shared, "rehydrate-node"), "../../cmd/rehydrate-node")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build rehydrate-node: %v: %s", err, out)
	}
	w.serve(rpmworld.Repo(t, repo))
	rpms := rpmworld.RPMs(t, old)
	w.must(output("cp", "-a", rpms, filepath.Join(w.shared, "old")))
	w.must(w.in("sh", "-c", `set -e
rm -rf /var/lib/rpm /var/lib/dnf /var/cache/dnf /etc/yum.repos.d /etc/dnf /var/lib/rehydrate /etc/os-release /usr/lib/os-release /root/.rpmmacros /etc/rpm /etc/zypp /var/cache/zypp /var/lib/zypp
mkdir -p /etc/zypp/repos.d
mkdir -p /var/lib/rpm /etc/yum.repos.d /etc/dnf /etc/rpm
echo '%_dbpath /var/lib/rpm' >/etc/rpm/macros
printf 'ID=%s\nVERSION_ID="%s"\n' "$2" "$3" >/usr/lib/os-release
ln -s ../usr/lib/os-release /etc/os-release
printf '[main]\ngpgcheck=0\nskip_if_unavailable=True\n' >/etc/dnf/dnf.conf
printf '[base]\nname=base\nbaseurl=%s\ngpgcheck=0\n' "$1" >/etc/yum.repos.d/base.repo
printf '[base]\nname=base\nenabled=1\nbaseurl=%s\ngpgcheck=0\n' "$1" >/etc/zypp/repos.d/base.repo
rpm --install --nodeps --nosignature --quiet /srv/world/old/*.rpm`, "sh", w.url, id, version))
	return w
}

// serve serves dir, or what a test puts in its place, on a loopback address.
func (w *rpmWorld) serve(dir string) {
	w.t.Helper()
	w.repo.Store(dir)
	l, err := net.Listen("tcp", "127.0.0.79:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.url = "http://" + l.Addr().String() + "/"
	s := &http.Server{Handler: http.HandlerFunc(func(a http.ResponseWriter, q *http.Request) {
		if w.down.Load() {
			http.Error(a, "broken", http.StatusServiceUnavailable)
			return
		}
		http.FileServer(http.Dir(w.repo.Load().(string))).ServeHTTP(a, q)
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			w.t.Error("serve the repository: ", err)
		}
	}()
	w.t.Cleanup(func() { _ = s.Close(); <-done })
}

func (w *rpmWorld) must(out string, err error) string {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// command runs args on the machine, in namespaces that end with it.
func (w *rpmWorld) command(args ...string) []string {
	const prepare = `set -e
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=/,upperdir=$0/upper,workdir=$0/work" "$0/root"
mount -t proc proc "$0/root/proc"
mount -t tmpfs -o mode=755 dev "$0/root/dev"
mount -t tmpfs -o mode=1777 tmp "$0/root/tmp"
for d in null zero full random urandom; do touch "$0/root/dev/$d"; mount --bind "/dev/$d" "$0/root/dev/$d"; done
mkdir -p "$0/root/srv/world"
mount --bind "$1" "$0/root/srv/world"
root="$0/root"
shift
exec chroot "$root" "$@"`
	return append([]string{"unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", prepare, w.layers, w.shared}, args...)
}

func (w *rpmWorld) in(args ...string) (string, error) {
	c := w.command(args...)
	return output(c[0], c[1:]...)
}

// rpmPolicy approves what an advisory of security or bugs names.
const rpmPolicy = `{"Name":"alma","OperatingSystem":"ALMA_LINUX","ApprovalRules":{"PatchRules":[
 {"PatchFilterGroup":{"PatchFilters":[{"Key":"CLASSIFICATION","Values":["Security","Bugfix"]}]},"ApproveAfterDays":0}]}%s}`

// request writes req, with a policy that ends in more, for the machine.
func (w *rpmWorld) request(req record.NodeRequest, more string) {
	w.t.Helper()
	req.Schema, req.Bundle = 1, "/srv/world/bundle"
	if req.LockTimeout == 0 {
		req.LockTimeout = 60
	}
	if req.Baseline == nil {
		req.Baseline = json.RawMessage(fmt.Sprintf(rpmPolicy, more))
	}
	text, err := json.Marshal(req)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.shared, "request.json"), text, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

var nodeCommand = []string{"/srv/world/rehydrate-node", "run", "--request", "/srv/world/request.json", "--report", "/srv/world/report.json"}

// run has rehydrate-node do req.
func (w *rpmWorld) run(req record.NodeRequest, more string) (*record.NodeReport, error) {
	w.t.Helper()
	w.request(req, more)
	if err := os.RemoveAll(filepath.Join(w.shared, "report.json")); err != nil {
		w.t.Fatal(err)
	}
	_, failed := w.in(nodeCommand...)
	text, err := os.ReadFile(filepath.Join(w.shared, "report.json"))
	if err != nil {
		w.t.Fatalf("no report: %v (%v)", err, failed)
	}
	var rep record.NodeReport
	if err := json.Unmarshal(text, &rep); err != nil {
		w.t.Fatal(err)
	}
	return &rep, failed
}

// packages is rpm's own list: name-epoch:version-release.arch, sorted.
func (w *rpmWorld) packages() []string {
	w.t.Helper()
	list := strings.Fields(w.must(w.in("rpm", "-qa", "--queryformat", "%{NAME}-%|EPOCH?{%{EPOCH}}:{0}|:%{VERSION}-%{RELEASE}.%{ARCH}\n")))
	slices.Sort(list)
	return list
}

// configuration is every file of the machine's dnf configuration, as one text.
func (w *rpmWorld) configuration() string {
	w.t.Helper()
	return w.must(w.in("sh", "-c", "cd /etc && grep -r . dnf yum.repos.d zypp | sort; find dnf yum.repos.d zypp -type f | sort; ls /var/lib/rehydrate 2>/dev/null | grep run- || true"))
}

// without is a copy of the repository that is served, without the files of a name.
func (w *rpmWorld) without(pattern string) string {
	w.t.Helper()
	dir := filepath.Join(w.t.TempDir(), "moved")
	w.must(output("cp", "-a", w.repo.Load().(string), dir))
	w.must(output("sh", "-c", `cd "$0" && rm -r Packages/$1 repodata && createrepo_c -q .`, dir, pattern))
	return dir
}

// states gives the item states by "name.arch".
func states(r *baseline.Result) map[string]baseline.State {
	m := map[string]baseline.State{}
	for _, i := range r.Items {
		m[i.ID] = i.State
	}
	return m
}

// advise is a security advisory for each package.
func advise(packages ...rpmworld.Package) (list []rpmworld.Advisory) {
	for i, p := range packages {
		list = append(list, rpmworld.Advisory{
			ID: fmt.Sprintf("ALSA-2026:%04d", i+1), Type: "security", Severity: "Important", Title: p.Name,
			Issued: "2026-01-02 00:00:00", CVEs: []string{fmt.Sprintf("CVE-2026-%04d", i+1)}, Packages: []rpmworld.Package{p},
		})
	}
	return list
}
