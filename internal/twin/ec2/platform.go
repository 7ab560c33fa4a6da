package ec2

import (
	"os"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/inventory/product"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Platform is the operating system of what an instance was made from and its product, such
// as Debian12; both are empty if that is not known. For services whose agent tells it.
func (s *Service) Platform(tx *world.Tx, i Instance) (system baseline.OperatingSystem, name string) {
	c, _ := contents(tx).Get(i.Content) // without one there are no layers
	if m := c.Image.Modelled; m != nil {
		return m.OS, m.Product
	}
	key := strings.Join(c.Image.Layers, "\x00") // layers are never changed
	if p, ok := s.platforms.Load(key); ok {
		p := p.(product.Product)
		return p.OS, p.Name
	}
	for _, layer := range c.Image.Layers { // the uppermost that has one
		root, err := os.OpenRoot(layer)
		if err != nil {
			continue
		}
		p, err := product.Read(root.FS())
		_ = root.Close()
		if err == nil {
			s.platforms.Store(key, p)
			return p.OS, p.Name
		}
	}
	return "", ""
}
