package app

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/wait"
)

// served is a twin that another build of this program has started for a run.
func served(t *testing.T, dir string, w World) (endpoint string) {
	t.Helper()
	t.Setenv(builtEnv, "another build")
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- ServeTwin(context.Background(), TwinOptions{Dir: dir, World: w, Listen: "127.0.0.1:0", Clock: "auto", Ready: func(e string) { ready <- e }})
	}()
	select {
	case endpoint = <-ready:
	case err := <-done:
		t.Fatalf("serve: %v", err)
	}
	t.Cleanup(func() {
		if err := StopTwin(context.Background(), dir); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	if !stale(dir) {
		t.Fatal("it passes for one of this build")
	}
	return endpoint
}

func TestEnsureTwin_keeps_a_twin_of_another_build_under_those_at_work(t *testing.T) {
	dir := t.TempDir()
	endpoint := served(t, dir, World{})
	c, ok := wait.Detect(t.Context(), endpoint)
	if !ok {
		t.Fatal("not detected")
	}
	asleep := make(chan error, 1)
	ctx, wake := context.WithCancel(t.Context())
	defer wake()
	release, err := c.Hold(ctx, "so that it stays asleep")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	until := c.Now().Add(24 * time.Hour)
	go func() { asleep <- c.Sleep(ctx, until) }()
	got, err := EnsureTwin(t.Context(), dir, World{})
	if err != nil || got.Endpoint != endpoint || got.How != keptWords {
		t.Fatalf("%+v, %v", got, err)
	}
	select {
	case err := <-asleep:
		t.Errorf("who was at work was disturbed: %v", err)
	default:
	}
	wake()
	<-asleep
}

// An idle one is stopped; that no other begins here is because its world is wrong, which
// is looked at after the stop.
func TestEnsureTwin_ends_an_idle_twin_of_another_build(t *testing.T) {
	dir := t.TempDir()
	served(t, dir, World{})
	if _, err := EnsureTwin(t.Context(), dir, World{File: dir + "/none.json"}); err == nil {
		t.Fatal("a world that is not there was taken")
	}
	if at, ok := twin.Find(dir); ok {
		t.Errorf("it still runs at %s", at)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Errorf("its state is gone: %v", err)
	}
}
