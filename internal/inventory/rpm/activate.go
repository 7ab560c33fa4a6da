package rpm

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/inventory/rpmmd"
)

// activation is what dnf makes of the modules of all repositories.
type activation struct {
	streams map[string]string // module → active stream
	// dormant are the builds of active streams whose packages do not count, by buildID: a
	// stream is built once for each stream of what it needs, and those count that need the
	// same as the one that was chosen.
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
	chosen   map[string]rpmmd.Stream // by module: the build that decided
	steps    int
}

// active are the streams whose packages count (specification §16.4): enabled ones,
// default ones, and what those require; one stream a module, none of a disabled one.
func (m moduleStates) active(repos []rpmmd.Modules, platform string) activation {
	a := &activator{states: m, platform: platform, builds: map[string][]rpmmd.Stream{}, known: map[string][]string{}, defaults: map[string]string{}, out: map[string]string{}, chosen: map[string]rpmmd.Stream{}}
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
		delete(a.chosen, name)
	}
}

func (a *activator) fits(s rpmmd.Stream) bool { return fits(s, a.platform) }

// activate makes a stream active with what one of its builds needs, and reports
// whether that could be. Of its builds the one decides that needs the fewest further
// streams, then the one that asks for least, as dnf's solver has it.
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
	type way struct {
		build rpmmd.Stream
		more  map[string]string // what it needs besides: module → stream
	}
	var ways []way
	a.out[name] = stream // for what needs it in turn
	for _, b := range a.builds[name+":"+stream] {
		if more, ok := a.further(b); ok && a.fits(b) {
			ways = append(ways, way{b, more})
		}
	}
	slices.SortStableFunc(ways, func(x, y way) int {
		return cmp.Or(len(x.more)-len(y.more), slices.Compare(labels(x.more), labels(y.more)), slices.Compare(demand(x.build), demand(y.build)))
	})
	for _, w := range ways {
		before := maps.Clone(a.out)
		if !slices.ContainsFunc(sortedKeys(w.more), func(need string) bool { return !a.activate(need, w.more[need]) }) {
			a.chosen[name] = w.build
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

// demand orders builds by how much they ask for: how many modules, then, of each, how
// many streams would do; any is more than some.
func demand(b rpmmd.Stream) []int {
	modules, few := 0, 0
	for _, needs := range b.Requires {
		for name, allowed := range needs {
			if name != "platform" {
				modules++
				if n := len(allowed); n > 0 && !strings.HasPrefix(allowed[0], "-") {
					few += 1<<20 - n
				}
			}
		}
	}
	return []int{modules, few}
}

// needs are the modules that a build needs, in words that compare; whatever its
// platform, as to dnf.
func needs(b rpmmd.Stream) string {
	var out []string
	for _, list := range b.Requires {
		for _, name := range sortedKeys(list) {
			if name != "platform" {
				out = append(out, name+":"+strings.Join(slices.Sorted(slices.Values(list[name])), ","))
			}
		}
	}
	return strings.Join(out, " ")
}

// dormant are the builds of active streams that need something else than the chosen
// ones.
func (a *activator) dormant() map[string]bool {
	out := map[string]bool{}
	for name, stream := range a.out {
		c, ok := a.chosen[name]
		if !ok {
			continue // one that nothing offers, or whose needs cannot be met: it counts whole
		}
		same := map[string]bool{} // by build
		for _, b := range a.builds[name+":"+stream] {
			same[buildID(b)] = same[buildID(b)] || needs(b) == needs(c)
		}
		for id, ok := range same {
			if !ok {
				out[id] = true
			}
		}
	}
	return out
}

// fits reports whether a build is for the platform. Without one, nothing that requires
// a platform is active.
func fits(s rpmmd.Stream, platform string) bool {
	return !slices.ContainsFunc(s.Requires, func(needs map[string][]string) bool {
		list, ok := needs["platform"]
		return ok && (platform == "" || len(list) > 0 && !slices.Contains(list, platform))
	})
}
