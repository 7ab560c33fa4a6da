package twin_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/wait"
)

// A run that waits for something else than AWS says nothing for a while, but it holds
// its connection.
func TestTheTwinNamesWhoIsAtWork(t *testing.T) {
	endpoint, _ := serve(t, small(t.TempDir()), twin.ServeOptions{})
	expect := func(when string, want ...string) {
		t.Helper()
		var got []string
		err := wait.Poll(ctx, wait.Wall{}, "the twin to know", 10*time.Millisecond, 10*time.Second, func(context.Context) (ok bool, err error) {
			got, err = twin.AtWork(ctx, endpoint)
			return slices.Equal(got, want), err
		})
		if err != nil {
			t.Fatalf("%s: %q, want %q: %v", when, got, want, err)
		}
	}
	expect("nobody has come")
	c, ok := wait.Detect(ctx, endpoint)
	if !ok {
		t.Fatal("not detected")
	}
	expect("one is connected, whom the clock does not know", c.Client())
	release, err := c.Hold(ctx, "a hold")
	if err != nil {
		t.Fatal(err)
	}
	expect("one holds the clock", "a hold", c.Client())
	release()
	c.Close()
	expect("all have gone")
	resp, err := http.Post(endpoint, "application/x-www-form-urlencoded", strings.NewReader("Action=GetCallerIdentity&Version=2011-06-15"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	expect("one with its own clock has just asked", "a client with a clock of its own")
}

func TestWhoIsAtWorkAtNoTwinIsAnError(t *testing.T) {
	if who, err := twin.AtWork(ctx, "http://127.0.0.1:1"); err == nil {
		t.Errorf("got %q", who)
	}
}
