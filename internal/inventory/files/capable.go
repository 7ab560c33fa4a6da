package files

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// capabilityAttribute is where Linux keeps a file's capabilities.
const capabilityAttribute = "security.capability"

// Extended is what a file system offers that can read extended attributes by path
// without following a last link; nil is none. A live root needs no such method.
type Extended interface {
	Xattr(name, attribute string) ([]byte, error)
}

// capabilities reads those of the programs that the walk found. A file system that is
// not asked for them, or a file that does not say, is noted, not failed.
func (s *survey) capabilities() error {
	mute := 0
	for _, x := range s.able {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		value, err := s.capability(x.raw)
		switch {
		case errors.Is(err, errors.ErrUnsupported):
			mute++
			continue
		case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
			s.unread("the capabilities of %s may not be read", x.Path)
			continue
		case err != nil:
			return err
		case value == nil:
			continue
		}
		if x.Capabilities, err = capabilityText(value); err != nil {
			return fmt.Errorf("%s: %w", x.Path, err)
		}
		s.facts.Capable = append(s.facts.Capable, x.Special)
	}
	if mute > 0 {
		s.unread("the capabilities of %d of %d programs: they are kept where they are not looked for", mute, len(s.able))
	}
	return nil
}

func (s *survey) capability(name string) ([]byte, error) {
	if x, ok := s.root.(Extended); ok {
		return x.Xattr(name, capabilityAttribute)
	}
	f, err := s.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return attribute(f, capabilityAttribute)
}

// Revisions and the flag of struct vfs_cap_data (linux/capability.h).
const (
	revisionMask  = 0xff000000
	revision1     = 0x01000000
	revision2     = 0x02000000
	revision3     = 0x03000000 // with the root user of a user name space
	effectiveFlag = 0x000001
)

// capabilityNames are Linux's, by number.
var capabilityNames = strings.Fields(`chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap
	linux_immutable net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot
	sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write
	audit_control setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore`)

// capabilityText writes the attribute as getcap does, capabilities of the same sets
// together.
func capabilityText(b []byte) (string, error) {
	words := map[uint32]int{revision1: 1, revision2: 2, revision3: 2}
	if len(b) < 4 {
		return "", fmt.Errorf("capabilities of %d bytes make no sense", len(b))
	}
	le := binary.LittleEndian
	magic := le.Uint32(b)
	n := words[magic&revisionMask]
	want := 4 + 8*n
	if magic&revisionMask == revision3 {
		want += 4
	}
	if n == 0 || len(b) != want {
		return "", fmt.Errorf("capabilities of revision %#x and %d bytes make no sense", magic&revisionMask, len(b))
	}
	sets := map[string][]string{}
	var order []string
	for bit := range 32 * n {
		at := 4 + 8*(bit/32)
		permitted := le.Uint32(b[at:])>>(bit%32)&1 == 1
		inheritable := le.Uint32(b[at+4:])>>(bit%32)&1 == 1
		if !permitted && !inheritable {
			continue
		}
		flags := ""
		for flag, on := range []bool{magic&effectiveFlag != 0, inheritable, permitted} {
			if on {
				flags += "eip"[flag : flag+1]
			}
		}
		name := fmt.Sprint(bit) // one that this list does not know yet
		if bit < len(capabilityNames) {
			name = "cap_" + capabilityNames[bit]
		}
		if sets[flags] == nil {
			order = append(order, flags)
		}
		sets[flags] = append(sets[flags], name)
	}
	var out []string
	for _, flags := range order {
		out = append(out, strings.Join(sets[flags], ",")+"="+flags)
	}
	text := strings.Join(out, " ")
	if magic&revisionMask == revision3 {
		text += fmt.Sprintf(" [rootid=%d]", le.Uint32(b[want-4:]))
	}
	return text, nil
}
