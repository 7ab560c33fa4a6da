package world

import (
	"bytes"
	"encoding/json"
	"runtime"
)

// eachRow visits all rows, tables by name.
func (w *World) eachRow(f func(table, key string, v json.RawMessage) error) error {
	var text bytes.Buffer
	return w.eachLine(func(c change) error {
		text.Reset()
		if err := c.value.write(&text); err != nil {
			return err
		}
		return f(c.table, c.key, bytes.Clone(bytes.TrimSuffix(text.Bytes(), []byte("\n"))))
	})
}

// eachLine visits all rows, tables by name.
func (w *World) eachLine(f func(c change) error) error {
	for _, name := range w.tableNames() {
		if t, ok := w.tables[name]; ok {
			err := t.each(func(key string, v value, size *int) error { return f(change{name, key, v, size}) })
			if err != nil {
				return err
			}
			continue
		}
		raw := w.raw[name]
		for _, key := range raw.keys {
			if err := f(change{name, key, rawValue(raw.rows[key]), new(int)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// rawValue is a row that has not been asked for by type yet.
type rawValue json.RawMessage

func (v rawValue) write(out *bytes.Buffer) error {
	out.Write(v)
	return out.WriteByte('\n')
}

// sheet is some rows and the lines that they become.
type sheet struct {
	rows []change
	text bytes.Buffer
	err  error
	done chan struct{}
}

const sheetRows = 512

func (s *sheet) fill() {
	defer close(s.done)
	for i := range s.rows {
		if s.err = s.rows[i].line(&s.text, false); s.err != nil {
			return
		}
	}
}

// allLines gives all rows as lines, in the order of eachLine. They are encoded in
// parallel: a large world is many, and nothing else happens meanwhile.
func (w *World) allLines(give func(text []byte) error) error {
	todo, order := make(chan *sheet), make(chan *sheet, 2*runtime.GOMAXPROCS(0))
	for range runtime.GOMAXPROCS(0) {
		go func() {
			for s := range todo {
				s.fill()
			}
		}()
	}
	go func() {
		defer close(order)
		defer close(todo)
		s := &sheet{done: make(chan struct{})}
		send := func() {
			order <- s
			todo <- s
			s = &sheet{done: make(chan struct{})}
		}
		_ = w.eachLine(func(c change) error { // as nothing above fails
			if s.rows = append(s.rows, c); len(s.rows) == sheetRows {
				send()
			}
			return nil
		})
		send()
	}()
	var err error
	for s := range order { // to the end, for nobody else may look at the world meanwhile
		<-s.done
		if err == nil {
			err = s.err
		}
		if err == nil {
			err = give(s.text.Bytes())
		}
	}
	return err
}
