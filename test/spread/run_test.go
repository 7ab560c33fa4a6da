package spread

import (
	"net/http"
	"testing"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/wait"
)

// run runs the pipeline, or resumes a run, over a store; nil is the folder's own.
func (w *universe) run(t testing.TB, run, until string, store journal.Store) (doc *record.Run, out *said, err error) {
	t.Helper()
	out = &said{heard: w.heard}
	w.with(t, func(c *app.Cloud) {
		doc, err = app.Run(t.Context(), app.Request{Config: w.config, Image: w.image, State: w.state, Cloud: c, Events: out, Run: run, Until: until, Store: store, Modelled: true})
	})
	return doc, out, err
}

// plan is what a run would do.
func (w *universe) plan(t testing.TB) (o *app.Overview) {
	t.Helper()
	w.with(t, func(c *app.Cloud) {
		var err error
		o, err = app.MakePlan(t.Context(), app.Request{Config: w.config, Image: w.image, State: w.state, Cloud: c, Events: &said{}, Modelled: true})
		if err != nil {
			t.Fatal(err)
		}
	})
	return o
}

// with opens home for as long as f runs.
func (w *universe) with(t testing.TB, f func(*app.Cloud)) {
	t.Helper()
	clock, ok := wait.Detect(t.Context(), w.Endpoint)
	if !ok {
		t.Fatalf("%s does not answer as a twin", w.Endpoint)
	}
	wire := &http.Transport{}
	defer func() {
		wire.CloseIdleConnections()
		clock.Close()
	}()
	s, err := session.Open(t.Context(), session.Options{Region: here, Endpoint: w.Endpoint, Key: "twin", Secret: "twin",
		HTTP: &http.Client{Transport: clock.Transport(wire)}})
	if err != nil {
		t.Fatal(err)
	}
	f(&app.Cloud{Session: s, Account: home, Region: here, Clock: clock, Twin: w.Endpoint})
}
