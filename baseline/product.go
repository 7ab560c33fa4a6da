package baseline

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// The data file maps os-release to products; new releases need no code.
//
//go:embed products.json
var productData []byte

// productRule is how one os-release ID becomes a product.
type productRule struct {
	ID       string          `json:"id"`
	OS       OperatingSystem `json:"os"`
	Versions string          `json:"versions,omitempty"` // VERSION_ID this rule is limited to: a prefix
	Prefix   string          `json:"prefix"`             // of the product
	Release  string          `json:"release"`            // plain, major, majorMinor or servicePack
}

type productTable struct {
	Rules []productRule `json:"rules"`
	// Known are products seen in the service's lists. Others are legal: new minor
	// releases lag behind by months there (§16.1).
	Known map[OperatingSystem][]string `json:"known"`
}

var products = sync.OnceValues(func() (*productTable, error) {
	var t productTable
	if err := decodeStrict(productData, &t); err != nil {
		return nil, fmt.Errorf("reading product table: %w", err)
	}
	return &t, nil
})

// DetectedProduct is a node's operating system in Patch Manager's words.
type DetectedProduct struct {
	OS      OperatingSystem `json:"os"`
	Product string          `json:"product"`
	// Known is false for releases that the service's lists did not hold; it may
	// refuse them, we only warn.
	Known bool `json:"known"`
}

// DetectProduct maps the ID and VERSION_ID of an os-release file (§16.1).
func DetectProduct(id, versionID string) (DetectedProduct, error) {
	t, err := products()
	if err != nil {
		return DetectedProduct{}, err
	}
	for _, r := range t.Rules {
		if !equalFold(r.ID, id) || !strings.HasPrefix(versionID, r.Versions) {
			continue
		}
		d := DetectedProduct{OS: r.OS, Product: r.Prefix + releaseOfProduct(r.Release, versionID)}
		d.Known = slices.Contains(t.Known[r.OS], d.Product)
		return d, nil
	}
	return DetectedProduct{}, fmt.Errorf("detecting product: Patch Manager knows no operating system %q %q", id, versionID)
}

func releaseOfProduct(rule, version string) string {
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	switch {
	case rule == "major":
		return major
	case (rule == "majorMinor" || rule == "servicePack") && minor != "":
		return major + "." + minor
	}
	return version
}

// ParseOSRelease reads the assignments of an os-release file.
func ParseOSRelease(data []byte) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		key, value, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			value = value[1 : n-1]
		}
		out[key] = value
	}
	return out
}

// knownProduct says whether the service's lists hold a product of os; a system
// without a list knows everything.
func knownProduct(os OperatingSystem, product string) bool {
	t, err := products()
	if err != nil || len(t.Known[os]) == 0 {
		return true
	}
	return slices.ContainsFunc(t.Known[os], func(s string) bool { return equalFold(s, product) })
}
