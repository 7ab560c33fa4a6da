package zypp

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Repo is one configured repository.
type Repo struct {
	Alias, Name string
	File        string // where it is configured, under the root
	Enabled     bool
	Autorefresh bool
	Signed      bool   // its index must be signed: repo_gpgcheck, in its file or zypp.conf
	Priority    int    // 1 is the highest; zypper's default is 99
	Service     string // the service that it comes from, if any
	// URLs are its addresses, with variables replaced and without passwords.
	URLs []string
	// Mirrors is the address of its list of mirrors or metalink, if it has one.
	Mirrors string
	// Path is where below the address the repository lies; mostly empty.
	Path string
	// Keys are the addresses of its keys.
	Keys []string
}

// defaultPriority is what a repository has that states none.
const defaultPriority = 99

// readRepos reads the repositories that root is configured with, in the order of
// their files' names. One alias twice is an error: zypper itself takes either.
func readRepos(root fs.FS, at layout, arch string) ([]Repo, error) {
	files, err := fs.ReadDir(root, at.repos)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read zypper's repositories: %w", err)
	}
	vars, err := readVars(root, at.vars, arch)
	if err != nil {
		return nil, err
	}
	var all []Repo
	where := map[string]string{}
	for _, f := range files {
		if path.Ext(f.Name()) != ".repo" {
			continue
		}
		name := at.repos + "/" + f.Name()
		text, err := readFile(root, name)
		if err != nil {
			return nil, fmt.Errorf("read zypper's repositories: %w", err)
		}
		list, err := parseRepos(text, vars, at.signed)
		if err != nil {
			return nil, fmt.Errorf("read zypper's repositories from %s: %w", name, err)
		}
		for _, r := range list {
			if other, twice := where[r.Alias]; twice {
				return nil, fmt.Errorf("read zypper's repositories: %s is configured in %s and in %s", r.Alias, other, name)
			}
			where[r.Alias] = name
			r.File = name
			all = append(all, r)
		}
	}
	return all, nil
}

// parseRepos reads a .repo file; signed is what zypp.conf says of indices.
func parseRepos(text []byte, vars variables, signed bool) ([]Repo, error) {
	sections, err := parseINI(text)
	if err != nil {
		return nil, err
	}
	var list []Repo
	for _, s := range sections {
		if s.name == "" {
			return nil, errors.New("a repository has no name")
		}
		r := Repo{Alias: s.name, Name: s.name, Enabled: true, Signed: signed, Priority: defaultPriority}
		for _, e := range s.entries {
			if err := r.set(e, vars); err != nil {
				return nil, fmt.Errorf("repository %s: %w", s.name, err)
			}
		}
		list = append(list, r)
	}
	return list, nil
}

// set takes in one entry; what changes nothing of what is read is passed over.
func (r *Repo) set(e entry, vars variables) error {
	value := e.values[0]
	switch e.key {
	case "name":
		r.Name = vars.expand(value)
	case "enabled":
		r.Enabled = yes(value)
	case "autorefresh":
		r.Autorefresh = yes(value)
	case "repo_gpgcheck":
		r.Signed = yes(value)
	case "priority":
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			return fmt.Errorf("priority %q is not a number", short(value))
		}
		if r.Priority = n; n == 0 {
			r.Priority = defaultPriority
		}
	case "service":
		r.Service = value
	case "path":
		r.Path = strings.TrimPrefix(path.Clean("/"+value), "/")
	case "baseurl":
		r.URLs = append(r.URLs, addresses(e.values, vars)...)
	case "gpgkey":
		r.Keys = append(r.Keys, addresses(e.values, vars)...)
	case "mirrorlist", "metalink":
		if list := addresses(e.values, vars); len(list) > 0 && r.Mirrors == "" {
			r.Mirrors = list[0]
		}
	}
	return nil
}

// addresses are the addresses on the lines, several on one being parted by spaces or
// commas with a space.
func addresses(lines []string, vars variables) []string {
	var list []string
	for _, l := range lines {
		for _, word := range strings.Fields(l) {
			if word = strings.Trim(word, ","); word != "" {
				list = append(list, plain(vars.expand(word)))
			}
		}
	}
	return list
}

// URL is what the files' names are relative to: the first address with the path, else
// the list of mirrors.
func (r Repo) URL() string {
	if len(r.URLs) == 0 {
		return r.Mirrors
	}
	url, query, asked := strings.Cut(r.URLs[0], "?")
	url = strings.TrimSuffix(url, "/")
	if r.Path != "" {
		url += "/" + r.Path
	}
	url += "/"
	if asked {
		url += "?" + query
	}
	return url
}

// folder is the path under the root of a repository on the root itself; empty for others.
func (r Repo) folder() string {
	for _, u := range r.URLs {
		for _, scheme := range []string{"file:", "dir:"} {
			rest, ok := strings.CutPrefix(u, scheme)
			if !ok {
				continue
			}
			rest, _, _ = strings.Cut(rest, "?")
			rest = strings.TrimPrefix(rest, "//")
			if at := strings.TrimPrefix(path.Clean("/"+rest+"/"+r.Path), "/"); at != "" {
				return at
			}
		}
	}
	return ""
}

// cached is the name of the repository's folder in a cache.
func (r Repo) cached() string { return strings.ReplaceAll(r.Alias, "/", "_") }

// plain is an address without user and password.
func plain(uri string) string {
	scheme, rest, ok := strings.Cut(uri, "://")
	if !ok {
		return uri
	}
	host, tail, slash := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	}
	if slash {
		tail = "/" + tail
	}
	return scheme + "://" + host + tail
}

func short(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}
