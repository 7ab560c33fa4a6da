package roots

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/testkit"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/rawdisk"
)

// tool runs a program of the host.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		testkit.Missing(t, "%v", err)
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func partition(file string) string { return fmt.Sprintf("%s?offset=%d", file, rawdisk.Start) }

// onDisk reads a file out of a disk image; found is false if there is none.
func onDisk(t *testing.T, disk, path string) (data string, found bool) {
	t.Helper()
	out := tool(t, "debugfs", "-R", "cat "+path, partition(disk))
	_, out, _ = strings.Cut(out, "\n") // its version
	return out, !strings.Contains(out, "File not found by ext2_lookup")
}

func TestCapturedImageHoldsTheMachineAndStartsAgain(t *testing.T) {
	g := newRig(t)
	m := g.spec(50)
	g.start(t, m)
	g.sh(t, m.ID, `set -e
		echo changed >/etc/motd; echo planted >/etc/planted
		rm /etc/debian_version; rm -r /usr/share/doc/apt; mkdir /usr/share/doc/apt; echo new >/usr/share/doc/apt/only
		mv /usr/share/common-licenses /usr/share/moved-licenses
		ln -s planted /etc/link; ln /etc/planted /etc/hard; chown admin /etc/planted
		echo volatile >/run/volatile; echo kept >/tmp/kept; echo "127.0.0.3 added" >>/etc/hosts
		cp /bin/true /usr/local/bin/capable; perl -e 1; chmod 4755 /usr/local/bin/capable`)
	host := tool(t, "sha256sum", filepath.Join(g.root, "etc/debian_version"))
	if err := g.Stop(t.Context(), m.ID); err != nil {
		t.Fatal(err)
	}

	began := time.Now()
	image, err := g.Capture(t.Context(), m, filepath.Join(g.dir, "ami-1"), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("captured in %v", time.Since(began))

	t.Run("the disk is clean and has its partition where EC2's have it", func(t *testing.T) {
		if out := tool(t, "fsck.ext4", "-fn", partition(image.Disk)); strings.Contains(out, "FIXED") {
			t.Error(out)
		}
		if out := tool(t, "debugfs", "-R", "stats -h", partition(image.Disk)); strings.Contains(out, "needs_recovery") || !strings.Contains(out, "Filesystem state:         clean") {
			t.Error(out)
		}
		if out := tool(t, "partx", "-b", "-g", "-o", "NR,START,SIZE,SCHEME,NAME", image.Disk); strings.Join(strings.Fields(out), " ") != fmt.Sprintf("1 2048 %d gpt root", rawdisk.Partition(2*rawdisk.GiB)) {
			t.Errorf("partition table: %s", out)
		}
		if fi, err := os.Stat(image.Disk); err != nil || fi.Size() != 2*rawdisk.GiB {
			t.Errorf("disk of %v, %v", fi.Size(), err)
		}
	})
	t.Run("the disk holds what the machine saw", func(t *testing.T) {
		for path, want := range map[string]string{"/etc/motd": "changed\n", "/etc/hard": "planted\n", "/usr/share/doc/apt/only": "new\n", "/tmp/kept": "kept\n"} {
			if got, ok := onDisk(t, image.Disk, path); !ok || got != want {
				t.Errorf("%s: %q, %v", path, got, ok)
			}
		}
		for _, path := range []string{"/etc/debian_version", "/usr/share/doc/apt/copyright", "/usr/share/common-licenses/GPL-3", "/run/volatile"} {
			if got, ok := onDisk(t, image.Disk, path); ok {
				t.Errorf("%s is there: %.40q", path, got)
			}
		}
		if out := tool(t, "debugfs", "-R", "stat /etc/planted", partition(image.Disk)); !strings.Contains(out, "User:  1000") || !strings.Contains(out, "Links: 2") {
			t.Error(out)
		}
	})
	t.Run("what the twin brought never lands in it", func(t *testing.T) {
		for _, path := range []string{"/usr/sbin/policy-rc.d", "/usr/local/sbin/reboot", "/dev/.twin/boot_id", "/dev/null"} {
			if got, ok := onDisk(t, image.Disk, path); ok {
				t.Errorf("%s is there: %.40q", path, got)
			}
		}
		for _, path := range []string{"/etc/resolv.conf", "/etc/hosts", "/etc/hostname"} {
			want, err := os.ReadFile(filepath.Join(g.root, path))
			got, ok := onDisk(t, image.Disk, path)
			if ok != (err == nil) || ok && got != string(want) {
				t.Errorf("%s: %q, %v; the base image has %q, %v", path, got, ok, want, err)
			}
		}
	})
	t.Run("a machine of the image sees the changes, and a machine of the base does not", func(t *testing.T) {
		second, base := g.spec(51), g.spec(52)
		second.Image = image
		g.start(t, second)
		g.start(t, base)
		const look = "cat /etc/motd; test -e /etc/debian_version && echo old; ls /usr/share/doc/apt /usr/share/moved-licenses/GPL-3; stat -c '%U %h' /etc/planted; readlink /etc/link; stat -c %a /usr/local/bin/capable; true"
		if got, want := g.sh(t, second.ID, look), "changed\n/usr/share/moved-licenses/GPL-3\n\n/usr/share/doc/apt:\nonly\nadmin 2\nplanted\n4755\n"; got != want {
			t.Errorf("got %q", got)
		}
		if got := g.sh(t, base.ID, "test -e /etc/planted || cat /etc/debian_version | head -c 2"); got != "12" {
			t.Errorf("base: %q", got)
		}
		// And a third generation, of a running machine, in a volume of its own size.
		g.sh(t, second.ID, "echo third >/etc/motd; rm /etc/link; echo back >/etc/debian_version")
		third, err := g.Capture(t.Context(), second, filepath.Join(g.dir, "ami-2"), 8*rawdisk.GiB)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := onDisk(t, third.Disk, "/etc/motd"); got != "third\n" {
			t.Errorf("third: %q", got)
		}
		if fi, err := os.Stat(third.Disk); err != nil || fi.Size() != 8*rawdisk.GiB {
			t.Errorf("third: %v, %v", fi, err)
		}
		m3 := g.spec(53)
		m3.Image = third
		g.start(t, m3)
		if got := g.sh(t, m3.ID, "cat /etc/motd /etc/debian_version; ls /etc/link 2>/dev/null; true"); got != "third\nback\n" {
			t.Errorf("third: %q", got)
		}
	})
	if after := tool(t, "sha256sum", filepath.Join(g.root, "etc/debian_version")); after != host {
		t.Error("the base image was changed")
	}
}

func TestDiskOfABaseImage(t *testing.T) {
	g := newRig(t)
	disk := filepath.Join(g.dir, "base.raw")
	if err := g.Disk(t.Context(), backing.Image{Layers: []string{g.root}}, disk, 0); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(g.root, "var/lib/dpkg/status"))
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := onDisk(t, disk, "/var/lib/dpkg/status"); !ok || !bytes.Equal([]byte(got), want) {
		t.Errorf("the package list differs: %d bytes of %d", len(got), len(want))
	}
	if err := g.Disk(t.Context(), backing.Image{Layers: []string{g.root}}, disk, 0); err == nil || !strings.Contains(err.Error(), "file exists") {
		t.Errorf("a second time: %v", err)
	}
	small := filepath.Join(g.dir, "small.raw")
	if err := g.Disk(t.Context(), backing.Image{Layers: []string{g.root}}, small, 64*rawdisk.MiB); err == nil || !strings.Contains(err.Error(), "mkfs.ext4") {
		t.Errorf("too small: %v", err)
	}
}

func TestCaptureOfAMachineThatNeverRan(t *testing.T) {
	g := newRig(t)
	image, err := g.Capture(t.Context(), g.spec(54), filepath.Join(g.dir, "ami"), 0)
	if err != nil {
		t.Fatal(err)
	}
	m := g.spec(55)
	m.Image = image
	g.start(t, m)
	g.sh(t, m.ID, "test -e /etc/debian_version")
}
