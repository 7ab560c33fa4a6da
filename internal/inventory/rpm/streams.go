package rpm

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

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
		for name, keys := range sections(text) {
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

// active are the streams whose packages count (specification §16.4): enabled ones,
// default ones, and what those require; one stream a module, none of a disabled one.
func (m moduleStates) active(repos []rpmmd.Modules, platform string) map[string]string {
	streams := map[string][]rpmmd.Stream{} // name:stream → builds
	known := map[string][]string{}         // module → its streams, in order
	defaults := map[string]string{}
	for _, r := range repos {
		for _, s := range r.Streams {
			id := s.Name + ":" + s.Stream
			if streams[id] == nil {
				known[s.Name] = append(known[s.Name], s.Stream)
			}
			streams[id] = append(streams[id], s)
		}
		for name, stream := range r.Defaults {
			if old, ok := defaults[name]; ok && old != stream {
				stream = "" // repositories that disagree have no default, as in dnf
			}
			defaults[name] = stream
		}
	}
	out := map[string]string{}
	var activate func(name, stream string, must bool)
	activate = func(name, stream string, must bool) {
		if out[name] != "" || m.disabled[name] {
			return
		}
		id := name + ":" + stream
		builds := slices.DeleteFunc(slices.Clone(streams[id]), func(s rpmmd.Stream) bool { return !fits(s, platform) })
		if len(builds) == 0 && (!must || len(streams[id]) > 0) {
			return // an enabled stream that no repository has is still the active one
		}
		out[name] = stream
		for _, b := range builds {
			for _, alternative := range b.Requires {
				for _, need := range sortedKeys(alternative) {
					if need == "platform" || out[need] != "" {
						continue
					}
					if s := choose(alternative[need], known[need], defaults[need], m.enabled[need]); s != "" {
						activate(need, s, false)
					}
				}
			}
		}
	}
	for _, name := range sortedKeys(m.enabled) {
		activate(name, m.enabled[name], true)
	}
	for _, name := range sortedKeys(defaults) {
		if defaults[name] != "" {
			activate(name, defaults[name], false)
		}
	}
	return out
}

// choose picks the stream of a required module: the enabled one, the default one, or
// the last that the requirement allows.
func choose(allowed, known []string, fallback, enabled string) string {
	ok := func(s string) bool {
		if s == "" || slices.Contains(allowed, "-"+s) {
			return false
		}
		some := slices.ContainsFunc(allowed, func(a string) bool { return !strings.HasPrefix(a, "-") })
		return !some || slices.Contains(allowed, s)
	}
	if ok(enabled) {
		return enabled
	}
	if ok(fallback) {
		return fallback
	}
	for _, s := range slices.Backward(known) {
		if ok(s) {
			return s
		}
	}
	return ""
}

// fits reports whether a build is for the platform. Without one, nothing that requires
// a platform is active.
func fits(s rpmmd.Stream, platform string) bool {
	return len(s.Requires) == 0 || slices.ContainsFunc(s.Requires, func(needs map[string][]string) bool {
		list, ok := needs["platform"]
		return !ok || platform != "" && (len(list) == 0 || slices.Contains(list, platform))
	})
}

// platformOf is the platform stream of a root, such as el8.
func platformOf(root fs.FS) string {
	for _, name := range []string{"usr/lib/os-release", "etc/os-release"} {
		text, err := readConfig(root, name)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if v, ok := strings.CutPrefix(strings.TrimSpace(line), "PLATFORM_ID="); ok {
				_, stream, _ := strings.Cut(strings.Trim(v, `"'`), ":")
				return stream
			}
		}
		return ""
	}
	return ""
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
