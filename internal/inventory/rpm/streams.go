package rpm

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/inventory/product"
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
