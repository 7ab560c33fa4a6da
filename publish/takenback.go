package publish

import (
	"context"
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
// finds nothing new to bake: it is the newest build there is. Nor does it publish, or
// let stand as published, what a roll took back when nothing preceded it.
func stays(ctx context.Context, ports Ports, m *Move, history, home []Parameter) error {
	now := last(history)
	if now.Version == 0 {
		if was, err := remembered(ctx, ports, m); err != nil || !was {
			return err
		}
		return fault.New(fault.Conflict, fmt.Sprintf("bake a newer one (rehydrate run --force); if it is to stand after all, delete %s too", EnvelopeName(m.Channel)),
			"publish %s to %s: a roll took it back, and the channel was deleted since", m.Image, where(m.Cell, m.Channel))
	}
	if was := withdrawnFrom(history, m.Image); was.Version > 0 {
		stands := ""
		if now.Value == m.Image {
			stands = "; whoever reads the channel still gets it, because a parameter cannot point to nothing: `rehydrate image revoke --force --reason WHY " + m.Image + "` keeps it from being launched"
		}
		return fault.New(fault.Conflict, "bake a newer one (rehydrate run --force)"+stands+"; if it is to stand after all: "+backTo(m.Channel, was, home),
			"publish %s to %s: a roll took it back, and nothing preceded it (version %d)", m.Image, where(m.Cell, m.Channel), was.Version)
	}
	was := takenBack(history, m.Image)
	if was.Version == 0 {
		return nil
	}
	return fault.New(fault.Conflict, "bake a newer one (rehydrate run --force); if it is to stand after all: "+backTo(m.Channel, was, home),
		"publish %s to %s: a rollback took it back (it stood as version %d; version %d holds %s)", m.Image,
		where(m.Cell, m.Channel), was.Version, now.Version, now.Value)
}
