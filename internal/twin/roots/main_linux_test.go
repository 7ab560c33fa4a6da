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

	"github.com/goldenami/rehydrate/internal/testkit"
	"github.com/goldenami/rehydrate/internal/twin/backing"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == twinForTest {
		os.Exit(twinMain(os.Args[2:]))
	}
	MaybeMachine(os.Args)
	os.Exit(m.Run())
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
	root, dir := testkit.Root(t), t.TempDir() // the root is a lower layer only
	if err := Check(dir); err != nil {
		testkit.Missing(t, "%v", err)
	}
	g := &rig{dir: dir, root: root, events: make(chan backing.PowerEvent, 16), busy: make(chan bool, 1000)}
	var err error
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
		testkit.Missing(t, "ssh-keygen: %v: %s", err, out)
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
		testkit.Missing(t, "%v", err)
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
