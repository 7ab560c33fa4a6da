package worldfile

import (
	"fmt"

	"github.com/goldenami/rehydrate/internal/twin/servicequotas"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Quota is a limit of running vCPUs that an account's Region has instead of AWS's
// default.
type Quota struct {
	Place
	Code  string  `json:"code"`  // such as L-1216C47A
	Value float64 `json:"value"` // vCPUs
}

func (f *File) checkQuotas() error {
	for n, q := range f.Quotas {
		if err := servicequotas.Check(q.Code, q.Value); err != nil {
			return fmt.Errorf("quotas[%d]: %w", n, err)
		}
	}
	return nil
}

func (l *Loader) quotas(tx *world.Tx, f *File) (int, error) {
	return each(f.Quotas, func(q Quota) (int, error) {
		return once(tx, q.Place, "quota", q.Code, func(tx *world.Tx) (string, error) {
			return q.Code, servicequotas.Set(tx, q.Code, q.Value)
		})
	})
}
