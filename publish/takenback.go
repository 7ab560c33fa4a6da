package publish

import (
	"fmt"

	"github.com/goldenami/rehydrate/internal/fault"
)

// takenBack is the version in which a channel held an image that a rollback took from it
// since: the channel went on to another image in a later generation, which only a
// rollback begins. The zero Parameter is none.
func takenBack(history []Parameter, image string) Parameter {
	now, ok := ParseEnvelope(last(history).Description)
	if !ok || last(history).Value == image {
		return Parameter{}
	}
	var out Parameter
	for _, v := range history {
		if e, ok := ParseEnvelope(v.Description); ok && v.Value == image && e.Generation < now.Generation {
			out = v
		}
	}
	return out
}

// stays refuses to publish again what a rollback took back, as a nightly run would that
// finds nothing new to bake: it is the newest build there is.
func stays(m *Move, history []Parameter) error {
	was := takenBack(history, m.Image)
	if was.Version == 0 {
		return nil
	}
	now := last(history)
	return fault.New(fault.Conflict, fmt.Sprintf("bake a newer one (rehydrate run --force); if it is to stand after all: `rehydrate publish rollback --to %d %s`", was.Version, m.Channel),
		"publish %s to %s: a rollback took it back (it stood as version %d; version %d holds %s)", m.Image,
		where(m.Cell, m.Channel), was.Version, now.Version, now.Value)
}
