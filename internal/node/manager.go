package node

import (
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/apply/apt"
	"github.com/goldenami/rehydrate/internal/apply/dnf"
	"github.com/goldenami/rehydrate/internal/apply/zypper"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/inventory/product"
	"github.com/goldenami/rehydrate/internal/wait"
)

// localManager is a Manager with working files of its own.
type localManager interface {
	Manager
	Close() error
}

// managerOf is the package manager of a root that is what.
func managerOf(what product.Product, root fs.FS, in *standIn, limit time.Duration, say func(string, ...any)) (localManager, error) {
	if in == nil {
		in = &standIn{}
	}
	switch what.Family {
	case product.Dpkg:
		return apt.New(apt.Config{
			Runner: apply.Exec{}, State: StateDir, Root: root, Sources: in.apt,
			Clock: wait.Wall{}, Say: say, LockTimeout: limit,
		}), nil
	case product.RPM:
		return dnf.New(dnf.Config{
			Program: program(what), Runner: apply.Exec{}, State: StateDir, Root: root, Sources: in.dnf,
			Clock: wait.Wall{}, Say: say, LockTimeout: limit,
		}), nil
	case product.Zypp:
		return zypper.New(zypper.Config{
			Runner: apply.Exec{}, State: StateDir, Root: root, Sources: in.zypp,
			Clock: wait.Wall{}, Say: say, LockTimeout: limit,
		}), nil
	}
	return nil, fault.New(fault.Unsupported, "", "patch %s: there is no package manager for %s", what.Name, what.Family)
}

// program is dnf, or yum where the release has no dnf: Amazon Linux 1 and 2, and
// RHEL-like systems up to 7 (specification §2).
func program(what product.Product) dnf.Program {
	switch what.OS {
	case baseline.AmazonLinux, baseline.AmazonLinux2:
		return dnf.Yum
	case baseline.RedHat, baseline.CentOS, baseline.Oracle:
		major, _, _ := strings.Cut(what.Release.VersionID, ".")
		if n, err := strconv.Atoi(major); err == nil && n <= 7 {
			return dnf.Yum
		}
	}
	return dnf.DNF
}
