package worldfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Read reads a world file. set gives the values of ${name}; a name that the file
// does not use is an error, for it is most likely misspelt.
func Read(name string, set map[string]string) (*File, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read world: %w", err)
	}
	f, err := Parse(data, filepath.Dir(name), set)
	if err != nil {
		return nil, fmt.Errorf("read world %s: %w", name, err)
	}
	return f, nil
}

// Parse reads the text of a world file that stands in dir.
func Parse(data []byte, dir string, set map[string]string) (*File, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return nil, where(data, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is something after the world's closing brace")
	}
	unused := maps.Clone(set)
	tree, err := substitute("", tree, set, unused)
	if err != nil {
		return nil, err
	}
	if len(unused) > 0 {
		return nil, fmt.Errorf("set %s: the file has no ${%[1]s}", slices.Sorted(maps.Keys(unused))[0])
	}
	if err := known[File](tree); err != nil {
		return nil, err
	}
	text, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	f := &File{}
	if err := json.Unmarshal(text, f); err != nil {
		return nil, err
	}
	f.resolve(dir)
	return f, f.check()
}

// where adds the line to a syntax error.
func where(data []byte, err error) error {
	var s *json.SyntaxError
	if errors.As(err, &s) {
		return fmt.Errorf("line %d: %w", 1+bytes.Count(data[:min(int(s.Offset), len(data))], []byte("\n")), err)
	}
	return err
}

// substitute replaces ${name} in all strings that are values.
func substitute(path string, v any, set, unused map[string]string) (any, error) {
	var err error
	switch v := v.(type) {
	case string:
		return expand(path, v, set, unused)
	case []any:
		for k := range v {
			if v[k], err = substitute(fmt.Sprintf("%s[%d]", path, k), v[k], set, unused); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if v[k], err = substitute(join(path, k), v[k], set, unused); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

func expand(path, s string, set, unused map[string]string) (string, error) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(s, "${")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return "", fmt.Errorf("%s: ${ without }", path)
		}
		value, ok := set[name]
		if !ok {
			return "", fmt.Errorf("%s: ${%s} is not set: give it with --set %[2]s=VALUE", path, name)
		}
		delete(unused, name)
		out.WriteString(value)
		s = after
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// resolve makes paths absolute and fills in what the file says for all.
func (f *File) resolve(dir string) {
	for k := range f.Images {
		i := &f.Images[k]
		absolute(dir, &i.Root)
		absolute(dir, &i.ModelledFile)
	}
	for k := range f.Archives {
		absolute(dir, &f.Archives[k].Dir)
	}
	for name, r := range f.Repositories {
		absolute(dir, &r.File)
		f.Repositories[name] = r
	}
	for k := range f.Roles {
		if f.Roles[k].Account == "" {
			f.Roles[k].Account = f.Account
		}
	}
	for _, p := range f.places() {
		if p.Account == "" {
			p.Account = f.Account
		}
		if p.Region == "" {
			p.Region = f.Region
		}
	}
}

func absolute(dir string, path *string) {
	if *path == "" {
		return
	}
	if !filepath.IsAbs(*path) {
		*path = filepath.Join(dir, *path)
	}
	if abs, err := filepath.Abs(*path); err == nil {
		*path = abs
	}
}

func (f *File) places() (all []*Place) {
	for k := range f.Images {
		all = append(all, &f.Images[k].Place)
	}
	for k := range f.Templates {
		all = append(all, &f.Templates[k].Place)
	}
	for k := range f.TargetGroups {
		all = append(all, &f.TargetGroups[k].Place)
	}
	for k := range f.Groups {
		all = append(all, &f.Groups[k].Place)
	}
	for k := range f.Instances {
		all = append(all, &f.Instances[k].Place)
	}
	for k := range f.Keys {
		all = append(all, &f.Keys[k].Place)
	}
	for k := range f.Quotas {
		all = append(all, &f.Quotas[k].Place)
	}
	return all
}
