package ec2

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

func TestAnInstanceIsOfThePlatformOfItsUppermostLayer(t *testing.T) {
	t.Parallel()
	upper, lower, odd := t.TempDir(), t.TempDir(), t.TempDir()
	for dir, text := range map[string]string{lower: "ID=debian\nVERSION_ID=\"12\"\n", odd: "ID=plan9\nVERSION_ID=1\n"} {
		if err := os.MkdirAll(filepath.Join(dir, "etc"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "etc/os-release"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w := wiretest.World(t)
	s := New(w, nil, t.TempDir())
	for name, c := range map[string]struct {
		image   backing.Image
		system  baseline.OperatingSystem
		product string
	}{
		"modelled":         {backing.Image{Modelled: &backing.ModelledImage{OS: baseline.Ubuntu, Product: "Ubuntu22.04"}}, baseline.Ubuntu, "Ubuntu22.04"},
		"a root":           {backing.Image{Layers: []string{upper, lower}}, baseline.Debian, "Debian12"},
		"an unknown one":   {backing.Image{Layers: []string{odd}}, "", ""},
		"one that is gone": {backing.Image{Layers: []string{filepath.Join(odd, "gone")}}, "", ""},
		"a disk":           {backing.Image{Disk: "x"}, "", ""},
	} {
		for range 2 { // the second time from memory
			err := w.Do(wiretest.Account, wiretest.Region, func(tx *world.Tx) error {
				i := Instance{Content: addContent(tx, Content{Image: c.image})}
				if system, product := s.Platform(tx, i); system != c.system || product != c.product {
					t.Errorf("%s is %s %s", name, system, product)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}
