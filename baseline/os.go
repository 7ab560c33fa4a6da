package baseline

import "strings"

// OperatingSystem is a value of the SSM OperatingSystem enum, such as DEBIAN.
type OperatingSystem string

// The fifteen operating systems of Patch Manager (§1.1).
const (
	Windows         OperatingSystem = "WINDOWS"
	AmazonLinux     OperatingSystem = "AMAZON_LINUX"
	AmazonLinux2    OperatingSystem = "AMAZON_LINUX_2"
	AmazonLinux2022 OperatingSystem = "AMAZON_LINUX_2022"
	AmazonLinux2023 OperatingSystem = "AMAZON_LINUX_2023"
	Ubuntu          OperatingSystem = "UBUNTU"
	RedHat          OperatingSystem = "REDHAT_ENTERPRISE_LINUX"
	Suse            OperatingSystem = "SUSE"
	CentOS          OperatingSystem = "CENTOS"
	Oracle          OperatingSystem = "ORACLE_LINUX"
	Debian          OperatingSystem = "DEBIAN"
	MacOS           OperatingSystem = "MACOS"
	Raspbian        OperatingSystem = "RASPBIAN"
	Rocky           OperatingSystem = "ROCKY_LINUX"
	Alma            OperatingSystem = "ALMA_LINUX"
)

// OperatingSystems lists the fifteen values in the order of the service model.
func OperatingSystems() []OperatingSystem {
	return []OperatingSystem{
		Windows, AmazonLinux, AmazonLinux2, AmazonLinux2022, AmazonLinux2023,
		Ubuntu, RedHat, Suse, CentOS, Oracle, Debian, MacOS, Raspbian, Rocky, Alma,
	}
}

// Known says whether os is one of the fifteen.
func (os OperatingSystem) Known() bool { return worldOf(os) != worldUnknown }

// world is how an operating system names and numbers its packages.
type world int

const (
	worldUnknown world = iota
	worldRPM
	worldDeb
	worldMac
	worldWindows
)

func worldOf(os OperatingSystem) world {
	switch os {
	case AmazonLinux, AmazonLinux2, AmazonLinux2022, AmazonLinux2023,
		RedHat, CentOS, Oracle, Rocky, Alma, Suse:
		return worldRPM
	case Ubuntu, Debian, Raspbian:
		return worldDeb
	case MacOS:
		return worldMac
	case Windows:
		return worldWindows
	}
	return worldUnknown
}

// family is the package manager whose rules apply (§2). Unlike the world it can
// depend on the release: RHEL 7 is yum, RHEL 8 is dnf.
type family int

const (
	familyUnknown family = iota
	yum
	dnf
	zypp
	apt
	mac
	windows
)

func (f family) String() string {
	return [...]string{"unknown", "yum", "dnf", "zypp", "apt", "macos", "windows"}[f]
}

// familyOf follows the table of §2. A RHEL-like product without a readable major
// version (CentOSStream, an unknown name) counts as dnf, the living family.
func familyOf(os OperatingSystem, product string) family {
	switch worldOf(os) {
	case worldDeb:
		return apt
	case worldMac:
		return mac
	case worldWindows:
		return windows
	}
	switch os {
	case Suse:
		return zypp
	case AmazonLinux, AmazonLinux2:
		return yum
	case AmazonLinux2022, AmazonLinux2023, Rocky, Alma:
		return dnf
	case RedHat, CentOS, Oracle:
		if major := majorOf(product); major > 0 && major <= 7 {
			return yum
		}
		return dnf
	}
	return familyUnknown
}

// majorOf reads the first run of digits in a product such as CentOS7.9; 0 if none.
func majorOf(product string) int {
	i := strings.IndexAny(product, "0123456789")
	if i < 0 {
		return 0
	}
	major := 0
	for _, c := range []byte(product[i:]) {
		if c < '0' || c > '9' || major > 9999 {
			break
		}
		major = major*10 + int(c-'0')
	}
	return major
}
