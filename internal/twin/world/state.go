package world

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// stateFile is the world on disk: one JSON line a row, a commit line after each
// transaction. A tail without its commit line was never acknowledged and is
// dropped. Opening rewrites the file with the living rows only.
type stateFile struct{ f *os.File }

type line struct {
	Table   string          `json:"t,omitempty"`
	Key     string          `json:"k,omitempty"`
	Value   json.RawMessage `json:"v,omitempty"`
	Deleted bool            `json:"d,omitempty"`
	Commit  *commitLine     `json:"c,omitempty"`
}

type commitLine struct {
	Now  time.Time `json:"now"`
	Seq  uint64    `json:"seq"`
	Seed int64     `json:"seed"`
}

const stateName = "world.jsonl"

// load reads the folder's state into raw rows and begins the file anew.
func (w *World) load(dir string) (time.Time, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return time.Time{}, err
	}
	path := filepath.Join(dir, stateName)
	var saved time.Time
	f, err := os.Open(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return saved, err
	default:
		saved, err = w.replay(f)
		f.Close()
		if err != nil {
			return saved, err
		}
	}
	return saved, w.rewrite(path, saved)
}

func (w *World) replay(r io.Reader) (time.Time, error) {
	var now time.Time
	var pending []line
	in := bufio.NewReaderSize(r, 1<<20)
	for n := 1; ; n++ {
		text, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return now, nil // a torn last line belongs to no commit
		}
		if err != nil {
			return now, err
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return now, fmt.Errorf("line %d: %w", n, err)
		}
		if l.Commit == nil {
			pending = append(pending, l)
			continue
		}
		for _, p := range pending {
			w.applyRaw(p)
		}
		pending = pending[:0]
		now, w.seq, w.seed = l.Commit.Now, l.Commit.Seq, l.Commit.Seed
	}
}

func (w *World) applyRaw(l line) {
	rows := w.raw[l.Table]
	if rows == nil {
		rows = map[string]json.RawMessage{}
		w.raw[l.Table] = rows
	}
	_, had := rows[l.Key]
	switch {
	case l.Deleted:
		delete(rows, l.Key)
		if had {
			w.rawSeq[l.Table] = slices.DeleteFunc(w.rawSeq[l.Table], func(k string) bool { return k == l.Key })
		}
	default:
		rows[l.Key] = l.Value
		if !had {
			w.rawSeq[l.Table] = append(w.rawSeq[l.Table], l.Key)
		}
	}
}

// rewrite begins a compact file beside the old one and takes its place.
func (w *World) rewrite(path string, now time.Time) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(f, 1<<20)
	enc := json.NewEncoder(out)
	names := make([]string, 0, len(w.raw))
	for name := range w.raw {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, k := range w.rawSeq[name] {
			if err := enc.Encode(line{Table: name, Key: k, Value: w.raw[name][k]}); err != nil {
				return err
			}
		}
	}
	if !now.IsZero() {
		if err := enc.Encode(line{Commit: &commitLine{now, w.seq, w.seed}}); err != nil {
			return err
		}
	}
	if err := errors.Join(out.Flush(), f.Sync()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	w.file = &stateFile{f}
	return nil
}

func (s *stateFile) append(b *batch) error {
	if s == nil || len(b.changes) == 0 {
		return nil
	}
	var out []byte
	for _, c := range b.changes {
		l := line{Table: c.table, Key: c.key, Deleted: c.value == nil}
		if c.value != nil {
			v, err := c.value()
			if err != nil {
				return err
			}
			l.Value = v
		}
		text, err := json.Marshal(l)
		if err != nil {
			return err
		}
		out = append(append(out, text...), '\n')
	}
	text, err := json.Marshal(line{Commit: &commitLine{b.now, b.w.seq, b.w.seed}})
	if err != nil {
		return err
	}
	_, err = s.f.Write(append(append(out, text...), '\n'))
	return err
}

func (s *stateFile) close() error {
	if s == nil {
		return nil
	}
	return s.f.Close()
}
