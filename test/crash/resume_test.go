package crash

import (
	"testing"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
)

func TestResume_of_a_run_that_never_was_begins_none(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, leave := w.client(t)
	defer leave()
	_, err := app.Run(t.Context(), app.Request{Config: w.config, Image: w.image, State: w.state, Cloud: c, Events: event.Discard, Run: "20260101-000000-abcdef", Modelled: true})
	if fault.KindOf(err) != fault.NotFound {
		t.Errorf("got %v, want that there is no such run", err)
	}
	if runs, err := w.state.Runs(); err != nil || len(runs) > 0 {
		t.Errorf("there are the runs %q (%v)", runs, err)
	}
}
