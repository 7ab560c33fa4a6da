package cursor_test

import (
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
