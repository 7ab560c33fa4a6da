package dnf

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/goldenami/rehydrate/internal/apply"
)

// core are the packages whose installation since the boot asks for a reboot: what
// the needs-restarting of dnf-plugins-core and of yum-utils have in their lists, as
// their manuals say. It is a hint only: whether a run reboots does not depend on it
// (specification §11).
var core = []string{
	"kernel", "kernel-core", "kernel-rt", "kernel-rt-core", "glibc", "linux-firmware", "microcode_ctl",
	"systemd", "udev", "dbus", "dbus-broker", "dbus-daemon", "openssl-libs", "gnutls",
}

// RebootNeeded reports whether a restart of the machine is asked for: as
// needs-restarting says where it is installed, else by the time of the boot and
// those at which core packages were installed.
func (d *Manager) RebootNeeded() (bool, error) {
	ctx := context.Background() // short, and right after an interrupted run too
	line := d.c.Program.Restarting
	// It exits with 1 both where a reboot is needed and where it is not installed.
	out, _ := d.c.Runner.Run(ctx, apply.Command{Name: line[0], Args: line[1:]})
	switch text := string(out); {
	case strings.Contains(text, "Reboot is required"):
		return true, nil
	case strings.Contains(text, "Reboot should not be necessary"), strings.Contains(text, "Reboot is probably not necessary"):
		return false, nil
	}
	boot, err := bootTime(d.c.Root)
	if err != nil || boot == 0 {
		return false, err
	}
	out, err = d.c.Runner.Run(ctx, apply.Command{Name: "rpm", Args: []string{"-qa", "--queryformat", "%{NAME} %{INSTALLTIME}\n"}})
	if err != nil {
		return false, fmt.Errorf("look whether a reboot is needed: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		name, at, _ := strings.Cut(strings.TrimSpace(line), " ")
		if when, err := strconv.ParseInt(at, 10, 64); err == nil && when > boot && slices.Contains(core, name) {
			return true, nil
		}
	}
	return false, nil
}

// bootTime is in seconds since 1970; 0 where the system does not run.
func bootTime(root fs.FS) (int64, error) {
	text, err := fs.ReadFile(root, "proc/stat")
	if err != nil {
		return 0, nil //nolint:nilerr // no running system
	}
	for line := range strings.Lines(string(text)) {
		if at, ok := strings.CutPrefix(line, "btime "); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(at), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("look whether a reboot is needed: boot time: %w", err)
			}
			return n, nil
		}
	}
	return 0, nil
}
