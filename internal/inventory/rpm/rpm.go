// Package rpm reads an RPM root (Amazon Linux, RHEL and its rebuilds): what is
// installed, which repositories are configured, and what those offer for the packages
// that are there.
//
// It reads files only, through an fs.FS: the running system, a folder or a disk
// image. The metadata is what dnf or yum keeps in its cache, or the repository itself
// where that is a folder of the root; over the network only by the port that
// reading.Options gives. An enabled repository whose metadata cannot be read is an
// error, whatever skip_if_unavailable says.
package rpm

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/inventory/product"
	"github.com/goldenami/rehydrate/internal/inventory/reading"
	"github.com/goldenami/rehydrate/internal/inventory/rpmmd"
)

// Collect reads what is installed on root and what its enabled repositories offer, in
// a stable order, and remarks for people: settings that are not honoured, unverified
// indices, obsolete streams.
//
// EnabledModules of the result are all active streams, default ones included.
func Collect(root fs.FS, o reading.Options) (baseline.Node, []string, error) {
	fail := func(err error) (baseline.Node, []string, error) { return baseline.Node{}, nil, err }
	inv, db, findings, err := installed(root)
	if err != nil {
		return fail(err)
	}
	what, err := product.Read(root)
	if err != nil {
		return fail(err)
	}
	vars, err := readVariables(root, what, inv.Arch, db)
	if err != nil {
		return fail(err)
	}
	dnf := usesDNF(what)
	conf, err := readRepos(root, vars, dnf)
	if err != nil {
		return fail(err)
	}
	if len(conf.repos) == 0 {
		return fail(errors.New("read repositories: none is enabled, so nothing can be said about updates"))
	}
	modules, err := readModuleStates(root)
	if err != nil {
		return fail(err)
	}
	join := &offers{system: inv.OS, arch: inv.Arch, dnf: dnf, have: map[string][]baseline.Installed{}, asked: map[string]bool{}}
	names := map[string]bool{}
	for _, p := range inv.Installed {
		join.have[p.Name] = append(join.have[p.Name], p)
		names[p.Name] = true
	}
	for _, n := range o.Names {
		join.asked[n], names[n] = true, true
	}
	p := places{root: root, cacheDir: conf.cacheDir, dnf: dnf, fetch: o.Fetch, vars: vars}
	states := make([]state, len(conf.repos))
	var group errgroup.Group
	for i, r := range conf.repos {
		group.Go(func() (err error) {
			states[i], err = p.read(r, names, o)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return fail(err)
	}
	if dnf {
		all := make([]rpmmd.Modules, len(states))
		for i := range states {
			all[i] = states[i].selection.Modules
		}
		now := modules.active(all, cmp.Or(conf.platform, platformOf(what)))
		join.active, join.dormant = now.streams, now.dormant
		if now.tooMany {
			findings = append(findings, "modules: their needs contradict one another in too many ways: some default streams may be missing")
		}
		inv.EnabledModules = nil
		for name, stream := range join.active {
			inv.EnabledModules = append(inv.EnabledModules, name+":"+stream)
		}
		slices.Sort(inv.EnabledModules)
		join.modules(states)
	}
	node := baseline.Node{Inventory: inv}
	node.Available.Packages = join.merge(states)
	if err := join.require(db, states, node.Available.Packages); err != nil {
		return fail(err)
	}
	findings = append(findings, conf.remarks...)
	for _, st := range states {
		node.Available.Repositories = append(node.Available.Repositories, st.repository)
		findings = append(findings, st.findings...)
	}
	if slices.ContainsFunc(conf.repos, func(r repo) bool { return r.release != "" }) {
		findings = append(findings, fmt.Sprintf("repositories are those of release %s", vars["releasever"]))
	}
	return node, append(findings, join.findings...), nil
}

// usesDNF reports whether the product's package manager is dnf (specification §2).
func usesDNF(p product.Product) bool {
	switch p.OS {
	case baseline.AmazonLinux, baseline.AmazonLinux2:
		return false
	case baseline.RedHat, baseline.CentOS, baseline.Oracle:
		major, _, _ := strings.Cut(p.Release.VersionID, ".")
		return major != "6" && major != "7"
	}
	return true
}
