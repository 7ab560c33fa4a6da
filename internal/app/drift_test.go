package app

import (
	"fmt"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
)

func TestCompared_names_every_package_that_is_not_at_its_locked_version(t *testing.T) {
	deb := func(name, version string) baseline.Package {
		return baseline.Package{Name: name, Arch: "amd64", Version: version}
	}
	lock := &baseline.Lock{OS: "DEBIAN", Packages: []baseline.LockedPackage{{Package: deb("curl", "8.1-1")}, {Package: deb("nano", "7.2-1")}, {Package: deb("vim", "9.0-1")}}}
	for name, c := range map[string]struct {
		have []baseline.Package
		want string
		text string
		n    int
	}{
		"as baked":  {[]baseline.Package{deb("curl", "8.1-1"), deb("nano", "7.2-1"), deb("vim", "9.0-1"), deb("own", "1")}, record.DriftNone, "none: all 3 locked packages", 0},
		"one newer": {[]baseline.Package{deb("curl", "8.2-1"), deb("nano", "7.2-1"), deb("vim", "9.0-1")}, record.DriftFound, "1 of 3 locked packages differ, the first is curl: 8.2-1 instead of 8.1-1", 1},
		"all kinds": {[]baseline.Package{deb("curl", "8.2-1"), deb("nano", "7.1-1")}, record.DriftFound, "3 of 3", 3},
		"one gone":  {[]baseline.Package{deb("nano", "7.2-1"), deb("vim", "9.0-1")}, record.DriftFound, "curl: nothing instead of 8.1-1", 1},
	} {
		var inv baseline.Inventory
		for _, p := range c.have {
			inv.Installed = append(inv.Installed, baseline.Installed{Package: p})
		}
		if d := compared(lock, inv); d.Outcome != c.want || !strings.Contains(d.Text, c.text) || len(d.Packages) != c.n {
			t.Errorf("%s: %+v", name, d)
		}
	}
	var many baseline.Lock
	many.OS = "DEBIAN"
	for i := range 250 {
		many.Packages = append(many.Packages, baseline.LockedPackage{Package: deb(fmt.Sprint("p", i), "1")})
	}
	if d := compared(&many, baseline.Inventory{}); len(d.Packages) != maxDrift || !strings.Contains(d.Text, "250 of 250") {
		t.Errorf("%d packages are kept: %s", len(d.Packages), d.Text)
	}
}
