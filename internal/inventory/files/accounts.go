package files

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/goldenami/rehydrate/internal/record"
)

// maxSmall bounds each of the small files that are read whole, in bytes.
const maxSmall = 16 << 20

// small reads a file of text; a longer one than any real one is an error.
func (r *reader) small(name string) ([]byte, error) {
	f, err := r.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	r.read++
	b, err := io.ReadAll(io.LimitReader(f, maxSmall+1))
	if err == nil && len(b) > maxSmall {
		err = fmt.Errorf("%s is larger than %d bytes", name, maxSmall)
	}
	return b, err
}

// accounts reads users and groups. A root without etc/passwd has no users of its
// own; that is said.
func (r *reader) accounts() error {
	passwd, err := r.accountFile("etc/passwd")
	if err != nil {
		return err
	}
	group, err := r.accountFile("etc/group")
	if err != nil {
		return err
	}
	shadow, err := r.accountFile("etc/shadow")
	if err != nil {
		return err
	}
	users, bad := parsePasswd(passwd, passwords(shadow))
	groups, worse := parseGroup(group)
	if n := bad + worse; n > 0 {
		r.unread("%d lines of etc/passwd and etc/group make no sense", n)
	}
	if len(users) > r.limits.Names || len(groups) > r.limits.Names {
		return fmt.Errorf("there are more than %d users or groups: given up", r.limits.Names)
	}
	r.facts.Users, r.facts.Groups = users, groups
	return nil
}

// accountFile is nil for a file that is not there or may not be read; both are said.
func (r *reader) accountFile(name string) ([]byte, error) {
	b, err := r.small(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.unread("there is no %s", name)
		return nil, nil
	case errors.Is(err, fs.ErrPermission):
		r.unread("%s may not be read", name)
		return nil, nil
	}
	return b, err
}

// passwords is the state of each user's password (shadow(5)). Hashes stay behind.
func passwords(shadow []byte) map[string]string {
	out := map[string]string{}
	for line := range bytes.Lines(shadow) {
		name, rest, ok := strings.Cut(strings.TrimRight(string(line), "\r\n"), ":")
		if !ok || name == "" {
			continue
		}
		field, _, _ := strings.Cut(rest, ":")
		if _, there := out[name]; !there { // the first line of a name counts
			out[name] = passwordState(field)
		}
	}
	return out
}

func passwordState(field string) string {
	switch {
	case field == "":
		return record.PasswordNone
	case field[0] == '!' || field[0] == '*':
		return record.PasswordLocked
	}
	return record.PasswordSet
}

// parsePasswd reads passwd(5), and says how many lines make no sense.
func parsePasswd(text []byte, shadow map[string]string) (users []record.User, bad int) {
	for line := range bytes.Lines(text) {
		f := strings.Split(strings.TrimRight(string(line), "\r\n"), ":")
		if skipped(f) {
			continue
		}
		if len(f) != 7 || f[0] == "" {
			bad++
			continue
		}
		uid, err1 := strconv.ParseUint(f[2], 10, 32)
		gid, err2 := strconv.ParseUint(f[3], 10, 32)
		if err1 != nil || err2 != nil {
			bad++
			continue
		}
		u := record.User{Name: clean(f[0]), UID: uint32(uid), GID: uint32(gid), Home: clean(f[5]), Shell: clean(f[6])}
		if u.Password = passwordState(f[1]); f[1] == "x" {
			if u.Password = shadow[f[0]]; u.Password == "" {
				u.Password = record.PasswordUnknown
			}
		}
		users = append(users, u)
	}
	slices.SortStableFunc(users, func(a, b record.User) int { return cmp.Compare(a.Name, b.Name) })
	return users, bad
}

// parseGroup reads group(5), and says how many lines make no sense.
func parseGroup(text []byte) (groups []record.Group, bad int) {
	for line := range bytes.Lines(text) {
		f := strings.Split(strings.TrimRight(string(line), "\r\n"), ":")
		if skipped(f) {
			continue
		}
		if len(f) != 4 || f[0] == "" {
			bad++
			continue
		}
		gid, err := strconv.ParseUint(f[2], 10, 32)
		if err != nil {
			bad++
			continue
		}
		g := record.Group{Name: clean(f[0]), GID: uint32(gid)}
		for m := range strings.SplitSeq(f[3], ",") {
			if m = strings.TrimSpace(m); m != "" {
				g.Members = append(g.Members, clean(m))
			}
		}
		slices.Sort(g.Members)
		groups = append(groups, g)
	}
	slices.SortStableFunc(groups, func(a, b record.Group) int { return cmp.Compare(a.Name, b.Name) })
	return groups, bad
}

// skipped says that a line is empty, a remark, or a reference to NIS, which names no
// account of this root.
func skipped(f []string) bool {
	return len(f) == 1 && strings.TrimSpace(f[0]) == "" || strings.HasPrefix(f[0], "#") || strings.HasPrefix(f[0], "+") || strings.HasPrefix(f[0], "-")
}
