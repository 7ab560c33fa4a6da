package app

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

// saved writes a document beside the test's other files.
func saved(t *testing.T, doc any) string {
	t.Helper()
	data, err := json.MarshalIndent(doc, "\n ", " ")
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "saved")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func inventoryOf(version string) baseline.Inventory {
	return baseline.Inventory{OS: baseline.Debian, Product: "Debian12", Arch: "amd64",
		Installed: []baseline.Installed{{Package: baseline.Package{Name: "tool", Arch: "amd64", Version: version}}}}
}

func TestRunImageDiff_takes_targets_and_saved_reports(t *testing.T) {
	dir := root(t)
	scanned, err := RunScan(t.Context(), ScanRequest{Target: dir, InventoryOnly: true, Now: time.Unix(1e9, 0)})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		from string
		how  string // empty: the same
	}{
		"a folder with itself":      {dir, ""},
		"its own saved scan":        {saved(t, scanned), ""},
		"an older inventory":        {saved(t, inventoryOf("1.0")), record.Upgraded},
		"a node's report of before": {saved(t, record.NodeReport{Schema: 1, Operation: "Scan", Node: "n", Before: &baseline.Node{Inventory: inventoryOf("2")}}), record.Downgraded},
		"a node's report of after":  {saved(t, record.NodeReport{Schema: 1, Operation: "Install", Before: &baseline.Node{Inventory: inventoryOf("1")}, After: new(inventoryOf("1.1"))}), ""},
	} {
		d, err := RunImageDiff(t.Context(), ImageDiffRequest{From: c.from, To: dir, Scan: ScanRequest{Now: time.Unix(1e9, 0), Tool: "x"}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d.Same != (c.how == "") || c.how != "" && (len(d.Packages) != 1 || d.Packages[0].How != c.how) || d.Tool != "x" || d.At.IsZero() {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestRunImageDiff_compares_metadata_when_asked(t *testing.T) {
	a, b := root(t), root(t)
	for name, text := range map[string]string{"etc/passwd": "root:x:0:0::/root:/bin/sh\n", "etc/group": "root:x:0:\n", "etc/shadow": "root:*:1::::::\n"} {
		for _, dir := range []string{a, b} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(b, "etc/passwd"), []byte("root:x:0:0::/root:/bin/sh\neve:x:0:0::/:/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b, "shell"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(b, "shell"), 0o755|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	d, err := RunImageDiff(t.Context(), ImageDiffRequest{From: a, To: b, Scan: ScanRequest{Depth: record.DepthMetadata}})
	if err != nil || len(d.Users) != 1 || d.Users[0].Name != "eve" || len(d.SetID) != 1 || d.SetID[0].Name != "shell" || len(d.Packages) != 0 {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestRunImageDiff_knows_no_difference_where_a_side_cannot_be_read(t *testing.T) {
	dir := root(t)
	garbage := filepath.Join(t.TempDir(), "disk.img")
	if err := os.WriteFile(garbage, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		other string
		kind  fault.Kind
		says  string
	}{
		"a disk without a file system": {garbage, fault.Failed, "what " + garbage + " holds is unknown"},
		"no such file":                 {filepath.Join(t.TempDir(), "none"), fault.NotFound, "there is no such file"},
		"JSON of another sort":         {saved(t, map[string]int{"a": 1}), fault.Usage, "neither a scan's nor a node's report nor an inventory"},
		"broken JSON":                  {saved(t, json.RawMessage(`{"standing": 5}`)), fault.Usage, "read report"},
		"an empty inventory":           {saved(t, baseline.Inventory{OS: baseline.Debian, Installed: []baseline.Installed{}}), fault.Failed, "it has no packages"},
	} {
		for _, pair := range [][2]string{{dir, c.other}, {c.other, dir}} {
			_, err := RunImageDiff(t.Context(), ImageDiffRequest{From: pair[0], To: pair[1]})
			if fault.KindOf(err) != c.kind || err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func FuzzReportOf(f *testing.F) {
	f.Add([]byte(`{"standing":"unknown","schema":1,"target":"x"}`))
	f.Add([]byte(`{"operation":"Scan","before":{"inventory":{}}}`))
	f.Add([]byte(`{"os":"DEBIAN","installed":[{"name":"a"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := reportOf(data); (s == nil) == (err == nil) {
			t.Errorf("%v, %v", s, err)
		}
	})
}
