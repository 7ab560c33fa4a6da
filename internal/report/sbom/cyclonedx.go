// Package sbom writes what is installed as a bill of materials: CycloneDX 1.6 and
// SPDX 2.3, both as JSON.
//
// Pending updates stand in it as properties of the component, with the CVEs that the
// vendor says the update fixes. No component is called vulnerable: nobody looked.
package sbom

import (
	"io"
	"strconv"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/report/purl"
)

// space is before the names of our own properties.
const space = "rehydrate:"

// CycloneDX writes the inventory as CycloneDX 1.6 JSON.
func CycloneDX(w io.Writer, s *record.Scan) error {
	b := cdx.NewBOM()
	b.SerialNumber = "urn:uuid:" + uuid(s)
	b.Metadata = &cdx.Metadata{
		Timestamp: s.ScannedAt.UTC().Format(time.RFC3339),
		Tools:     &cdx.ToolsChoice{Components: &[]cdx.Component{tool(s)}},
		Component: &cdx.Component{BOMRef: "target", Type: cdx.ComponentTypeOS, Name: s.Target, Version: s.Inventory.Product},
	}
	b.Metadata.Properties = properties(about(s))
	components := make([]cdx.Component, 0, len(s.Inventory.Installed)+1)
	refs := make([]string, 0, len(s.Inventory.Installed))
	updates := pending(s)
	seen := map[string]int{}
	for _, p := range s.Inventory.Installed {
		c := cdx.Component{Type: cdx.ComponentTypeLibrary, Name: p.Name, Version: baseline.FullVersion(s.Inventory.OS, p.Package), PackageURL: purl.Of(s.Inventory, p)}
		c.BOMRef = unique(seen, or(c.PackageURL, p.Name+"@"+c.Version))
		c.Properties = properties(facts(p, updates[p.Name+"."+p.Arch]))
		components, refs = append(components, c), append(refs, c.BOMRef)
	}
	b.Components = &components
	b.Dependencies = &[]cdx.Dependency{{Ref: "target", Dependencies: &refs}}
	e := cdx.NewBOMEncoder(w, cdx.BOMFileFormatJSON)
	return e.SetPretty(true).SetEscapeHTML(false).EncodeVersion(b, cdx.SpecVersion1_6)
}

func tool(s *record.Scan) cdx.Component {
	name, version := toolOf(s)
	return cdx.Component{Type: cdx.ComponentTypeApplication, Name: name, Version: version}
}

func properties(pairs []pair) *[]cdx.Property {
	if len(pairs) == 0 {
		return nil
	}
	out := make([]cdx.Property, 0, len(pairs))
	for _, p := range pairs {
		out = append(out, cdx.Property{Name: space + p.name, Value: p.value})
	}
	return &out
}

// pair is one property.
type pair struct{ name, value string }

// about are the properties of the document.
func about(s *record.Scan) []pair {
	out := []pair{{"kind", s.Kind}, {"standing", s.Standing}}
	if s.Reason != "" {
		out = append(out, pair{"reason", s.Reason})
	}
	for _, m := range s.Modelled {
		out = append(out, pair{"modelled", m})
	}
	if s.Read.Blocks > 0 {
		out = append(out, pair{"read:blocks", strconv.Itoa(s.Read.Blocks) + " of " + strconv.Itoa(s.Read.Total)})
	}
	return append(out, pair{"read:bytes", strconv.FormatInt(s.Read.Bytes, 10)}, pair{"updates:known", strconv.FormatBool(s.UpdatesKnown)})
}

// facts are the properties of a package.
func facts(p baseline.Installed, u *record.Update) []pair {
	var out []pair
	if p.Source != "" {
		out = append(out, pair{"source", p.Source})
	}
	if p.Held {
		out = append(out, pair{"held", "true"})
	}
	if u == nil {
		return out
	}
	out = append(out, pair{"update:version", u.Version})
	for _, x := range []pair{{"update:from", u.Origin}, {"update:advisories", ids(u)}, {"update:cves-the-vendor-says-it-fixes", strings.Join(u.CVEs, " ")}, {"update:state", u.State}} {
		if x.value != "" {
			out = append(out, x)
		}
	}
	return out
}

func ids(u *record.Update) string {
	var out []string
	for _, a := range u.Advisories {
		out = append(out, a.ID)
	}
	return strings.Join(out, " ")
}
