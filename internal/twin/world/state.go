package world

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"
)

// stateFile is the world on disk: one JSON line a row, a commit line after each
// transaction. A tail without its commit line was never acknowledged and is
// dropped. The file is rewritten with the living rows only when most of it is past.
type stateFile struct {
	f      *os.File
	path   string
	size   int64 // of what has been committed
	live   int64 // bytes of it that are rows as they are now
	broken error // why nothing more can be saved
	text   bytes.Buffer
	bulk   bool // nothing is saved until the end of World.Bulk
	unkept bool // something has not been saved
}

// minRewrite is the size below which a state file is never rewritten while the
// world runs.
const minRewrite = 64 << 20

type line struct {
	Table   string          `json:"t,omitempty"`
	Key     string          `json:"k,omitempty"`
	Value   json.RawMessage `json:"v,omitempty"`
	Deleted bool            `json:"d,omitempty"`
	Commit  *commitLine     `json:"c,omitempty"`
}

// commitLine ends a transaction, or (without rows before it) a jump of the clock.
type commitLine struct {
	Now  time.Time `json:"now"`
	Wall time.Time `json:"wall"`
	Seq  uint64    `json:"seq"`
	Seed int64     `json:"seed"`
}

const stateName = "world.jsonl"

// rewrite begins a compact file beside the old one and takes its place. The
// world is locked, or nobody has it yet.
func (s *stateFile) rewrite(w *World, now time.Time) error {
	f, err := os.OpenFile(s.path+".new", os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	out := &counter{w: bufio.NewWriterSize(f, 1<<20)}
	err = w.allLines(func(text []byte) error { _, err := out.Write(text); return err })
	s.live = out.n
	if err == nil && !now.IsZero() {
		err = json.NewEncoder(out).Encode(line{Commit: w.commitLine(now)})
	}
	if err := errors.Join(err, out.w.Flush(), f.Sync()); err != nil {
		f.Close()
		return err
	}
	// The old file must be closed before it is replaced: Windows insists.
	if s.f != nil {
		s.f.Close()
		s.f = nil
	}
	f.Close()
	if err := os.Rename(s.path+".new", s.path); err != nil {
		return err
	}
	if s.f, err = os.OpenFile(s.path, os.O_RDWR, 0o600); err != nil {
		return err
	}
	s.size = out.n
	_, err = s.f.Seek(s.size, io.SeekStart)
	return err
}

type counter struct {
	w *bufio.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return c.w.Write(b)
}

func (w *World) tableNames() []string {
	names := slices.Collect(maps.Keys(w.tables))
	names = slices.AppendSeq(names, maps.Keys(w.raw))
	slices.Sort(names)
	return names
}

func (w *World) commitLine(now time.Time) *commitLine {
	return &commitLine{Now: now, Wall: time.Now().UTC(), Seq: w.seq, Seed: w.seed}
}

// save appends a transaction's rows; with none, only the time.
func (s *stateFile) save(w *World, changes []change, now time.Time) error {
	if s == nil {
		return nil
	}
	if s.broken != nil {
		return s.broken
	}
	if s.bulk {
		s.unkept = s.unkept || len(changes) > 0
		return nil
	}
	s.text.Reset()
	live, err := changeLines(&s.text, changes)
	if err != nil {
		return err
	}
	s.live += live
	if err := json.NewEncoder(&s.text).Encode(line{Commit: w.commitLine(now)}); err != nil {
		return err
	}
	return s.write(s.text.Bytes())
}

// Bulk runs f, which fills a large world, and saves what it has done in one piece when
// it ends, also with an error: a kill meanwhile leaves the world as it was before. f is
// to acknowledge nothing to anybody.
func (w *World) Bulk(f func() error) (err error) {
	set := func(on bool) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.file == nil || w.closed {
			return nil
		}
		w.file.bulk = on
		if on || !w.file.unkept {
			return nil
		}
		w.file.unkept = false
		err := w.file.rewrite(w, w.clock.Now())
		w.file.broken = err // nil as before, or nothing can be saved any more
		return err
	}
	if err := set(true); err != nil {
		return err
	}
	defer func() {
		if bad := set(false); bad != nil {
			err = errors.Join(err, fmt.Errorf("save twin state: %w", bad))
		}
	}()
	return f()
}

// changeLines writes each row once, with its last value where it was first put,
// so that reading gives the order of creation. A row removed and made again has a
// new place: removals stay and begin anew.
//
// It says by how much the living rows have grown.
func changeLines(out *bytes.Buffer, changes []change) (live int64, err error) {
	type row struct{ table, key string }
	type fate struct {
		last    *change
		written bool
	}
	fates := make(map[row]*fate, len(changes))
	order := make([]*fate, len(changes))
	for i := range changes {
		at := row{changes[i].table, changes[i].key}
		f := fates[at]
		if f == nil {
			f = &fate{}
			fates[at] = f
		}
		f.last, order[i] = &changes[i], f
	}
	for i, f := range order {
		c := &changes[i]
		deleted := c.value == nil
		switch {
		case deleted:
			f.written = false
		case f.written || f.last.value == nil:
			continue
		default:
			f.written = true
			c = f.last
		}
		had := *c.size
		if err := c.line(out, deleted); err != nil {
			return 0, err
		}
		live += int64(*c.size - had)
	}
	return live, nil
}

// line writes a change as a line does, without encoding its value twice, and notes the
// row's size.
func (c *change) line(out *bytes.Buffer, deleted bool) error {
	begin := out.Len()
	for i, part := range [...]string{c.table, c.key} {
		text, err := json.Marshal(part)
		if err != nil {
			return err
		}
		out.WriteString([...]string{`{"t":`, `,"k":`}[i])
		out.Write(text)
	}
	if deleted {
		out.WriteString(",\"d\":true}\n")
		*c.size = 0
		return nil
	}
	out.WriteString(`,"v":`)
	if err := c.value.write(out); err != nil {
		return fmt.Errorf("%s %s: %w", c.table, c.key, err)
	}
	out.Truncate(out.Len() - 1) // the encoder ends a value with a new line
	out.WriteString("}\n")
	*c.size = out.Len() - begin
	return nil
}

// write appends, all or nothing: half a transaction before the next whole one
// would make the file unreadable.
func (s *stateFile) write(text []byte) error {
	if _, err := s.f.Write(text); err != nil {
		_, seekErr := s.f.Seek(s.size, io.SeekStart)
		if undo := errors.Join(s.f.Truncate(s.size), seekErr); undo != nil {
			s.broken = fmt.Errorf("state file is damaged and takes no more: %w", errors.Join(err, undo))
		}
		return err
	}
	s.size += int64(len(text))
	return nil
}

// full says that most of the file is past.
func (s *stateFile) full() bool {
	return s != nil && s.broken == nil && s.size > minRewrite && s.size > 3*s.live
}

func (s *stateFile) close() error {
	if s == nil || s.f == nil {
		return nil
	}
	return s.f.Close()
}
