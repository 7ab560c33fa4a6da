package purl

import (
	"testing"

	"github.com/package-url/packageurl-go"

	"github.com/goldenami/rehydrate/baseline"
)

func deb(name, version string) baseline.Installed {
	return baseline.Installed{Package: baseline.Package{Name: name, Version: version, Arch: "amd64"}}
}

func TestOf_says_which_package_of_which_distribution(t *testing.T) {
	debian := baseline.Inventory{OS: baseline.Debian, Product: "Debian12", Arch: "amd64"}
	sourced := deb("libssl3", "3.0.17-1~deb12u2")
	sourced.Source = "openssl"
	same := deb("bash", "5.2.15-2+b7")
	same.Source = "bash"
	rpm := func(epoch string) baseline.Installed {
		return baseline.Installed{Package: baseline.Package{Name: "NetworkManager", Epoch: epoch, Version: "1.40", Release: "1.amzn2023", Arch: "x86_64"}}
	}
	for _, c := range []struct {
		inv  baseline.Inventory
		p    baseline.Installed
		want string
	}{
		{debian, sourced, "pkg:deb/debian/libssl3@3.0.17-1~deb12u2?arch=amd64&distro=debian-12&upstream=openssl"},
		{debian, same, "pkg:deb/debian/bash@5.2.15-2%2Bb7?arch=amd64&distro=debian-12"},
		{debian, deb("libstdc++6", "1:12.2.0-14"), "pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14?arch=amd64&distro=debian-12"},
		{baseline.Inventory{OS: baseline.Ubuntu, Product: "Ubuntu22.04"}, deb("a", "1"), "pkg:deb/ubuntu/a@1?arch=amd64&distro=ubuntu-22.04"},
		{baseline.Inventory{OS: baseline.AmazonLinux2023, Product: "AmazonLinux2023"}, rpm("1"), "pkg:rpm/amzn/NetworkManager@1.40-1.amzn2023?arch=x86_64&distro=amzn-2023&epoch=1"},
		{baseline.Inventory{OS: baseline.RedHat, Product: "RedhatEnterpriseLinux9.4"}, rpm("0"), "pkg:rpm/redhat/NetworkManager@1.40-1.amzn2023?arch=x86_64&distro=rhel-9.4"},
		{baseline.Inventory{OS: baseline.Suse, Product: "Suse15.5"}, rpm(""), "pkg:rpm/suse/NetworkManager@1.40-1.amzn2023?arch=x86_64&distro=sles-15.5"},
		{baseline.Inventory{OS: baseline.Windows}, deb("a", "1"), ""},
		{debian, deb("", "1"), ""},
	} {
		got := Of(c.inv, c.p)
		if got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestOf_has_a_namespace_for_every_linux(t *testing.T) {
	for _, os := range baseline.OperatingSystems() {
		if got := Of(baseline.Inventory{OS: os}, deb("a", "1")); (got == "") != (os == baseline.Windows || os == baseline.MacOS) {
			t.Errorf("%s: %q", os, got)
		}
	}
}

// The reference library reads the parts that went in, whatever they hold.
func FuzzOf(f *testing.F) {
	f.Add("libstdc++6", "1:12.2.0-14~x+y", "amd64", "g/c?c#1")
	f.Add("a%2F", "1@2", "&", "=")
	f.Fuzz(func(t *testing.T, name, version, arch, source string) {
		p := baseline.Installed{Package: baseline.Package{Name: name, Version: version, Release: "1", Epoch: "2", Arch: arch}, Source: source}
		text := Of(baseline.Inventory{OS: baseline.Rocky, Product: "RockyLinux9"}, p)
		if name == "" {
			if text != "" {
				t.Errorf("no name gives %s", text)
			}
			return
		}
		u, err := packageurl.FromString(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		q := u.Qualifiers.Map()
		if u.Type != "rpm" || u.Namespace != "rocky" || u.Name != name || u.Version != version+"-1" || q["arch"] != arch || q["epoch"] != "2" || q["distro"] != "rocky-9" {
			t.Errorf("%s is read as %+v", text, u)
		}
	})
}
