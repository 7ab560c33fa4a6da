package app

import (
	"github.com/goldenami/rehydrate/bake"
	"github.com/goldenami/rehydrate/internal/twin/roots"
)

// MaybeChild turns this process into one of the program's own helpers (the
// supervisor of Packer, a part of a twin's machine) when its arguments say so, and
// reports whether it did. It must be the first thing that main does.
func MaybeChild(args []string) bool {
	return bake.MaybeSupervise(args) || roots.MaybeMachine(args)
}
