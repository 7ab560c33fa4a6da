package crash

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/wait"
	"github.com/goldenami/rehydrate/test/lab"
)

// examples is the modelled example: its configuration and its world are what these
// tests crash in.
const (
	example = "../../examples/modelled"
	line    = "web"
	channel = "/golden/web/latest"
	builds  = "/golden/web/builds/"
)

// seed of the twins' ids: the same, so that their worlds begin with the same.
const seed = 1

// worldLimit is how long a twin may take to answer.
const worldLimit = 2 * time.Minute

// world is a twin in this process with the example's world in it, and a state folder
// for the runs that work on it.
type world struct {
	*lab.Lab // asks the twin; it is of no folder and no process
	state    app.State
	dir      string
	config   *config.Config
	image    *config.Image
}

func newWorld(t testing.TB) *world {
	t.Helper()
	dir := folder(t)
	w := &world{dir: dir}
	var err error
	if w.config, err = config.Load(filepath.Join(example, "rehydrate.hcl")); err != nil {
		t.Fatal(err)
	}
	w.image, _ = w.config.ImageNamed(line)
	if w.state, err = app.OpenState(filepath.Join(dir, "state")); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- app.ServeTwin(ctx, app.TwinOptions{Dir: filepath.Join(dir, "twin"), World: app.World{File: w.config.Twin.World},
			Listen: "127.0.0.1:0", Seed: seed, Ready: func(at string) { ready <- at }})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the twin: %v", err)
		}
	})
	select {
	case at := <-ready:
		w.Lab = &lab.Lab{Endpoint: at}
	case err := <-ended:
		ended <- nil
		t.Fatalf("start a twin: %v", err)
	case <-time.After(worldLimit):
		t.Fatalf("the twin does not answer within %s", worldLimit)
	}
	return w
}

// folder is a temporary one, in memory where the system has that: these tests write
// ten thousands of small files and ask for each to be kept.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "rehydrate-crash-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// only is the id of the one run that there is.
func (w *world) only(t testing.TB) string {
	t.Helper()
	runs, err := w.state.Runs()
	if err != nil || len(runs) != 1 {
		t.Fatalf("there are the runs %q, want one (%v)", runs, err)
	}
	return runs[0]
}

// client opens the twin as a process of its own would, with connections of its own;
// leave closes them, as the kernel does for a process that has ended.
func (w *world) client(t testing.TB) (c *app.Cloud, leave func()) {
	t.Helper()
	clock, ok := wait.Detect(t.Context(), w.Endpoint)
	if !ok {
		t.Fatalf("%s does not answer as a twin", w.Endpoint)
	}
	wire := &http.Transport{}
	s, err := session.Open(t.Context(), session.Options{Region: lab.Region, Endpoint: w.Endpoint, Key: "twin", Secret: "twin",
		HTTP: &http.Client{Transport: clock.Transport(wire)}})
	if err != nil {
		t.Fatal(err)
	}
	c = &app.Cloud{Session: s, Region: s.Region(), Clock: clock, Twin: w.Endpoint}
	if c.Account, err = s.Account(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c, func() {
		wire.CloseIdleConnections()
		clock.Close()
	}
}

// run runs the whole pipeline over a store, nil being the folder's own, and says
// whether it crashed. An empty run id begins a new run.
func (w *world) run(t testing.TB, run string, store journal.Store) (doc *record.Run, died bool) {
	t.Helper()
	c, leave := w.client(t)
	defer leave()
	defer func() {
		if p := recover(); p != nil {
			if died = crashed(p); !died {
				panic(p)
			}
		}
	}()
	var said said
	doc, err := app.Run(t.Context(), app.Request{Config: w.config, Image: w.image, State: w.state, Cloud: c, Events: &said, Run: run, Store: store, Modelled: true})
	if err != nil {
		t.Fatalf("run %q: %v\n%s", run, err, said.text)
	}
	return doc, false
}

// said keeps the lines of a run, for when it fails.
type said struct {
	mu   sync.Mutex
	text string
}

// Emit implements event.Sink.
func (s *said) Emit(e event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text += e.Time.Format("15:04:05 ") + e.Stage + " " + e.Text + "\n"
}
