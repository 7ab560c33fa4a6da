package roots

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// account is a user of a root, from its own passwd and group files.
type account struct {
	Name   string
	UID    uint32
	GID    uint32
	Groups []uint32 // supplementary, the primary one included
	Home   string
	Shell  string
}

// findAccount reads a user from passwd(5) and group(5) files. Lines that are not
// well-formed are passed over, as the C library does. The shell of an account that
// names none is /bin/sh (passwd(5)).
func findAccount(name string, passwd, group io.Reader) (account, error) {
	var a account
	err := eachLine(passwd, func(f []string) bool {
		if len(f) != 7 || f[0] != name || name == "" {
			return true
		}
		uid, err1 := strconv.ParseUint(f[2], 10, 32)
		gid, err2 := strconv.ParseUint(f[3], 10, 32)
		if err1 != nil || err2 != nil {
			return true
		}
		a = account{Name: f[0], UID: uint32(uid), GID: uint32(gid), Home: f[5], Shell: f[6]}
		return false
	})
	if err != nil {
		return account{}, fmt.Errorf("read user %q from the root's passwd file: %w", name, err)
	}
	if a.Name == "" {
		return account{}, fmt.Errorf("find user %q: not in the root's passwd file", name)
	}
	if a.Shell == "" {
		a.Shell = "/bin/sh"
	}
	if a.Home == "" {
		a.Home = "/"
	}
	a.Groups = []uint32{a.GID}
	err = eachLine(group, func(f []string) bool {
		if len(f) != 4 || !slices.Contains(strings.Split(f[3], ","), name) {
			return true
		}
		gid, err := strconv.ParseUint(f[2], 10, 32)
		if err == nil && !slices.Contains(a.Groups, uint32(gid)) {
			a.Groups = append(a.Groups, uint32(gid))
		}
		return true
	})
	if err != nil {
		return account{}, fmt.Errorf("read groups of user %q: %w", name, err)
	}
	return a, nil
}

// maxAccountFile bounds what is read of a file that the machine's root may write.
const maxAccountFile = 1 << 20

func eachLine(r io.Reader, do func(fields []string) bool) error {
	sc := bufio.NewScanner(io.LimitReader(r, maxAccountFile))
	sc.Buffer(nil, maxAccountFile)
	for sc.Scan() {
		line := sc.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		if !do(strings.Split(line, ":")) {
			return nil
		}
	}
	return sc.Err()
}
