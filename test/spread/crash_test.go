package spread

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/record"
)

var errDied = errors.New("the process died")

// dying is a journal's store that from one record of the spreading on writes nothing
// more: the process has died before or after it wrote that one. What was done in
// between is not known to the next process.
type dying struct {
	journal.Store
	mu    sync.Mutex
	at    int // 0: never
	after bool
	n     int
	dead  bool
}

func (s *dying) Create(ctx context.Context, key string, body []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead {
		return errDied
	}
	if strings.Contains(key, "/spread") {
		s.n++
	}
	s.dead = s.at > 0 && s.n == s.at
	if s.dead && !s.after {
		return errDied
	}
	if err := s.Store.Create(ctx, key, body); err != nil {
		return err
	}
	if s.dead {
		return errDied
	}
	return nil
}

// standing is what a run leaves, without ids.
type standing struct {
	Images   map[string]int // copies by cell
	Shared   []string
	Grants   int
	Pointers int
	Seen     int
}

func (w *universe) standing(t testing.TB, doc *record.Run) standing {
	t.Helper()
	s := standing{Images: map[string]int{}, Pointers: len(w.pointers(t))}
	for _, a := range accounts {
		for _, r := range regions {
			if n := len(w.owned(t, a, r)); n > 0 {
				s.Images[a+"/"+r] = n
			}
		}
	}
	for _, x := range doc.Spread.Seen {
		if x.Verified && x.Image == w.pointer(t, x.Account, x.Region) {
			s.Seen++
		}
	}
	for _, r := range regions {
		s.Grants += w.grantsOf(t, r)
	}
	return s
}

func TestAProcessThatDiesAtAnyRecordIsGoneOnWith(t *testing.T) {
	t.Parallel()
	stride := 3 // all of them take minutes
	switch {
	case os.Getenv("REQUIRE_ALL") == "1":
		stride = 1
	case testing.Short():
		stride = 17
	}
	begin := func(t *testing.T) *universe {
		w := newWorld(t, options{distribute: "kms_key = \"alias/golden\"\nservice_roles = \"grant\""})
		for _, r := range regions {
			w.key(t, home, r)
		}
		return w
	}
	w := begin(t)
	s := &dying{Store: w.state.Store()}
	doc, said, err := w.run(t, "", "publish", s)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	want, records := w.standing(t, doc), s.n
	if want.Seen != 6 || want.Pointers != 6 || want.Grants != 10 {
		t.Fatalf("undisturbed: %+v", want)
	}
	t.Logf("%d records", records)
	for at := 1; at <= records; at += stride {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d_%t", at, after), func(t *testing.T) {
				t.Parallel()
				w := begin(t)
				s := &dying{Store: w.state.Store(), at: at, after: after}
				doc, said, err := w.run(t, "", "publish", s)
				again := said
				if errors.Is(err, errDied) { // else it had fewer records: it has ended, and must stand as well
					if have := w.pointers(t); len(have) > 0 {
						t.Errorf("pointers have moved: %v", have)
					}
					doc, again, err = w.run(t, doc.ID, "publish", nil)
				}
				if err != nil {
					t.Fatalf("%v\n%s\n%s", err, said, again)
				}
				if d := cmp.Diff(want, w.standing(t, doc)); d != "" {
					t.Errorf("%s\n%s\n%s", d, said, again)
				}
			})
		}
	}
}
