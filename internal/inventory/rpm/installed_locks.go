package rpm

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
)

// lockConfigs are where dnf's and yum's versionlock plugins are switched on and told
// where their list is. Without its configuration a plugin has no list.
var lockConfigs = []string{"etc/dnf/plugins/versionlock.conf", "etc/yum/pluginconf.d/versionlock.conf"}

// versionLocks reads the patterns of the lists that are in force, in their order.
func versionLocks(root fs.FS) ([]string, error) {
	var out, lists []string
	for _, conf := range lockConfigs {
		text, err := readConfig(root, conf)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read version locks: %w", err)
		}
		parts, err := settings(text)
		if err != nil {
			return nil, fmt.Errorf("read version locks from /%s: %w", conf, err)
		}
		main := parts["main"]
		list := strings.TrimPrefix(path.Clean("/"+main["locklist"]), "/")
		if !yes(main["enabled"]) || list == "" || slices.Contains(lists, list) {
			continue
		}
		lists = append(lists, list)
		text, err = readConfig(root, list)
		if errors.Is(err, fs.ErrNotExist) {
			continue // nothing was ever locked
		}
		if err != nil {
			return nil, fmt.Errorf("read version locks: %w", err)
		}
		for line := range strings.Lines(string(text)) {
			line, _, _ = strings.Cut(line, "#")
			if line = strings.TrimSpace(line); line != "" && !slices.Contains(out, line) {
				out = append(out, line)
			}
		}
	}
	return out, nil
}

// yes reads a switch as yum and dnf do; the plugins are on unless switched off.
func yes(s string) bool {
	switch strings.ToLower(s) {
	case "0", "no", "false", "off":
		return false
	}
	return true
}

// hold marks the packages that a lock keeps at their version, and remarks on them and
// on locks that do something else.
func hold(list []baseline.Installed, locks []string) []string {
	var remarks []string
	for i := range list {
		p := &list[i]
		for _, lock := range locks {
			if matchesAny(lock, renderings(p.Package)) {
				p.Held = true
				remarks = append(remarks, fmt.Sprintf("package %s is locked to %s by versionlock (%s)", p.Name, p.Version+"-"+p.Release, lock))
				break
			}
		}
	}
	for _, lock := range locks {
		switch {
		case strings.HasPrefix(lock, "!"):
			remarks = append(remarks, fmt.Sprintf("versionlock excludes %s", lock[1:]))
		case !slices.ContainsFunc(list, func(p baseline.Installed) bool { return matchesAny(lock, renderings(p.Package)) }):
			remarks = append(remarks, fmt.Sprintf("versionlock has %s, which is not what is installed", lock))
		}
	}
	return remarks
}

// renderings are the ways to write a package that the plugins' lists may use: dnf
// puts the epoch before the version, yum before the name.
func renderings(p baseline.Package) []string {
	vr := p.Version + "-" + p.Release
	return []string{
		p.Name, p.Name + "." + p.Arch,
		p.Name + "-" + p.Version, p.Name + "-" + p.Epoch + ":" + p.Version,
		p.Name + "-" + vr, p.Name + "-" + vr + "." + p.Arch,
		p.Name + "-" + p.Epoch + ":" + vr, p.Name + "-" + p.Epoch + ":" + vr + "." + p.Arch,
		p.Epoch + ":" + p.Name + "-" + vr, p.Epoch + ":" + p.Name + "-" + vr + "." + p.Arch,
	}
}

// matchesAny reports whether one of names matches the shell pattern; a pattern that
// is none matches nothing.
func matchesAny(pattern string, names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool {
		ok, err := path.Match(pattern, n)
		return ok && err == nil
	})
}
