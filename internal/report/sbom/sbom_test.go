package sbom

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v6"
	spdxjson "github.com/spdx/tools-golang/json"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/report/scantest"
)

func render(t *testing.T, f func(io.Writer, *record.Scan) error, s *record.Scan) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := f(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// schema is the official CycloneDX 1.6 schema, which its library's module carries.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "schema")
	c := jsonschema.NewCompiler()
	for address, name := range map[string]string{
		"http://cyclonedx.org/schema/bom-1.6.schema.json": "bom-1.6.schema.json", "http://cyclonedx.org/schema/spdx.schema.json": "spdx.schema.json",
		"http://cyclonedx.org/schema/jsf-0.82.schema.json": "jsf-0.82.schemax.json"} {
		f, err := jsonschema.FileLoader{}.Load("file://" + filepath.ToSlash(filepath.Join(dir, name)))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource(address, f); err != nil {
			t.Fatal(err)
		}
	}
	s, err := c.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCycloneDX_keeps_to_the_official_schema(t *testing.T) {
	official := schema(t)
	for name, s := range scantest.All() {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(render(t, CycloneDX, s)))
		if err != nil {
			t.Fatal(err)
		}
		if err := official.Validate(v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The schema is not one that takes anything.
	if err := official.Validate(map[string]any{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": []any{map[string]any{"name": "x"}}}); err == nil {
		t.Error("a component without a type passes the schema")
	}
}

func TestCycloneDX_lists_what_is_installed_and_what_updates_fix(t *testing.T) {
	var b cdx.BOM
	text := render(t, CycloneDX, scantest.Sample())
	if err := cdx.NewBOMDecoder(bytes.NewReader(text), cdx.BOMFileFormatJSON).Decode(&b); err != nil {
		t.Fatal(err)
	}
	if b.SpecVersion != cdx.SpecVersion1_6 || b.Metadata.Timestamp != "2026-03-04T05:06:07Z" || b.Metadata.Component.Name != scantest.Sample().Target {
		t.Errorf("metadata: %+v", b.Metadata)
	}
	if b.Vulnerabilities != nil || strings.Contains(strings.ToLower(string(text)), "vulnerab") {
		t.Error("it speaks of vulnerabilities")
	}
	c := (*b.Components)[1]
	if len(*b.Components) != 4 || c.Name != "libssl3" || c.Version != "1:3.0.15-1~deb12u1" || c.PackageURL != "pkg:deb/debian/libssl3@1:3.0.15-1~deb12u1?arch=amd64&distro=debian-12&upstream=openssl" {
		t.Errorf("%+v", c)
	}
	want := map[string]string{"rehydrate:update:version": "1:3.0.17-1~deb12u2", "rehydrate:update:cves-the-vendor-says-it-fixes": "CVE-2026-1001 CVE-2026-1002", "rehydrate:source": "openssl"}
	for _, p := range *c.Properties {
		if w, ok := want[p.Name]; ok && w == p.Value {
			delete(want, p.Name)
		}
	}
	if len(want) > 0 {
		t.Errorf("not told: %v", want)
	}
}

func TestCycloneDX_references_are_unique_and_resolve(t *testing.T) {
	for name, s := range scantest.All() {
		var b cdx.BOM
		if err := cdx.NewBOMDecoder(bytes.NewReader(render(t, CycloneDX, s)), cdx.BOMFileFormatJSON).Decode(&b); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		if b.Components != nil {
			for _, c := range *b.Components {
				if seen[c.BOMRef] {
					t.Errorf("%s: reference %s twice", name, c.BOMRef)
				}
				seen[c.BOMRef] = true
			}
		}
		if d := (*b.Dependencies)[0].Dependencies; d != nil {
			for _, ref := range *d {
				if !seen[ref] {
					t.Errorf("%s: %s refers to nothing", name, ref)
				}
			}
		}
	}
}

func TestSPDX_is_read_by_its_library_with_every_required_field(t *testing.T) {
	for name, s := range scantest.All() {
		d, err := spdxjson.Read(bytes.NewReader(render(t, SPDX, s)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d.SPDXVersion != spdx.Version || d.DataLicense != "CC0-1.0" || d.SPDXIdentifier != "DOCUMENT" || d.DocumentNamespace == "" || d.CreationInfo.Created == "" || len(d.CreationInfo.Creators) == 0 {
			t.Errorf("%s: %+v", name, d)
		}
		ids := map[string]bool{"DOCUMENT": true}
		for _, p := range d.Packages {
			if p.PackageName == "" && name != "empty" || p.PackageDownloadLocation == "" || p.FilesAnalyzed || ids[string(p.PackageSPDXIdentifier)] {
				t.Errorf("%s: package %+v", name, p)
			}
			ids[string(p.PackageSPDXIdentifier)] = true
		}
		for _, r := range d.Relationships {
			if !ids[string(r.RefA.ElementRefID)] || !ids[string(r.RefB.ElementRefID)] {
				t.Errorf("%s: %s %s %s refers to nothing", name, r.RefA.ElementRefID, r.Relationship, r.RefB.ElementRefID)
			}
		}
		if len(d.Relationships) != len(d.Packages) || len(d.Packages) != len(s.Inventory.Installed)+1 {
			t.Errorf("%s: %d packages, %d relationships of %d installed", name, len(d.Packages), len(d.Relationships), len(s.Inventory.Installed))
		}
	}
}

func TestSPDX_files_were_not_analysed_and_it_says_so(t *testing.T) {
	var d struct {
		Packages []struct {
			FilesAnalyzed *bool  `json:"filesAnalyzed"`
			VersionInfo   string `json:"versionInfo"`
			ExternalRefs  []struct{ ReferenceLocator string }
		}
	}
	if err := json.Unmarshal(render(t, SPDX, scantest.Rpm()), &d); err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Packages {
		if p.FilesAnalyzed == nil || *p.FilesAnalyzed {
			t.Errorf("%+v: without the field, a reader takes files for analysed", p)
		}
	}
	last := d.Packages[len(d.Packages)-1]
	if last.VersionInfo != "32:9.18.5-1.amzn2023" || last.ExternalRefs[0].ReferenceLocator != "pkg:rpm/amzn/bind-libs@9.18.5-1.amzn2023?arch=x86_64&distro=amzn-2023&epoch=32" {
		t.Errorf("%+v", last)
	}
}

func TestTheSameReportGivesTheSameDocument(t *testing.T) {
	other := scantest.Sample()
	other.Inventory.Installed[0].Version = "9"
	for _, f := range []func(io.Writer, *record.Scan) error{CycloneDX, SPDX} {
		first := render(t, f, scantest.Sample())
		if !bytes.Equal(first, render(t, f, scantest.Sample())) {
			t.Error("rendering again gives another document")
		}
		if bytes.Equal(first, render(t, f, other)) {
			t.Error("another inventory gives the same document")
		}
	}
}
