//go:build linux

package zypp

import (
	"encoding/xml"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/inventory/reading"
)

func line(repo, id string, standing Standing) string { return repo + " " + id + " " + string(standing) }

type filter struct {
	args []string
	has  func(Patch) bool
}

// filters are filters for categories, severities, CVE and bug ids of the patches.
func filters(patches []Patch) []filter {
	var list []filter
	seen := map[string]bool{}
	add := func(has func(Patch) bool, args ...string) {
		if key := strings.Join(args, " "); !seen[key] {
			seen[key] = true
			list = append(list, filter{args, has})
		}
	}
	for _, p := range patches {
		if !slices.Contains(optional, p.Type) { // zypper takes these for one category
			add(func(o Patch) bool { return o.Type == p.Type }, "--category", p.Type)
		}
		if p.Severity != nil {
			add(func(o Patch) bool { return o.Severity != nil && *o.Severity == *p.Severity }, "--severity", *p.Severity)
			add(func(o Patch) bool { return o.Severity != nil && *o.Severity == *p.Severity && o.Type == "security" },
				"--severity", *p.Severity, "--category", "security")
		}
	}
	for _, p := range patches[:min(len(patches), 8)] {
		for _, c := range p.CVEs {
			add(func(o Patch) bool { return slices.Contains(o.CVEs, c) }, "--cve="+c)
		}
		for _, b := range p.Bugzillas {
			add(func(o Patch) bool { return slices.Contains(o.Bugzillas, b) }, "--bugzilla="+b)
		}
	}
	add(func(o Patch) bool { return slices.Contains(optional, o.Type) }, "--category", "optional")
	return list
}

// pending is our answer to zypper list-updates: the newest offer above what is
// installed, of its architecture or from or to noarch, unless it is locked. The zypper
// of these tests lists packages of retracted patches too.
func pending(n baseline.Node) []string {
	newest := map[string]baseline.Installed{}
	for _, p := range n.Inventory.Installed {
		if old, ok := newest[p.Name]; !ok || baseline.CompareVersions(baseline.Suse, full(p.Package), full(old.Package)) > 0 {
			newest[p.Name] = p
		}
	}
	var out []string
	for _, have := range newest {
		best := have.Package
		for _, p := range n.Available.Packages {
			fits := p.Arch == have.Arch || p.Arch == noarch || have.Arch == noarch
			if p.Name == have.Name && fits && baseline.CompareVersions(baseline.Suse, full(p.Package), full(best)) > 0 {
				best = p.Package
			}
		}
		if best != have.Package && !have.Held {
			out = append(out, best.Name+"."+best.Arch+" "+full(best))
		}
	}
	slices.Sort(out)
	return out
}

func collect(t *testing.T, w *world, o reading.Options) (baseline.Node, []string) {
	t.Helper()
	if o.Now.IsZero() {
		o.Now = time.Unix(1750000000, 0)
	}
	n, remarks, err := Collect(w.fs(), o)
	if err != nil {
		t.Fatal(err)
	}
	return n, remarks
}

func updatable(w *world) []string {
	var out []string
	for _, u := range w.updates("list-updates") {
		p := baseline.ParsePackage(baseline.Suse, u.Name, u.Arch, u.Edition)
		out = append(out, u.Name+"."+u.Arch+" "+full(p))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// patched asks zypper what it would upgrade to satisfy the patches of a category.
// Changes of architecture are left out: to the evaluator these are other packages
// (specification §3).
func (w *world) patched(category string) []string {
	w.t.Helper()
	out := w.zypper("--xmlout", "--non-interactive", "patch", "--dry-run", "--with-optional", "--with-interactive", "--category", category)
	var stream struct {
		Upgrades []struct {
			Kind    string `xml:"type,attr"`
			Name    string `xml:"name,attr"`
			Edition string `xml:"edition,attr"`
			Arch    string `xml:"arch,attr"`
			Old     string `xml:"arch-old,attr"`
		} `xml:"install-summary>to-upgrade>solvable"`
	}
	if err := xml.Unmarshal([]byte(out), &stream); err != nil {
		w.t.Fatalf("read zypper patch: %v: %s", err, out)
	}
	var list []string
	for _, u := range stream.Upgrades {
		if u.Kind == "package" && u.Arch == u.Old {
			list = append(list, u.Name+"."+u.Arch+" "+full(baseline.ParsePackage(baseline.Suse, u.Name, u.Arch, u.Edition)))
		}
	}
	slices.Sort(list)
	return list
}
