package zypper

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// checked tells the repositories, by alias, whose packages zypper takes only with a
// signature of their own. Of the others it believes the signed index, and so the
// SHA-256 in it, which is the lock's. The files of a session are held to the same as
// in the repository that they are from.
func (z *Zypper) checked() (map[string]bool, error) {
	global := map[string]string{}
	text, err := fs.ReadFile(z.c.Root, "etc/zypp/zypp.conf")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read zypper's configuration: %w", err)
	}
	for _, s := range sections(text) {
		if s.name == "main" {
			global = s.keys
		}
	}
	files, err := fs.ReadDir(z.c.Root, "etc/zypp/repos.d")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read zypper's repositories: %w", err)
	}
	out := map[string]bool{}
	for _, f := range files {
		if path.Ext(f.Name()) != ".repo" {
			continue
		}
		text, err := fs.ReadFile(z.c.Root, "etc/zypp/repos.d/"+f.Name())
		if err != nil {
			return nil, fmt.Errorf("read zypper's repositories: %w", err)
		}
		for _, s := range sections(text) {
			out[s.name] = demands(s.keys, global)
		}
	}
	return out, nil
}

// demands combines a repository's settings with zypp.conf's: pkg_gpgcheck says it
// outright; with gpgcheck alone packages are checked where the index is not.
func demands(repo, global map[string]string) bool {
	setting := func(key string) (on, stated bool) {
		for _, m := range []map[string]string{repo, global} {
			if v := strings.ToLower(m[key]); v != "" && v != "default" {
				return on || v == "1" || v == "yes" || v == "true" || v == "on" || v == "always" || v == "strict", true
			}
		}
		return false, false
	}
	if on, stated := setting("pkg_gpgcheck"); stated {
		return on
	}
	if on, stated := setting("gpgcheck"); stated && !on {
		return false
	}
	on, stated := setting("repo_gpgcheck")
	return stated && !on
}

// settings are one section of an INI file; of a repeated key the last counts.
type settings struct {
	name string
	keys map[string]string
}

func sections(text []byte) []settings {
	var out []settings
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			name, _, _ := strings.Cut(line[1:], "]")
			out = append(out, settings{strings.TrimSpace(name), map[string]string{}})
		case len(out) > 0:
			if key, value, ok := strings.Cut(line, "="); ok {
				out[len(out)-1].keys[strings.TrimSpace(key)] = strings.TrimSpace(value)
			}
		}
	}
	return out
}
