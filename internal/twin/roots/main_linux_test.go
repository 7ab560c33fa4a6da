package roots

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/backing"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == twinForTest {
		os.Exit(twinMain(os.Args[2:]))
	}
	MaybeMachine(os.Args)
	os.Exit(m.Run())
}

// missing skips a test for want of something, or fails it where all must run.
func missing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("REQUIRE_ALL") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// rootEnv names a debootstrap root to test with, which is only read.
const rootEnv = "REHYDRATE_TEST_ROOT"

// testRoot is a Debian root with sudo and a user admin who may use it. It is made
// once and kept in the user's cache folder.
var testRoot = sync.OnceValues(func() (string, error) {
	if r := os.Getenv(rootEnv); r != "" {
		return r, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	root := filepath.Join(cache, "rehydrate", "test-root-bookworm")
	if _, err := os.Stat(root); err == nil {
		return root, nil
	}
	archive, err := aptArchive()
	if err != nil {
		return "", err
	}
	half := root + ".unfinished"
	if err := exec.Command("rm", "-rf", "--one-file-system", half).Run(); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(root), 0o755); err != nil {
		return "", err
	}
	out, err := exec.Command("debootstrap", "--variant=minbase", "--include=sudo,openssh-client,ca-certificates", "bookworm", half, archive).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("debootstrap: %w: %s", err, lastLine(out))
	}
	if out, err := exec.Command("chroot", half, "useradd", "-m", "-s", "/bin/bash", "admin").CombinedOutput(); err != nil {
		return "", fmt.Errorf("useradd: %w: %s", err, out)
	}
	if err := os.WriteFile(filepath.Join(half, "etc/sudoers.d/90-admin"), []byte("admin ALL=(ALL) NOPASSWD: ALL\n"), 0o440); err != nil {
		return "", err
	}
	return root, os.Rename(half, root)
})

// aptArchive is the first archive that this machine's apt is configured with.
func aptArchive() (string, error) {
	out, err := exec.Command("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages").Output()
	if err != nil {
		return "", fmt.Errorf("ask apt for its archives: %w", err)
	}
	for uri := range strings.Lines(string(out)) {
		if uri = strings.TrimSpace(uri); strings.HasSuffix(strings.TrimSuffix(uri, "/"), "/debian") {
			return uri, nil
		}
	}
	return "", fmt.Errorf("apt is configured with no Debian archive")
}

// rig is a Roots with one image and a key.
type rig struct {
	*Roots
	dir    string
	root   string
	key    string // private key file
	public string
	events chan backing.PowerEvent
	busy   chan bool
}

func newRig(t *testing.T) *rig {
	t.Helper()
	dir := t.TempDir()
	if err := Check(dir); err != nil {
		missing(t, err.Error())
	}
	root, err := testRoot()
	if err != nil {
		missing(t, "no Debian root to test with: "+err.Error())
	}
	g := &rig{dir: dir, root: root, events: make(chan backing.PowerEvent, 16), busy: make(chan bool, 1000)}
	g.Roots, err = New(Options{OnBusy: func(_ string, busy bool) { g.busy <- busy }, OnPower: func(e backing.PowerEvent) { g.events <- e }, Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
		if left := mountsBelow(t, dir); len(left) > 0 {
			t.Errorf("mounts left: %v", left)
		}
	})
	g.key = filepath.Join(dir, "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", g.key).CombinedOutput(); err != nil {
		missing(t, fmt.Sprintf("ssh-keygen: %v: %s", err, out))
	}
	public, err := os.ReadFile(g.key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	g.public = string(public)
	return g
}

// spec is a machine; n distinguishes addresses within the package's tests.
func (g *rig) spec(n byte) backing.Machine {
	id := fmt.Sprintf("i-%d", n)
	return backing.Machine{
		ID: id, Dir: filepath.Join(g.dir, id), Image: backing.Image{Layers: []string{g.root}},
		Address: netip.AddrFrom4([4]byte{127, 77, 5, n}), Hostname: fmt.Sprintf("ip-127-77-5-%d", n),
		User: "admin", AuthorizedKeys: []string{g.public}, Hosts: map[string]string{"archive.test": "127.0.0.9"},
	}
}

func (g *rig) start(t *testing.T, m backing.Machine) {
	t.Helper()
	if err := g.Start(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

// sh runs a script as root and wants it to succeed.
func (g *rig) sh(t *testing.T, id, script string) string {
	t.Helper()
	code, out := g.try(t, id, script)
	if code != 0 {
		t.Fatalf("exit %d of %s:\n%s", code, script, out)
	}
	return out
}

func (g *rig) try(t *testing.T, id, script string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var b safeBuffer
	code, err := g.Run(ctx, id, backing.Command{Script: script, Stdout: &b, Stderr: &b})
	if err != nil {
		t.Fatalf("run %s: %v\n%s", script, err, b.String())
	}
	return code, b.String()
}

// ssh runs the OpenSSH client; program is ssh, scp or sftp.
func (g *rig) ssh(t *testing.T, program string, args ...string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		missing(t, err.Error())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	all := append([]string{"-q", "-i", g.key, "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes"}, args...)
	out, err := exec.CommandContext(ctx, program, all...).CombinedOutput()
	return string(out), err
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func mountsBelow(t *testing.T, dir string) []string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, dir) {
			left = append(left, line)
		}
	}
	return left
}
