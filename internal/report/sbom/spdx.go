package sbom

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/report/purl"
)

// noAssertion is what SPDX has for what was not looked into.
const noAssertion = "NOASSERTION"

// targetID is the element of the target itself.
const targetID common.ElementID = "Target"

// SPDX writes the inventory as SPDX 2.3 JSON.
func SPDX(w io.Writer, s *record.Scan) error {
	name, version := toolOf(s)
	d := spdx.Document{
		SPDXVersion: spdx.Version, DataLicense: spdx.DataLicense, SPDXIdentifier: "DOCUMENT", DocumentName: s.Target,
		// Nothing is served there; the name only has to be unique.
		DocumentNamespace: "https://spdx.org/spdxdocs/rehydrate-" + uuid(s),
		CreationInfo: &spdx.CreationInfo{
			Creators: []common.Creator{{CreatorType: "Tool", Creator: join(name, version)}},
			Created:  s.ScannedAt.UTC().Format(time.RFC3339),
		},
		DocumentComment: comment(about(s)),
	}
	target := &spdx.Package{PackageName: s.Target, PackageSPDXIdentifier: targetID, PackageVersion: s.Inventory.Product,
		PackageDownloadLocation: noAssertion, PrimaryPackagePurpose: "OPERATING-SYSTEM"}
	d.Packages = append(d.Packages, target)
	d.Relationships = append(d.Relationships, relation("DOCUMENT", "DESCRIBES", targetID))
	updates := pending(s)
	for i, p := range s.Inventory.Installed {
		x := &spdx.Package{
			PackageName: p.Name, PackageSPDXIdentifier: common.ElementID(fmt.Sprintf("Package-%d", i+1)),
			PackageVersion: baseline.FullVersion(s.Inventory.OS, p.Package), PackageDownloadLocation: noAssertion,
			PackageLicenseConcluded: noAssertion, PackageLicenseDeclared: noAssertion, PackageCopyrightText: noAssertion,
			PackageComment: comment(facts(p, updates[p.Name+"."+p.Arch])),
		}
		if p.Source != "" {
			x.PackageSourceInfo = "built from the source package " + p.Source
		}
		if u := purl.Of(s.Inventory, p); u != "" {
			x.PackageExternalReferences = []*spdx.PackageExternalReference{{Category: common.CategoryPackageManager, RefType: common.TypePackageManagerPURL, Locator: u}}
		}
		d.Packages = append(d.Packages, x)
		d.Relationships = append(d.Relationships, relation(targetID, "CONTAINS", x.PackageSPDXIdentifier))
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(d)
}

func relation(a common.ElementID, what string, b common.ElementID) *spdx.Relationship {
	return &spdx.Relationship{RefA: common.DocElementID{ElementRefID: a}, RefB: common.DocElementID{ElementRefID: b}, Relationship: what}
}

func comment(pairs []pair) string {
	text := ""
	for i, p := range pairs {
		if i > 0 {
			text += "; "
		}
		text += p.name + ": " + p.value
	}
	return text
}

func join(name, version string) string {
	if version == "" {
		return name
	}
	return name + "-" + version
}
