package rpm

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/inventory/product"
	"github.com/goldenami/rehydrate/internal/inventory/rpmmd"
)

// moduleStates are what somebody said about modules: module → stream, and modules
// that were switched off.
type moduleStates struct {
	enabled  map[string]string
	disabled map[string]bool
}

func readModuleStates(root fs.FS) (moduleStates, error) {
	m := moduleStates{map[string]string{}, map[string]bool{}}
	enabled, err := enabledModules(root)
	if err != nil {
		return m, err
	}
	for _, s := range enabled {
		name, stream, _ := strings.Cut(s, ":")
		m.enabled[name] = stream
	}
	files, err := fs.Glob(root, modulesDir+"/*.module")
	if err != nil {
		return m, fmt.Errorf("read disabled modules: %w", err)
	}
	for _, f := range files {
		text, err := readConfig(root, f)
		if err != nil {
			return m, fmt.Errorf("read disabled modules: %w", err)
		}
		parts, err := settings(text)
		if err != nil {
			return m, fmt.Errorf("read disabled modules from /%s: %w", f, err)
		}
		for name, keys := range parts {
			if keys["state"] == "disabled" {
				if keys["name"] != "" {
					name = keys["name"]
				}
				m.disabled[name] = true
			}
		}
	}
	return m, nil
}

// activation is what dnf makes of the modules of all repositories.
type activation struct {
	streams map[string]string // module → active stream
	// dormant are the builds of active streams that need other streams than the active
	// ones, by buildID: a stream is built once for each stream of what it needs, and the
	// packages of those builds do not count.
	dormant map[string]bool
	// tooMany says that the search was given up, so that streams may be missing.
	tooMany bool
}

// buildID names a build of a stream among those for other needs.
func buildID(s rpmmd.Stream) string { return s.Name + ":" + s.Stream + ":" + s.Context }

// maxSteps bounds the search for streams that go together, some hundred times what a
// full system takes.
const maxSteps = 20_000

// activator finds the streams that are active.
type activator struct {
	states   moduleStates
	platform string
	builds   map[string][]rpmmd.Stream // by name:stream
	known    map[string][]string       // module → its streams, sorted
	defaults map[string]string
	out      map[string]string
	steps    int
}

// active are the streams whose packages count (specification §16.4): enabled ones,
// default ones, and what those require; one stream a module, none of a disabled one.
func (m moduleStates) active(repos []rpmmd.Modules, platform string) activation {
	a := &activator{states: m, platform: platform, builds: map[string][]rpmmd.Stream{}, known: map[string][]string{}, defaults: map[string]string{}, out: map[string]string{}}
	for _, r := range repos {
		for _, s := range r.Streams {
			id := s.Name + ":" + s.Stream
			if a.builds[id] == nil {
				a.known[s.Name] = append(a.known[s.Name], s.Stream)
			}
			a.builds[id] = append(a.builds[id], s)
		}
		for name, stream := range r.Defaults {
			if old, ok := a.defaults[name]; ok && old != stream {
				stream = "" // repositories that disagree have no default, as in dnf
			}
			a.defaults[name] = stream
		}
	}
	for _, list := range a.known {
		slices.Sort(list)
	}
	for _, name := range sortedKeys(m.enabled) {
		a.enable(name, m.enabled[name])
	}
	for _, name := range sortedKeys(a.defaults) {
		if a.defaults[name] != "" {
			a.activate(name, a.defaults[name])
		}
	}
	return activation{a.out, a.dormant(), a.steps > maxSteps}
}

// enable activates a stream that somebody enabled, whatever becomes of its needs. One
// that no repository has is the active one still; one that is for other platforms is
// not.
func (a *activator) enable(name, stream string) {
	all := a.builds[name+":"+stream]
	if a.out[name] != "" || a.states.disabled[name] || a.activate(name, stream) {
		return
	}
	if len(all) == 0 || slices.ContainsFunc(all, a.fits) {
		a.out[name] = stream
	}
}

func (a *activator) fits(s rpmmd.Stream) bool { return fits(s, a.platform) }

// activate makes a stream active with what one of its builds needs, and reports
// whether that could be: the build that needs the fewest further streams decides.
func (a *activator) activate(name, stream string) bool {
	if a.steps++; a.steps > maxSteps || a.states.disabled[name] {
		return false
	}
	if have := a.out[name]; have != "" {
		return have == stream
	}
	if s := a.states.enabled[name]; s != "" && s != stream {
		return false
	}
	var ways []map[string]string // what a build needs besides: module → stream
	a.out[name] = stream         // for what needs it in turn
	for _, b := range a.builds[name+":"+stream] {
		if more, ok := a.further(b); ok && a.fits(b) {
			ways = append(ways, more)
		}
	}
	slices.SortStableFunc(ways, func(x, y map[string]string) int {
		return cmp.Or(len(x)-len(y), slices.Compare(labels(x), labels(y)))
	})
	for _, more := range ways {
		before := maps.Clone(a.out)
		if !slices.ContainsFunc(sortedKeys(more), func(need string) bool { return !a.activate(need, more[need]) }) {
			return true
		}
		a.out = before
	}
	delete(a.out, name)
	return false
}

func labels(streams map[string]string) []string {
	var out []string
	for _, name := range sortedKeys(streams) {
		out = append(out, name+":"+streams[name])
	}
	return out
}

// further are the streams that would have to become active for a build; false if what
// it needs cannot be had.
func (a *activator) further(b rpmmd.Stream) (map[string]string, bool) {
	out := map[string]string{}
	for _, needs := range b.Requires {
		for name, allowed := range needs {
			have := cmp.Or(a.out[name], out[name])
			switch {
			case name == "platform": // fits looks at that
			case have != "":
				if !allows(allowed, have) {
					return nil, false
				}
			case a.states.disabled[name]:
				return nil, false
			default:
				if out[name] = a.choose(name, allowed); out[name] == "" {
					return nil, false
				}
			}
		}
	}
	return out, true
}

// choose picks the stream of a required module: the enabled one, the default one, or
// the first that the requirement allows.
func (a *activator) choose(name string, allowed []string) string {
	if s := a.states.enabled[name]; s != "" {
		if allows(allowed, s) {
			return s
		}
		return ""
	}
	for _, s := range append([]string{a.defaults[name]}, a.known[name]...) {
		if s != "" && allows(allowed, s) {
			return s
		}
	}
	return ""
}

// allows reports whether a requirement on a module accepts a stream of it.
func allows(allowed []string, s string) bool {
	if slices.Contains(allowed, "-"+s) {
		return false
	}
	some := slices.ContainsFunc(allowed, func(a string) bool { return !strings.HasPrefix(a, "-") })
	return !some || slices.Contains(allowed, s)
}

// dormant are the builds of active streams whose needs are not active. A stream of
// which no build has all that it needs counts whole.
func (a *activator) dormant() map[string]bool {
	out := map[string]bool{}
	for name, stream := range a.out {
		met := map[string]bool{} // by build
		for _, b := range a.builds[name+":"+stream] {
			met[buildID(b)] = met[buildID(b)] || a.fits(b) && a.met(b)
		}
		if !slices.Contains(slices.Collect(maps.Values(met)), true) {
			continue
		}
		for id, ok := range met {
			if !ok {
				out[id] = true
			}
		}
	}
	return out
}

func (a *activator) met(b rpmmd.Stream) bool {
	for _, needs := range b.Requires {
		for name, allowed := range needs {
			if name != "platform" && (a.out[name] == "" || !allows(allowed, a.out[name])) {
				return false
			}
		}
	}
	return true
}

// fits reports whether a build is for the platform. Without one, nothing that requires
// a platform is active.
func fits(s rpmmd.Stream, platform string) bool {
	return !slices.ContainsFunc(s.Requires, func(needs map[string][]string) bool {
		list, ok := needs["platform"]
		return ok && (platform == "" || len(list) > 0 && !slices.Contains(list, platform))
	})
}

// platformOf is the platform stream of a product, such as el8.
func platformOf(p product.Product) string {
	_, stream, _ := strings.Cut(p.Release.PlatformID, ":")
	return stream
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
