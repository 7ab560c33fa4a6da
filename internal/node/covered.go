package node

import (
	"io/fs"
	"strings"
)

// covered is a root in which other file systems stand at some places.
type covered struct {
	fs.FS
	over map[string]fs.FS // nil: nothing is there
}

// at gives the file system that has name, and its name there.
func (c covered) at(op, name string) (fs.FS, string, error) {
	for place, other := range c.over {
		rest, under := strings.CutPrefix(name, place+"/")
		if !under && name != place {
			continue
		}
		if other == nil {
			return nil, "", &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
		if !under {
			rest = "."
		}
		return other, rest, nil
	}
	return c.FS, name, nil
}

// Open opens the named file.
func (c covered) Open(name string) (fs.File, error) {
	f, name, err := c.at("open", name)
	if err != nil {
		return nil, err
	}
	return f.Open(name)
}

// Stat describes the named file.
func (c covered) Stat(name string) (fs.FileInfo, error) {
	f, name, err := c.at("stat", name)
	if err != nil {
		return nil, err
	}
	return fs.Stat(f, name)
}

// Lstat describes the named file, or the link of that name.
func (c covered) Lstat(name string) (fs.FileInfo, error) {
	f, name, err := c.at("lstat", name)
	if err != nil {
		return nil, err
	}
	return fs.Lstat(f, name)
}

// ReadLink gives the target of the named link.
func (c covered) ReadLink(name string) (string, error) {
	f, name, err := c.at("readlink", name)
	if err != nil {
		return "", err
	}
	return fs.ReadLink(f, name)
}
