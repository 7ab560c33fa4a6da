package vectors

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/baseline/internal/strict"
)

func runEvaluate(raw json.RawMessage) ([]Difference, error) {
	var v evaluateVector
	if err := strict.Decode(raw, &v); err != nil {
		return nil, err
	}
	known, err := counters(baseline.Counts{})
	if err != nil {
		return nil, err
	}
	wrong := &strict.Error{}
	for _, name := range slices.Sorted(maps.Keys(v.Expected.Counts)) {
		if _, ok := known[name]; !ok {
			wrong.Faults = append(wrong.Faults, strict.Fault{Path: "expected.counts." + name, Text: "unknown field"})
		}
	}
	if len(wrong.Faults) > 0 {
		return nil, wrong
	}
	b, node, run, err := v.inputs()
	if err != nil {
		return nil, err
	}
	if given(v.InstallOverrideList) {
		// JSON is YAML; the engine's own parser decides what it ignores.
		if run.Override, _, err = baseline.ParseInstallOverrideList(v.InstallOverrideList); err != nil {
			return []Difference{{"installOverrideList", "a list", "error: " + err.Error()}}, nil
		}
	}
	got, err := baseline.EvaluateRun(b, node, run, v.Now, v.Options)
	if err != nil {
		return []Difference{{"evaluation", "a result", "error: " + err.Error()}}, nil
	}
	return v.check(got)
}

func (v *evaluateVector) inputs() (*baseline.Baseline, baseline.Node, baseline.Run, error) {
	b, err := baseline.Decode(v.Baseline)
	if err != nil {
		return nil, baseline.Node{}, baseline.Run{}, strict.In("baseline", err)
	}
	if b.OperatingSystem == "" {
		b.OperatingSystem = v.OS
	}
	node := baseline.Node{Inventory: baseline.Inventory{
		OS: v.OS, Product: v.Product, Installed: installed(v.Installed), BootTime: v.LastBoot,
	}}
	for name, streams := range v.EnabledModules {
		for _, s := range streams {
			node.Inventory.EnabledModules = append(node.Inventory.EnabledModules, name+":"+s)
		}
	}
	node.Available.Packages, node.Available.Updates = available(v.Available), updates(v.Updates)
	run := baseline.Run{
		Operation: v.Operation, RebootOption: v.RebootOption,
		InstalledByRun: v.InstalledByRun, Prior: v.Prior,
	}
	if v.PostInstall != nil {
		run.PostInstall = installed(*v.PostInstall)
	}
	return b, node, run, nil
}

func installed(list []pkg) []baseline.Installed {
	out := make([]baseline.Installed, len(list))
	for i, p := range list {
		out[i] = baseline.Installed{
			Package: p.Package, InstalledTime: p.InstalledTime.time(), Held: p.Held, Manager: p.Manager,
		}
	}
	return out
}

func available(list []pkg) []baseline.AvailablePackage {
	out := make([]baseline.AvailablePackage, len(list))
	for i, p := range list {
		a := baseline.AvailablePackage{
			Package: p.Package, Module: p.Module.String(), Requires: p.Requires,
			Obsoletes: p.Obsoletes, Priority: p.Priority, Section: p.Section,
			Manager: p.Manager, Repository: p.Repository, Hotfix: p.Hotfix,
			Changelog: p.Changelog, FirstSeen: p.FirstSeen.time(), Notices: notices(p.Notices),
			BuildTime: p.BuildTime.time(),
		}
		for _, o := range p.Origins {
			if o.Archive == "" {
				o.Archive = o.Suite
			}
			a.Origins = append(a.Origins, baseline.Origin{
				Origin: o.Origin, Label: o.Label, Suite: o.Archive, Codename: o.Codename,
				Component: o.Component, Site: o.Site, Trusted: o.Trusted,
			})
		}
		out[i] = a
	}
	return out
}

func notices(list []notice) []baseline.Notice {
	var out []baseline.Notice
	for _, n := range list {
		out = append(out, baseline.Notice{
			ID: n.ID, Type: n.Type, Severity: n.Severity, Status: n.Status,
			Issued: string(n.Issued), Updated: string(n.Updated), CVEs: n.CVEs, Bugzillas: n.Bugzillas,
			Module: n.Module.String(),
		})
	}
	return out
}

func updates(list []update) []baseline.Update {
	out := make([]baseline.Update, len(list))
	for i, u := range list {
		out[i] = baseline.Update{
			KB: u.KB, Bulletin: u.Bulletin, Title: u.Title, Product: u.Product,
			ProductFamily: u.ProductFamily, PatchSet: u.PatchSet,
			Classification: u.Classification, MSRCSeverity: u.MSRCSeverity,
			Revision: u.Revision, ReleaseDate: u.ReleaseDate.time(), Supersedes: u.Supersedes,
			BundledKBs: u.BundledKBs, Installed: u.Installed, CVEs: u.CVEs,
			NotApplicable: u.Applicable != nil && !*u.Applicable,
		}
	}
	return out
}

func (v *evaluateVector) check(got *baseline.Result) ([]Difference, error) {
	var d differences
	items := map[string]baseline.Item{}
	for _, it := range got.Items {
		items[it.ID] = it
	}
	for _, key := range slices.Sorted(maps.Keys(v.Expected.Packages)) {
		it, ok := items[key]
		if !ok {
			d.compare("packages["+key+"]", "present", "absent")
			continue
		}
		v.Expected.Packages[key].check(&d, "packages["+key+"].", it)
	}
	if v.Expected.Packages != nil {
		for _, it := range got.Items {
			if _, ok := v.Expected.Packages[it.ID]; !ok {
				d.compare("packages["+it.ID+"]", "absent", string(it.State))
			}
		}
	}
	d.compareIf("status", v.Expected.Status, got.Status)
	if len(v.Expected.OverallSeverity) > 0 {
		severity := "null"
		if got.OverallSeverity != "" {
			severity = show(got.OverallSeverity)
		}
		d.compare("overallSeverity", string(v.Expected.OverallSeverity), severity)
	}
	counts, err := counters(got.Counts)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(v.Expected.Counts)) {
		d.compare("counts."+name, show(v.Expected.Counts[name]), show(counts[name]))
	}
	if v.Expected.ToInstall != nil {
		want, have := slices.Sorted(slices.Values(*v.Expected.ToInstall)), slices.Sorted(slices.Values(got.ToInstall))
		d.compare("toInstall", strings.Join(want, " "), strings.Join(have, " "))
	}
	if v.Expected.DeploymentStatus != nil && !maps.Equal(*v.Expected.DeploymentStatus, got.DeploymentStatus) {
		d.compare("deploymentStatus", show(*v.Expected.DeploymentStatus), show(got.DeploymentStatus))
	}
	return d, nil
}

func (e expectedItem) check(d *differences, at string, it baseline.Item) {
	d.compareIf(at+"state", e.State, string(it.State))
	d.compareIf(at+"version", e.Version, it.Version)
	d.compareIf(at+"complianceLevel", e.ComplianceLevel, it.ComplianceLevel)
	d.compareIf(at+"classification", e.Classification, it.Classification)
	d.compareIf(at+"severity", e.Severity, it.Severity)
	d.compareIf(at+"rule", e.Rule, it.Rule)
	if e.CVEs != nil {
		d.compare(at+"cves", strings.Join(slices.Sorted(slices.Values(*e.CVEs)), " "), strings.Join(it.CVEs, " "))
	}
}

// counters are the counts by their JSON names.
func counters(c baseline.Counts) (map[string]int, error) {
	out := map[string]int{}
	return out, json.Unmarshal([]byte(show(c)), &out)
}
