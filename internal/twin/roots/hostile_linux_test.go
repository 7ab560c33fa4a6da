package roots

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/testkit"
)

// hostilePostinst does its worst as root. Each attempt is harmless should it succeed,
// and leaves a line "attempt: refused" or "attempt: DONE". The numbers of system calls
// are amd64's.
const hostilePostinst = `#!/bin/sh
host_pid=@PID@ host_file=@FILE@
exec 3>/var/log/hostile
try() { name=$1; shift; if ("$@") >/tmp/why 2>&1; then echo "$name: DONE" >&3; else echo "$name: refused" >&3; fi; sed "s/^/$name: /" /tmp/why >>/var/log/hostile-why; }
write() { printf %s "$2" >"$1"; }
try sysctl-write write /proc/sys/kernel/printk_ratelimit 6
try sysctl-hostname write /proc/sys/kernel/hostname evil
try sysctl-core-pattern write /proc/sys/kernel/core_pattern '|/tmp/evil'
try sysctl-remount mount -o remount,rw /proc/sys
try sysctl-uncover umount /proc/sys
try sysctl-userns unshare -Urm sh -c 'umount /proc/sys; mount -o remount,rw,bind /proc/sys; echo 6 >/proc/sys/kernel/printk_ratelimit'
try proc-userns unshare -Urmpf sh -c 'mount -t proc proc /mnt && echo 6 >/mnt/sys/kernel/printk_ratelimit'
try sysrq write /proc/sysrq-trigger h
try hostname-call hostname evil
try mount-tmpfs mount -t tmpfs none /mnt
try mount-devices mount -t devtmpfs none /mnt
try mount-sysfs mount -t sysfs none /mnt
try mount-bind mount --bind /etc /mnt
try node-block mknod /tmp/disk b 254 0
try node-mem mknod /tmp/mem c 1 1
try module perl -e '($a, $b) = ("x", ""); $r = syscall(175, $a, 1, $b); print "$!\n"; exit($r == 0 ? 0 : 1)'
try module-file perl -e 'open F, "</bin/true"; $b = ""; $r = syscall(313, fileno(F), $b, 0); print "$!\n"; exit($r == 0 ? 0 : 1)'
try clock date -s @1000000000
try clock-rtc sh -c 'test -e /dev/rtc0'
try reboot-call perl -e '$r = syscall(169, 0xfee1dead, 672274793, 0, 0); print "$!\n"; exit($r == 0 ? 0 : 1)'
try kill-host kill -9 "$host_pid"
try see-host test -e "/proc/$host_pid"
try own-binary sh -c 'echo x >/proc/1/exe'
try raw-socket perl -e '$r = socket(S, 2, 3, 1); print "$!\n"; exit($r ? 0 : 1)'
try net-admin perl -e 'socket(S, 2, 2, 0); my $r = pack("a16s", "lo", 0x49); $x = ioctl(S, 0x8914, $r); print "$!\n"; exit($x ? 0 : 1)'
try kernel-log dmesg
try kernel-memory sh -c 'head -c 1 /proc/kcore | grep -q .'
try swap swapoff -a /no/such
try find-host test -e "$host_file"
try find-host-by-init test -e "/proc/1/root$host_file"
try find-host-by-cwd test -e "/proc/1/cwd/../../../../../../..$host_file"
try leave-chroot perl -e 'mkdir "/tmp/jail"; chroot "/tmp/jail"; chdir ".." for 1..64; chroot "."; exit(-e $ARGV[0] ? 0 : 1)' "$host_file"
try open-by-handle perl -e 'opendir F, "/"; $h = pack("IIQ", 8, 1, 2); $r = syscall(304, fileno(F), $h, 0); print "$!\n"; exit($r >= 0 ? 0 : 1)'
write "/proc/1/root/planted-by-hostile" x || true
exit 0
`

func TestHostileMaintainerScriptLeavesTheHostAsItWas(t *testing.T) {
	g := newRig(t)
	m := g.spec(40)
	g.start(t, m)
	victim := exec.Command("sleep", "600")
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	died := make(chan error, 1)
	go func() { died <- victim.Wait() }()
	t.Cleanup(func() { _ = victim.Process.Kill(); <-died })
	secret := filepath.Join(g.dir, "host-file")
	if err := os.WriteFile(secret, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	before := hostState(t)
	sent := time.Now().Round(0) // without the monotonic clock, which nobody can set

	script := strings.NewReplacer("@PID@", fmt.Sprint(victim.Process.Pid), "@FILE@", secret).Replace(hostilePostinst)
	g.sh(t, m.ID, "mkdir -p /tmp/h/DEBIAN; printf 'Package: hostile\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@example.test>\\nDescription: x\\n' >/tmp/h/DEBIAN/control")
	if err := g.Put(t.Context(), m.ID, "/tmp/h/DEBIAN/postinst", 0o755, strings.NewReader(script)); err != nil {
		t.Fatal(err)
	}
	g.sh(t, m.ID, "cd /tmp && dpkg-deb -b h hostile.deb && dpkg -i hostile.deb")
	log := g.sh(t, m.ID, "cat /var/log/hostile")
	t.Log(g.sh(t, m.ID, "cat /var/log/hostile-why"))
	if n, want := strings.Count(log, "\n"), strings.Count(hostilePostinst, "\ntry "); n != want {
		t.Errorf("%d attempts logged, want %d", n, want)
	}
	for line := range strings.Lines(log) {
		if !strings.HasSuffix(line, ": refused\n") {
			t.Error(strings.TrimSpace(line))
		}
	}
	if after := hostState(t); after != before {
		t.Errorf("the host has changed:\n%s\nbefore:\n%s", after, before)
	}
	if d := time.Now().Round(0).Sub(sent).Abs(); d > time.Hour {
		t.Errorf("the clock moved by %v", d)
	}
	if _, err := os.Stat("/planted-by-hostile"); err == nil {
		t.Error("a file was planted on the host")
	}
	select {
	case err := <-died:
		t.Fatalf("a process of the host was killed: %v", err)
	default:
	}

	t.Run("killing all it sees ends only itself", func(t *testing.T) {
		g.try(t, m.ID, "kill -9 -1; kill -9 1; sleep 0.1")
		g.sh(t, m.ID, "true")
		if run, err := g.running(m.ID); err != nil || run.cmd.ProcessState != nil {
			t.Errorf("the machine went down: %v", err)
		}
	})
	t.Run("it has just the capabilities of the list", func(t *testing.T) {
		if out := g.sh(t, m.ID, "grep -E 'Cap(Eff|Bnd|Inh|Amb)' /proc/self/status /proc/1/status | awk '{print $2}' | sort -u"); out != "0000000000000000\n00000000a00405fb\n" {
			t.Errorf("got %s", out)
		}
	})
	t.Run("it has six device nodes and a terminal's", func(t *testing.T) {
		if out := g.sh(t, m.ID, "find /dev ! -type d ! -type l ! -path '/dev/.twin/*' | sort | tr '\\n' ' '"); out != "/dev/full /dev/null /dev/pts/ptmx /dev/random /dev/tty /dev/urandom /dev/zero " {
			t.Errorf("got %s", out)
		}
	})
}

// hostState is what a maintainer script could spoil. Tests of other packages run at the
// same time and mount what they need in their own temporary folders, which may load a
// module, too: neither counts.
func hostState(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, f := range []string{
		"/proc/sys/kernel/hostname", "/proc/sys/kernel/printk_ratelimit", "/proc/sys/kernel/core_pattern",
		"/proc/sys/kernel/sysrq", "/proc/swaps",
	} {
		data, err := os.ReadFile(f)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s: %s\n", f, data)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); !strings.HasPrefix(f[1], os.TempDir()+"/") && !strings.HasPrefix(f[1], testkit.Cache(t)+"/") {
			b.WriteString(line)
		}
	}
	return b.String()
}
