package publish_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/publish"
)

var threeCells = []publish.Cell{{Account: "111111111111", Region: "eu-west-1"}, {Account: "111111111111", Region: "us-east-1"}, {Account: "222222222222", Region: "eu-west-1"}}

// cells are several accounts and Regions with their own image ids: old-1, new-1, ... in
// the first, old-2, new-2, ... in the second.
type cells struct {
	stores []*store
	images []images
	clock  *clock
	log    []string // every write, in order, with its cell
}

func newCells(n int) *cells {
	w := &cells{clock: &clock{t0.Add(time.Hour)}}
	for i := range n {
		s := newStore()
		w.stores = append(w.stores, s)
		known := images{}
		for name, at := range map[string]time.Time{"old": t0.Add(-24 * time.Hour), "new": t0, "late": t0.Add(24 * time.Hour), "hand": t0.Add(-time.Hour)} {
			id := fmt.Sprintf("ami-%s-%d", name, i)
			known[id] = publish.Image{ID: id, State: "available", CreatedAt: at}
		}
		w.images = append(w.images, known)
	}
	return w
}

func (w *cells) open(_ context.Context, c publish.Cell) (publish.Ports, error) {
	i := slices.Index(threeCells, c)
	return publish.Ports{Parameters: logged{w.stores[i], w, i}, Images: w.images[i]}, nil
}

type logged struct {
	*store
	w *cells
	i int
}

func (l logged) Put(ctx context.Context, in publish.NewVersion) (int64, error) {
	v, err := l.store.Put(ctx, in)
	if err == nil && in.DataType == publish.DataTypeImage {
		l.w.log = append(l.w.log, fmt.Sprintf("%d %s=%s", l.i, strings.TrimPrefix(in.Name, "/golden/demo/"), in.Value))
	}
	return v, err
}

func (w *cells) stage() *publish.Stage {
	return &publish.Stage{Cells: w.open, Clock: w.clock, Events: event.Discard}
}

func (w *cells) input(run, image string, bakedAt time.Time) publish.Input {
	of := fmt.Sprintf("ami-%s-0", image)
	in := publish.Input{Run: run, Judged: []publish.Judged{{Image: of, Verdict: pass(of), Bake: &record.Bake{LockDigest: "sha256:aa", CreatedAt: bakedAt}}}}
	for i := range w.stores {
		in.Pointers = append(in.Pointers, publish.Pointer{Cell: threeCells[i], Channel: channel, Image: fmt.Sprintf("ami-%s-%d", image, i), Of: of})
	}
	return in
}

// publish plans and drives to the end; between runs after the plan.
func (w *cells) publish(t *testing.T, in publish.Input, between func()) (record.Publish, error) {
	t.Helper()
	s := w.stage()
	p, err := s.Plan(t.Context(), in)
	if err != nil {
		return record.Publish{}, err
	}
	if between != nil {
		between()
	}
	raw, _, err := drive(t, s, p, 0)
	if err != nil {
		return record.Publish{}, err
	}
	return publish.Result(raw)
}

// base publishes the old image everywhere.
func (w *cells) base(t *testing.T) *cells {
	t.Helper()
	if _, err := w.publish(t, w.input("run-0", "old", t0.Add(-24*time.Hour)), nil); err != nil {
		t.Fatal(err)
	}
	w.log = nil
	return w
}

func (w *cells) held() []string {
	var out []string
	for _, s := range w.stores {
		out = append(out, s.newest(channel).Value)
	}
	return out
}

func outcomes(p record.Publish) []string {
	var out []string
	for _, x := range p.Pointers {
		out = append(out, x.Outcome)
	}
	return out
}

// correct fails the test unless verify finds every pointer correct.
func (w *cells) correct(t *testing.T) {
	t.Helper()
	var all []publish.Expected
	for i := range w.stores {
		all = append(all, publish.Expected{Place: publish.Place{Cell: threeCells[i], Channel: channel}})
	}
	got, err := w.stage().Verify(t.Context(), all)
	if err != nil || publish.Verified(got) != nil {
		said, _ := json.Marshal(got) // to be read by people
		t.Errorf("verify: %s, %v", said, err)
	}
}

func TestEveryBuildsEntryIsWrittenBeforeAPointerMoves(t *testing.T) {
	w := newCells(3).base(t)
	got, err := w.publish(t, w.input("run-1", "new", t0), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"0 builds/run-1=ami-new-0", "1 builds/run-1=ami-new-1", "2 builds/run-1=ami-new-2",
		"0 latest=ami-new-0", "1 latest=ami-new-1", "2 latest=ami-new-2"}
	if d := cmp.Diff(want, w.log); d != "" {
		t.Error(d)
	}
	p := got.Pointers[2]
	if p.Account != "222222222222" || p.Image != "ami-new-2" || p.From != "ami-old-2" || p.Version != 2 || p.Previous != 1 || p.Outcome != publish.Moved {
		t.Errorf("%+v", p)
	}
	w.correct(t)
}

func TestAnImageThatOneCellRejectsMovesNoPointer(t *testing.T) {
	w := newCells(3).base(t)
	w.stores[2].invalid["ami-new-2"] = true
	got, err := w.publish(t, w.input("run-1", "new", t0), nil)
	if fault.KindOf(err) != fault.Failed || !strings.Contains(err.Error(), "no channel was moved") {
		t.Errorf("got %v", err)
	}
	if d := cmp.Diff([]string{"ami-old-0", "ami-old-1", "ami-old-2"}, w.held()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{publish.Untouched, publish.Untouched, publish.Refused}, outcomes(got)); d != "" {
		t.Error(d)
	}
	w.correct(t)
}

// The value passed when it was written to builds, and is rejected in the pointer.
func TestAPointerThatIsRejectedHasTheOthersPutBack(t *testing.T) {
	w := newCells(3).base(t)
	w.stores[1].hook = func(call string, after bool) error {
		if call == "Put" && !after && len(w.log) >= 4 {
			w.stores[1].invalid["ami-new-1"] = true
		}
		return nil
	}
	got, err := w.publish(t, w.input("run-1", "new", t0), nil)
	if fault.KindOf(err) != fault.Failed || !strings.Contains(err.Error(), "were put back") {
		t.Errorf("got %v", err)
	}
	if d := cmp.Diff([]string{publish.PutBack, publish.Refused, publish.PutBack}, outcomes(got)); d != "" {
		t.Error(d)
	}
	for i, s := range w.stores {
		shown := s.shown(channel)
		p := shown[len(shown)-1]
		if p.Value != fmt.Sprintf("ami-old-%d", i) || i != 1 && s.labelled(channel, "current") != p.Version {
			t.Errorf("cell %d holds %s in version %d; current is %d", i, p.Value, p.Version, s.labelled(channel, "current"))
		}
	}
	// What was taken back does not count as the newer one.
	delete(w.stores[1].invalid, "ami-new-1")
	w.stores[1].versions[channel] = w.stores[1].versions[channel][:1]
	if _, err := w.publish(t, w.input("run-2", "hand", t0.Add(-time.Hour)), nil); err != nil {
		t.Errorf("an image between the two: %v", err)
	}
	w.correct(t)
}

func TestAPointerThatCannotBeReachedHasTheOthersPutBack(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
	}{
		{"throttled", fault.New(fault.Throttled, "", "slow down")},
		{"denied", fault.New(fault.Denied, "", "not allowed")},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newCells(3).base(t)
			w.stores[2].hook = func(call string, after bool) error {
				if call == "Put" && !after && len(w.log) >= 5 { // both others have moved
					return c.err
				}
				return nil
			}
			got, err := w.publish(t, w.input("run-1", "new", t0), nil)
			if fault.KindOf(err) != fault.Failed {
				t.Errorf("got %v", err)
			}
			if d := cmp.Diff([]string{publish.PutBack, publish.PutBack, publish.Refused}, outcomes(got)); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff([]string{"ami-old-0", "ami-old-1", "ami-old-2"}, w.held()); d != "" {
				t.Error(d)
			}
			w.stores[2].hook = nil
			w.correct(t)
			if _, err := w.publish(t, w.input("run-2", "new", t0), nil); err != nil {
				t.Errorf("again: %v", err)
			}
			w.correct(t)
		})
	}
}

func TestAShortTroubleIsWaitedOut(t *testing.T) {
	w := newCells(3).base(t)
	fails := 3
	w.stores[2].hook = func(call string, after bool) error {
		if call == "Put" && after && len(w.log) >= 5 && fails > 0 {
			fails--
			return fault.New(fault.Throttled, "", "slow down")
		}
		return nil
	}
	if _, err := w.publish(t, w.input("run-1", "new", t0), nil); err != nil {
		t.Fatal(err)
	}
	if n := len(w.stores[2].versions[channel]); n != 2 {
		t.Errorf("the pointer was written %d times", n-1)
	}
	w.correct(t)
}

func TestAFirstPublicationThatFailsIsLeftAndSaid(t *testing.T) {
	w := newCells(2)
	w.stores[1].hook = func(call string, after bool) error {
		if call == "Put" && !after && len(w.log) >= 3 {
			return fault.New(fault.Denied, "", "not allowed")
		}
		return nil
	}
	got, err := w.publish(t, w.input("run-1", "new", t0), nil)
	if fault.KindOf(err) != fault.Partial || !strings.Contains(err.Error(), "nothing before") {
		t.Errorf("got %v", err)
	}
	if d := cmp.Diff([]string{publish.Left, publish.Refused}, outcomes(got)); d != "" {
		t.Error(d)
	}
}

func TestAHandInOneCellHasTheOthersPutBack(t *testing.T) {
	w := newCells(3).base(t)
	w.stores[1].hook = func(call string, after bool) error {
		if call == "History" && !after && len(w.log) == 4 && w.stores[1].newest(channel).Value == "ami-old-1" {
			w.stores[1].add(channel, "ami-hand-1", "")
		}
		return nil
	}
	got, err := w.publish(t, w.input("run-1", "new", t0), nil)
	if fault.KindOf(err) != fault.Failed {
		t.Errorf("got %v", err)
	}
	if d := cmp.Diff([]string{"ami-old-0", "ami-hand-1", "ami-old-2"}, w.held()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{publish.PutBack, publish.Refused, publish.Untouched}, outcomes(got)); d != "" {
		t.Error(d)
	}
}

func TestWhereSomethingNewerStandsTheRestIsFinished(t *testing.T) {
	w := newCells(3).base(t)
	late := publish.Envelope{Run: "run-9", BakedAt: t0.Add(time.Hour)}
	w.stores[1].hook = func(call string, after bool) error {
		if call == "History" && !after && len(w.log) == 4 && w.stores[1].newest(channel).Value == "ami-old-1" {
			w.stores[1].add(channel, "ami-late-1", late.String())
		}
		return nil
	}
	got, err := w.publish(t, w.input("run-1", "new", t0), nil)
	if fault.KindOf(err) != fault.Conflict {
		t.Errorf("got %v", err)
	}
	if d := cmp.Diff([]string{"ami-new-0", "ami-late-1", "ami-new-2"}, w.held()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{publish.Moved, publish.Superseded, publish.Moved}, outcomes(got)); d != "" {
		t.Error(d)
	}
}

func TestAllArchitecturesOfALineOrNone(t *testing.T) {
	w := newCells(2).base(t)
	in := w.input("run-1", "new", t0)
	for i := range in.Pointers {
		in.Pointers[i].Arch = "x86_64"
	}
	in.Pointers = append(in.Pointers, publish.Pointer{Cell: threeCells[0], Arch: "arm64", Channel: "/golden/demo/arm64/latest", Image: "ami-late-0"})
	in.Judged = append(in.Judged, publish.Judged{Image: "ami-late-0", Verdict: pass("ami-late-0")})
	if _, err := w.stage().Plan(t.Context(), in); fault.KindOf(err) != fault.Usage {
		t.Errorf("a cell without arm64: %v", err)
	}
	in.Pointers = append(in.Pointers, publish.Pointer{Cell: threeCells[1], Arch: "arm64", Channel: "/golden/demo/arm64/latest", Image: "ami-late-1", Of: "ami-late-0"})
	if _, err := w.publish(t, in, nil); err != nil {
		t.Error(err)
	}
	if v := w.stores[1].newest("/golden/demo/arm64/builds/run-1").Value; v != "ami-late-1" {
		t.Errorf("the entry of arm64 holds %s", v)
	}
	in.Judged[1].Verdict.Outcome = record.Fail
	in.Run = "run-2"
	if _, err := w.stage().Plan(t.Context(), in); fault.KindOf(err) != fault.GateSaysNo {
		t.Errorf("arm64 failed: %v", err)
	}
	in.Pointers = append(in.Pointers, in.Pointers[0])
	if _, err := w.stage().Plan(t.Context(), in); fault.KindOf(err) != fault.Usage {
		t.Errorf("a pointer named twice: %v", err)
	}
}
