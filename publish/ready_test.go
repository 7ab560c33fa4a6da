package publish_test

import (
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish"
)

func TestWhatWouldRefuseAnImageIsKnownBeforeItIsThere(t *testing.T) {
	for name, x := range map[string]struct {
		world func(*cells)
		kind  fault.Kind
		says  string
	}{
		"nothing stands there":                 {func(w *cells) { clear(w.stores[1].versions) }, 0, ""},
		"what was published":                   {func(*cells) {}, 0, ""},
		"a value by hand before a publication": {func(w *cells) { clear(w.stores[1].versions); hand(w.stores[1], "ami-old-1") }, 0, ""},
		"what another machine published since": {func(w *cells) {
			w.stores[1].add(channel, "ami-late-1", publish.Envelope{Run: "run-late", BakedAt: t0.Add(time.Hour)}.String())
		}, fault.Conflict, "us-east-1): it holds ami-late-1 (baked 2026-03-10T13:00:00Z), which is newer"},
		"a value by hand over one": {func(w *cells) { hand(w.stores[1], "ami-old-1") }, fault.Conflict, "us-east-1): somebody wrote version 4 (ami-old-1) by hand"},
		"a secret":                 {func(w *cells) { w.stores[1].versions[channel][2].Type = "SecureString" }, fault.Conflict, "it is a parameter of type SecureString"},
		"no answer": {func(w *cells) {
			w.stores[1].hook = func(string, bool) error { return fault.New(fault.Denied, "", "no") }
		},
			fault.Denied, "read the history of channel"},
	} {
		w := three(t, 2)
		x.world(w)
		err := w.stage().Ready(t.Context(), w.places(channel), t0)
		if (err == nil) != (x.says == "") || err != nil && (fault.KindOf(err) != x.kind || !strings.Contains(err.Error(), x.says)) {
			t.Errorf("%s: %v", name, err)
		}
		if err := w.stage().Ready(t.Context(), w.places(channel), time.Time{}); strings.Contains(x.says, "newer") && err != nil {
			t.Errorf("%s, to an image that is still to be baked: %v", name, err)
		}
	}
}

// Version numbers differ between places; --to takes those of the first.
func TestTheWayBackThatIsOfferedIsOneThatExists(t *testing.T) {
	for name, x := range map[string]struct {
		world func(*cells)
		back  string
	}{
		"other numbers there": {func(w *cells) {
			hand(w.stores[1], "ami-old-1")
			hand(w.stores[1], "ami-old-1")
		}, "--to 3 "},
		"the first place never had it": {func(w *cells) {
			hand(w.stores[1], "ami-old-1")
			w.stores[1].add(channel, "ami-new-1", publish.Envelope{Run: "run-there", BakedAt: t0}.String())
			hand(w.stores[1], "ami-hand-1")
		}, "--to VERSION "},
		"a rollback took it back": {func(w *cells) {
			w.stores[1].add(channel, "ami-new-1", w.stores[1].newest(channel).Description) // as version 4 there
			if _, _, err := w.rollback(t, "back-1", 1); err != nil {
				t.Fatal(err)
			}
		}, "--to 3 "},
	} {
		w := three(t, 2)
		x.world(w)
		in := w.input("run-late", "late", t0.Add(time.Hour))
		if strings.HasPrefix(name, "a rollback") {
			in = w.input("run-again", "new", t0)
			in.Pointers[0].Image, in.Pointers[1].Image = "ami-new-0", "ami-new-1"
		}
		_, err := w.stage().Plan(t.Context(), in)
		if want := "`rehydrate publish rollback " + x.back + channel + "`"; fault.KindOf(err) != fault.Conflict || !strings.Contains(fault.HintOf(err), want) {
			t.Errorf("%s: %v, next: %s", name, err, fault.HintOf(err))
		}
	}
}
