package zypp

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// checkServices makes sure that every enabled service has given its repositories: else
// what it offers is unknown.
func checkServices(root fs.FS, at layout, repos []Repo) error {
	files, err := fs.ReadDir(root, at.services)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read zypper's services: %w", err)
	}
	given := map[string]bool{}
	for _, r := range repos {
		given[r.Service] = true
	}
	for _, f := range files {
		if path.Ext(f.Name()) != ".service" {
			continue
		}
		name := at.services + "/" + f.Name()
		text, err := readFile(root, name)
		if err != nil {
			return fmt.Errorf("read zypper's services: %w", err)
		}
		sections, err := parseINI(text)
		if err != nil {
			return fmt.Errorf("read zypper's services from %s: %w", name, err)
		}
		for _, s := range sections {
			enabled := true
			for _, e := range s.entries {
				if e.key == "enabled" {
					enabled = yes(e.values[0])
				}
			}
			if enabled && !given[s.name] {
				return fmt.Errorf("read service %s (/%s): it has given no repository yet: run zypper refresh --services", s.name, name)
			}
		}
	}
	return nil
}
