package osimage

import (
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// mountPoint is a line of fstab that lays a file system into the tree at boot.
type mountPoint struct {
	spec, path, kind, options string // path relative to the root, "." is the root
}

// virtual are file systems that no partition holds.
var virtual = map[string]bool{
	"swap": true, "proc": true, "sysfs": true, "tmpfs": true, "devtmpfs": true, "devpts": true, "efivarfs": true,
	"cgroup": true, "cgroup2": true, "debugfs": true, "tracefs": true, "securityfs": true, "configfs": true,
	"hugetlbfs": true, "mqueue": true, "binfmt_misc": true, "ramfs": true, "rpc_pipefs": true,
}

// parseFstab reads the lines that matter: what is mounted at boot, parents first.
func parseFstab(b []byte) []mountPoint {
	var out []mountPoint
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 3 || strings.HasPrefix(f[0], "#") {
			continue
		}
		m := mountPoint{spec: unescape(f[0]), path: path.Clean("/" + unescape(f[1])), kind: f[2]}
		if len(f) > 3 {
			m.options = f[3]
		}
		if virtual[m.kind] || !strings.HasPrefix(f[1], "/") || m.option("noauto") {
			continue
		}
		if m.path = strings.TrimPrefix(m.path, "/"); m.path == "" {
			m.path = "."
		}
		out = append(out, m)
	}
	slices.SortStableFunc(out, func(a, b mountPoint) int { return depth(a.path) - depth(b.path) })
	return out
}

func depth(p string) int {
	if p == "." {
		return 0
	}
	return 1 + strings.Count(p, "/")
}

var octal = regexp.MustCompile(`\\[0-7]{3}`)

// unescape undoes fstab's way to write blanks: \040.
func unescape(s string) string {
	return octal.ReplaceAllStringFunc(s, func(e string) string {
		n, err := strconv.ParseUint(e[1:], 8, 8)
		if err != nil {
			return e
		}
		return string([]byte{byte(n)})
	})
}

func (m mountPoint) option(name string) bool {
	return slices.Contains(strings.Split(m.options, ","), name)
}

// firstDisk are the names that Linux gives to partitions of the disk it boots from.
var firstDisk = regexp.MustCompile(`^/dev/(?:sda|vda|xvda|hda|nvme0n1p|mmcblk0p)(\d+)$`)

// names says whether a line means that volume.
func (m mountPoint) names(v *volume) bool {
	key, value, found := strings.Cut(m.spec, "=")
	if !found {
		key, value = "", m.spec
		for prefix, k := range map[string]string{"/dev/disk/by-uuid/": "UUID", "/dev/disk/by-label/": "LABEL", "/dev/disk/by-partuuid/": "PARTUUID", "/dev/disk/by-partlabel/": "PARTLABEL"} {
			if rest, ok := strings.CutPrefix(m.spec, prefix); ok {
				key, value = k, rest
			}
		}
	}
	value = strings.Trim(value, `"'`)
	switch {
	case value == "":
		return false
	case key == "UUID":
		return v.store != nil && strings.EqualFold(value, v.store.UUID())
	case key == "LABEL":
		return v.store != nil && value == v.store.Label()
	case key == "PARTUUID":
		return strings.EqualFold(value, v.UUID)
	case key == "PARTLABEL":
		return value == v.Name
	}
	p := firstDisk.FindStringSubmatch(value)
	return p != nil && p[1] == strconv.Itoa(v.Number)
}

// weighty are the folders without which an answer about packages would be wrong.
var weighty = []string{"etc", "usr/lib/sysimage", "usr/lib/os-release", "var/lib/dpkg", "var/lib/rpm", "var/lib/apt", "var/lib/zypp", "var/lib/dnf"}

// matters says whether package databases may lie below a mount point.
func (m mountPoint) matters() bool {
	return slices.ContainsFunc(weighty, func(w string) bool {
		return w == m.path || strings.HasPrefix(w, m.path+"/") || strings.HasPrefix(m.path, w+"/")
	})
}

func notThere(err error) bool { return errors.Is(err, fs.ErrNotExist) }
