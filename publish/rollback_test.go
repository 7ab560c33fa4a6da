package publish_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/publish"
)

// three publishes hand, old and new... in the order of their age, to n cells.
func three(t *testing.T, n int) *cells {
	t.Helper()
	w := newCells(n)
	for i, image := range []string{"old", "hand", "new"} {
		at := []time.Duration{-24 * time.Hour, -time.Hour, 0}[i]
		if _, err := w.publish(t, w.input("run-"+image, image, t0.Add(at)), nil); err != nil {
			t.Fatal(err)
		}
	}
	w.log = nil
	return w
}

func (w *cells) places(channel string) []publish.Place {
	var out []publish.Place
	for i := range w.stores {
		out = append(out, publish.Place{Cell: threeCells[i], Channel: channel})
	}
	return out
}

func (w *cells) rollback(t *testing.T, run string, to int64) (record.Publish, *publish.Plan, error) {
	t.Helper()
	s := w.stage()
	p, err := s.PlanRollback(t.Context(), publish.Rollback{Run: run, Places: w.places(channel), To: to})
	if err != nil {
		return record.Publish{}, nil, err
	}
	raw, _, err := drive(t, s, p, 0)
	if err != nil {
		t.Fatal(err)
	}
	out, err := publish.Result(raw)
	return out, p, err
}

func TestARollbackGoesBackEverywhereAsANewGeneration(t *testing.T) {
	w := three(t, 3)
	got, _, err := w.rollback(t, "back-1", 0)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"ami-hand-0", "ami-hand-1", "ami-hand-2"}, w.held()); d != "" {
		t.Error(d)
	}
	for i, s := range w.stores {
		e, ok := publish.ParseEnvelope(s.newest(channel).Description)
		if !ok || e.Generation != 1 || e.BuildID() != "run-hand" || e.Run != "back-1" || e.Lock != "sha256:aa" || e.Verdict == "" {
			t.Errorf("cell %d: %+v", i, e)
		}
		if s.labelled(channel, "previous") != 1 { // not what was rolled back from
			t.Errorf("cell %d: previous is version %d", i, s.labelled(channel, "previous"))
		}
	}
	if got.Pointers[1].Build != "/golden/demo/builds/run-hand" || got.Pointers[1].From != "ami-new-1" || got.Pointers[1].Previous != 3 {
		t.Errorf("%+v", got.Pointers[1])
	}
	w.correct(t)
	// Again: one further back, not to and fro.
	if _, _, err := w.rollback(t, "back-2", 0); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"ami-old-0", "ami-old-1", "ami-old-2"}, w.held()); d != "" {
		t.Error(d)
	}
	w.correct(t)
	if _, _, err := w.rollback(t, "back-3", 0); fault.KindOf(err) != fault.NotFound {
		t.Errorf("with nothing before: %v", err)
	}
	// A build that comes later goes over it.
	if _, err := w.publish(t, w.input("run-late", "late", t0.Add(time.Hour)), nil); err != nil {
		t.Error(err)
	}
	w.correct(t)
}

// A publisher that planned before the rollback is of the generation before: the
// decision to go back stands.
func TestARollbackStandsAgainstAPublisherThatPlannedBefore(t *testing.T) {
	w := three(t, 2)
	_, err := w.publish(t, w.input("run-late", "late", t0.Add(time.Hour)), func() {
		if _, _, err := w.rollback(t, "back-1", 0); err != nil {
			t.Fatal(err)
		}
	})
	if fault.KindOf(err) != fault.Conflict {
		t.Errorf("got %v", err)
	}
	if d := cmp.Diff([]string{"ami-hand-0", "ami-hand-1"}, w.held()); d != "" {
		t.Error(d)
	}
}

func TestARollbackToAVersion(t *testing.T) {
	w := three(t, 2)
	w.stores[1].add(channel, "ami-new-1", w.stores[1].newest(channel).Description) // numbers differ between cells
	if _, _, err := w.rollback(t, "back-1", 1); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"ami-old-0", "ami-old-1"}, w.held()); d != "" {
		t.Error(d)
	}
	if _, _, err := w.rollback(t, "back-2", 77); fault.KindOf(err) != fault.NotFound {
		t.Errorf("no such version: %v", err)
	}
}

func TestARollbackNeverGoesToARevokedOrVanishedImage(t *testing.T) {
	for name, c := range map[string]func(*cells){
		"labelled as revoked": func(w *cells) { w.stores[0].versions[channel][1].Labels = []string{"revoked"} },
		"labelled with more":  func(w *cells) { w.stores[0].versions[channel][1].Labels = []string{"revoked-ami-hand-0"} },
		"tagged as revoked": func(w *cells) {
			i := w.images[0]["ami-hand-0"]
			i.Tags = map[string]string{publish.TagRevoked: "2026-01-01T00:00:00Z"}
			w.images[0]["ami-hand-0"] = i
		},
		"disabled": func(w *cells) {
			i := w.images[0]["ami-hand-0"]
			i.State = "disabled"
			w.images[0]["ami-hand-0"] = i
		},
		"gone": func(w *cells) { delete(w.images[0], "ami-hand-0") },
	} {
		t.Run(name, func(t *testing.T) {
			w := three(t, 1)
			c(w)
			if _, _, err := w.rollback(t, "back-1", 2); fault.KindOf(err) != fault.GateSaysNo {
				t.Errorf("asked for it: %v", err)
			}
			_, p, err := w.rollback(t, "back-2", 0)
			if err != nil || len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "version 2 is passed over") {
				t.Fatalf("%+v, %v", p, err)
			}
			if d := cmp.Diff([]string{"ami-old-0"}, w.held()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestARollbackIsRefusedWhereAPlaceCannotFollow(t *testing.T) {
	w := three(t, 2)
	delete(w.images[1], "ami-hand-1")
	if _, _, err := w.rollback(t, "back-1", 0); fault.KindOf(err) != fault.GateSaysNo || !strings.Contains(err.Error(), "us-east-1") {
		t.Errorf("gone in one place: %v", err)
	}
	w = three(t, 2)
	w.stores[1].versions[channel] = w.stores[1].versions[channel][2:]
	if _, _, err := w.rollback(t, "back-1", 0); fault.KindOf(err) != fault.Conflict {
		t.Errorf("never there: %v", err)
	}
	if len(w.log) > 0 {
		t.Errorf("wrote %v", w.log)
	}
}

func TestHistoryShowsEveryVersionWithWhatIsKnown(t *testing.T) {
	w := three(t, 1)
	w.stores[0].add(channel, "ami-late-0", "")
	all, err := w.stage().History(t.Context(), w.places(channel)[0])
	if err != nil || len(all) != 4 {
		t.Fatalf("%d, %v", len(all), err)
	}
	if e := all[1]; e.Version != 2 || e.Image != "ami-hand-0" || e.Envelope == nil || e.Envelope.Run != "run-hand" || e.TakenBack || len(e.Labels) != 1 {
		t.Errorf("%+v", all[1].Envelope)
	}
	if e := all[3]; e.Envelope != nil || e.Image != "ami-late-0" {
		t.Errorf("%+v", e.Envelope)
	}
	if none, err := w.stage().History(t.Context(), publish.Place{Cell: threeCells[0], Channel: "/golden/none/latest"}); err != nil || len(none) > 0 {
		t.Errorf("%d, %v", len(none), err)
	}
}

func TestTheEnvelopeBesideAPointerSaysWhatStandsBehindIt(t *testing.T) {
	w := three(t, 1)
	var d publish.EnvelopeDocument
	if err := json.Unmarshal([]byte(w.stores[0].newest(publish.EnvelopeName(channel)).Value), &d); err != nil {
		t.Fatal(err)
	}
	want := publish.VerdictDigest(pass("ami-new-0"))
	if d.Schema != 1 || d.Channel != channel || d.Image != "ami-new-0" || d.Run != "run-new" || d.Lock != "sha256:aa" || d.Verdict != want || !d.BakedAt.Equal(t0) {
		t.Errorf("%+v", d)
	}
	// A version of this program that knows fewer fields reads the description all the same.
	text := w.stores[0].newest(channel).Description
	if !strings.HasPrefix(text, "rehydrate/1 run=run-new lock=sha256:aa verdict=sha256:") || len(text) > 1024 {
		t.Error(text)
	}
}

// cut plans a rollback and ends it before the nth write of an image, or of a label.
func (w *cells) cut(t *testing.T, run, call string, n int) {
	t.Helper()
	s := w.stage()
	p, err := s.PlanRollback(t.Context(), publish.Rollback{Run: run, Places: w.places(channel)})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, st := range w.stores {
		st.hook = func(at string, after bool) error {
			if at == call && !after {
				if seen++; seen >= n {
					return errInjected
				}
			}
			return nil
		}
	}
	if _, _, err := drive(t, s, p, 0); !errors.Is(err, errInjected) {
		t.Fatalf("it was not cut: %v", err)
	}
	for _, st := range w.stores {
		st.hook = nil
	}
	w.clock.now = w.clock.now.Add(time.Hour) // its lease runs out
	w.log = nil
}

func TestARollbackThatWasCutOffIsFinishedAndDoesNotGoFurther(t *testing.T) {
	// The writes of three cells: the lease, then a pointer each; then labels.
	for name, c := range map[string]struct {
		call string
		n    int
	}{"after one pointer": {"Put", 3}, "after two pointers": {"Put", 4}, "before the labels": {"Label", 1}, "among the labels": {"Label", 4}} {
		t.Run(name, func(t *testing.T) {
			w := three(t, 3)
			w.cut(t, "back-1", c.call, c.n)
			_, p, err := w.rollback(t, "back-2", 0)
			if err != nil || len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "the rollback of run back-1 to build run-hand did not end") {
				t.Fatalf("%+v, %v", p, err)
			}
			if d := cmp.Diff([]string{"ami-hand-0", "ami-hand-1", "ami-hand-2"}, w.held()); d != "" {
				t.Error(d)
			}
			w.correct(t)
			if _, p, err := w.rollback(t, "back-3", 0); err != nil || len(p.Warnings) > 0 {
				t.Fatalf("%+v, %v", p, err)
			}
			if d := cmp.Diff([]string{"ami-old-0", "ami-old-1", "ami-old-2"}, w.held()); d != "" {
				t.Error(d)
			}
			w.correct(t)
		})
	}
}

func TestARollbackThatWasCutOffIsNotFinishedToARevokedImage(t *testing.T) {
	w := three(t, 2)
	w.cut(t, "back-1", "Put", 3)
	for _, s := range w.stores {
		s.versions[channel][1].Labels = append(s.versions[channel][1].Labels, "revoked-2")
	}
	for i := range w.images {
		id := []string{"ami-hand-0", "ami-hand-1"}[i]
		w.images[i][id] = publish.Image{ID: id, State: "available", CreatedAt: t0, Tags: map[string]string{publish.TagRevoked: "2026-01-01T00:00:00Z"}}
	}
	if _, _, err := w.rollback(t, "back-2", 0); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"ami-old-0", "ami-old-1"}, w.held()); d != "" {
		t.Error(d)
	}
}

func TestAPublicationAfterARollbackIsNotTakenForOneThatWasCutOff(t *testing.T) {
	w := three(t, 2)
	if _, _, err := w.rollback(t, "back-1", 0); err != nil {
		t.Fatal(err)
	}
	if _, err := w.publish(t, w.input("run-late", "late", t0.Add(time.Hour)), nil); err != nil {
		t.Fatal(err)
	}
	w.stores[0].versions[channel][4].Labels = nil // as if it had died before its labels
	if _, p, err := w.rollback(t, "back-2", 0); err != nil || len(p.Warnings) > 0 {
		t.Fatalf("%+v, %v", p, err)
	}
	if d := cmp.Diff([]string{"ami-hand-0", "ami-hand-1"}, w.held()); d != "" {
		t.Error(d)
	}
}

func TestARollbackOfAChannelThatDoesNotExistSaysSo(t *testing.T) {
	w := newCells(2)
	_, _, err := w.rollback(t, "back-1", 0)
	if fault.KindOf(err) != fault.NotFound || !strings.Contains(err.Error(), "the channel does not exist") || strings.Contains(fault.HintOf(err), "revoke") {
		t.Errorf("%v, next: %s", err, fault.HintOf(err))
	}
}

func TestARollbackThatFailsSomewhereIsTakenBackToWhatStoodBeforeIt(t *testing.T) {
	for name, to := range map[string]int64{"to the one before": 0, "to the first": 1} {
		w := three(t, 3)
		w.stores[2].hook = func(call string, after bool) error {
			if call == "Put" && !after && len(w.log) > 0 { // the others have moved
				return fault.New(fault.Denied, "", "not allowed")
			}
			return nil
		}
		got, _, err := w.rollback(t, "back-1", to)
		if fault.KindOf(err) != fault.Failed || strings.Contains(err.Error(), "was not") {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff([]string{"put-back", "put-back", "refused"}, outcomes(got)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if d := cmp.Diff([]string{"ami-new-0", "ami-new-1", "ami-new-2"}, w.held()); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		w.correct(t)
		// Once it may write there, the same goes everywhere.
		w.stores[2].hook = nil
		if _, _, err := w.rollback(t, "back-2", to); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		want := map[int64]string{0: "hand", 1: "old"}[to]
		if d := cmp.Diff([]string{"ami-" + want + "-0", "ami-" + want + "-1", "ami-" + want + "-2"}, w.held()); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		w.correct(t)
	}
}
