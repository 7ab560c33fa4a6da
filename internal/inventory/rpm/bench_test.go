//go:build linux

package rpm

import (
	"testing"

	"github.com/goldenami/rehydrate/internal/inventory/reading"
	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
)

func BenchmarkCollect(b *testing.B) {
	r := rpmworld.Build(b, rpmworld.Large(1200))
	root := r.FS(b)
	for b.Loop() {
		if _, _, err := Collect(root, reading.Options{Now: now}); err != nil {
			b.Fatal(err)
		}
	}
}
