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
	"runtime"
	"slices"
	"time"
)

// load reads the folder's state into raw rows and goes on with the file, or begins it
// anew.
func (w *World) load(dir string) (commitLine, error) {
	var last commitLine
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return last, err
	}
	s := &stateFile{path: filepath.Join(dir, stateName)}
	w.file = s
	f, err := os.OpenFile(s.path, os.O_RDWR, 0o600)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return last, s.rewrite(w, time.Time{})
	case err != nil:
		return last, err
	}
	r := &replay{tables: map[string]*rawTable{}}
	if err := r.read(f); err != nil {
		f.Close()
		return r.last, fmt.Errorf("%s: %w", stateName, err)
	}
	for name, t := range r.tables {
		w.raw[name] = t.sorted()
		s.live += t.live
	}
	last = r.last
	if last.Seq > 0 || !last.Now.IsZero() {
		w.seq, w.seed = last.Seq, last.Seed
	}
	if r.size > 3*s.live+(1<<20) {
		f.Close()
		return last, s.rewrite(w, last.Now)
	}
	s.f, s.size = f, r.size
	_, err = f.Seek(r.size, io.SeekStart)
	return last, errors.Join(f.Truncate(r.size), err) // a tail that was never acknowledged goes
}

// rawRows are the rows of a table that has not been asked for by type yet.
type rawRows struct {
	rows map[string]json.RawMessage
	keys []string // in order of creation
}

// lineSize is about what a row takes in the file.
func lineSize(table, key string, v json.RawMessage) int {
	return len(`{"t":"","k":"","v":}`) + 1 + len(table) + len(key) + len(v)
}

// replay takes in the lines of a state file.
type replay struct {
	tables map[string]*rawTable
	last   commitLine
	size   int64 // up to the last commit
	born   int
}

type rawTable struct {
	rows map[string]*rawRow
	live int64
}

type rawRow struct {
	value json.RawMessage
	born  int
}

// piece is some whole lines of the file.
type piece struct {
	text  []byte
	from  int64 // offset
	first int   // number of the first line
	lines []line
	ends  []int // of each line in text
	err   error
	done  chan struct{}
}

const pieceSize = 256 << 10

// read takes in the file. Lines are parsed in parallel and applied in order; a torn
// last line belongs to no commit.
func (r *replay) read(f io.Reader) error {
	todo, order := make(chan *piece), make(chan *piece, 2*runtime.GOMAXPROCS(0))
	for range runtime.GOMAXPROCS(0) {
		go func() {
			for p := range todo {
				p.parse()
				close(p.done)
			}
		}()
	}
	stop, failed := make(chan struct{}), make(chan error, 1)
	defer close(stop)
	go func() {
		defer close(todo)
		defer close(order)
		failed <- cut(f, func(p *piece) bool {
			select {
			case order <- p:
				todo <- p
				return true
			case <-stop:
				return false
			}
		})
	}()
	var pending []line
	for p := range order {
		<-p.done
		for i, l := range p.lines {
			if l.Commit == nil {
				pending = append(pending, l)
				continue
			}
			for _, row := range pending {
				r.apply(row)
			}
			pending = pending[:0]
			r.last, r.size = *l.Commit, p.from+int64(p.ends[i])
		}
		if p.err != nil {
			return p.err
		}
	}
	return <-failed
}

// cut reads whole lines and gives them away in pieces until give says no.
func cut(f io.Reader, give func(*piece) bool) error {
	in := bufio.NewReaderSize(f, pieceSize)
	at, number := int64(0), 1
	for {
		text := make([]byte, pieceSize)
		n, err := io.ReadFull(in, text)
		text = text[:n]
		if err == nil && text[n-1] != '\n' {
			rest, more := in.ReadBytes('\n')
			text, err = append(text, rest...), more
		}
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		text = text[:bytes.LastIndexByte(text, '\n')+1]
		if len(text) > 0 && !give(&piece{text: text, from: at, first: number, done: make(chan struct{})}) {
			return nil
		}
		if err != nil {
			return nil
		}
		at, number = at+int64(len(text)), number+bytes.Count(text, []byte("\n"))
	}
}

func (p *piece) parse() {
	tables := map[string]string{}
	for at := 0; at < len(p.text); {
		end := at + bytes.IndexByte(p.text[at:], '\n') + 1
		text := p.text[at:end]
		l, ok := plainLine(text, tables)
		if !ok {
			l = line{}
			if err := json.Unmarshal(text, &l); err != nil {
				p.err = fmt.Errorf("line %d: %w", p.first+len(p.lines), err)
				return
			}
		}
		p.lines, p.ends = append(p.lines, l), append(p.ends, end)
		at = end
	}
}

// plainLine parses a line as change.line writes it, if its names need no escapes;
// tables are the names that have been seen.
func plainLine(text []byte, tables map[string]string) (l line, ok bool) {
	name := func(before string) (in []byte, ok bool) {
		rest, ok := bytes.CutPrefix(text, []byte(before))
		if !ok {
			return nil, false
		}
		in, text, ok = bytes.Cut(rest, []byte{'"'})
		return in, ok && !bytes.ContainsFunc(in, func(r rune) bool { return r < ' ' || r > '~' || r == '\\' })
	}
	table, okTable := name(`{"t":"`)
	key, okKey := name(`,"k":"`)
	v, okValue := bytes.CutPrefix(text, []byte(`,"v":`))
	v, okEnd := bytes.CutSuffix(v, []byte("}\n"))
	if !okTable || !okKey || !okValue || !okEnd || !json.Valid(v) {
		return l, false
	}
	l.Table, ok = tables[string(table)]
	if !ok {
		l.Table = string(table)
		tables[l.Table] = l.Table
	}
	l.Key, l.Value = string(key), bytes.Clone(v)
	return l, true
}

func (r *replay) apply(l line) {
	t := r.tables[l.Table]
	if t == nil {
		t = &rawTable{rows: map[string]*rawRow{}}
		r.tables[l.Table] = t
	}
	r.born++
	have := t.rows[l.Key]
	if have != nil {
		t.live -= int64(lineSize(l.Table, l.Key, have.value))
	}
	switch {
	case l.Deleted:
		delete(t.rows, l.Key)
		return
	case have != nil:
		have.value = l.Value
	default:
		t.rows[l.Key] = &rawRow{l.Value, r.born}
	}
	t.live += int64(lineSize(l.Table, l.Key, l.Value))
}

// sorted are the table's rows in order of creation.
func (t *rawTable) sorted() rawRows {
	keys := slices.Collect(maps.Keys(t.rows))
	slices.SortFunc(keys, func(a, b string) int { return t.rows[a].born - t.rows[b].born })
	raw := rawRows{rows: make(map[string]json.RawMessage, len(t.rows)), keys: keys}
	for k, row := range t.rows {
		raw.rows[k] = row.value
	}
	return raw
}
