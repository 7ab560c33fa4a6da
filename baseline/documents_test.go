package baseline

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestProductsOfOSReleases(t *testing.T) { // §16.1
	for _, c := range []struct {
		id, version string
		want        DetectedProduct
	}{
		{"debian", "12", DetectedProduct{Debian, "Debian12", true}},
		{"ubuntu", "24.04", DetectedProduct{Ubuntu, "Ubuntu24.04", true}},
		{"amzn", "2", DetectedProduct{AmazonLinux2, "AmazonLinux2", true}},
		{"amzn", "2023", DetectedProduct{AmazonLinux2023, "AmazonLinux2023", true}},
		{"amzn", "2022", DetectedProduct{AmazonLinux2022, "AmazonLinux2022", true}},
		{"amzn", "2018.03", DetectedProduct{AmazonLinux, "AmazonLinux2018.03", true}},
		{"rhel", "9.4", DetectedProduct{RedHat, "RedhatEnterpriseLinux9.4", true}},
		{"rhel", "99.1", DetectedProduct{RedHat, "RedhatEnterpriseLinux99.1", false}},
		{"rocky", "9.4", DetectedProduct{Rocky, "RockyLinux9.4", true}},
		{"almalinux", "8.10", DetectedProduct{Alma, "AlmaLinux8.10", true}},
		{"ol", "8.9", DetectedProduct{Oracle, "OracleLinux8.9", true}},
		{"sles", "15.6", DetectedProduct{Suse, "Suse15.6", true}},
		{"macos", "14.5.1", DetectedProduct{MacOS, "macOS14.5", false}},
	} {
		if got, err := DetectProduct(c.id, c.version); err != nil || got != c.want {
			t.Errorf("%s %s: got %+v, %v", c.id, c.version, got, err)
		}
	}
	if _, err := DetectProduct("haiku", "1"); err == nil {
		t.Error("an unknown system was detected")
	}
	got := ParseOSRelease([]byte("# comment\nID=debian\nVERSION_ID=\"12\"\nNAME='Debian GNU/Linux'\n\nBROKEN\n"))
	if d := cmp.Diff(map[string]string{"ID": "debian", "VERSION_ID": "12", "NAME": "Debian GNU/Linux"}, got); d != "" {
		t.Error(d)
	}
}

func TestSnapshotsKeepTheBaseline(t *testing.T) { // §9
	b := legal()
	text, err := json.Marshal(NewSnapshot(b, "dev"))
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(text); err != nil || z.Close() != nil {
		t.Fatal("packing failed")
	}
	for _, data := range [][]byte{text, packed.Bytes()} {
		s, err := ParseSnapshot(data)
		if err != nil || s.PatchGroup != "dev" {
			t.Fatal(s, err)
		}
		got, err := s.Baseline.ToBaseline()
		if err != nil || got.Digest() != b.Digest() {
			t.Errorf("%v\n%s\n%s", err, got.Canonical(), b.Canonical())
		}
	}
	for _, want := range []string{`"filterGroup":{"filters":[{"key":"CLASSIFICATION"`, `"approveAfterDays":7`, `"rules":[`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s not in %s", want, text)
		}
	}
	for _, data := range []string{"x", "\x1f\x8bx", `{"patchBaseline":3}`} {
		if _, err := ParseSnapshot([]byte(data)); err == nil {
			t.Errorf("%q was read", data)
		}
	}
	if _, err := (&SnapshotBaseline{OperatingSystem: "BEOS"}).ToBaseline(); err == nil {
		t.Error("an illegal baseline was accepted")
	}
}

func TestUpdatePatchBaselineKeepsOrClears(t *testing.T) { // §16.1
	b := legal()
	request := `{"BaselineId":"pb-1","Name":"renamed","ApprovedPatches":["curl"],"ApprovalRules":{"PatchRules":[{"PatchFilterGroup":{"PatchFilters":[]},"ApproveAfterDays":3}]}}`
	kept, err := b.Change([]byte(request), false)
	if err != nil {
		t.Fatal(err)
	}
	if kept.Name != "renamed" || kept.RejectedPatches[0] != "curl*" || len(kept.ApprovalRules.PatchRules) != 1 ||
		kept.ApprovalRules.PatchRules[0].ComplianceLevel != "" || cmp.Diff(kept.ApprovedPatches, []string{"curl"}) != "" {
		t.Errorf("got %s", kept.Canonical())
	}
	cleared, err := b.Change([]byte(request), true)
	if err != nil {
		t.Fatal(err)
	}
	if cleared.OperatingSystem != RedHat || cleared.RejectedPatches != nil || cleared.Sources != nil || cleared.GlobalFilters != nil {
		t.Errorf("got %s", cleared.Canonical())
	}
	if b.Name != "golden.rhel_9-x" {
		t.Error("the old baseline was changed")
	}
	emptied, err := b.Change([]byte(`{"ApprovalRules":{},"GlobalFilters":{}}`), false)
	if err != nil || len(emptied.rules()) != 0 || len(emptied.GlobalFilters.filters()) != 0 {
		t.Errorf("a given field replaces the old one whole: %v %s", err, emptied.Canonical())
	}
	for name, c := range map[string]struct {
		request string
		replace bool
		want    string
	}{
		"operating system":       {`{"OperatingSystem":"DEBIAN"}`, false, "cannot be changed"},
		"replace without a name": {`{"ApprovedPatches":[]}`, true, "Name"},
		"illegal result":         {`{"RejectedPatchesAction":"DROP"}`, false, "RejectedPatchesAction"},
		"unknown field":          {`{"ApproveRules":{}}`, false, "ApproveRules"},
		"no object":              {`[]`, false, "changing baseline"},
	} {
		if _, err := b.Change([]byte(c.request), c.replace); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
