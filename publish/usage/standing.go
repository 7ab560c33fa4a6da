package usage

import (
	"slices"

	"github.com/goldenami/rehydrate/publish"
)

// TakenBack are the versions of a channel's history, oldest first, that the run which
// wrote them took back: nothing to go back to.
func TakenBack(history []Parameter) map[int64]bool {
	out, back := map[int64]bool{}, map[string]bool{}
	for _, p := range slices.Backward(history) {
		e, ok := publish.ParseEnvelope(p.Description)
		switch {
		case !ok:
		case e.Back != "":
			back[e.Back] = true
		case back[e.Run]:
			out[p.Version] = true
		}
	}
	return out
}
