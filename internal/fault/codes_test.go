package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
)

func TestEveryKindIsExplainedOnce(t *testing.T) {
	seen := map[Kind]int{}
	for _, m := range meanings {
		seen[m.kind]++
		if m.what == "" || m.then == "" {
			t.Errorf("kind %d is not explained", m.kind)
		}
	}
	// Unsupported is the last kind; whoever adds one after it changes this.
	for k := Failed; k <= Unsupported; k++ {
		if seen[k] != 1 {
			t.Errorf("kind %d is explained %d times", k, seen[k])
		}
	}
	if len(seen) != int(Unsupported)+1 {
		t.Errorf("%d kinds are explained, there are %d", len(seen), Unsupported+1)
	}
}

func TestTheExitCodesAreThoseOfTheDesign(t *testing.T) {
	var got []int
	for _, c := range Codes() {
		got = append(got, c.Code)
	}
	if want := []int{0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 15, 130}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if c := Kind(99).ExitCode(); c != 1 {
		t.Errorf("an unknown kind gives %d", c)
	}
}

func TestTheOutermostKindAndTheFirstHintCount(t *testing.T) {
	inner := New(NotFound, "look elsewhere", "no %s", "x")
	outer := As(fmt.Errorf("do it: %w", inner), Conflict, "")
	if KindOf(outer) != Conflict || HintOf(outer) != "look elsewhere" || outer.Error() != "do it: no x" || !errors.Is(outer, inner) {
		t.Errorf("kind %d, hint %q, text %q", KindOf(outer), HintOf(outer), outer)
	}
	if KindOf(fmt.Errorf("x: %w", context.Canceled)) != Interrupted || KindOf(errors.New("x")) != Failed || HintOf(errors.New("x")) != "" {
		t.Error("errors without a kind")
	}
	if As(nil, Usage, "hint") != nil {
		t.Error("nil became an error")
	}
}
