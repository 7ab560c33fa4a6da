package baseline

import "testing"

func TestVersionsOfEachWorldCompareByItsOwnRules(t *testing.T) {
	for _, c := range []struct {
		os   OperatingSystem
		a, b string
		want int
	}{
		{Debian, "1.0", "1.0", 0},
		{Debian, "1.0", "1.0-0", 0},
		{Debian, "0:1.0", "1.0", 0},
		{Debian, "1:0.9", "2.0", 1},
		{Debian, "1.0~rc1", "1.0", -1},
		{Debian, "1.0~~", "1.0~", -1},
		{Debian, "1.0+b1", "1.0", 1},
		{Debian, "1.0a", "1.0+", -1},
		{Debian, "1.010", "1.10", 0},
		{Debian, "3.0.16-1~deb12u1", "3.0.16-1", -1},
		{Debian, "2.0-1-1", "2.0-1-2", -1},
		{RedHat, "0:1.10-1", "0:1.9-1", 1},
		{RedHat, "1.0-1", "0:1.0-1", 0},
		{RedHat, "(none):1.0-1", "0:1.0-1", 0},
		{RedHat, "32:9.16-1", "31:9.18-1", 1},
		{RedHat, "1.0~rc1-1", "1.0-1", -1},
		{RedHat, "1.0^git1-1", "1.0-1", 1},
		{RedHat, "1.0^git1-1", "1.0.1-1", -1},
		{RedHat, "1.0-1.el8", "1.0-1.el8_5", -1},
		{RedHat, "1a-1", "11-1", -1},
		{RedHat, "007-1", "7-1", 0},
		{RedHat, "1.0-1.fc10", "1.0-1.fc9", 1},
		{MacOS, "14.5", "14.10", -1},
		{MacOS, "2200", "2190", 1},
	} {
		if got := CompareVersions(c.os, c.a, c.b); got != c.want {
			t.Errorf("%s: %s against %s: got %d, want %d", c.os, c.a, c.b, got, c.want)
		}
		if got := CompareVersions(c.os, c.b, c.a); got != -c.want {
			t.Errorf("%s: %s against %s: got %d, want %d", c.os, c.b, c.a, got, -c.want)
		}
	}
}

func TestFullVersionAndParsePackageAreInverse(t *testing.T) {
	for _, c := range []struct {
		os   OperatingSystem
		p    Package
		want string
	}{
		{RedHat, Package{Name: "a", Arch: "noarch", Epoch: "1", Version: "2", Release: "3.el9"}, "1:2-3.el9"},
		{RedHat, Package{Name: "a", Arch: "noarch", Epoch: "0", Version: "2~rc1", Release: "3"}, "0:2~rc1-3"},
		{Debian, Package{Name: "a", Arch: "all", Version: "1:2-3"}, "1:2-3"},
		{MacOS, Package{Name: "a", Version: "1.2"}, "1.2"},
	} {
		full := FullVersion(c.os, c.p)
		if full != c.want {
			t.Errorf("got %s, want %s", full, c.want)
		}
		if got := ParsePackage(c.os, c.p.Name, c.p.Arch, full); got != c.p {
			t.Errorf("got %+v, want %+v", got, c.p)
		}
	}
}

func TestRenderedAndPartwiseComparisonAgree(t *testing.T) {
	pairs := nearTies(3, 3000, "~^.0129aB")
	for _, pair := range pairs {
		a := Package{Name: "n", Epoch: "0", Version: pair[0], Release: "1"}
		b := Package{Name: "n", Epoch: "", Version: pair[1], Release: "1"}
		full := CompareVersions(RedHat, FullVersion(RedHat, a), FullVersion(RedHat, b))
		if got := comparePackages(worldRPM, &a, &b); got != full {
			t.Fatalf("%v: partwise %d, rendered %d", pair, got, full)
		}
	}
}
