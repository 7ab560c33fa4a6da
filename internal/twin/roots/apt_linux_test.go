package roots

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/testkit"
	"github.com/goldenami/rehydrate/internal/twin/backing"
)

// aptSources are this host's own Debian archives for bookworm, as one-line entries.
func aptSources(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("apt-get", "indextargets", "--format", "deb $(REPO_URI) $(RELEASE) main", "Created-By: Packages").Output()
	if err != nil {
		testkit.Missing(t, "no apt to ask for archives: %v", err)
	}
	var lines []string
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) == 4 && strings.HasPrefix(f[2], "bookworm") && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		testkit.Missing(t, "apt is configured with no bookworm archive")
	}
	return strings.Join(lines, "")
}

// TestRealUpgrade needs the package archive.
func TestRealUpgrade(t *testing.T) {
	g := newRig(t)
	sources := aptSources(t)
	m := g.spec(60)
	step := stopwatch(t)
	g.start(t, m)
	step("boot")
	if err := g.Put(t.Context(), m.ID, "/etc/apt/sources.list", 0o644, strings.NewReader(sources)); err != nil {
		t.Fatal(err)
	}
	before := g.sh(t, m.ID, "dpkg-query -W")
	at := "admin@" + m.Address.String()
	out, err := g.ssh(t, "ssh", at, "sudo apt-get -q update && sudo DEBIAN_FRONTEND=noninteractive apt-get -qy dist-upgrade && sudo DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends install cron")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	step("update, dist-upgrade and install")
	if !strings.Contains(out, "policy-rc.d denied") {
		t.Errorf("cron's start was not refused:\n%s", out)
	}
	if out := g.sh(t, m.ID, "apt-get -s dist-upgrade | grep -c ^Inst; dpkg --audit; true"); out != "0\n" {
		t.Errorf("still pending or broken: %s", out)
	}
	step("check")
	after := g.sh(t, m.ID, "dpkg-query -W")
	if before == after {
		t.Error("nothing was upgraded or installed")
	}
	if err := g.Reboot(t.Context(), m.ID); err != nil {
		t.Fatal(err)
	}
	step("reboot")
	if err := g.Stop(t.Context(), m.ID); err != nil {
		t.Fatal(err)
	}
	image, err := g.Capture(t.Context(), m, filepath.Join(g.dir, "ami"), 0)
	if err != nil {
		t.Fatal(err)
	}
	step("capture")
	tool(t, "fsck.ext4", "-fn", partition(image.Disk))
	status, ok := onDisk(t, image.Disk, "/var/lib/dpkg/status")
	if !ok || !strings.Contains(status, "Package: cron\n") {
		t.Error("the disk's package list has no cron")
	}
	step("fsck and read")
	second := g.spec(61)
	second.Image = backing.Image{Layers: image.Layers, Disk: image.Disk}
	g.start(t, second)
	step("boot of the captured image")
	if got := g.sh(t, second.ID, "dpkg-query -W"); got != after {
		t.Error("a machine of the image has other packages")
	}
}

func stopwatch(t *testing.T) func(what string) {
	last := time.Now()
	return func(what string) {
		t.Logf("%-34s %v", what, time.Since(last).Round(time.Millisecond))
		last = time.Now()
	}
}
