package race

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/publish"
)

const channel = "/golden/web/latest"

var (
	cells = []publish.Cell{{Account: "111111111111", Region: "eu-west-1"}, {Account: "222222222222", Region: "us-east-1"}}
	// An image id for each cell; they sort by age.
	base  = []string{"ami-000000000000000a1", "ami-000000000000000a2"}
	older = []string{"ami-000000000000000b1", "ami-000000000000000b2"}
	newer = []string{"ami-000000000000000c1", "ami-000000000000000c2"}
)

// input publishes one image to every cell.
func input(run string, ids []string, bakedAt time.Time) publish.Input {
	in := publish.Input{Run: run, Judged: []publish.Judged{{Image: ids[0], Verdict: &record.Verdict{Image: ids[0], Outcome: record.Pass},
		Bake: &record.Bake{CreatedAt: bakedAt, LockDigest: "sha256:" + run}}}}
	for i, c := range cells {
		in.Pointers = append(in.Pointers, publish.Pointer{Cell: c, Channel: channel, Image: ids[i], Of: ids[0]})
	}
	return in
}

// drive plans and runs to the end, as the engine does, without a journal.
func drive(ctx context.Context, s *publish.Stage, in publish.Input) (record.Publish, error) {
	p, err := s.Plan(ctx, in)
	if err != nil {
		return record.Publish{}, err
	}
	var state json.RawMessage
	for range 5000 {
		out, next, err := s.Unit(p).Advance(ctx, state)
		if err != nil {
			return record.Publish{}, err
		}
		if state = out; next.Done {
			return publish.Result(state)
		}
		if next.After > 0 {
			if err := s.Clock.Sleep(ctx, s.Clock.Now().Add(next.After)); err != nil {
				return record.Publish{}, err
			}
		}
	}
	return record.Publish{}, fmt.Errorf("publishing does not end: %s", state)
}

// open is a rig with the three images and the base published.
func open(t testing.TB, seed int64) *Rig {
	t.Helper()
	r := Open(t, seed)
	for i, c := range cells {
		for _, ids := range [][]string{base, older, newer} {
			r.AddImage(c, ids[i])
		}
	}
	s := &publish.Stage{Cells: r.Ports, Clock: r.Clock(), Events: event.Discard}
	if _, err := drive(t.Context(), s, input("run-a", base, Start)); err != nil {
		t.Fatal(err)
	}
	return r
}

// moment is a time during which a pointer held the older image after the newer.
type moment struct {
	region string
	from   time.Time
	long   time.Duration
}

// watch follows what the pointers hold: the moments of the older image after the newer
// one, and every breach of what must always hold.
type watch struct {
	builds  map[string]bool // region and image that have a validated builds entry
	newest  map[string]string
	since   map[string]time.Time
	moments []moment
	breach  []string
}

func follow(w *world.World) *watch {
	x := &watch{builds: map[string]bool{}, newest: map[string]string{}, since: map[string]time.Time{}}
	w.OnEvent(x.event)
	return x
}

func (x *watch) event(e world.Event) {
	if e.Kind != "parameter.changed" {
		return
	}
	name, value := fmt.Sprint(e.Data["name"]), fmt.Sprint(e.Data["value"])
	if strings.Contains(name, "/builds/") {
		x.builds[e.Region+value] = true
	}
	if name != channel {
		return
	}
	if !x.builds[e.Region+value] {
		x.breach = append(x.breach, fmt.Sprintf("%s holds %s, which has no builds entry", e.Region, value))
	}
	if value >= x.newest[e.Region] {
		if at, ok := x.since[e.Region]; ok {
			x.moments = append(x.moments, moment{e.Region, at, e.Time.Sub(at)})
			delete(x.since, e.Region)
		}
		x.newest[e.Region] = value
	} else if _, ok := x.since[e.Region]; !ok {
		x.since[e.Region] = e.Time
	}
}

// race has an older and a newer image published at the same time. One of the two is
// paused once before a call, in every other seed before it writes a pointer.
func race(t testing.TB, seed int64) (*watch, []string) {
	r := open(t, seed)
	seen := follow(r.Twin.World())
	for i, c := range cells { // what the base left
		seen.builds[c.Region+base[i]], seen.newest[c.Region] = true, base[i]
	}
	rng := rand.New(rand.NewPCG(uint64(seed), 7))
	ts := &turns{rng: rng, clock: r.Clock()}
	paused, what, nth := rng.IntN(2), "", 1+rng.IntN(60)
	if rng.IntN(2) == 0 {
		what, nth = channel+"=", 1+rng.IntN(len(cells))
	}
	long := []time.Duration{10 * time.Second, 90 * time.Second, 3 * time.Minute, 10 * time.Minute}[rng.IntN(4)]
	pause := func(call string) time.Duration {
		if strings.HasPrefix(call, "put") && strings.Contains(call, what) || what == "" {
			if nth--; nth == 0 {
				return long
			}
		}
		return 0
	}
	never := func(string) time.Duration { return 0 }
	results := make([]error, 2)
	for n, in := range []publish.Input{input("run-b", older, Start.Add(time.Hour)), input("run-c", newer, Start.Add(2*time.Hour))} {
		p := never
		if n == paused {
			p = pause
		}
		ts.run(in.Run, p, func(a *actor) {
			s := &publish.Stage{Cells: a.ports(r.Ports), Clock: a, Events: event.Discard}
			_, results[n] = drive(t.Context(), s, in)
		})
	}
	ts.all()
	if results[1] != nil {
		t.Errorf("seed %d: the newer image was not published: %v", seed, results[1])
	}
	if results[0] != nil && fault.KindOf(results[0]) != fault.Conflict {
		t.Errorf("seed %d: the older image's publisher failed: %v", seed, results[0])
	}
	for i, c := range cells {
		ports, _ := r.Ports(t.Context(), c)
		if p, err := ports.Parameters.Get(t.Context(), channel); err != nil || p.Value != newer[i] {
			t.Errorf("seed %d: at the end %s holds %s (%v)", seed, c, p.Value, err)
		}
	}
	for _, b := range seen.breach {
		t.Errorf("seed %d: %s", seed, b)
	}
	if t.Failed() {
		t.Logf("seed %d: run %d paused %s before %q\n%s", seed, paused, long, what, strings.Join(ts.trace, "\n"))
	}
	return seen, ts.trace
}

// Two publishers race under a seeded scheduler over every call boundary. When both have
// ended every cell holds the newer image, whichever was paused between its record and
// its call.
func TestWhenTwoPublishersRaceEveryCellEndsWithTheNewerImage(t *testing.T) {
	seeds := 1000
	if testing.Short() {
		seeds = 50
	}
	var all []time.Duration
	var with []int64
	for seed := range int64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			seen, _ := race(t, seed)
			for _, m := range seen.moments {
				all = append(all, m.long)
			}
			if len(seen.moments) > 0 {
				with = append(with, seed)
			}
			if len(seen.since) > 0 {
				t.Errorf("seed %d: the older image stands over the newer", seed)
			}
		})
		if t.Failed() {
			t.Fatalf("stopped at seed %d of %d", seed, seeds)
		}
	}
	slices.Sort(all)
	longest := time.Duration(0)
	if len(all) > 0 {
		longest = all[len(all)-1]
	}
	t.Logf("seeds 0 to %d: in %d of them a pointer held the older image after the newer, %d moments in all, the longest %s; seeds %v",
		seeds-1, len(with), len(all), longest, with)
}

func TestASeedTellsAll(t *testing.T) {
	for seed := range int64(5) {
		_, first := race(t, seed)
		_, again := race(t, seed)
		if !slices.Equal(first, again) {
			t.Errorf("seed %d: two runs differ", seed)
		}
	}
}

// A publisher works while an image is taken away in one of the cells, at any time.
// Every pointer only ever holds what was validated, and in the end all of them hold the
// new image or all the old one.
func TestAPointerOnlyEverHoldsAnImageThatWasValidated(t *testing.T) {
	seeds, moved := 200, 0
	if testing.Short() {
		seeds = 30
	}
	for seed := range int64(seeds) {
		r := open(t, seed)
		seen := follow(r.Twin.World())
		for i, c := range cells {
			seen.builds[c.Region+base[i]], seen.newest[c.Region] = true, base[i]
		}
		rng := rand.New(rand.NewPCG(uint64(seed), 11))
		ts := &turns{rng: rng, clock: r.Clock()}
		never := func(string) time.Duration { return 0 }
		var err error
		ts.run("run-c", never, func(a *actor) {
			s := &publish.Stage{Cells: a.ports(r.Ports), Clock: a, Events: event.Discard}
			_, err = drive(t.Context(), s, input("run-c", newer, Start.Add(time.Hour)))
		})
		victim, after := rng.IntN(2), time.Duration(rng.IntN(20000))*time.Millisecond
		ts.run("thief", never, func(a *actor) {
			if err := a.Sleep(t.Context(), a.Now().Add(after)); err != nil {
				t.Error(err)
			}
			r.RemoveImage(cells[victim], newer[victim])
		})
		ts.all()
		r.Clock().Step(time.Minute)
		want := base
		if err == nil {
			want, moved = newer, moved+1
		}
		for i, c := range cells {
			ports, _ := r.Ports(t.Context(), c)
			if p, err2 := ports.Parameters.Get(t.Context(), channel); err2 != nil || p.Value != want[i] {
				t.Errorf("seed %d: taken from %s after %s: %s holds %s, want %s (%v, %v)", seed, cells[victim], after, c, p.Value, want[i], err, err2)
			}
		}
		for _, b := range seen.breach {
			t.Errorf("seed %d: %s", seed, b)
		}
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, strings.Join(ts.trace, "\n"))
		}
	}
	t.Logf("of %d seeds %d published, the others left every pointer as it was", seeds, moved)
	if moved == 0 || moved == seeds {
		t.Error("the image was always taken too early, or too late")
	}
}
