package app

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

// evidence writes the report of a node like root's, whose sources offer tool 1.2.
func evidence(t *testing.T, change func(*record.NodeReport)) string {
	t.Helper()
	r := record.NodeReport{Schema: record.NodeSchema, Before: &baseline.Node{
		Inventory: baseline.Inventory{OS: baseline.Debian, Product: "Debian12", Arch: "amd64", Installed: []baseline.Installed{{Package: baseline.Package{Name: "tool", Arch: "amd64", Version: "1.0"}}}},
		Available: baseline.Available{Repositories: []baseline.Repository{{ID: "r", Date: scanTime.Add(-24 * time.Hour), Verified: true}},
			Packages: []baseline.AvailablePackage{{Package: baseline.Package{Name: "tool", Arch: "amd64", Version: "1.2"}, Repository: "r"}}}}}
	if change != nil {
		change(&r)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, dir, "node.json", string(text))
	return filepath.Join(dir, "node.json")
}

func TestStoredMetadata_judges_a_root_without_lists(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*record.NodeReport)
		maxAge time.Duration
		want   string
		reason string
	}{
		"it fits":      {want: record.StandsNonCompliant},
		"young enough": {maxAge: 48 * time.Hour, want: record.StandsNonCompliant},
		"too old":      {maxAge: time.Hour, want: record.StandsUnknown, reason: "older than 1h0m0s"},
		"of no date":   {change: func(r *record.NodeReport) { r.Before.Available.Repositories[0].Date = time.Time{} }, maxAge: time.Hour, want: record.StandsUnknown, reason: "has no date"},
		"unverified":   {change: func(r *record.NodeReport) { r.Before.Available.Repositories[0].Verified = false }, want: record.StandsUnknown, reason: "its index is not verified"},
		"marked as trusted": {change: func(r *record.NodeReport) {
			r.Before.Available.Repositories[0].Verified, r.Before.Available.Repositories[0].Origin.Trusted = false, true
		}, want: record.StandsNonCompliant},
		"of another release": {change: func(r *record.NodeReport) { r.Before.Inventory.Product = "Debian11" }, want: record.StandsUnknown, reason: "it is of Debian11 amd64"},
		"of a node without one of the packages": {change: func(r *record.NodeReport) {
			r.Before.Inventory.Installed[0].Name, r.Before.Available.Packages[0].Name = "x", "x"
		}, want: record.StandsUnknown, reason: "without 1 of these packages: tool"},
		"one that came in with the lock": {change: func(r *record.NodeReport) {
			r.Before.Inventory.Installed[0].Name, r.Before.Available.Packages[0].Name = "x", "x"
			r.Lock = lock("1.1")
		}, want: record.StandsCompliant},
	} {
		offers, err := ReadOffers(evidence(t, c.change))
		if err != nil {
			t.Fatal(err)
		}
		s, err := RunScan(t.Context(), ScanRequest{Target: root(t), Now: scanTime, Baseline: policy(), Offers: offers, MaxAge: c.maxAge})
		if err != nil || s.Standing != c.want || !strings.Contains(s.Reason, c.reason) {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
		if c.want == record.StandsNonCompliant && (s.UpdatesFrom == "" || len(s.Updates) != 1) {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestReadOffers_refuses_what_holds_no_offers(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "x.json", "{")
	for name, file := range map[string]string{
		"nothing there": filepath.Join(dir, "none"), "no JSON": filepath.Join(dir, "x.json"),
		"no evidence": evidence(t, func(r *record.NodeReport) { r.Before = nil }), "no repository": evidence(t, func(r *record.NodeReport) { r.Before.Available.Repositories = nil }),
	} {
		if _, err := ReadOffers(file); fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLoadScan_takes_only_reports_of_scans(t *testing.T) {
	s, err := RunScan(t.Context(), ScanRequest{Target: fed(t), Now: scanTime})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	back, err := LoadScan(text)
	if err != nil || back.Target != s.Target || len(back.Updates) != 1 {
		t.Errorf("%+v, %v", back, err)
	}
	for _, bad := range []string{"", "{}", "[]", `{"schema": 1}`, `{"schema": 2, "standing": "compliant", "target": "x"}`} {
		if _, err := LoadScan([]byte(bad)); fault.KindOf(err) != fault.Usage || fault.HintOf(err) == "" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestAnswer_of_an_instance(t *testing.T) {
	node := baseline.Node{Inventory: baseline.Inventory{OS: baseline.Debian, Product: "Debian12", Arch: "amd64", Installed: []baseline.Installed{{Package: baseline.Package{Name: "tool", Arch: "amd64", Version: "1.1"}}}},
		Available: baseline.Available{Repositories: []baseline.Repository{{ID: "r", Date: scanTime.Add(-24 * time.Hour), Verified: true}}}}
	empty := node
	empty.Inventory.Installed = nil
	doubtful := node
	doubtful.Available.Repositories = []baseline.Repository{{ID: "r", Date: scanTime}}
	for name, c := range map[string]struct {
		report record.NodeReport
		maxAge time.Duration
		want   string // of the error, or the standing
	}{
		"what the instance judged counts": {record.NodeReport{Before: &node, Evaluation: &baseline.Result{Status: baseline.NonCompliant}}, 0, record.StandsNonCompliant},
		"compliant":                       {record.NodeReport{Before: &node, Evaluation: &baseline.Result{Status: baseline.Compliant}, Modelled: true}, 0, record.StandsCompliant},
		"its lists are not verified":      {record.NodeReport{Before: &doubtful, Evaluation: &baseline.Result{Status: baseline.Compliant}}, 0, record.StandsUnknown},
		"its lists are too old":           {record.NodeReport{Before: &node}, time.Hour, record.StandsUnknown},
		"it found nothing installed":      {record.NodeReport{Before: &empty}, 0, "empty inventory"},
		"it could not read itself":        {record.NodeReport{Error: "no lists"}, 0, "could not read itself: no lists"},
		"it gave up later":                {record.NodeReport{Before: &node, Error: "changelog"}, 0, "could not finish: changelog"},
		"it said nothing":                 {record.NodeReport{}, 0, "no inventory"},
	} {
		s := &scanner{in: ScanRequest{Now: scanTime, Baseline: policy(), MaxAge: c.maxAge}, out: &record.Scan{Standing: record.StandsInventory}}
		err := s.answer(c.report)
		if err != nil && !strings.Contains(err.Error(), c.want) || err == nil && s.out.Standing != c.want {
			t.Errorf("%s: %s, %v", name, s.out.Standing, err)
		}
		if c.report.Modelled && len(s.out.Modelled) == 0 {
			t.Errorf("%s: it does not say that data stood in", name)
		}
	}
}

func TestAnInstanceIsAskedOnlyWhatItCanAnswer(t *testing.T) {
	for name, in := range map[string]ScanRequest{
		"no bucket":     {},
		"a deeper look": {Depth: record.DepthDigest, Instance: InstanceScan{Bucket: "b"}},
		"other keys":    {Keyrings: [][]byte{{1}}, Instance: InstanceScan{Bucket: "b"}},
	} {
		in.Target, in.Now = "i-0123456789abcdef0", scanTime
		if _, err := RunScan(t.Context(), in); fault.HintOf(err) == "" || fault.KindOf(err) == fault.Failed {
			t.Errorf("%s: %v", name, err)
		}
	}
}
