package app

import (
	"fmt"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/twin/roots"
)

// machines says before a bake on the twin why it would find no machine to bake on:
// without --modelled the twin's machines are real roots, which take root on Linux.
// What a twin of another state folder or machine can do is not known, and it is
// believed.
type machines struct {
	check func(dir string) error          // whether real roots can be had under dir
	find  func(dir string) (string, bool) // the endpoint of the folder's twin
}

func localMachines() machines { return machines{roots.Check, twin.Find} }

func (m machines) forBake(in Request, doc *record.Run, first int) error {
	if in.Cloud.Twin == "" || in.Modelled || first > 0 || doc.Bake != nil {
		return nil
	}
	dir := in.State.Twin()
	if at, ok := m.find(dir); !ok || at != in.Cloud.Twin {
		return nil
	}
	if err := m.check(dir); err != nil {
		return fault.As(fmt.Errorf("bake %s on the twin: it cannot have real machines here: %w", in.Image.Label, err), fault.Usage,
			"give --modelled, which bakes on package data, or run it and the twin as root (sudo)")
	}
	return nil
}
