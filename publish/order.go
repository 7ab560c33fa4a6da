package publish

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
)

// rank is a version's place in the order that pointers keep: by generation, then by
// when its image was baked, then by run, so that no two publishers differ about which
// of two versions is newer.
type rank struct {
	generation int64
	baked      time.Time
	run        string
}

func (e Envelope) rank() rank { return rank{e.Generation, e.BakedAt, e.Run} }

func (a rank) compare(b rank) int {
	return cmp.Or(cmp.Compare(a.generation, b.generation), a.baked.Compare(b.baked), strings.Compare(a.run, b.run))
}

// rankOf is a version's rank: by its envelope, else by EC2's creation date in the
// generation that it is compared in. known is false when nobody knows how old it is.
func rankOf(ctx context.Context, ports Ports, p Parameter, generation int64) (r rank, known bool, err error) {
	e, ok := ParseEnvelope(p.Description)
	if ok && !e.BakedAt.IsZero() {
		return e.rank(), true, nil
	}
	if !ok {
		e.Generation = generation
	}
	image, err := ports.Images.Image(ctx, p.Value)
	if fault.KindOf(err) == fault.NotFound && err != nil {
		return e.rank(), false, nil
	}
	if err != nil {
		return rank{}, false, fmt.Errorf("look at image %s: %w", p.Value, err)
	}
	e.BakedAt = image.CreatedAt
	return e.rank(), !image.CreatedAt.IsZero(), nil
}

// ours says that a run wrote this version.
func ours(p Parameter, run string) bool {
	e, ok := ParseEnvelope(p.Description)
	return ok && e.Run == run && e.Back == ""
}

// standing are the versions that nobody has taken back. A version that takes back
// another run's stands itself.
func standing(history []Parameter) []Parameter {
	back := map[string]bool{}
	var out []Parameter
	for _, p := range slices.Backward(history) {
		e, ok := ParseEnvelope(p.Description)
		if ok && back[e.Run] && e.Back == "" {
			continue
		}
		if ok && e.Back != "" {
			back[e.Back] = true
		}
		out = append(out, p)
	}
	slices.Reverse(out)
	return out
}

// before is the version that a rollback of the newest one goes to: the last one that
// stands, with another image, before the image of the newest was first published.
// After a rollback that is not the version which was rolled back from. The zero
// Parameter is none.
func before(history []Parameter) Parameter {
	all, image := standing(history), last(history).Value
	first := slices.IndexFunc(all, func(p Parameter) bool { return p.Value == image })
	if first < 1 {
		return Parameter{}
	}
	return all[first-1]
}

// previous is the version that the label belongs to: the one before that a run
// published and no roll withdrew.
func previous(history []Parameter) Parameter {
	p := before(history)
	for left := history; p.Version > 0 && (byHand(p) || Withdrawn(p)); p = before(left) {
		left = upTo(left, p)
	}
	return p
}

// Preceding are the versions that one rollback after the other leads to, newest first:
// what stood before the newest one's image, without what a rollback took back. The caller
// says which of them may come back.
func Preceding(history []Parameter) []Parameter {
	var out []Parameter
	for p := before(history); p.Version > 0; p = before(history) {
		out, history = append(out, p), upTo(history, p)
	}
	return out
}

// upTo is the history up to a version of it.
func upTo(history []Parameter, p Parameter) []Parameter {
	return history[:slices.IndexFunc(history, func(q Parameter) bool { return q.Version == p.Version })+1]
}

// replaced is the version that the newest one's image went over.
func replaced(history []Parameter) Parameter {
	now := last(history)
	for _, p := range slices.Backward(standing(history)) {
		if p.Value != now.Value {
			return p
		}
	}
	return Parameter{}
}

func last(history []Parameter) Parameter {
	if len(history) == 0 {
		return Parameter{}
	}
	return history[len(history)-1]
}
