package publish_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish"
)

func (w *cells) verify(t *testing.T, image ...string) []publish.Finding {
	t.Helper()
	var all []publish.Expected
	for i, at := range w.places(channel) {
		x := publish.Expected{Place: at}
		if len(image) > i {
			x.Image = image[i]
		}
		all = append(all, x)
	}
	got, err := w.stage().Verify(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestVerifyFindsWhatIsNotAsItShouldBe(t *testing.T) {
	envelope := publish.EnvelopeName(channel)
	for _, c := range []struct {
		name  string
		do    func(*cells)
		state string
		why   string
	}{
		{"nothing is wrong", func(*cells) {}, publish.Correct, ""},
		{"the channel is gone", func(w *cells) { delete(w.stores[1].versions, channel) }, publish.Missing, ""},
		{"the cell cannot be read", func(w *cells) {
			w.stores[1].hook = func(string, bool) error { return fault.New(fault.Denied, "", "not allowed") }
		}, publish.Unreachable, "not allowed"},
		{"it was not moved", func(w *cells) { w.stores[1].versions[channel] = w.stores[1].versions[channel][:2] }, publish.Incorrect, "it holds ami-hand-1, not ami-new-1"},
		{"an older image lies over the newer", func(w *cells) {
			w.stores[1].add(channel, "ami-old-1", publish.Envelope{Run: "z", BakedAt: t0.Add(-time.Minute)}.String())
		}, publish.Incorrect, "holds the older image over ami-new-1 of version 3"},
		{"somebody wrote by hand", func(w *cells) { w.stores[1].add(channel, "ami-late-1", "") }, publish.Incorrect, "was not written by this program"},
		{"the image is gone", func(w *cells) { delete(w.images[1], "ami-new-1") }, publish.Incorrect, "image ami-new-1 is not there"},
		{"the image is disabled", func(w *cells) {
			w.images[1]["ami-new-1"] = publish.Image{ID: "ami-new-1", State: "disabled"}
		}, publish.Incorrect, "image ami-new-1 is disabled"},
		{"the image is revoked", func(w *cells) {
			w.images[1]["ami-new-1"] = publish.Image{ID: "ami-new-1", State: "available", Tags: map[string]string{publish.TagRevoked: "x"}}
		}, publish.Incorrect, "was revoked"},
		{"the builds entry is gone", func(w *cells) { delete(w.stores[1].versions, "/golden/demo/builds/run-new") }, publish.Incorrect, "builds/run-new does not exist"},
		{"the envelope is gone", func(w *cells) { delete(w.stores[1].versions, envelope) }, publish.Incorrect, "envelope does not exist"},
		{"the envelope is another's", func(w *cells) {
			w.stores[1].versions[envelope] = w.stores[1].versions[envelope][:1]
		}, publish.Incorrect, "envelope is of another version"},
		{"the label stands elsewhere", func(w *cells) { _ = w.stores[1].Label(context.Background(), channel, 1, "current") }, publish.Incorrect, "label current is on version 1"},
		{"the label of the rollback stands elsewhere", func(w *cells) { _ = w.stores[1].Label(context.Background(), channel, 1, "previous") }, publish.Incorrect, "a rollback goes to 2"},
		{"AWS does not check the values", func(w *cells) {
			v := w.stores[1].versions[channel]
			v[len(v)-1].DataType = "text"
		}, publish.Incorrect, "its data type is text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := three(t, 2)
			c.do(w)
			got := w.verify(t)
			if got[0].State != publish.Correct || got[0].Actual != "ami-new-0" || got[0].Expected != "ami-new-0" {
				t.Errorf("the other cell: %s %v", got[0].State, got[0].Why)
			}
			f := got[1]
			if f.State != c.state || !strings.Contains(strings.Join(f.Why, "; "), c.why) {
				t.Errorf("%s, %v", f.State, f.Why)
			}
			if f.State != publish.Unreachable && f.Expected != "ami-new-1" && c.name != "the builds entry is gone" {
				t.Errorf("expected is %q", f.Expected)
			}
			want := fault.Partial
			if err := publish.Verified(got); (err == nil) != (c.state == publish.Correct) || err != nil && fault.KindOf(err) != want {
				t.Errorf("verified: %v", err)
			}
		})
	}
}

func TestVerifyAgainstARun(t *testing.T) {
	w := three(t, 2)
	got := w.verify(t, "ami-new-0", "ami-hand-1")
	if got[0].State != publish.Correct || got[1].State != publish.Incorrect || got[1].Expected != "ami-hand-1" {
		t.Errorf("%s, %s", got[0].State, got[1].State)
	}
	if err := publish.Verified(got[1:]); fault.KindOf(err) != fault.Failed {
		t.Errorf("none is correct: %v", err)
	}
}

func TestWhatToDoNextFollowsFromWhatVerifyFound(t *testing.T) {
	for name, x := range map[string]struct {
		states  []string
		kind    fault.Kind
		publish bool
		role    bool
	}{
		"one is wrong":               {[]string{publish.Correct, publish.Incorrect}, fault.Partial, true, false},
		"one is missing":             {[]string{publish.Correct, publish.Missing}, fault.Partial, true, false},
		"one cannot be asked":        {[]string{publish.Correct, publish.Unreachable}, fault.Partial, false, true},
		"one of each, and none well": {[]string{publish.Incorrect, publish.Unreachable}, fault.Failed, true, true},
	} {
		var all []publish.Finding
		for _, s := range x.states {
			all = append(all, publish.Finding{State: s})
		}
		err := publish.Verified(all)
		hint := fault.HintOf(err)
		if fault.KindOf(err) != x.kind || strings.Contains(hint, "publish or promote again") != x.publish || strings.Contains(hint, "rehydrate doctor") != x.role {
			t.Errorf("%s: %v, next: %s", name, err, hint)
		}
	}
}

// A run dies after it has moved one of three pointers. Verify shows it; going on with
// it ends it.
func TestACrashBetweenPointersShowsInVerify(t *testing.T) {
	w := newCells(3).base(t)
	s := w.stage()
	p, err := s.Plan(t.Context(), w.input("run-1", "new", t0))
	if err != nil {
		t.Fatal(err)
	}
	moved := 0
	s.Events = event.Func(func(e event.Event) {
		if strings.HasPrefix(e.Text, "moved") {
			moved++
		}
	})
	u := s.Unit(p)
	raw, next, err := u.Advance(t.Context(), nil)
	for ; err == nil && moved < 1; raw, next, err = u.Advance(t.Context(), raw) {
		_ = w.clock.Sleep(t.Context(), w.clock.Now().Add(next.After))
	}
	if err != nil {
		t.Fatal(err)
	}
	w.verify(t) // the stand-in shows a value at the second look
	var states []string
	for _, f := range w.verify(t) {
		states = append(states, f.State+" "+f.Expected+" "+f.Actual)
	}
	if got := strings.Join(states, ", "); got != "Incorrect ami-new-0 ami-new-0, Incorrect ami-new-1 ami-old-1, Incorrect ami-new-2 ami-old-2" {
		t.Error(got) // the first one's labels and envelope are outstanding
	}
	for ; err == nil && !next.Done; raw, next, err = u.Advance(t.Context(), raw) {
		_ = w.clock.Sleep(t.Context(), w.clock.Now().Add(next.After))
	}
	if _, err := publish.Result(raw); err != nil {
		t.Error(err)
	}
	w.correct(t)
}

func TestABuildsEntryThatSomebodyDeletedIsWrittenAgainByWhoPublishesTheSame(t *testing.T) {
	w := three(t, 2)
	const name = "/golden/demo/builds/run-new"
	delete(w.stores[1].versions, name)
	delete(w.stores[1].last, name)
	if got, err := w.publish(t, w.input("run-again", "new", t0), nil); err != nil || !got.Skipped {
		t.Fatalf("%+v, %v", got, err)
	}
	if now := w.stores[1].newest(name); now.Value != "ami-new-1" {
		t.Errorf("%+v", now)
	}
	w.verify(t) // the stand-in shows a value at the second look
	w.correct(t)
}

func TestAParameterOfAnotherTypeIsNoChannel(t *testing.T) {
	for _, typ := range []string{"StringList", "SecureString"} {
		w := newCells(2)
		w.stores[1].add(channel, "ami-old-1", "")
		w.stores[1].versions[channel][0].Type = typ
		_, err := w.publish(t, w.input("run-1", "new", t0), nil)
		if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "of type "+typ+", not String") || len(w.log) > 0 {
			t.Errorf("%v, wrote %v", err, w.log)
		}
		if f := w.verify(t)[1]; f.State != publish.Incorrect || !strings.Contains(strings.Join(f.Why, "; "), "of type "+typ) {
			t.Errorf("%+v", f)
		}
	}
}
