package dnf

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// repoDirs are the folders that dnf and yum read by default, under the root.
var repoDirs = []string{"etc/yum.repos.d", "etc/yum/repos.d", "etc/distro.repos.d"}

// section is one section of a configuration file: key → value, as written.
type section map[string]string

// settings are the node's main section and its repositories by id.
type settings struct {
	main  section
	repos map[string]section
}

// settings reads what decides about signatures. The folder of stand-in sources, if
// set, counts instead of the node's own.
func (d *Manager) settings() (settings, error) {
	s := settings{main: section{}, repos: map[string]section{}}
	text, err := fs.ReadFile(d.c.Root, d.c.Program.Config)
	if err == nil {
		s.main = parse(text)["main"]
	}
	type file struct {
		fsys fs.FS
		dir  string
	}
	var dirs []file
	for _, dir := range repoDirs {
		dirs = append(dirs, file{d.c.Root, dir})
	}
	if d.c.Sources != nil {
		dirs = []file{{os.DirFS(d.c.Sources.Dir), "."}}
	}
	for _, dir := range dirs {
		names, err := fs.Glob(dir.fsys, path.Join(dir.dir, "*.repo"))
		if err != nil {
			return s, fmt.Errorf("read repository files: %w", err)
		}
		for _, name := range names {
			text, err := fs.ReadFile(dir.fsys, name)
			if err != nil {
				return s, fmt.Errorf("read repository files: %w", err)
			}
			for id, section := range parse(text) {
				if s.repos[id] == nil {
					s.repos[id] = section
				}
			}
		}
	}
	return s, nil
}

// parse reads an INI file. A line that begins with a blank goes on with the value
// before it.
func parse(text []byte) map[string]section {
	out := map[string]section{}
	var at section
	var key string
	for line := range strings.Lines(string(text)) {
		bare := strings.TrimSpace(line)
		switch {
		case bare == "" || bare[0] == '#' || bare[0] == ';':
		case line[0] == ' ' || line[0] == '\t':
			if at != nil && key != "" {
				at[key] += " " + bare
			}
		case bare[0] == '[':
			id, _, _ := strings.Cut(bare[1:], "]")
			if out[id] == nil {
				out[id] = section{}
			}
			at, key = out[id], ""
		default:
			k, v, ok := strings.Cut(bare, "=")
			if !ok || at == nil {
				continue
			}
			key = strings.TrimSpace(k)
			at[key] = strings.TrimSpace(v)
		}
	}
	return out
}

// on reads a truth value; ok is false where there is none.
func (s section) on(key string) (value, ok bool) {
	switch strings.ToLower(s[key]) {
	case "1", "yes", "true", "on", "enabled":
		return true, true
	case "0", "no", "false", "off", "disabled":
		return false, true
	}
	return false, false
}

// checked says whether the signatures of the repository's packages are checked, as
// its configuration, the main section or dnf's default (no) says.
func (s settings) checked(id string) bool {
	if v, ok := s.repos[id].on("gpgcheck"); ok {
		return v
	}
	v, _ := s.main.on("gpgcheck")
	return v
}

// key is the repository's gpgkey as it is written there.
func (s settings) key(id string) string {
	if k := s.repos[id]["gpgkey"]; k != "" {
		return k
	}
	return s.main["gpgkey"]
}

// weak says that weak dependencies were asked for by the configuration.
func (d *Manager) weak() bool {
	text, err := fs.ReadFile(d.c.Root, d.c.Program.Config)
	if err != nil {
		return false
	}
	v, _ := parse(text)["main"].on("install_weak_deps")
	return v
}

// idForm is what a repository's id may consist of.
var idForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_.:-]+$`) })

// local is the repository file that offers the folders in dirs, by the source's id,
// with the signature settings of each source.
func (s settings) local(p Program, dirs map[string]string) string {
	ids := make([]string, 0, len(dirs))
	for id := range dirs {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	var b strings.Builder
	for _, id := range ids {
		check := 0
		if s.checked(id) {
			check = 1
		}
		fmt.Fprintf(&b, "[%s]\nname=%s as locked\nbaseurl=file://%s\nenabled=1\nskip_if_unavailable=0\nrepo_gpgcheck=0\ngpgcheck=%d\n", id, id, dirs[id], check)
		if key := s.key(id); key != "" {
			fmt.Fprintf(&b, "gpgkey=%s\n", strings.Join(strings.Fields(key), " "))
		}
		if p.Hotfixes {
			// The lock has decided on the builds of a module's stream; here are no
			// streams to choose from.
			b.WriteString("module_hotfixes=1\n")
		}
	}
	return b.String()
}

// safeID is id where it can be a repository's id, and a name for the rest.
func safeID(id string) string {
	if idForm().MatchString(id) && id != "main" {
		return id
	}
	return "rehydrate-lock"
}
