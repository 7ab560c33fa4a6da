package cursor_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/goldenami/rehydrate/internal/twin/cursor"
)

func TestATokenOpensForItsScopeOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		last := rapid.StringN(1, 40, 200).Draw(t, "last")
		scope := rapid.SliceOfN(rapid.StringN(0, 8, 20), 1, 4).Draw(t, "scope")
		all := make([]any, len(scope))
		for k, s := range scope {
			all[k] = s
		}
		token := cursor.Seal(last, all...)
		if got, ok := cursor.Open(token, all...); !ok || got != last {
			t.Fatalf("opened %q, %t", got, ok)
		}
		if _, ok := cursor.Open(token, append(all, "more")...); ok {
			t.Fatal("it opens for a longer scope")
		}
		all[0] = scope[0] + "x"
		if _, ok := cursor.Open(token, all...); ok {
			t.Fatal("it opens for another scope")
		}
	})
}

func FuzzOpen(f *testing.F) {
	f.Add("", "scope")
	f.Add(cursor.Seal("a", "scope"), "scope")
	f.Add("5", "scope")
	f.Fuzz(func(t *testing.T, token, scope string) {
		if last, ok := cursor.Open(token, scope); ok && cursor.Seal(last, scope) != token {
			t.Errorf("%q opens, and is not what would be sealed", token)
		}
	})
}

func TestCutGivesEveryRowOnceAndTakesNoTokenButItsOwn(t *testing.T) {
	var all, got []int
	for k := range 7 {
		all = append(all, k)
	}
	var token *string
	for pages := 1; ; pages++ {
		some, next, ok := cursor.Cut(all, token, 3)
		if !ok || pages > 3 {
			t.Fatalf("page %d: %v", pages, ok)
		}
		if got = append(got, some...); next == nil {
			break
		}
		token = next
	}
	if !slices.Equal(got, all) {
		t.Errorf("%v", got)
	}
	if some, next, ok := cursor.Cut(all, new(""), 7); !ok || next != nil || len(some) != 7 {
		t.Errorf("an empty token, and a page that holds all: %v %v %v", some, next, ok)
	}
	if some, _, ok := cursor.Cut([]int(nil), nil, 3); !ok || some == nil {
		t.Error("a list that is empty is absent")
	}
	for _, bad := range []string{"3", "Mw", cursor.Seal("3", "another"), cursor.Seal("-1"), cursor.Seal("x")} {
		if _, _, ok := cursor.Cut(all, &bad, 3); ok {
			t.Errorf("%s opens", bad)
		}
	}
}
