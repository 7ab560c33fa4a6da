package report

import (
	"slices"

	"github.com/goldenami/rehydrate/internal/record"
)

// comparison is what the gate found changed, and against what.
type comparison struct {
	Text    string // what the other image is
	Changes []record.Change
}

// against is the gate's comparison of a run. Where nothing was published before, it is with
// the image that the bake began with; changes that stand with the bake are not told again.
func against(r *record.Run) comparison {
	v, k := r.Validate, r.Bake
	out := comparison{"the image in use", v.Changes}
	if k == nil || k.SourceImage != v.Against {
		out.Text += ":"
		return out
	}
	if r.Publish == nil || r.Publish.From != v.Against {
		out.Text = "which it was baked from"
	}
	if out.Text += ":"; !k.Skipped && len(v.Changes) > 0 && slices.Equal(k.Changes, v.Changes) {
		out.Text, out.Changes = out.Text+" the same changes.", nil
	}
	return out
}
