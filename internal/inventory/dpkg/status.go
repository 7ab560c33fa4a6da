package dpkg

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
)

const (
	statusFile = "var/lib/dpkg/status"
	statusDir  = "var/lib/dpkg/status.d" // one file a package; distroless images
	updatesDir = "var/lib/dpkg/updates"  // dpkg's journal
)

// readStatus reads the installed packages of root, sorted by name and
// architecture. A package in a state between is an error, as is an unfinished run.
func readStatus(root fs.FS) (list []baseline.Installed, err error) {
	// While dpkg works, and after it was interrupted, what is installed stands in a
	// journal beside the status file: the status file alone would be an old answer.
	journal, err := fs.ReadDir(root, updatesDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read installed packages: %w", err)
	}
	for _, e := range journal {
		if strings.Trim(e.Name(), "0123456789") == "" {
			return nil, fmt.Errorf("read installed packages: dpkg is at work or was interrupted (%s/%s)", updatesDir, e.Name())
		}
	}
	found := false
	f, err := root.Open(statusFile)
	switch {
	case err == nil:
		found = true
		list, err = parseStatus(f, false)
		err = errors.Join(err, f.Close())
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("read installed packages from %s: %w", statusFile, err)
	}
	single, err := fs.ReadDir(root, statusDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read installed packages: %w", err)
	}
	for _, e := range single {
		if e.IsDir() || strings.HasSuffix(e.Name(), ".md5sums") {
			continue
		}
		found = true
		name := path.Join(statusDir, e.Name())
		text, err := readSmall(root, name)
		if err != nil {
			return nil, fmt.Errorf("read installed packages: %w", err)
		}
		more, err := parseStatus(bytes.NewReader(text), true)
		if err != nil {
			return nil, fmt.Errorf("read installed packages from %s: %w", name, err)
		}
		list = append(list, more...)
	}
	if !found {
		return nil, fmt.Errorf("read installed packages: neither %s nor %s exists", statusFile, statusDir)
	}
	if len(list) == 0 {
		return nil, errors.New("read installed packages: the dpkg database lists none")
	}
	slices.SortFunc(list, func(a, b baseline.Installed) int {
		return strings.Compare(a.Name+"\x00"+a.Arch, b.Name+"\x00"+b.Arch)
	})
	return list, nil
}

// parseStatus reads a dpkg status file. Only packages that are completely
// installed count (specification §16.1), and one that is between the states is an
// error; without says that a missing Status means installed.
func parseStatus(r io.Reader, without bool) (list []baseline.Installed, err error) {
	paragraphs := newStanzas(r)
	for {
		stanza, err := paragraphs.next()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		var p baseline.Installed
		want, flag, state := "install", "ok", ""
		if without {
			state = "installed"
		}
		err = fields(stanza, func(key, value []byte) {
			switch string(key) {
			case "Package":
				p.Name = string(value)
			case "Version":
				p.Version = string(value)
			case "Architecture":
				p.Arch = string(value)
			case "Source": // "name" or "name (version)"
				name, _, _ := strings.Cut(string(value), " ")
				p.Source = name
			case "Status":
				if w := strings.Fields(string(value)); len(w) == 3 {
					want, flag, state = w[0], w[1], w[2]
				} else {
					state = "unreadable"
				}
			}
		})
		if err != nil {
			return nil, err
		}
		switch {
		case p.Name == "":
			return nil, fmt.Errorf("a paragraph has no Package field: %q", short(stanza))
		case state == "" || state == "unreadable":
			return nil, fmt.Errorf("package %s has no readable Status", p.Name)
		case state == "not-installed" || state == "config-files":
			continue
		case state != "installed" || flag != "ok":
			// Not to count it would hide its pending updates; to count it would call a
			// package installed whose files are half of one version and half of another.
			return nil, fault.As(fmt.Errorf("package %s is %s (%s): dpkg was interrupted or failed", p.Name, state, flag),
				fault.Failed, "finish it with dpkg --configure -a")
		case p.Version == "":
			return nil, fmt.Errorf("package %s has no Version", p.Name)
		case p.Arch == "":
			// No offer would match it, so its updates would be missing from the answer.
			return nil, fmt.Errorf("package %s has no Architecture", p.Name)
		case !named(p.Name) || !named(p.Arch):
			return nil, fmt.Errorf("package %q of architecture %q: no package is called that", short([]byte(p.Name)), short([]byte(p.Arch)))
		}
		p.Held = want == "hold"
		list = append(list, p)
	}
}

// named reports whether s is made of the characters that names of packages and
// architectures have (deb-control(5); dpkg also takes capitals and underscores).
func named(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '+', c == '-', c == '.', c == '_':
		default:
			return false
		}
	}
	return true
}

// architectures returns the native architecture first, then the foreign ones.
func architectures(root fs.FS, installed []baseline.Installed) ([]string, error) {
	native := ""
	for _, p := range installed {
		if p.Name == "dpkg" && p.Arch != "all" {
			native = p.Arch
		}
	}
	if native == "" { // an image without dpkg: what most packages are
		count := map[string]int{}
		for _, p := range installed {
			if p.Arch != "all" {
				count[p.Arch]++
			}
			if n := count[p.Arch]; n > count[native] || n == count[native] && p.Arch < native {
				native = p.Arch
			}
		}
	}
	if native == "" {
		return nil, errors.New("find the architecture: no installed package names one")
	}
	list := []string{native}
	text, err := readSmall(root, "var/lib/dpkg/arch")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("find the architecture: %w", err)
	}
	for _, a := range strings.Fields(string(text)) {
		if !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	return list, nil
}
