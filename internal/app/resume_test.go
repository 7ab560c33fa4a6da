package app

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/fault"
)

func TestAResumeThatIsRefusedLeavesTheDocumentAsItWas(t *testing.T) {
	r := newRolling(t)
	in := r.Request
	in.Until = "bake"
	doc, err := Run(t.Context(), in)
	if err != nil || len(doc.Modelled) != 2 {
		t.Fatalf("%+v, %v", doc, err)
	}
	in.Run, in.From, in.Until, in.Modelled = doc.ID, "validate", "validate", false
	if _, err := Run(t.Context(), in); fault.KindOf(err) != fault.Conflict {
		t.Fatal(err)
	}
	now, err := r.State.Load(doc.ID)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]any{doc.Modelled, doc.Real, doc.Until, doc.Outcome}, []any{now.Modelled, now.Real, now.Until, now.Outcome}); d != "" {
		t.Error(d)
	}
}
