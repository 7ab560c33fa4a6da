package inplace_test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/rollout/inplace"
)

func patch(t *testing.T, c *cloud) (record.Patched, error) {
	t.Helper()
	binary, bundle, sum := files(t)
	s := c.stage(binary)
	p, err := s.Plan(t.Context(), input(sum, bundle))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := drive(t, s.NodeUnit(p, p.Nodes[0]))
	if err != nil {
		return record.Patched{}, err
	}
	return inplace.Result(raw)
}

func TestANodeGetsProgramRequestAndBundleOfTheLock(t *testing.T) {
	c := newCloud(patched("1.2"))
	got, err := patch(t, c)
	if err != nil {
		t.Fatal(err)
	}
	if got.Outcome != inplace.Done || got.Lock != inplace.Exact || got.Today != baseline.Compliant || got.Obtained[0].From != "bundle" {
		t.Errorf("%+v", got)
	}
	if len(c.sent) != 1 {
		t.Fatalf("%d commands", len(c.sent))
	}
	cmd := c.sent[0]
	source := cmd.Parameters["source"]
	prefix, ok := strings.CutPrefix(source, "https://s3.eu-central-1.amazonaws.com/bucket/")
	if !ok || !strings.HasSuffix(prefix, "/") {
		t.Errorf("source %s", source)
	}
	var kit []string
	for k := range c.objects {
		if rest, ok := strings.CutPrefix(k, prefix); ok {
			kit = append(kit, rest)
		}
	}
	slices.Sort(kit)
	if d := cmp.Diff([]string{"bundle/" + hexSum([]byte("a package")), "rehydrate-node", "request.json"}, kit); d != "" {
		t.Error(d)
	}
	var req record.NodeRequest
	if err := json.Unmarshal(c.objects[prefix+"request.json"], &req); err != nil {
		t.Fatal(err)
	}
	if req.Bundle != cmd.Parameters["folder"]+"/bundle" || req.Lock.Digest() != theLock(hexSum([]byte("a package"))).Digest() {
		t.Errorf("request %+v", req)
	}
	if cmd.Parameters["requestSha256"] != hexSum(c.objects[prefix+"request.json"]) || cmd.Parameters["nodeSha256"] != hexSum([]byte("a program")) {
		t.Errorf("parameters %v do not hold the digests", cmd.Parameters)
	}
	name, content, hash := inplace.Document()
	if cmd.Document != name || cmd.DocumentHash != hash || c.documents[name] != content {
		t.Errorf("command %+v runs another document", cmd)
	}
}

func TestTheTwoVerdicts(t *testing.T) {
	for _, c := range []struct {
		name    string
		report  func(*record.NodeReport)
		outcome string
		lock    string
		today   string
	}{
		{"patched exactly", func(*record.NodeReport) {}, "done", "exact", "COMPLIANT"},
		{"exact, though the baseline wants more by now", func(r *record.NodeReport) { r.Evaluation.Status = baseline.NonCompliant }, "done", "exact", "NON_COMPLIANT"},
		{"exact before", func(r *record.NodeReport) { r.Changes = nil }, "nothing-to-do", "exact", "COMPLIANT"},
		{"older than the lock", func(r *record.NodeReport) { r.After = inventory("1.1") }, "failed", "not exact: 1 older, 0 newer of 1", "COMPLIANT"},
		{"newer than the lock", func(r *record.NodeReport) { r.After = inventory("1.3") }, "failed", "not exact: 0 older, 1 newer of 1", "COMPLIANT"},
		{"an empty inventory", func(r *record.NodeReport) { r.After = &baseline.Inventory{} }, "failed", "unknown", "COMPLIANT"},
		{"no inventory", func(r *record.NodeReport) { r.After = nil }, "failed", "unknown", "COMPLIANT"},
		{"no evaluation", func(r *record.NodeReport) { r.Evaluation = nil }, "done", "exact", "unknown"},
		{"an install that failed", func(r *record.NodeReport) { r.Error = "dpkg died" }, "failed", "exact", "COMPLIANT"},
		{"a skip that nobody asked for", func(r *record.NodeReport) { r.Skipped, r.After = true, inventory("1.1") }, "failed", "not exact: 1 older, 0 newer of 1", "COMPLIANT"},
		{"items that failed", func(r *record.NodeReport) { r.FailedItems = []string{"a.amd64"} }, "failed", "exact", "COMPLIANT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := patched("1.2")
			c.report(r)
			got, err := patch(t, newCloud(r))
			if got.Outcome != c.outcome || got.Lock != c.lock || got.Today != c.today {
				t.Errorf("outcome %s, lock %s, today %s (%s)", got.Outcome, got.Lock, got.Today, got.Text)
			}
			if failed := c.outcome == "failed"; failed != (err != nil) || failed && fault.KindOf(err) != fault.Failed {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestAnOutputWithoutAWholeReportIsAFailure(t *testing.T) {
	for _, c := range []struct {
		name string
		with func(*cloud)
		says string
	}{
		{"nothing printed", func(c *cloud) { c.report = nil; c.status = "Failed" }, "ended Failed without a report: it said why"},
		{"a success without report", func(c *cloud) { c.report = nil }, "without a report"},
		{"cut off by the API, nothing in the bucket", func(c *cloud) { c.inBucket, c.cut = false, 60 }, "without a report"},
		{"timed out", func(c *cloud) { c.report = nil; c.status = "TimedOut" }, "ended TimedOut"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl := newCloud(patched("1.2"))
			c.with(cl)
			got, err := patch(t, cl)
			if fault.KindOf(err) != fault.Failed || got.Lock != record.Unknown || !strings.Contains(got.Text, c.says) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// The patch step of a command whose files did not come says nothing of it.
func TestAFetchThatFailedIsTold(t *testing.T) {
	for said, fetch := range map[string]inplace.Invocation{
		"ended Failed without a report: the files could not be fetched (step fetch ended Failed): AccessDenied on the bucket": {Status: "Failed", Detail: "Failed", Stderr: "AccessDenied on the bucket\n"},
		"(step fetch ended Execution Timed Out): half of it":                                                                  {Status: "TimedOut", Detail: "Execution Timed Out", Stdout: "half of it"},
		"without a report: it said why": {Status: "Success", Detail: "Success", Stderr: "nothing"},
	} {
		c := newCloud(nil)
		c.status, c.fetch = "Failed", fetch
		if got, err := patch(t, c); fault.KindOf(err) != fault.Failed || !strings.Contains(got.Text, said) || got.Lock != record.Unknown {
			t.Errorf("%q is not in %q, %v", said, got.Text, err)
		}
	}
}

func TestTheWholeOutputIsReadFromTheBucket(t *testing.T) {
	c := newCloud(patched("1.2"))
	c.cut = 60
	if got, err := patch(t, c); err != nil || got.Outcome != inplace.Done {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAFailedCommandWithAReportTellsItsReason(t *testing.T) {
	r := patched("1.0")
	r.Error = "package libdemo 1.2 is nowhere"
	c := newCloud(r)
	c.status = "Failed"
	if got, err := patch(t, c); err == nil || got.Text != r.Error {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestANewDocumentMayShowLate(t *testing.T) {
	c := newCloud(patched("1.2"))
	c.late = 2
	if _, err := patch(t, c); err != nil || len(c.sent) != 1 {
		t.Errorf("%d sent, %v", len(c.sent), err)
	}
}

func TestADocumentThatWasTamperedWithIsNotRun(t *testing.T) {
	c := newCloud(patched("1.2"))
	name, content, _ := inplace.Document()
	c.documents[name] = content + " "
	if _, err := patch(t, c); fault.KindOf(err) != fault.Conflict || len(c.sent) > 0 {
		t.Errorf("%d sent, %v", len(c.sent), err)
	}
}

func TestPlanRefuses(t *testing.T) {
	binary, bundle, sum := files(t)
	for _, c := range []struct {
		name string
		with func(*cloud, *inplace.Input)
		kind fault.Kind
	}{
		{"no lock", func(_ *cloud, in *inplace.Input) { in.Request.Lock = nil }, fault.Usage},
		{"no tags, which would be every instance", func(_ *cloud, in *inplace.Input) { in.Tags = nil }, fault.Usage},
		{"tags that nothing has", func(c *cloud, _ *inplace.Input) { c.nodes = nil }, fault.NotFound},
		{"a node that Systems Manager does not see", func(c *cloud, _ *inplace.Input) { c.nodes[0].Managed = false }, fault.Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl, in := newCloud(nil), input(sum, bundle)
			c.with(cl, &in)
			if _, err := cl.stage(binary).Plan(t.Context(), in); fault.KindOf(err) != c.kind || err == nil {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("a program that is not built", func(t *testing.T) {
		_, err := newCloud(nil).stage(filepath.Join(t.TempDir(), "none")).Plan(t.Context(), input(sum, bundle))
		if fault.KindOf(err) != fault.Usage {
			t.Errorf("got %v", err)
		}
	})
}

func TestAPlanThatCameBackFromJSONPatchesAlike(t *testing.T) {
	c := newCloud(patched("1.2"))
	binary, bundle, sum := files(t)
	s := c.stage(binary)
	p, err := s.Plan(t.Context(), input(sum, bundle))
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back inplace.Plan
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	raw, err := drive(t, s.NodeUnit(&back, back.Nodes[0]))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := inplace.Result(raw); err != nil || got.Lock != inplace.Exact {
		t.Errorf("%+v, %v", got, err)
	}
}
