package publish_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/publish"
)

const channel = "/golden/demo/latest"

func pass(image string) *record.Verdict {
	return &record.Verdict{Image: image, Outcome: record.Pass, LockDigest: "sha256:aa"}
}

func input(image string) publish.Input {
	return publish.Input{Run: "run-1", Channel: channel, Image: image, Verdict: pass(image),
		Bake: &record.Bake{Image: image, LockDigest: "sha256:aa", CreatedAt: t0}}
}

func held(value string, e publish.Envelope) *store {
	s := newStore()
	s.add(channel, value, e.String())
	return s
}

func TestPlanRefuses(t *testing.T) {
	newer := publish.Envelope{Run: "run-0", BakedAt: t0.Add(time.Minute)}
	for _, c := range []struct {
		name string
		in   func(*publish.Input)
		on   *store
		kind fault.Kind
		says string
	}{
		{"a failing verdict", func(in *publish.Input) {
			in.Verdict.Outcome = record.Fail
			in.Verdict.Reasons = []string{"lock: 1 absent"}
		},
			newStore(), fault.GateSaysNo, "lock: 1 absent"},
		{"an unknown verdict", func(in *publish.Input) { in.Verdict.Outcome = record.Unknown }, newStore(), fault.GateSaysNo, "unknown"},
		{"a verdict about another image", func(in *publish.Input) { in.Verdict.Image = "ami-old" }, newStore(), fault.GateSaysNo, "ami-old"},
		{"a verdict by another lock", func(in *publish.Input) { in.Verdict.LockDigest = "sha256:bb" }, newStore(), fault.GateSaysNo, "sha256:bb"},
		{"no verdict", func(in *publish.Input) { in.Verdict = nil }, newStore(), fault.GateSaysNo, "no verdict"},
		{"a failing verdict even where the image is held", func(in *publish.Input) { in.Verdict.Outcome = record.Fail },
			held("ami-new", publish.Envelope{Run: "run-0"}), fault.GateSaysNo, "fail"},
		{"an image that is not available", func(in *publish.Input) { in.Image, in.Verdict.Image = "ami-wait", "ami-wait" }, newStore(), fault.Conflict, "pending"},
		{"an image that does not exist", func(in *publish.Input) { in.Image, in.Verdict.Image = "ami-gone", "ami-gone" }, newStore(), fault.NotFound, "ami-gone"},
		{"to cover a newer build", func(*publish.Input) {}, held("ami-old", newer), fault.Conflict, "newer"},
		{"to cover a foreign value that EC2 says is newer", func(*publish.Input) {}, held("ami-late", publish.Envelope{}), fault.Conflict, "newer"},
		{"a channel that is no full name", func(in *publish.Input) { in.Channel = "latest" }, newStore(), fault.Usage, "latest"},
		{"a channel under builds", func(in *publish.Input) { in.Channel = "/golden/builds/x" }, newStore(), fault.Usage, "builds"},
		{"no image", func(in *publish.Input) { in.Image = "" }, newStore(), fault.Usage, "no image"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := input("ami-new")
			c.in(&in)
			_, err := newStage(c.on).Plan(t.Context(), in)
			if fault.KindOf(err) != c.kind || err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v (kind %v), want kind %v and %q", err, fault.KindOf(err), c.kind, c.says)
			}
			if len(c.on.writes) > 0 {
				t.Errorf("a plan wrote %v", c.on.writes)
			}
		})
	}
}

func TestPlanHashCoversPreconditions(t *testing.T) {
	hash := func(s *store, in publish.Input) string {
		p, err := newStage(s).Plan(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		return p.Hash
	}
	base := hash(held("ami-old", publish.Envelope{}), input("ami-new"))
	if again := hash(held("ami-old", publish.Envelope{}), input("ami-new")); again != base {
		t.Errorf("the same plan hashes to %s and %s", base, again)
	}
	moved := held("ami-old", publish.Envelope{})
	moved.add(channel, "ami-old", "")
	other := input("ami-new")
	other.Build = "other"
	for what, h := range map[string]string{"channel version": hash(moved, input("ami-new")), "build": hash(held("ami-old", publish.Envelope{}), other)} {
		if h == base {
			t.Errorf("the hash does not cover the %s", what)
		}
	}
}

func TestAnOlderBuildGoesOverOnRequestOnly(t *testing.T) {
	s := held("ami-late", publish.Envelope{})
	in := input("ami-new")
	in.AllowOlder = true
	p, err := newStage(s).Plan(t.Context(), in)
	if err != nil || !p.Moves[0].Older || p.Moves[0].Envelope.Generation != 1 {
		t.Fatalf("plan %+v, %v", p, err)
	}
}

func TestAForeignValueOfUnknownAgeIsCoveredWithAWarning(t *testing.T) {
	p, err := newStage(held("ami-vanished", publish.Envelope{})).Plan(t.Context(), input("ami-new"))
	if err != nil || len(p.Warnings) != 1 {
		t.Fatalf("plan %+v, %v", p, err)
	}
}

func run(t *testing.T, s *store, in publish.Input) (record.Publish, error) {
	t.Helper()
	stage := newStage(s)
	p, err := stage.Plan(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	raw, _, err := drive(t, stage, p, 0)
	if err != nil {
		return record.Publish{}, err
	}
	return publish.Result(raw)
}

func TestPublishMovesThePointerAfterTheBuildsEntry(t *testing.T) {
	s := held("ami-old", publish.Envelope{Run: "run-0", BakedAt: t0.Add(-time.Hour)})
	got, err := run(t, s, input("ami-new"))
	if err != nil {
		t.Fatal(err)
	}
	want := record.Publish{Channel: channel, Build: "/golden/demo/builds/run-1", Image: "ami-new",
		From: "ami-old", Version: 2, Previous: 1, MovedAt: got.MovedAt, Pointers: []record.Pointer{{Channel: channel,
			Build: "/golden/demo/builds/run-1", Image: "ami-new", From: "ami-old", Version: 2, Previous: 1, Outcome: publish.Moved, MovedAt: got.MovedAt}}}
	if got.MovedAt.Before(t0.Add(time.Hour)) {
		t.Errorf("moved at %s", got.MovedAt)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"/golden/demo/builds/run-1=ami-new", channel + "=ami-new"}, s.writes); d != "" {
		t.Error(d)
	}
	if c, p := s.labelled(channel, "current"), s.labelled(channel, "previous"); c != 2 || p != 1 {
		t.Errorf("current is %d, previous is %d", c, p)
	}
	if e, ok := publish.ParseEnvelope(s.newest(channel).Description); !ok || e.Run != "run-1" || e.Lock != "sha256:aa" || !e.BakedAt.Equal(t0) {
		t.Errorf("envelope %+v", e)
	}
}

func TestTheFirstVersionOfAChannelHasNoPrevious(t *testing.T) {
	s := newStore()
	got, err := run(t, s, input("ami-new"))
	if err != nil || got.Version != 1 || got.Previous != 0 || got.From != "" {
		t.Fatalf("%+v, %v", got, err)
	}
	if c, p := s.labelled(channel, "current"), s.labelled(channel, "previous"); c != 1 || p != 0 {
		t.Errorf("current is %d, previous is %d", c, p)
	}
}

func TestAChannelThatHoldsTheImageIsLeftAlone(t *testing.T) {
	s := held("ami-new", publish.Envelope{Run: "run-0"})
	s.add("/golden/demo/builds/run-0", "ami-new", "")
	in := input("ami-new")
	in.Verdict = nil // the bake was skipped, so nothing was judged
	got, err := run(t, s, in)
	if err != nil || !got.Skipped || got.Version != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if len(s.writes) > 0 {
		t.Errorf("wrote %v", s.writes)
	}
}

func TestAskedForAgainAPublicationMendsWhatStandsAroundThePointer(t *testing.T) {
	for name, spoil := range map[string]func(*cells){
		"the envelope": func(w *cells) { w.stores[1].add(publish.EnvelopeName(channel), "{}", "") },
		"a label":      func(w *cells) { _ = w.stores[1].Label(t.Context(), channel, 1, "current") },
		"both, and all": func(w *cells) {
			w.stores[1].versions[channel][2].Labels = nil
			delete(w.stores[0].versions, publish.EnvelopeName(channel))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := three(t, 2)
			spoil(w)
			got, err := w.publish(t, w.input("run-again", "new", t0), nil)
			if err != nil || !got.Skipped || len(w.log) > 0 {
				t.Fatalf("%+v, %v, wrote %v", got, err, w.log)
			}
			w.correct(t)
			if v := w.stores[0].newest("/golden/demo/lease").Value; !strings.Contains(v, `"owner":""`) {
				t.Errorf("the lease was kept: %s", v)
			}
			before := len(w.stores[0].versions["/golden/demo/lease"])
			if _, err := w.publish(t, w.input("run-more", "new", t0), nil); err != nil || len(w.stores[0].versions["/golden/demo/lease"]) != before {
				t.Errorf("where nothing is to be mended the lease was taken: %v", err)
			}
		})
	}
}

func TestAnImageThatIsHeldAndHasGoneIsNotNothingToDo(t *testing.T) {
	for name, c := range map[string]struct {
		image publish.Image
		kind  fault.Kind
	}{
		"disabled": {publish.Image{ID: "ami-new-1", State: "disabled"}, fault.Conflict},
		"revoked":  {publish.Image{ID: "ami-new-1", State: "available", Tags: map[string]string{publish.TagRevoked: "x"}}, fault.GateSaysNo},
	} {
		w := three(t, 2)
		w.images[1]["ami-new-1"] = c.image
		if _, err := w.publish(t, w.input("run-again", "new", t0), nil); fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAValueThatAWSRejectsLeavesThePointer(t *testing.T) {
	s := held("ami-old", publish.Envelope{})
	s.invalid["ami-new"] = true
	_, err := run(t, s, input("ami-new"))
	if fault.KindOf(err) != fault.Failed || !strings.Contains(err.Error(), "never validated") {
		t.Errorf("got %v", err)
	}
	if v := s.newest(channel); v.Value != "ami-old" {
		t.Errorf("the pointer was moved to %s", v.Value)
	}
}

func TestABuildsEntryIsNeverRewritten(t *testing.T) {
	s := newStore()
	s.add("/golden/demo/builds/run-1", "ami-old", "")
	_, err := run(t, s, input("ami-new"))
	if fault.KindOf(err) != fault.Conflict || len(s.writes) > 0 {
		t.Errorf("got %v, wrote %v", err, s.writes)
	}
}

func TestAPointerThatMovedSinceThePlanIsAConflict(t *testing.T) {
	s := held("ami-old", publish.Envelope{})
	stage := newStage(s)
	p, err := stage.Plan(t.Context(), input("ami-new"))
	if err != nil {
		t.Fatal(err)
	}
	s.add(channel, "ami-late", "")
	raw, _, err := drive(t, stage, p, 0)
	if err == nil {
		_, err = publish.Result(raw)
	}
	if fault.KindOf(err) != fault.Conflict || len(s.writes) > 0 {
		t.Errorf("got %v, wrote %v", err, s.writes)
	}
}

func TestAWriterInBetween(t *testing.T) {
	for _, c := range []struct {
		name, foreign string
		want          string // what the channel holds at the end
		kind          fault.Kind
	}{
		{"with a newer build wins", "ami-late", "ami-late", fault.Conflict},
		{"with an older build loses", "ami-old", "ami-new", -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := held("ami-old", publish.Envelope{})
			s.between = func() { s.add(channel, c.foreign, "") }
			got, err := run(t, s, input("ami-new"))
			if c.kind >= 0 && fault.KindOf(err) != c.kind || c.kind < 0 && err != nil {
				t.Errorf("got %v", err)
			}
			if v := s.newest(channel); v.Value != c.want {
				t.Errorf("the channel holds %s, want %s", v.Value, c.want)
			}
			if c.kind < 0 && got.Previous != 2 {
				t.Errorf("previous is %d, want the foreign version 2", got.Previous)
			}
		})
	}
}

var (
	// anyTime takes any time for any other: a failure takes some.
	anyTime = cmp.Comparer(func(a, b time.Time) bool { return a.IsZero() == b.IsZero() })
	// noLeases leaves out who had the lease when.
	noLeases = cmp.FilterPath(func(p cmp.Path) bool {
		i, ok := p.Last().(cmp.MapIndex)
		return ok && strings.HasSuffix(i.Key().String(), "/lease")
	}, cmp.Ignore())
)

// Every call fails once, before or after its effect; the unit then goes on from its
// last saved state, and everything ends as if nothing had failed.
func TestPublishSurvivesAFailureAtEveryCall(t *testing.T) {
	want := held("ami-old", publish.Envelope{})
	wantResult, err := run(t, want, input("ami-new"))
	if err != nil {
		t.Fatal(err)
	}
	points := 0
	for _, after := range []bool{false, true} {
		for at := 0; ; at++ {
			s := held("ami-old", publish.Envelope{})
			stage := newStage(s)
			p, err := stage.Plan(t.Context(), input("ami-new"))
			if err != nil {
				t.Fatal(err)
			}
			calls, hit := 0, false
			s.hook = func(_ string, a bool) error {
				if a != after {
					return nil
				}
				if calls++; calls == at+1 {
					hit = true
					return errInjected
				}
				return nil
			}
			raw, _, err := drive(t, stage, p, 1)
			if err != nil {
				t.Fatalf("call %d (after=%t): %v", at, after, err)
			}
			if !hit {
				break
			}
			points++
			got, err := publish.Result(raw)
			if err != nil {
				t.Fatalf("call %d (after=%t): %v", at, after, err)
			}
			if d := cmp.Diff(wantResult, got, anyTime); d != "" {
				t.Errorf("call %d (after=%t): %s", at, after, d)
			}
			if d := cmp.Diff(want.versions, s.versions, noLeases); d != "" {
				t.Errorf("call %d (after=%t): %s", at, after, d)
			}
		}
	}
	if points < 16 {
		t.Errorf("only %d failures were tried", points)
	}
	t.Logf("%d failures", points)
}

func TestAPlanMadeAgainAfterACrashGoesOn(t *testing.T) {
	s := held("ami-old", publish.Envelope{})
	stage := newStage(s)
	p, _ := stage.Plan(t.Context(), input("ami-new"))
	if _, _, err := drive(t, stage, p, 0); err != nil {
		t.Fatal(err)
	}
	again, err := stage.Plan(t.Context(), input("ami-new"))
	if err != nil || again.Hash != p.Hash {
		t.Fatalf("plan %+v, %v", again, err)
	}
	if _, _, err := drive(t, stage, again, 0); err != nil || len(s.writes) != 2 {
		t.Errorf("wrote %v, %v", s.writes, err)
	}
}

func FuzzParseEnvelope(f *testing.F) {
	for _, s := range []string{"", "rehydrate/1 run=a", "rehydrate/1 run=a lock=sha256:b baked=2026-03-10T12:00:00Z x=y", "rehydrate/1 baked=x run=", "by hand",
		"rehydrate/1 run=a build=b verdict=sha256:c gen=3 fence=12 back=d", "rehydrate/1 run=a gen=x", "rehydrate/1 run=a fence=99999999999999999999", "rehydrate/1 run=a gen=-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, ok := publish.ParseEnvelope(s)
		if !ok {
			return
		}
		again, ok := publish.ParseEnvelope(e.String())
		if !ok || !again.BakedAt.Equal(e.BakedAt) {
			t.Errorf("%q reads as %+v, and that back as %+v", s, e, again)
		}
		again.BakedAt = e.BakedAt
		if again != e {
			t.Errorf("%q reads as %+v, and that back as %+v", s, e, again)
		}
	})
}
