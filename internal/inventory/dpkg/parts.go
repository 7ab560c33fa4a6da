package dpkg

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// parts lists the files of a folder such as sources.list.d that apt reads, in its
// order: those with one of the extensions, and none with a character that apt does not
// take in such a name. What is left over there by editors and packages is no
// configuration. A folder that is not there has none.
func parts(root fs.FS, dir string, exts ...string) ([]string, error) {
	entries, err := fs.ReadDir(root, dir) // sorted by name
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		name := dir + "/" + e.Name()
		if strings.HasPrefix(e.Name(), ".") || !slices.Contains(exts, path.Ext(e.Name())) || strings.ContainsFunc(e.Name(), odd) {
			continue
		}
		// A link to a folder is one too. A link that leads nowhere is configuration that
		// cannot be read, and whoever opens it says so.
		if info, err := fs.Stat(root, name); e.IsDir() || err == nil && info.IsDir() {
			continue
		}
		files = append(files, name)
	}
	return files, nil
}

// odd are the characters that make apt pass over a file.
func odd(c rune) bool {
	return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune("_-.:", c)
}
