package vectors

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/baseline/internal/strict"
)

// TestChangedVectorsAgreeWithTheReference changes the time, the order and the
// names of every Scan and compares the engine with the reference evaluator.
func TestChangedVectorsAgreeWithTheReference(t *testing.T) {
	var doc document
	if err := strict.Decode(specification(t), &doc); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 3))
	scans, runs, states := 0, 0, map[string]int{}
	for _, raw := range doc.Vectors {
		var v struct{ ID, Kind, Operation string }
		var fields obj
		if json.Unmarshal(raw, &v) != nil || json.Unmarshal(raw, &fields) != nil {
			t.Fatal("vectors are JSON")
		}
		if v.Kind != KindEvaluate || v.Operation != "Scan" || has(fields, "prior") {
			continue
		}
		scans++
		for variant := range 12 {
			changed := raw
			if variant > 0 {
				changed = mutate(t, raw, r)
			}
			runs++
			compareWithReference(t, v.ID, changed, states)
		}
	}
	t.Logf("%d scans in %d variants: %v", scans, runs, states)
	if scans < 90 || len(states) < 6 {
		t.Error("the variants no longer cover the states")
	}
}

// mutate moves now by up to 40 days, shuffles every list whose order must not
// matter and renames every package.
func mutate(t *testing.T, raw []byte, r *rand.Rand) []byte {
	t.Helper()
	var v obj
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, key := range []string{"available", "installed", "updates"} {
		l := list(v, key)
		r.Shuffle(len(l), func(i, j int) { l[i], l[j] = l[j], l[i] })
		for _, p := range l {
			names[str(p.(obj), "name")] = true
			n := list(p.(obj), "notices")
			r.Shuffle(len(n), func(i, j int) { n[i], n[j] = n[j], n[i] })
		}
	}
	for _, key := range []string{"ApprovedPatches", "RejectedPatches"} {
		l := list(v["baseline"].(obj), key)
		r.Shuffle(len(l), func(i, j int) { l[i], l[j] = l[j], l[i] })
	}
	if now, err := time.Parse(time.RFC3339, str(v, "now")); err == nil {
		v["now"] = now.Add(time.Duration(r.IntN(80*24)-40*24) * time.Hour).Format(time.RFC3339)
	}
	delete(v, "expected")
	v["expected"] = obj{}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	text := string(out)
	prefix := fmt.Sprintf("r%d", r.IntN(100))
	for name := range names {
		if name != "" {
			text = strings.ReplaceAll(text, `"name":"`+name+`"`, `"name":"`+prefix+name+`"`)
		}
	}
	for _, list := range []string{"ApprovedPatches", "RejectedPatches"} {
		for name := range names { // the patterns of the lists follow their packages
			if name != "" {
				text = strings.ReplaceAll(text, `"`+list+`":["`+name, `"`+list+`":["`+prefix+name)
			}
		}
	}
	return []byte(text)
}

func compareWithReference(t *testing.T, id string, raw []byte, states map[string]int) {
	t.Helper()
	ref, err := newReference(raw)
	if err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	items, notApplicable, install := ref.scan()
	var v evaluateVector
	if err := strict.Decode(raw, &v); err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	b, node, run, err := v.inputs()
	if err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	got, err := baseline.EvaluateRun(b, node, run, v.Now, v.Options)
	if err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	have := map[string]refItem{}
	for _, it := range got.Items {
		item := refItem{State: string(it.State), Version: it.Version, Level: it.ComplianceLevel}
		want := items[it.ID]
		if it.State == baseline.StateNotApplicable {
			want.Level = item.Level // blanked by the service
		}
		want.Class = ""
		items[it.ID] = want
		have[it.ID] = item
		states[item.State]++
	}
	if !maps.Equal(items, have) || got.Counts.NotApplicableCount != notApplicable || !slices.Equal(got.ToInstall, install) {
		t.Errorf("%s at %s:\nreference %v, %d not applicable, install %v\nengine    %v, %d not applicable, install %v\n%s",
			id, v.Now, items, notApplicable, install, have, got.Counts.NotApplicableCount, got.ToInstall, raw)
	}
}
