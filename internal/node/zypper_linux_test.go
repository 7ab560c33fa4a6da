package node_test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/node"
	"github.com/goldenami/rehydrate/internal/record"
)

// TestARootOfZypperIsPatchedExactlyAndAgainAfterTheRepositoryMovedOn lets Debian's
// zypper work in an overlay of this machine whose os-release says SLES 15.6.
func TestARootOfZypperIsPatchedExactlyAndAgainAfterTheRepositoryMovedOn(t *testing.T) {
	suse := func() *rpmWorld {
		t.Helper()
		return newMachine(t, "sles", "15.6", rpmOld, rpmRepo(rpmTool, rpmToolLb, rpmLibz, rpmBroken))
	}
	request := func() record.NodeRequest {
		return record.NodeRequest{Operation: node.Install, Baseline: json.RawMessage(strings.Replace(strings.Replace(rpmPolicy, "%s", "", 1), "ALMA_LINUX", "SUSE", 1))}
	}
	w := suse()
	before, configured := w.packages(), w.configuration()
	rep, err := w.run(request(), "")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"libz-1:1.2-1.x86_64", "tool-0:1.1-1.x86_64", "tool-lib-2:1.1-1.x86_64"}
	after := w.packages()
	if d := cmp.Diff(want, gone(after, before)); d != "" {
		t.Errorf("rpm before and after differs from the lock:\n%s", d)
	}
	if s := states(rep.Evaluation); s["tool.x86_64"] != baseline.StateInstalled || s["broken.x86_64"] != baseline.StateFailed {
		t.Errorf("second scan %v", s)
	}
	if said := strings.Join(rep.Findings, "\n"); !strings.Contains(said, "what-nobody-has") {
		t.Errorf("the findings do not say why broken is left: %s", said)
	}
	if now := w.configuration(); now != configured {
		t.Errorf("the configuration changed:\n%s", cmp.Diff(configured, now))
	}

	later := suse()
	later.repo.Store(later.without("tool-1.1*"))
	late := request()
	late.Lock = rep.Lock
	if _, err := later.run(late, ""); err == nil || !strings.Contains(err.Error(), "tool 0:1.1-1") || !strings.Contains(err.Error(), "exit status 10") {
		t.Errorf("without a bundle: %v, want exit 10 naming tool", err)
	}
	later.must(output("cp", "-a", filepath.Join(w.shared, "bundle"), later.shared))
	rep, err = later.run(late, "")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(after, later.packages()); d != "" {
		t.Errorf("the second node differs from the first:\n%s", d)
	}
	if !slices.ContainsFunc(rep.Obtained, func(o record.Obtained) bool { return o.Name == "tool" && o.From == "bundle" }) {
		t.Errorf("obtained %+v", rep.Obtained)
	}
}
