package rpm

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/inventory/rpmmd"
)

// offers joins what repositories offer for one root.
type offers struct {
	system   baseline.OperatingSystem
	arch     string
	dnf      bool
	have     map[string][]baseline.Installed // by name
	asked    map[string]bool
	active   map[string]string // module → stream
	dormant  map[string]bool   // builds of active streams that are not, by buildID
	modular  map[string]string // name-epoch:version-release.arch → name:stream, or buildID of a dormant one
	findings []string
}

// modules learns which packages belong to a stream. One that is in an active stream
// and in another counts as of the active one.
func (o *offers) modules(states []state) {
	o.modular = map[string]string{}
	for _, st := range states {
		for _, s := range st.selection.Modules.Streams {
			id := s.Name + ":" + s.Stream
			if build := buildID(s); o.dormant[build] {
				id = build // no stream: never active
			}
			for _, a := range s.Artifacts {
				if old, ok := o.modular[a]; !ok || (o.on(id) && !o.on(old)) {
					o.modular[a] = id
				}
			}
		}
	}
	for _, st := range states {
		for _, s := range st.selection.Modules.Obsoletes {
			if o.active[s.Name] == s.Stream {
				o.findings = append(o.findings, strings.TrimSuffix(fmt.Sprintf("module stream %s:%s is obsolete (end of life %s): %s", s.Name, s.Stream, s.EOL, s.Message), ": "))
			}
		}
	}
}

func (o *offers) on(stream string) bool {
	name, s, _ := strings.Cut(stream, ":")
	return o.active[name] == s
}

// merge lists the packages of all repositories, which come in the order of
// preference. The same version in several repositories is one offer: the first gives
// the file (specification §16.1). Notices are those of every repository.
func (o *offers) merge(states []state) []baseline.AvailablePackage {
	notices := o.notices(states)
	hidden := o.priorities(states)
	at := map[baseline.Package]bool{}
	var out []baseline.AvailablePackage
	for _, st := range states {
		for i := range st.selection.Packages {
			p := &st.selection.Packages[i]
			if at[p.Package] || !o.fits(p.Arch) {
				continue
			}
			if best, ok := hidden[p.Name]; ok && best < st.repo.priority && !o.asked[p.Name] {
				continue
			}
			a, ok := o.offer(st.repo, p)
			if !ok {
				continue
			}
			at[p.Package] = true
			a.Notices = notices[p.Package]
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(a, b baseline.AvailablePackage) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Arch, b.Arch),
			baseline.CompareVersions(o.system, evr(a.Package), evr(b.Package)))
	})
	return out
}

// offer makes a package of a repository an offer; false: it cannot matter.
func (o *offers) offer(r repo, p *rpmmd.Package) (baseline.AvailablePackage, bool) {
	a := baseline.AvailablePackage{
		Package: p.Package, Repository: r.id, Filename: p.Href, Size: p.Size, Hotfix: r.hotfixes,
	}
	if p.Base != "" {
		a.Filename = strings.TrimSuffix(plain(p.Base), "/") + "/" + p.Href
	}
	if p.Sum.Kind == "sha256" {
		a.SHA256 = p.Sum.Hex
	}
	if p.BuildTime > 0 {
		a.BuildTime = time.Unix(p.BuildTime, 0).UTC()
	}
	if !r.hotfixes {
		a.Module = o.modular[nevra(p.Package)]
	}
	a.Obsoletes = o.obsoleted(p)
	return a, o.keep(p, a)
}

// keep says whether an offer can matter: it is asked for, takes an installed
// package's place, or is not older than what is installed under its name. yum
// considers older versions too (specification §3), and an active stream hides plain
// packages by any of its own (§16.4).
func (o *offers) keep(p *rpmmd.Package, a baseline.AvailablePackage) bool {
	if o.asked[p.Name] || len(a.Obsoletes) > 0 {
		return true
	}
	have := o.have[p.Name]
	if len(have) == 0 {
		return false
	}
	if !o.dnf || (a.Module != "" && o.on(a.Module)) {
		return true
	}
	for _, h := range have {
		if h.Arch != p.Arch && h.Arch != "noarch" && p.Arch != "noarch" {
			continue
		}
		if baseline.CompareVersions(o.system, evr(p.Package), evr(h.Package)) >= 0 {
			return true
		}
	}
	return false
}

// fits reports whether a package of the architecture can be installed here.
func (o *offers) fits(arch string) bool {
	switch arch {
	case "src", "nosrc":
		return false
	case "noarch", o.arch:
		return true
	case "i386", "i486", "i586", "i686", "athlon", "geode":
		return o.arch == "x86_64" || strings.HasPrefix(o.arch, "i") && len(o.arch) == 4
	}
	return baseArch(arch) == baseArch(o.arch)
}

// obsoleted are the installed names whose packages p takes the place of.
func (o *offers) obsoleted(p *rpmmd.Package) []string {
	var out []string
	for _, c := range p.Obsoletes {
		if c.Name == p.Name || slices.Contains(out, c.Name) {
			continue
		}
		if slices.ContainsFunc(o.have[c.Name], func(h baseline.Installed) bool { return o.meets(h.Package, c) }) {
			out = append(out, c.Name)
		}
	}
	return out
}

// meets reports whether a package, by its own name and version, is what c speaks of.
// A version without a release speaks of every release.
func (o *offers) meets(p baseline.Package, c rpmmd.Capability) bool {
	if p.Name != c.Name {
		return false
	}
	version := p.Epoch + ":" + p.Version
	if strings.Contains(c.Version, "-") {
		version += "-" + p.Release
	}
	d := 0
	if c.Relation != "" {
		d = baseline.CompareVersions(o.system, version, c.Version)
	}
	switch c.Relation {
	case "<":
		return d < 0
	case "<=":
		return d <= 0
	case "=":
		return d == 0
	case ">=":
		return d >= 0
	case ">":
		return d > 0
	}
	return true
}

// notices are the advisories of all repositories by the version they name, each once.
func (o *offers) notices(states []state) map[baseline.Package][]baseline.Notice {
	type key struct {
		p  baseline.Package
		id string
	}
	out := map[baseline.Package][]baseline.Notice{}
	seen := map[key][]baseline.Notice{}
	for _, st := range states {
		for i := range st.selection.Advisories {
			a := &st.selection.Advisories[i]
			for _, p := range a.Packages {
				n, k := a.Notice(p), key{p.Package, a.ID}
				// Repositories repeat advisories a few times; more is nobody's honest doing.
				alike := func(h baseline.Notice) bool { return reflect.DeepEqual(h, n) }
				if len(seen[k]) < maxAlike && !slices.ContainsFunc(seen[k], alike) {
					seen[k] = append(seen[k], n)
					out[p.Package] = append(out[p.Package], n)
				}
			}
		}
	}
	for _, list := range out {
		slices.SortStableFunc(list, func(a, b baseline.Notice) int { return strings.Compare(a.ID, b.ID) })
	}
	return out
}

// maxAlike is how many unlike notices of one id and version are kept.
const maxAlike = 64

// priorities are the best priority that offers each name, where they differ. What a
// repository of a worse one offers under that name the package manager would never
// take, and neither does the evaluation (specification §2). What modules hide is not
// offered at all, so it hides nothing either.
func (o *offers) priorities(states []state) map[string]int {
	best, differ := map[string]int{}, map[string]bool{}
	streamed := o.streamed(states)
	for _, st := range states {
		for _, p := range st.selection.Packages {
			id := o.modular[nevra(p.Package)]
			if !o.fits(p.Arch) || !st.repo.hotfixes && (id != "" && !o.on(id) || id == "" && streamed[p.Name]) {
				continue
			}
			if old, ok := best[p.Name]; ok && old != st.repo.priority {
				differ[p.Name] = true
				best[p.Name] = min(old, st.repo.priority)
			} else if !ok {
				best[p.Name] = st.repo.priority
			}
		}
	}
	for name := range best {
		if !differ[name] {
			delete(best, name)
		}
	}
	for _, st := range states {
		n := map[string]bool{}
		for _, p := range st.selection.Packages {
			if b, ok := best[p.Name]; ok && b < st.repo.priority && len(o.have[p.Name]) > 0 {
				n[p.Name] = true
			}
		}
		if len(n) > 0 {
			o.findings = append(o.findings, fmt.Sprintf("repository %s: priority %d hides what it offers as %s", st.repo.id, st.repo.priority, strings.Join(sortedKeys(n), ", ")))
		}
	}
	return best
}

// streamed are the names of packages of active streams.
func (o *offers) streamed(states []state) map[string]bool {
	out := map[string]bool{}
	if len(o.active) == 0 {
		return out
	}
	for _, st := range states {
		for _, p := range st.selection.Packages {
			if id := o.modular[nevra(p.Package)]; id != "" && !st.repo.hotfixes && o.on(id) {
				out[p.Name] = true
			}
		}
	}
	return out
}

func evr(p baseline.Package) string { return p.Epoch + ":" + p.Version + "-" + p.Release }

// nevra is how modules name their packages.
func nevra(p baseline.Package) string {
	return p.Name + "-" + evr(p) + "." + p.Arch
}
