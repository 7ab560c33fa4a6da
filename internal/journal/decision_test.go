package journal

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
)

func TestDecide_lets_one_of_many_answer(t *testing.T) {
	j := Open(NewFolder(t.TempDir()), "r1")
	ask := Ask{Unit: "gate/prod/before", Seq: 2, Approval: "the board"}
	var won atomic.Int32
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			err := j.Decide(t.Context(), ask, unit.Decision{Approved: n%2 == 0, By: "somebody", Wall: time.Unix(0, 0), Comment: "CHG-1"})
			switch {
			case err == nil:
				won.Add(1)
			case fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "by somebody at 1970-01-01T00:00:00Z (CHG-1) already"):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d answers were recorded", won.Load())
	}
}

func TestAsks_names_only_what_is_waited_for(t *testing.T) {
	f := NewFolder(t.TempDir())
	j := Open(f, "r1")
	for _, r := range []Record{
		{Unit: "bake", Seq: 1, Phase: Before}, {Unit: "bake", Seq: 2, Phase: After, Done: true},
		{Unit: "gate/a", Seq: 1, Phase: Before}, {Unit: "gate/a", Seq: 2, Phase: After, Approval: "x"},
		{Unit: "gate/b", Seq: 1, Phase: Before}, {Unit: "gate/b", Seq: 2, Phase: After, Approval: "y"}, {Unit: "gate/b", Seq: 3, Phase: Before},
		{Unit: "gate/c", Seq: 1, Phase: Before}, {Unit: "gate/c", Seq: 2, Phase: After, Approval: "z"}, {Unit: "gate/c", Seq: 3, Phase: Before}, {Unit: "gate/c", Seq: 4, Phase: After},
	} {
		if err := j.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Decide(t.Context(), Ask{Unit: "gate/a", Seq: 2}, unit.Decision{By: "ann"}); err != nil {
		t.Fatal(err)
	}
	asks, err := j.Asks(t.Context())
	if err != nil || len(asks) != 2 || asks[0].Unit != "gate/a" || asks[0].Decision.Approved || asks[1].Unit != "gate/b" || asks[1].Seq != 2 || asks[1].Decision != nil {
		t.Errorf("%+v, %v", asks, err)
	}
	if err := f.Create(t.Context(), "runs/r1/approvals/gate/b/000002.json", []byte("{")); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Asks(t.Context()); err == nil || fault.HintOf(err) == "" {
		t.Errorf("a damaged answer: %v", err)
	}
}
