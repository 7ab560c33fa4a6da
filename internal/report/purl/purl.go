// Package purl writes package URLs (ECMA-427) of deb and rpm packages, so that other
// tools know which package of which distribution is meant.
package purl

import (
	"strings"

	"github.com/goldenami/rehydrate/baseline"
)

// distro is how package URLs name a distribution.
type distro struct {
	kind      string // deb or rpm
	namespace string // the vendor
	id        string // os-release's ID, the first half of the distro qualifier
	prefix    string // of Patch Manager's product, before the version
}

func distroOf(os baseline.OperatingSystem) (distro, bool) {
	switch os {
	case baseline.Debian:
		return distro{"deb", "debian", "debian", "Debian"}, true
	case baseline.Ubuntu:
		return distro{"deb", "ubuntu", "ubuntu", "Ubuntu"}, true
	case baseline.Raspbian:
		return distro{"deb", "raspbian", "raspbian", "Raspbian"}, true
	case baseline.AmazonLinux, baseline.AmazonLinux2, baseline.AmazonLinux2022, baseline.AmazonLinux2023:
		return distro{"rpm", "amzn", "amzn", "AmazonLinux"}, true
	case baseline.RedHat:
		return distro{"rpm", "redhat", "rhel", "RedhatEnterpriseLinux"}, true
	case baseline.CentOS:
		return distro{"rpm", "centos", "centos", "CentOS"}, true
	case baseline.Oracle:
		return distro{"rpm", "oracle", "ol", "OracleLinux"}, true
	case baseline.Rocky:
		return distro{"rpm", "rocky", "rocky", "RockyLinux"}, true
	case baseline.Alma:
		return distro{"rpm", "almalinux", "almalinux", "AlmaLinux"}, true
	case baseline.Suse:
		return distro{"rpm", "suse", "sles", "Suse"}, true
	case baseline.MacOS, baseline.Windows:
	}
	return distro{}, false
}

// Of is the URL of an installed package; empty where none is defined. The epoch is
// part of a deb's version and a qualifier of an rpm's; epoch 0 is left out.
func Of(inv baseline.Inventory, p baseline.Installed) string {
	d, ok := distroOf(inv.OS)
	if !ok || p.Name == "" {
		return ""
	}
	version := p.Version
	if d.kind == "rpm" && p.Release != "" {
		version += "-" + p.Release
	}
	var b strings.Builder
	b.WriteString("pkg:" + d.kind + "/" + d.namespace + "/" + escape(name(d.kind, p.Name)) + "@" + escape(version))
	// Qualifiers stand in the order of their names.
	sep := "?"
	add := func(key, value string) {
		if value != "" {
			b.WriteString(sep + key + "=" + escape(value))
			sep = "&"
		}
	}
	add("arch", p.Arch)
	if v := Version(inv); v != "" {
		add("distro", d.id+"-"+v)
	}
	if d.kind == "rpm" && p.Epoch != "0" {
		add("epoch", p.Epoch)
	}
	if p.Source != p.Name {
		add("upstream", p.Source)
	}
	return b.String()
}

// Version is the release of the inventory's system, such as 12 of Debian12.
func Version(inv baseline.Inventory) string {
	d, _ := distroOf(inv.OS)
	v, ok := strings.CutPrefix(inv.Product, d.prefix)
	if !ok {
		return ""
	}
	return v
}

// name: a deb's is lower case by rule, an rpm's keeps its case.
func name(kind, s string) string {
	if kind == "deb" {
		return strings.ToLower(s)
	}
	return s
}

// escape percent-encodes all but what the specification leaves as it is.
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_', c == '~', c == ':':
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}
