package twinsdk

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	twinec2 "github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

const (
	killRounds = 40
	killSeed   = 20261121
	servedEnv  = "TWINSDK_SERVE"
)

// op is one mutation by one writer.
type op struct {
	name string
	// do makes it; again says that it may have been made before the kill.
	do func(a *apis, again bool) error
	// check finds it.
	check func(a *apis) error
}

// writer makes one mutation after the other. What a kill left in doubt is tried again
// first; what was acknowledged has to be there for ever.
type writer struct {
	name  string
	next  func(n int) op
	n     int
	acked []op
	doubt *op
}

func (w *writer) write(a *apis, acks *atomic.Int64) error {
	for {
		o, again := w.doubt, w.doubt != nil
		if !again {
			next := w.next(w.n)
			w.n++
			o = &next
		}
		if err := o.do(a, again); err != nil {
			w.doubt = o
			if _, answered := errors.AsType[smithy.APIError](err); answered {
				return fmt.Errorf("%s %s (again: %v): %w", w.name, o.name, again, err)
			}
			return nil // the connection broke: the twin is gone
		}
		w.doubt, w.acked = nil, append(w.acked, *o)
		acks.Add(1)
	}
}

// TestKilledAtAnyMomentATwinKeepsEveryAcknowledgedMutation kills a served twin at many
// seeded moments while several clients write, each kind in its own way: rows, tokens,
// versions, files of objects and blocks. The next one goes on where it was, and the
// clients go on from there.
func TestKilledAtAnyMomentATwinKeepsEveryAcknowledgedMutation(t *testing.T) {
	if dir := os.Getenv(servedEnv); dir != "" {
		serveFor(t, dir)
		return
	}
	if testing.Short() {
		t.Skip("kills a process 40 times: half a minute")
	}
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(killSeed, 0))
	writers := killWriters()
	doubts, total := 0, 0
	for round := range killRounds {
		a, kill := served(t, dir)
		checked := verify(t, a, writers, round == killRounds-1)
		if t.Failed() {
			kill()
			t.Fatalf("in round %d, after %d acknowledged mutations (%d looked at)", round, total, checked)
		}
		var acks atomic.Int64
		target, rest := int64(1+rng.IntN(60)), time.Duration(rng.IntN(4000))*time.Microsecond
		var wg sync.WaitGroup
		for _, w := range writers {
			wg.Go(func() {
				if err := w.write(a, &acks); err != nil {
					t.Error(err)
				}
			})
		}
		for end := time.Now().Add(5 * time.Minute); acks.Load() < target && time.Now().Before(end) && !t.Failed(); time.Sleep(100 * time.Microsecond) {
		}
		time.Sleep(rest) // into the middle of whatever is under way
		kill()
		wg.Wait()
		if total += int(acks.Load()); acks.Load() < target {
			t.Fatalf("round %d: %d mutations of %d", round, acks.Load(), target)
		}
		for _, w := range writers {
			if w.doubt != nil {
				doubts++
			}
		}
	}
	a, kill := served(t, dir)
	defer kill()
	checked := verify(t, a, writers, true)
	t.Logf("%d kills, %d mutations acknowledged, %d in doubt and settled; %d found at the end", killRounds, total, doubts, checked)
	if doubts < killRounds {
		t.Errorf("only %d mutations were under way at a kill", doubts)
	}
}

// verify finds what was acknowledged: all of it, or the newest.
func verify(t *testing.T, a *apis, writers []*writer, all bool) (n int) {
	t.Helper()
	resp, err := http.Post(a.endpoint+"/_twin/clock/step?by=10m", "", nil) // snapshots take their time
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("move the clock: %v", err)
		return 0
	}
	resp.Body.Close()
	for _, w := range writers {
		acked := w.acked
		if !all {
			acked = acked[max(0, len(acked)-25):]
		}
		for _, o := range acked {
			n++
			if err := o.check(a); err != nil {
				t.Errorf("%s %s was acknowledged: %v", w.name, o.name, err)
			}
		}
	}
	return n
}

// served starts a twin as a process of its own.
func served(t *testing.T, dir string) (a *apis, kill func()) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestKilledAtAnyMomentATwinKeepsEveryAcknowledgedMutation$")
	c.Env = append(os.Environ(), servedEnv+"="+dir)
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	once := sync.OnceFunc(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	t.Cleanup(once)
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if endpoint, ok := twin.Find(dir); ok {
			return newAPIs(endpoint), once
		}
	}
	t.Fatal("the twin does not come up")
	return nil, nil
}

// serveFor is the process that is killed.
func serveFor(t *testing.T, dir string) {
	r := &rig{t: t}
	err := twin.Serve(context.Background(), twin.Options{
		Seed: 1, Dir: dir, Build: r.build,
		Fill: func(tx *world.Tx) error {
			tx = tx.In(wire.DefaultAccount, region)
			_, err := r.ec2.AddImage(tx, twinec2.Image{ID: ami, Name: "base", Public: true, User: "admin"},
				backing.Image{Modelled: &backing.ModelledImage{OS: "DEBIAN", Product: "Debian12", Arch: "amd64"}})
			return err
		},
	}, twin.ServeOptions{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
}
