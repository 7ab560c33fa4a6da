package world_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

func TestWhatWasAcknowledgedIsThereAfterReopening(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := open(t, world.Options{Dir: dir, Seed: 7})
	put(t, w, "b", "1")
	put(t, w, "a", "1")
	put(t, w, "c", "1")
	var id string
	do(t, w, func(tx *world.Tx) error {
		rows := world.Table[item](tx, "items")
		rows.Put("b", item{Name: "2"})
		rows.Delete("c")
		rows.Put("c", item{Name: "again"})
		rows.Put("z", item{Name: "1"})
		rows.Put("y", item{Name: "1"})
		rows.Put("z", item{Name: "2"})
		rows.Put("gone", item{})
		rows.Delete("gone")
		id = tx.ID("")
		return nil
	})
	rows := []string{"b=2", "a=1", "c=again", "z=2", "y=1"}
	want(t, w, rows...)
	w.Clock().Step(time.Hour)
	// Not closed: as after a kill. Twice, because opening rewrites the file.
	for range 2 {
		w = open(t, world.Options{Dir: dir})
		want(t, w, rows...)
		if now := w.Clock().Now(); !now.Equal(start.Add(time.Hour)) {
			t.Errorf("now = %v", now)
		}
	}
	do(t, w, func(tx *world.Tx) error {
		if next := tx.ID(""); next == id {
			t.Error("an id was given twice")
		}
		return nil
	})
}

func TestAnUntypedTableSurvivesReopeningUnread(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, open(t, world.Options{Dir: dir}), "a", "1")
	open(t, world.Options{Dir: dir})
	want(t, open(t, world.Options{Dir: dir}), "a=1")
}

// TestEveryTornTail cuts the state file at every byte: what reopens is always a
// state between two transactions.
func TestEveryTornTailGivesAStateBetweenTransactions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := open(t, world.Options{Dir: dir})
	for i := range 4 {
		do(t, w, func(tx *world.Tx) error {
			rows := world.Table[item](tx, "items")
			rows.Put("n", item{Name: fmt.Sprint(i)})
			rows.Put(fmt.Sprint("k", i), item{Name: fmt.Sprint(i)})
			return nil
		})
	}
	text, err := os.ReadFile(filepath.Join(dir, "world.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for cut := range len(text) + 1 {
		torn := filepath.Join(dir, "torn")
		if err := os.MkdirAll(torn, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(torn, "world.jsonl"), text[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		w, err := world.Open(world.Options{Dir: torn, Mode: world.Manual, Start: start})
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		got := list(t, w)
		w.Close()
		n := max(len(got)-1, 0)
		if len(got) > 0 && got[0] != fmt.Sprintf("n=%d", n-1) {
			t.Fatalf("cut at %d: %v", cut, got)
		}
		seen[n] = true
	}
	if len(seen) != 5 {
		t.Errorf("states seen: %v", seen)
	}
}

func TestADamagedMiddleIsAnErrorThatNamesTheLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := "{\"t\":\"x\",\"k\":\"a\",\"v\":1}\nnot json\n{\"c\":{\"now\":\"2026-01-01T00:00:00Z\",\"seq\":1,\"seed\":1}}\n"
	if err := os.WriteFile(filepath.Join(dir, "world.jsonl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := world.Open(world.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "world.jsonl: line 2") {
		t.Errorf("err = %v", err)
	}
}

// TestKilledWhileWriting kills a process that counts up and tells every number
// that was acknowledged; none may be missing afterwards.
func TestKilledWhileWritingLosesNothingAcknowledged(t *testing.T) {
	if dir := os.Getenv("WORLD_TEST_DIR"); dir != "" {
		w, err := world.Open(world.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		w.Start()
		for i := 0; ; i++ {
			put(t, w, "n", fmt.Sprint(i))
			fmt.Printf("acked %d\n", i)
		}
	}
	t.Parallel()
	dir := t.TempDir()
	for range 3 {
		c := exec.Command(os.Args[0], "-test.run=^TestKilledWhileWritingLosesNothingAcknowledged$")
		c.Env = append(os.Environ(), "WORLD_TEST_DIR="+dir)
		var out strings.Builder
		var mu sync.Mutex
		c.Stdout = writerFunc(func(b []byte) (int, error) { mu.Lock(); defer mu.Unlock(); return out.Write(b) })
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			mu.Lock()
			n := strings.Count(out.String(), "\n")
			mu.Unlock()
			if n > 50 {
				break
			}
		}
		_ = c.Process.Kill()
		_ = c.Wait()
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) < 50 {
			t.Fatalf("the child wrote %d lines", len(lines))
		}
		var acked, saved int
		if _, err := fmt.Sscanf(lines[len(lines)-1], "acked %d", &acked); err != nil {
			t.Fatalf("%q: %v", lines[len(lines)-1], err)
		}
		w, err := world.Open(world.Options{Dir: dir, Mode: world.Manual})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscanf(list(t, w)[0], "n=%d", &saved); err != nil {
			t.Fatal(err)
		}
		w.Close()
		if saved < acked {
			t.Errorf("acknowledged %d, saved %d", acked, saved)
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestAValueThatCannotBeSavedUndoesTheTransaction(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{Dir: t.TempDir()})
	err := w.Do("1", "r", func(tx *world.Tx) error {
		world.Table[any](tx, "odd").Put("a", make(chan int))
		return nil
	})
	if err == nil {
		t.Fatal("saved a channel")
	}
	do(t, w, func(tx *world.Tx) error {
		if n := world.Table[any](tx, "odd").Len(); n != 0 {
			t.Errorf("%d rows", n)
		}
		return nil
	})
}

func TestAfterCloseNothingIsAcknowledged(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{Dir: t.TempDir()})
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	if err := w.Do("1", "r", func(*world.Tx) error { return nil }); !errors.Is(err, world.ErrClosed) {
		t.Errorf("err = %v", err)
	}
}

// TestTheFileAgreesWithMemory runs random histories, failed transactions and
// reopenings included, against a plain model.
func TestTheFileAgreesWithMemoryWhateverHappens(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(base, "w")
		if err != nil {
			rt.Fatal(err)
		}
		w, _ := world.Open(world.Options{Dir: dir, Mode: world.Manual, Start: start})
		var model []string // "key=name", in order
		find := func(m []string, k string) int {
			return slices.IndexFunc(m, func(s string) bool { return strings.HasPrefix(s, k+"=") })
		}
		for range rapid.IntRange(1, 15).Draw(rt, "transactions") {
			next := slices.Clone(model)
			fails := rapid.IntRange(0, 3).Draw(rt, "fails") == 0
			ops := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) [2]string {
				return [2]string{rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(rt, "key"), rapid.SampledFrom([]string{"", "1", "2", "3"}).Draw(rt, "name")}
			}), 0, 8).Draw(rt, "ops")
			err := w.Do("1", "r", func(tx *world.Tx) error {
				rows := world.Table[item](tx, "items")
				for _, o := range ops {
					at := find(next, o[0])
					switch {
					case o[1] == "":
						rows.Delete(o[0])
						if at >= 0 {
							next = slices.Delete(next, at, at+1)
						}
					case at >= 0:
						rows.Put(o[0], item{Name: o[1]})
						next[at] = o[0] + "=" + o[1]
					default:
						rows.Put(o[0], item{Name: o[1]})
						next = append(next, o[0]+"="+o[1])
					}
				}
				if fails {
					return errNo
				}
				return nil
			})
			if fails != (err != nil) {
				rt.Fatal(err)
			}
			if !fails {
				model = next
			}
			if rapid.IntRange(0, 4).Draw(rt, "reopen") == 0 {
				w, err = world.Open(world.Options{Dir: dir, Mode: world.Manual})
				if err != nil {
					rt.Fatal(err)
				}
			}
			if got := list(t, w); !slices.Equal(got, model) {
				rt.Fatalf("rows = %v, want %v", got, model)
			}
		}
		w.Close()
	})
}

func TestWhatIsFilledInBulkIsSavedAtItsEnd(t *testing.T) {
	dir := t.TempDir()
	open := func() *world.World {
		w, err := world.Open(world.Options{Dir: dir, Start: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Mode: world.Manual})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	put := func(w *world.World, key string) {
		if err := w.Do("1", "r", func(tx *world.Tx) error { world.Table[int](tx, "t").Put(key, 1); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	saved := func() string {
		text, err := os.ReadFile(filepath.Join(dir, "world.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	w := open()
	put(w, "before")
	bad := errors.New("half way")
	err := w.Bulk(func() error {
		put(w, "in-bulk")
		if strings.Contains(saved(), "in-bulk") {
			t.Error("it was saved at once")
		}
		return bad
	})
	if !errors.Is(err, bad) || !strings.Contains(saved(), "in-bulk") {
		t.Errorf("%v; what was done is not saved", err)
	}
	put(w, "after")
	if !strings.Contains(saved(), "after") {
		t.Error("what came after is not saved")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w = open()
	defer w.Close()
	got := ""
	if err := w.Do("1", "r", func(tx *world.Tx) error {
		for key := range world.Table[int](tx, "t").All() {
			got += key + " "
		}
		return nil
	}); err != nil || got != "before in-bulk after " {
		t.Errorf("%q, %v", got, err)
	}
}
