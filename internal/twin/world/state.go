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
	"path/filepath"
	"slices"
	"time"
)

// stateFile is the world on disk: one JSON line a row, a commit line after each
// transaction. A tail without its commit line was never acknowledged and is
// dropped. Opening rewrites the file with the living rows only, and so does a
// running world when most of the file is past.
type stateFile struct {
	f      *os.File
	path   string
	size   int64 // of what has been committed
	begun  int64 // size after the last rewrite
	broken error // why nothing more can be saved
	text   bytes.Buffer
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

// rawRows are the rows of a table that has not been asked for by type yet.
type rawRows struct {
	rows map[string]json.RawMessage
	keys []string // in order of creation
}

const stateName = "world.jsonl"

// load reads the folder's state into raw rows and begins the file anew.
func (w *World) load(dir string) (commitLine, error) {
	var last commitLine
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return last, err
	}
	path := filepath.Join(dir, stateName)
	f, err := os.Open(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return last, err
	default:
		last, err = w.replay(f)
		f.Close()
		if err != nil {
			return last, fmt.Errorf("%s: %w", stateName, err)
		}
	}
	w.file = &stateFile{path: path}
	if last.Seq > 0 || !last.Now.IsZero() {
		w.seq, w.seed = last.Seq, last.Seed
	}
	return last, w.file.rewrite(w, last.Now)
}

func (w *World) replay(r io.Reader) (commitLine, error) {
	var last commitLine
	var pending []line
	tables := map[string]map[string]*rawRow{}
	in := bufio.NewReaderSize(r, 1<<20)
	born := 0
	for n := 1; ; n++ {
		text, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break // a torn last line belongs to no commit
		}
		if err != nil {
			return last, err
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return last, fmt.Errorf("line %d: %w", n, err)
		}
		if l.Commit == nil {
			pending = append(pending, l)
			continue
		}
		for _, p := range pending {
			born++
			applyLine(tables, p, born)
		}
		pending = pending[:0]
		last = *l.Commit
	}
	for name, rows := range tables {
		keys := slices.Collect(maps.Keys(rows))
		slices.SortFunc(keys, func(a, b string) int { return rows[a].born - rows[b].born })
		raw := rawRows{rows: make(map[string]json.RawMessage, len(rows)), keys: keys}
		for k, row := range rows {
			raw.rows[k] = row.value
		}
		w.raw[name] = raw
	}
	return last, nil
}

type rawRow struct {
	value json.RawMessage
	born  int
}

func applyLine(tables map[string]map[string]*rawRow, l line, born int) {
	rows := tables[l.Table]
	if rows == nil {
		rows = map[string]*rawRow{}
		tables[l.Table] = rows
	}
	switch have := rows[l.Key]; {
	case l.Deleted:
		delete(rows, l.Key)
	case have != nil:
		have.value = l.Value
	default:
		rows[l.Key] = &rawRow{l.Value, born}
	}
}

// rewrite begins a compact file beside the old one and takes its place. The
// world is locked, or nobody has it yet.
func (s *stateFile) rewrite(w *World, now time.Time) error {
	f, err := os.OpenFile(s.path+".new", os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	out := &counter{w: bufio.NewWriterSize(f, 1<<20)}
	enc := json.NewEncoder(out)
	err = w.eachRow(func(table, key string, v json.RawMessage) error {
		return enc.Encode(line{Table: table, Key: key, Value: v})
	})
	if err == nil && !now.IsZero() {
		err = enc.Encode(line{Commit: w.commitLine(now)})
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
	s.size, s.begun = out.n, out.n
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

// eachRow visits all rows, tables by name.
func (w *World) eachRow(f func(table, key string, v json.RawMessage) error) error {
	for _, name := range w.tableNames() {
		if t, ok := w.tables[name]; ok {
			err := t.each(func(key string, v any) error {
				text, err := json.Marshal(v)
				if err != nil {
					return fmt.Errorf("%s %s: %w", name, key, err)
				}
				return f(name, key, text)
			})
			if err != nil {
				return err
			}
			continue
		}
		for _, key := range w.raw[name].keys {
			if err := f(name, key, w.raw[name].rows[key]); err != nil {
				return err
			}
		}
	}
	return nil
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
	s.text.Reset()
	if err := changeLines(&s.text, changes); err != nil {
		return err
	}
	if err := json.NewEncoder(&s.text).Encode(line{Commit: w.commitLine(now)}); err != nil {
		return err
	}
	return s.write(s.text.Bytes())
}

// changeLines writes each row once, with its last value where it was first put,
// so that reading gives the order of creation. A row removed and made again has a
// new place: removals stay and begin anew.
func changeLines(out *bytes.Buffer, changes []change) error {
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
		if err := c.line(out, deleted); err != nil {
			return fmt.Errorf("%s %s: %w", c.table, c.key, err)
		}
	}
	return nil
}

// line writes a change as a line does, without encoding its value twice.
func (c *change) line(out *bytes.Buffer, deleted bool) error {
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
		return nil
	}
	out.WriteString(`,"v":`)
	if err := c.value(out); err != nil {
		return err
	}
	out.Truncate(out.Len() - 1) // the encoder ends a value with a new line
	out.WriteString("}\n")
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
	return s != nil && s.broken == nil && s.size > minRewrite && s.size > 4*s.begun
}

func (s *stateFile) close() error {
	if s == nil || s.f == nil {
		return nil
	}
	return s.f.Close()
}
