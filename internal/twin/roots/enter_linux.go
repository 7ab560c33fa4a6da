package roots

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// kept are the capabilities of root inside a machine: Docker's default set without
// MKNOD and NET_RAW. apt, dpkg, sudo and maintainer scripts need no more. SYS_ADMIN
// is not among them: with it a script could mount the host's devices.
var kept = []int{
	unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FOWNER, unix.CAP_FSETID, unix.CAP_KILL,
	unix.CAP_SETGID, unix.CAP_SETUID, unix.CAP_SETPCAP, unix.CAP_SETFCAP,
	unix.CAP_NET_BIND_SERVICE, unix.CAP_SYS_CHROOT, unix.CAP_AUDIT_WRITE,
}

// Parts of /proc that speak of the whole host.
var (
	procReadOnly = []string{"sys", "sysrq-trigger", "irq", "bus", "fs", "acpi", "scsi", "driver", "tty", "asound"}
	procHidden   = []string{"kcore", "kmsg", "keys", "key-users", "kallsyms", "timer_list", "sched_debug", "kpagecount", "kpageflags", "kpagecgroup", "interrupts", "slabinfo", "vmallocinfo"}
)

// enter runs in the new namespaces of one command with every capability: it mounts
// the command's own /proc, drops capabilities, and becomes initMain. The exec is what
// makes the drop complete, because it leaves one thread, which is this one.
func enter() {
	runtime.LockOSThread()
	if err := enterNamespaces(); err != nil {
		tell(os.NewFile(fdB, "notices"), notice{Err: err.Error()})
		os.Exit(1)
	}
}

func enterNamespaces() error {
	if err := ownProc(); err != nil {
		return err
	}
	if err := dropCapabilities(); err != nil {
		return err
	}
	return unix.Exec("/proc/self/exe", []string{"twin-command", hiddenArg, verbInit}, os.Environ())
}

// ownProc mounts the /proc of this pid namespace over the holder's.
func ownProc() error {
	if err := unix.Unmount("/proc", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount the machine's /proc: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	for _, p := range procReadOnly {
		p = "/proc/" + p
		if _, err := os.Lstat(p); err != nil {
			continue // this kernel has none
		}
		if err := (bind{from: p, to: p, readOnly: true}).mount("/"); err != nil {
			return err
		}
	}
	for _, p := range procHidden {
		p = "/proc/" + p
		if _, err := os.Lstat(p); err != nil {
			continue
		}
		if err := (bind{from: "/dev/null", to: p}).mount("/"); err != nil {
			return err
		}
	}
	for from, to := range map[string]string{"boot_id": "/proc/sys/kernel/random/boot_id", "stat": "/proc/stat"} {
		if err := (bind{from: twinDevDir + "/" + from, to: to, readOnly: true}).mount("/"); err != nil {
			return err
		}
	}
	return nil
}

// dropCapabilities takes all but kept from this thread's bounding and own sets.
func dropCapabilities() error {
	var keep [2]uint32
	for _, c := range kept {
		keep[c/32] |= 1 << (c % 32)
	}
	for c := 0; c < 64; c++ {
		if keep[c/32]&(1<<(c%32)) != 0 {
			continue
		}
		// EINVAL: beyond the last capability that this kernel knows.
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil && err != unix.EINVAL {
			return fmt.Errorf("drop capability %d: %w", c, err)
		}
	}
	_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) // none are set
	h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var d [2]unix.CapUserData
	for i := range d {
		d[i].Permitted, d[i].Effective = keep[i], keep[i]
	}
	if err := unix.Capset(&h, &d[0]); err != nil {
		return fmt.Errorf("set capabilities: %w", err)
	}
	return nil
}

// tell writes a notice. The holder's death makes it fail, and ends us anyway.
func tell(to *os.File, n notice) { _ = json.NewEncoder(to).Encode(n) }
