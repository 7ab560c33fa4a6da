package files

import (
	"io/fs"
	"path"
	"strings"

	"github.com/goldenami/rehydrate/internal/record"
)

// unitLink is a link in a folder of units, whose target says what it means.
type unitLink struct {
	path   string
	vendor bool
}

// unit notes what is started: the .wants and .requires links that `systemctl enable`
// and packages make, links that mask or rename a unit, and the S links of System V.
// Presets are not evaluated: what is enabled is what is linked.
func (s *survey) unit(e entry) {
	dir, base := path.Split(e.path)
	dir = strings.TrimSuffix(dir, "/")
	if e.info.Mode()&fs.ModeSymlink == 0 {
		return
	}
	if by, how, vendor, ok := pulledBy(dir); ok && isUnit(base) {
		s.facts.Services = append(s.facts.Services, record.Service{Unit: clean(base), How: how, By: clean(by), Vendor: vendor})
		return
	}
	if by, ok := runlevel(dir); ok && len(base) > 3 && base[0] == 'S' && digit(base[1]) && digit(base[2]) {
		s.facts.Services = append(s.facts.Services, record.Service{Unit: clean(base[3:]), How: "rc", By: by})
		return
	}
	if vendor, ok := unitFolder(dir); ok && isUnit(base) {
		s.units = append(s.units, unitLink{e.path, vendor})
	}
}

// links reads where the links among the units lead: nowhere is a mask, to another
// name an alias.
func (s *survey) links() error {
	for _, u := range s.units {
		target, err := fs.ReadLink(s.root, u.path)
		if err != nil {
			return err
		}
		x := record.Service{Unit: clean(path.Base(u.path)), Vendor: u.vendor}
		switch to := path.Base(target); {
		case target == "/dev/null":
			x.How = "masked"
		case to == path.Base(u.path) || !isUnit(to):
			continue // a unit of a package that keeps its files elsewhere
		default:
			x.How, x.By = "alias", clean(to)
		}
		s.facts.Services = append(s.facts.Services, x)
	}
	return nil
}

// unitFolder says whether dir holds units, and whether they are the packages'.
func unitFolder(dir string) (vendor, ok bool) {
	switch dir {
	case "etc/systemd/system":
		return false, true
	case "usr/lib/systemd/system", "lib/systemd/system":
		return true, true
	}
	return false, false
}

// pulledBy reads a folder such as etc/systemd/system/multi-user.target.wants.
func pulledBy(dir string) (by, how string, vendor, ok bool) {
	above, base := path.Split(dir)
	vendor, ok = unitFolder(strings.TrimSuffix(above, "/"))
	if !ok {
		return "", "", false, false
	}
	for _, how := range []string{"wants", "requires"} {
		if by, ok := strings.CutSuffix(base, "."+how); ok && by != "" {
			return by, how, vendor, true
		}
	}
	return "", "", false, false
}

// runlevel reads a folder of System V start scripts, such as etc/rc3.d.
func runlevel(dir string) (string, bool) {
	above, base := path.Split(dir)
	if above != "etc/" && above != "etc/rc.d/" || len(base) != 5 || !strings.HasPrefix(base, "rc") || !strings.HasSuffix(base, ".d") {
		return "", false
	}
	return base, digit(base[2]) || base[2] == 'S'
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// isUnit says whether a name ends like one of systemd's unit types.
func isUnit(name string) bool {
	switch path.Ext(name) {
	case ".service", ".socket", ".timer", ".target", ".path", ".mount", ".automount", ".swap", ".slice", ".scope", ".device":
		return len(name) > len(path.Ext(name))
	}
	return false
}
