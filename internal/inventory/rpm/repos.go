package rpm

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// repo is one configured repository.
type repo struct {
	id, file            string
	base                []string // addresses, variables replaced
	mirrors, metalink   string
	keys                []string // addresses of keys
	priority, cost      int
	hotfixes, checkSign bool
	release             string // of the addresses, where they depend on it
}

// config is what a root says about its repositories.
type config struct {
	repos    []repo // enabled ones, in the order in which they are preferred
	cacheDir string // under the root
	platform string // as the configuration sets it, such as el8; empty: as os-release says
	remarks  []string
}

// Defaults of the settings, as yum and dnf document them.
const (
	defaultPriority = 99
	defaultCost     = 1000
)

// readRepos reads the repositories that root has enabled. dnf says which of the two
// package managers it has.
func readRepos(root fs.FS, v variables, dnf bool) (config, error) {
	c := config{cacheDir: "var/cache/yum/$basearch/$releasever"}
	mains := []string{"etc/yum.conf", "etc/dnf/dnf.conf"}
	dirs := []string{"etc/yum.repos.d", "etc/yum/repos.d", "etc/distro.repos.d"}
	if dnf {
		c.cacheDir = "var/cache/dnf"
		slices.Reverse(mains)
	}
	var files []string
	main := section{keys: map[string]string{}}
	for _, name := range mains {
		text, err := readConfig(root, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return c, fmt.Errorf("read configuration of repositories: %w", err)
		}
		parts, err := parseINI(text)
		if err != nil {
			return c, fmt.Errorf("read configuration of repositories from /%s: %w", name, err)
		}
		for _, s := range parts {
			if s.name == "main" {
				main = s
			}
		}
		files = append(files, name)
		break // the other one is not read by this package manager
	}
	if dir := main.keys["cachedir"]; strings.HasPrefix(dir, "/") {
		c.cacheDir = strings.TrimPrefix(path.Clean(dir), "/")
	}
	c.cacheDir = v.expand(c.cacheDir)
	_, c.platform, _ = strings.Cut(main.keys["module_platform_id"], ":")
	if list := words(main.keys["reposdir"]); len(list) > 0 {
		dirs = dirs[:0]
		for _, d := range list {
			dirs = append(dirs, strings.TrimPrefix(path.Clean("/"+v.expand(d)), "/"))
		}
	}
	for _, dir := range dirs {
		list, err := fs.ReadDir(root, dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return c, fmt.Errorf("read configuration of repositories: %w", err)
		}
		for _, f := range list {
			if path.Ext(f.Name()) == ".repo" && !f.IsDir() {
				files = append(files, dir+"/"+f.Name())
			}
		}
	}
	if err := c.read(root, files, v, main); err != nil {
		return c, err
	}
	slices.SortStableFunc(c.repos, func(a, b repo) int {
		return cmp.Or(cmp.Compare(a.priority, b.priority), cmp.Compare(a.cost, b.cost), strings.Compare(a.id, b.id))
	})
	return c, nil
}

// read takes the repositories of all files. The same id twice: the later setting of a
// key counts, as in dnf.
func (c *config) read(root fs.FS, files []string, v variables, main section) error {
	c.leftOut("", main)
	merged := map[string]map[string]string{}
	from := map[string]string{}
	var order []string
	for _, name := range files {
		text, err := readConfig(root, name)
		if err != nil {
			return fmt.Errorf("read configuration of repositories: %w", err)
		}
		parts, err := parseINI(text)
		if err != nil {
			return fmt.Errorf("read configuration of repositories from /%s: %w", name, err)
		}
		for _, s := range parts {
			if s.name == "main" {
				continue
			}
			id := v.expand(s.name)
			if merged[id] == nil {
				merged[id], from[id] = map[string]string{}, "/"+name
				order = append(order, id)
			}
			for k, val := range s.keys {
				merged[id][k] = val
			}
		}
	}
	for _, id := range order {
		keys := merged[id]
		if on, err := boolean(keys, "enabled", true); err != nil || !on {
			if err != nil {
				return fmt.Errorf("read repository %s from %s: %w", id, from[id], err)
			}
			continue
		}
		r, err := newRepo(id, from[id], keys, main.keys, v)
		if err != nil {
			return fmt.Errorf("read repository %s from %s: %w", id, from[id], err)
		}
		c.leftOut("repository "+id+": ", section{id, keys})
		c.repos = append(c.repos, r)
	}
	return nil
}

// leftOut remarks on settings that the evaluation does not follow (specification §2).
func (c *config) leftOut(prefix string, s section) {
	for _, key := range []string{"exclude", "excludepkgs", "includepkgs"} {
		if v := s.keys[key]; v != "" {
			c.remarks = append(c.remarks, fmt.Sprintf("%s%s = %s is not honoured, as in Patch Manager", prefix, key, strings.Join(words(v), " ")))
		}
	}
	if on, err := boolean(s.keys, "skip_if_unavailable", false); err == nil && on && s.name != "main" {
		c.remarks = append(c.remarks, prefix+"skip_if_unavailable is not honoured: a repository that cannot be read is an error")
	}
}

func newRepo(id, file string, keys, main map[string]string, v variables) (r repo, err error) {
	r = repo{id: id, file: file, mirrors: v.expand(keys["mirrorlist"]), metalink: v.expand(keys["metalink"])}
	for _, b := range words(keys["baseurl"]) {
		r.base = append(r.base, v.expand(b))
	}
	for _, k := range words(keys["gpgkey"]) {
		r.keys = append(r.keys, v.expand(k))
	}
	if raw := keys["mirrorlist"] + keys["metalink"] + keys["baseurl"]; strings.Contains(raw, "releasever") {
		r.release = v["releasever"]
	}
	// Some yum repositories give a metalink as their mirror list.
	if r.metalink == "" && strings.Contains(r.mirrors, "metalink") {
		r.mirrors, r.metalink = "", r.mirrors
	}
	if len(r.base) == 0 && r.mirrors == "" && r.metalink == "" {
		return r, errors.New("it has no baseurl, mirrorlist or metalink")
	}
	if r.priority, err = integer(keys, "priority", defaultPriority); err != nil {
		return r, err
	}
	if r.cost, err = integer(keys, "cost", defaultCost); err != nil {
		return r, err
	}
	if r.hotfixes, err = boolean(keys, "module_hotfixes", false); err != nil {
		return r, err
	}
	if r.checkSign, err = boolean(main, "repo_gpgcheck", false); err != nil {
		return r, err
	}
	r.checkSign, err = boolean(keys, "repo_gpgcheck", r.checkSign)
	return r, err
}

// address is what identifies the repository to dnf: it names the cache after it.
func (r repo) address() string {
	switch {
	case r.metalink != "":
		return r.metalink
	case r.mirrors != "":
		return r.mirrors
	}
	return r.base[0]
}

func boolean(keys map[string]string, key string, or bool) (bool, error) {
	switch strings.ToLower(keys[key]) {
	case "":
		return or, nil
	case "1", "yes", "true", "on", "enabled":
		return true, nil
	case "0", "no", "false", "off", "disabled":
		return false, nil
	}
	return false, fmt.Errorf("%s is %q, neither yes nor no", key, shorten(keys[key]))
}

func integer(keys map[string]string, key string, or int) (int, error) {
	if keys[key] == "" {
		return or, nil
	}
	n, err := strconv.Atoi(keys[key])
	if err != nil {
		return 0, fmt.Errorf("%s is %q, not a number", key, shorten(keys[key]))
	}
	return n, nil
}

// plain is an address without user, password and query, fit for a report.
func plain(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		before, _, _ := strings.Cut(address, "?")
		if i := strings.LastIndexByte(before, '@'); i >= 0 {
			return "(an address that cannot be read)"
		}
		return before
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
