package world

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
)

// Rows is a typed table of one account and region, seen from one transaction.
// Iteration is in order of creation.
type Rows[T any] struct {
	tx *Tx
	t  *typed[T]
	n  string
}

// Table opens the table of that name ("ec2/instances") in the transaction's
// account and region. One name always has one type.
func Table[T any](tx *Tx, name string) *Rows[T] {
	full := tx.Account + "/" + tx.Region + "/" + name
	w := tx.b.w
	have, ok := w.tables[full]
	if !ok {
		t := &typed[T]{rows: map[string]entry[T]{}}
		for _, key := range w.raw[full].keys {
			var v T
			if err := json.Unmarshal(w.raw[full].rows[key], &v); err != nil {
				panic(fmt.Sprintf("twin: state row %s %s: %v", full, key, err))
			}
			t.put(key, v)
		}
		delete(w.raw, full)
		w.tables[full] = t
		have = t
	}
	t, ok := have.(*typed[T])
	if !ok {
		panic(fmt.Sprintf("twin: table %s has rows of another type than %T", full, *new(T)))
	}
	return &Rows[T]{tx: tx, t: t, n: full}
}

// Get returns a row.
func (r *Rows[T]) Get(key string) (T, bool) {
	e, ok := r.t.rows[key]
	return e.value, ok
}

// Put writes a row.
func (r *Rows[T]) Put(key string, v T) {
	old, had := r.t.rows[key]
	done := step{undo: func() {
		if had {
			r.t.rows[key] = old
		} else {
			r.t.remove(key)
		}
	}}
	r.t.put(key, v)
	if r.tx.b.w.memory.keep > 0 {
		now := r.t.rows[key]
		done.redo = func() { r.t.restore(key, now) }
	}
	r.tx.b.steps = append(r.tx.b.steps, done)
	r.tx.b.changes = append(r.tx.b.changes, change{r.n, key, func(out *bytes.Buffer) error { return json.NewEncoder(out).Encode(v) }})
}

// Delete removes a row; a missing one is no error.
func (r *Rows[T]) Delete(key string) {
	old, had := r.t.rows[key]
	if !had {
		return
	}
	r.tx.b.steps = append(r.tx.b.steps, step{func() { r.t.restore(key, old) }, func() { r.t.remove(key) }})
	r.t.remove(key)
	r.tx.b.changes = append(r.tx.b.changes, change{table: r.n, key: key})
}

// Len is the number of rows.
func (r *Rows[T]) Len() int { return len(r.t.rows) }

// All ranges over the rows that there were when the iteration began and are still
// there, with their present values; rows may be put and deleted meanwhile.
func (r *Rows[T]) All() iter.Seq2[string, T] {
	order := r.t.order[:len(r.t.order):len(r.t.order)]
	return func(yield func(string, T) bool) {
		for _, s := range order {
			if e, ok := r.t.rows[s.key]; ok && e.born == s.born && !yield(s.key, e.value) {
				return
			}
		}
	}
}

// table is what the state file needs of a typed table.
type table interface {
	// each calls f with every row in order, until it fails.
	each(f func(key string, v any) error) error
	len() int
}

// typed holds rows and the order in which they were made.
type typed[T any] struct {
	rows  map[string]entry[T]
	order []slot // by born; slots of rows that are gone stay until compaction
	born  uint64
}

type entry[T any] struct {
	value T
	born  uint64
}

type slot struct {
	key  string
	born uint64
}

func (t *typed[T]) put(key string, v T) {
	if e, ok := t.rows[key]; ok {
		t.rows[key] = entry[T]{v, e.born}
		return
	}
	t.compact()
	t.born++
	t.order = append(t.order, slot{key, t.born})
	t.rows[key] = entry[T]{v, t.born}
}

func (t *typed[T]) remove(key string) { delete(t.rows, key) }

// restore brings a removed row back to its old place.
func (t *typed[T]) restore(key string, e entry[T]) {
	t.rows[key] = e
	at, found := slices.BinarySearchFunc(t.order, e.born, func(s slot, born uint64) int {
		switch {
		case s.born < born:
			return -1
		case s.born > born:
			return 1
		}
		return 0
	})
	if !found {
		t.order = slices.Insert(slices.Clone(t.order), at, slot{key, e.born})
	}
}

// compact drops the slots of rows that are gone, once they are the majority. An
// iteration that is under way keeps the slice it has.
func (t *typed[T]) compact() {
	if len(t.order) < 2*len(t.rows)+32 {
		return
	}
	live := make([]slot, 0, len(t.rows)+16)
	for _, s := range t.order {
		if e, ok := t.rows[s.key]; ok && e.born == s.born {
			live = append(live, s)
		}
	}
	t.order = live
}

func (t *typed[T]) len() int { return len(t.rows) }

func (t *typed[T]) each(f func(string, any) error) error {
	for _, s := range t.order {
		if e, ok := t.rows[s.key]; ok && e.born == s.born {
			if err := f(s.key, e.value); err != nil {
				return err
			}
		}
	}
	return nil
}
