package files

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// bootLoader finds the kernel that starts by default, in the simple cases: an entry
// of the Boot Loader Specification that grubenv names, or the first entry of a
// grub.cfg whose default is the first. Anything else is said to be unknown.
func (s *survey) bootLoader() error {
	version, err := s.defaultKernel()
	if err != nil {
		return err
	}
	switch k := s.kernels[version]; {
	case k != nil:
		k.Default = true
	case len(s.kernels) > 0:
		s.unread("which kernel starts by default: neither grubenv nor grub.cfg says so plainly")
	}
	return nil
}

func (s *survey) defaultKernel() (string, error) {
	saved := ""
	for _, dir := range []string{"boot/grub2", "boot/grub"} {
		env, err := s.optional(dir + "/grubenv")
		if err != nil {
			return "", err
		}
		if saved = setting(env, "saved_entry"); saved != "" {
			break
		}
	}
	for _, name := range s.loader {
		if saved != "" && strings.TrimSuffix(path.Base(name), ".conf") != saved {
			continue
		}
		if saved == "" && len(s.loader) > 1 {
			break // which one comes first is the loader's own sorting
		}
		text, err := s.optional(name)
		if err != nil {
			return "", err
		}
		return blsKernel(text), nil
	}
	if saved != "" {
		return "", nil
	}
	for _, dir := range []string{"boot/grub2", "boot/grub"} {
		cfg, err := s.optional(dir + "/grub.cfg")
		if err != nil {
			return "", err
		}
		if v := grubFirst(cfg); v != "" {
			return v, nil
		}
	}
	return "", nil
}

// optional reads a small file that need not be there, or be readable.
func (s *survey) optional(name string) ([]byte, error) {
	b, err := s.small(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil, nil
	}
	return b, err
}

// setting is the value of NAME=VALUE in a text of such lines.
func setting(text []byte, name string) string {
	for line := range bytes.Lines(text) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(string(line)), name+"="); ok {
			return v
		}
	}
	return ""
}

// blsKernel is the version of a Boot Loader Specification entry.
func blsKernel(text []byte) string {
	for line := range bytes.Lines(text) {
		if f := strings.Fields(string(line)); len(f) > 1 && f[0] == "linux" {
			return kernelOf(f[1])
		}
	}
	return ""
}

// grubFirst is the kernel of the first entry, if the default is the first.
func grubFirst(text []byte) string {
	first := ""
	for line := range bytes.Lines(text) {
		f := strings.Fields(string(line))
		switch {
		case len(f) > 1 && f[0] == "set" && strings.HasPrefix(f[1], "default="):
			v := strings.Trim(strings.TrimPrefix(f[1], "default="), `"'`)
			// The generated file asks next_entry and saved_entry first; both were empty.
			if !slices.Contains([]string{"0", "${next_entry}", "${saved_entry}"}, v) {
				return ""
			}
		case len(f) > 1 && first == "" && slices.Contains([]string{"linux", "linux16", "linuxefi"}, f[0]):
			first = kernelOf(f[1])
		}
	}
	return first
}

// kernelOf is the version in a kernel image's path.
func kernelOf(name string) string {
	v, ok := strings.CutPrefix(path.Base(name), "vmlinuz-")
	if !ok {
		return ""
	}
	return v
}
