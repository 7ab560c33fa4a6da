package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/goldenami/rehydrate/internal/fault"
)

// bucket is a bucket in memory. trouble decides what goes wrong with a call.
type bucket struct {
	mu      sync.Mutex
	objects map[string]stored
	n       int
	trouble func(call string) trouble
}

type stored struct {
	body []byte
	tag  string
}

type trouble int

const (
	none     trouble = iota
	away             // nothing happens, and the caller hears nothing
	unheard          // it happens, and the caller hears nothing
	repeated         // it happens, and the client repeats it because it heard nothing
	late             // refused although nothing is there yet
)

var errUnheard = errors.New("connection reset")

func newBucket() *bucket { return &bucket{objects: map[string]stored{}} }

func (b *bucket) wrong(call string) trouble {
	if b.trouble == nil {
		return none
	}
	return b.trouble(call)
}

func (b *bucket) write(call, key string, body []byte, may func(stored, bool) bool) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	put := func() (string, error) {
		if old, ok := b.objects[key]; !may(old, ok) {
			return "", fault.New(fault.Conflict, "", "%s %s: PreconditionFailed", call, key)
		}
		b.n++
		tag := strconv.Itoa(b.n)
		b.objects[key] = stored{slices.Clone(body), tag}
		return tag, nil
	}
	switch b.wrong(call) {
	case away:
		return "", errUnheard
	case unheard:
		_, _ = put()
		return "", errUnheard
	case repeated:
		_, _ = put()
	case late:
		return "", fault.New(fault.Conflict, "", "%s %s: OperationAborted", call, key)
	case none:
	}
	return put()
}

func (b *bucket) Create(_ context.Context, key string, body []byte) (string, error) {
	return b.write("create", key, body, func(_ stored, there bool) bool { return !there })
}

func (b *bucket) Replace(_ context.Context, key, tag string, body []byte) (string, error) {
	return b.write("replace", key, body, func(s stored, there bool) bool { return there && s.tag == tag })
}

func (b *bucket) Read(_ context.Context, key string, limit int64) ([]byte, string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wrong("read") == away {
		return nil, "", errUnheard
	}
	s, ok := b.objects[key]
	switch {
	case !ok:
		return nil, "", fault.New(fault.NotFound, "", "no %s", key)
	case int64(len(s.body)) > limit:
		return nil, "", errors.New("too large")
	}
	return s.body, s.tag, nil
}

func (b *bucket) Keys(_ context.Context, prefix string) (out []string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for k := range b.objects {
		if strings.HasPrefix(k, prefix) {
			out = append(out, k)
		}
	}
	return out, nil
}

// once is a trouble for the first such call alone.
func once(call string, what trouble) func(string) trouble {
	done := false
	return func(c string) trouble {
		if c != call || done {
			return none
		}
		done = true
		return what
	}
}

func TestBucket_knows_its_own_record_when_the_answer_was_lost(t *testing.T) {
	o := newBucket()
	o.trouble = once("create", repeated)
	if err := NewBucket(o, "j").Create(t.Context(), "runs/a/x/000001.json", []byte("mine")); err != nil {
		t.Errorf("its own record was taken for another's: %v", err)
	}
	if err := NewBucket(o, "j").Create(t.Context(), "runs/a/x/000001.json", []byte("other")); !errors.Is(err, ErrExists) {
		t.Errorf("got %v, want ErrExists", err)
	}
	if got, err := NewBucket(o, "/j/").Get(t.Context(), "runs/a/x/000001.json"); err != nil || string(got) != "mine" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestBucket_says_when_it_cannot_tell_whose_a_record_is(t *testing.T) {
	o := newBucket()
	o.trouble = func(call string) trouble { return map[string]trouble{"create": repeated, "read": away}[call] }
	err := NewBucket(o, "").Create(t.Context(), "k.json", []byte("mine"))
	if err == nil || errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "unknown") {
		t.Errorf("got %v", err)
	}
}

func TestBucket_tries_again_what_was_refused_though_nothing_is_there(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newBucket()
		o.trouble = once("create", late)
		if err := NewBucket(o, "").Create(t.Context(), "k.json", []byte("mine")); err != nil {
			t.Error(err)
		}
		o.trouble = func(string) trouble { return late }
		if err := NewBucket(o, "").Create(t.Context(), "l.json", []byte("mine")); fault.KindOf(err) != fault.Conflict {
			t.Errorf("refused for ever: %v", err)
		}
	})
}

func TestBucket_lists_records_in_order_without_its_prefix(t *testing.T) {
	o := newBucket()
	b := NewBucket(o, "golden/web")
	for _, k := range []string{"runs/b/x/000002.json", "runs/b/x/000001.json", "runs/a/x/000001.json", "runs/a/x/note.txt"} {
		if err := b.Create(t.Context(), k, []byte(k)); err != nil {
			t.Fatal(err)
		}
	}
	if err := NewBucket(o, "golden/webber").Create(t.Context(), "runs/c/x/000001.json", []byte("x")); err != nil {
		t.Fatal(err)
	}
	got, err := b.List(t.Context(), "runs/")
	want := []string{"runs/a/x/000001.json", "runs/b/x/000001.json", "runs/b/x/000002.json"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	if runs, err := Runs(t.Context(), b); err != nil || !slices.Equal(runs, []string{"a", "b"}) {
		t.Errorf("%q, %v", runs, err)
	}
}

// Whoever is told that a record is written has written it, and nobody else is told so,
// whatever happens to the calls.
func TestBucket_acknowledges_one_writer_at_most(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := newBucket()
		faults := rapid.SliceOfN(rapid.SampledFrom([]trouble{none, none, away, unheard, repeated}), 12, 12).Draw(rt, "faults")
		at := 0
		o.trouble = func(call string) trouble {
			at++
			if at > len(faults) || call == "read" {
				return none
			}
			return faults[at-1]
		}
		const key = "runs/r/x/000001.json"
		var told []string
		for w := range 4 {
			j := Open(NewBucket(o, ""), "r")
			err := j.Append(t.Context(), Record{Seq: 1, Unit: "x"}) // the same record, but for who writes it
			if err == nil {
				told = append(told, j.writer)
			} else if fault.KindOf(err) != fault.Conflict && !errors.Is(err, errUnheard) {
				rt.Fatalf("writer %d: %v", w, err)
			}
		}
		body := string(o.objects[key].body)
		if len(told) > 1 || len(told) == 1 && !strings.Contains(body, told[0]) {
			rt.Fatalf("told %q, written %s", told, body)
		}
	})
}

func TestDocument_refuses_to_write_over_what_it_has_not_read(t *testing.T) {
	o := newBucket()
	b := NewBucket(o, "")
	mine, other := b.Document("run.json"), b.Document("run.json")
	if _, err := mine.Load(t.Context()); fault.KindOf(err) != fault.NotFound {
		t.Errorf("of nothing: %v", err)
	}
	if err := mine.Save(t.Context(), []byte("1")); err != nil {
		t.Fatal(err)
	}
	if err := other.Save(t.Context(), []byte("2")); fault.KindOf(err) != fault.Conflict || fault.HintOf(err) == "" {
		t.Errorf("created over another: %v", err)
	}
	if got, err := other.Load(t.Context()); err != nil || string(got) != "1" {
		t.Fatalf("%q, %v", got, err)
	}
	if err := other.Save(t.Context(), []byte("2")); err != nil {
		t.Error(err)
	}
	if err := mine.Save(t.Context(), []byte("3")); fault.KindOf(err) != fault.Conflict {
		t.Errorf("wrote over another's: %v", err)
	}
}

func TestDocument_goes_on_after_answers_that_were_lost(t *testing.T) {
	for _, call := range []string{"create", "replace"} {
		for _, what := range []trouble{away, unheard, repeated} {
			t.Run(fmt.Sprint(call, what), func(t *testing.T) {
				o := newBucket()
				d := NewBucket(o, "").Document("run.json")
				if call == "replace" {
					if err := d.Save(t.Context(), []byte("0")); err != nil {
						t.Fatal(err)
					}
				}
				o.trouble = once(call, what)
				if err := d.Save(t.Context(), []byte("1")); (err == nil) != (what == repeated) || err != nil && !errors.Is(err, errUnheard) {
					t.Errorf("the first: %v", err)
				}
				if err := d.Save(t.Context(), []byte("2")); err != nil {
					t.Errorf("the second: %v", err)
				}
				if got := string(o.objects["run.json"].body); got != "2" {
					t.Errorf("holds %q", got)
				}
			})
		}
	}
}

// fixed is a clock that its sleepers move.
type fixed struct{ now time.Time }

func (f *fixed) Now() time.Time { return f.now }
func (f *fixed) Sleep(ctx context.Context, until time.Time) error {
	if until.After(f.now) {
		f.now = until
	}
	return ctx.Err()
}
