package world

import (
	"bytes"
	"cmp"
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

// BadRowError is what Table panics with when a row that was saved is not of its type: the
// state is of another version of this program, or damaged.
type BadRowError struct {
	Table, Key string
	Err        error
}

func (e *BadRowError) Error() string {
	return fmt.Sprintf("state row %s of %s: %v", e.Key, e.Table, e.Err)
}
func (e *BadRowError) Unwrap() error { return e.Err }

// Table opens the table of that name ("ec2/instances") in the transaction's
// account and region. One name always has one type.
func Table[T any](tx *Tx, name string) *Rows[T] {
	full := tx.Account + "/" + tx.Region + "/" + name
	w := tx.b.w
	have, ok := w.tables[full]
	if !ok {
		t := &typed[T]{rows: make(map[string]*entry[T], len(w.raw[full].keys))}
		for _, key := range w.raw[full].keys {
			var v T
			if err := json.Unmarshal(w.raw[full].rows[key], &v); err != nil {
				panic(&BadRowError{Table: full, Key: key, Err: err})
			}
			t.add(key, v).size = lineSize(full, key, w.raw[full].rows[key])
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
func (r *Rows[T]) Get(key string) (v T, ok bool) {
	if e := r.t.rows[key]; e != nil {
		return e.value, true
	}
	return v, false
}

// Put writes a row.
func (r *Rows[T]) Put(key string, v T) {
	b := r.tx.b
	e := r.t.rows[key]
	if e != nil {
		u := &update[T]{e, v}
		u.redo()
		b.steps = append(b.steps, u)
	} else {
		e = r.t.add(key, v)
		b.steps = append(b.steps, (*birth[T])(e))
	}
	b.note(change{r.n, key, e, &e.size})
}

// Delete removes a row; a missing one is no error.
func (r *Rows[T]) Delete(key string) {
	e := r.t.rows[key]
	if e == nil {
		return
	}
	r.t.remove(e)
	r.tx.b.steps = append(r.tx.b.steps, (*death[T])(e))
	r.tx.b.note(change{table: r.n, key: key, size: &e.size})
}

// Len is the number of rows.
func (r *Rows[T]) Len() int { return len(r.t.rows) }

// All ranges over the rows that there were when the iteration began and are still
// there, with their present values; rows may be put and deleted meanwhile.
func (r *Rows[T]) All() iter.Seq2[string, T] {
	order := r.t.order[:len(r.t.order):len(r.t.order)]
	return func(yield func(string, T) bool) {
		for _, e := range order {
			if !e.gone && !yield(e.key, e.value) {
				return
			}
		}
	}
}

// Each is All without copies: the values are only for reading, and only until the next
// Put.
func (r *Rows[T]) Each() iter.Seq2[string, *T] {
	order := r.t.order[:len(r.t.order):len(r.t.order)]
	return func(yield func(string, *T) bool) {
		for _, e := range order {
			if !e.gone && !yield(e.key, &e.value) {
				return
			}
		}
	}
}

// table is what the state file needs of a typed table.
type table interface {
	// each calls f with every row in order, until it fails.
	each(f func(key string, v value, size *int) error) error
	len() int
}

// value writes what a row is now as a line of JSON.
type value interface{ write(out *bytes.Buffer) error }

// typed holds rows and the order in which they were made.
type typed[T any] struct {
	rows  map[string]*entry[T]
	order []*entry[T] // by born; rows that are gone stay until compaction
	born  uint64
}

type entry[T any] struct {
	t     *typed[T]
	key   string
	value T
	born  uint64
	gone  bool
	size  int // bytes of its last value in the state file
}

func (e *entry[T]) write(out *bytes.Buffer) error { return json.NewEncoder(out).Encode(e.value) }

// The steps of a transaction, one allocation at most: a large world makes very many.
type (
	update[T any] struct {
		e     *entry[T]
		other T // the value that the row does not have now
	}
	birth[T any] entry[T]
	death[T any] entry[T]
)

func (u *update[T]) undo() { u.redo() }
func (u *update[T]) redo() { u.e.value, u.other = u.other, u.e.value }
func (e *birth[T]) undo()  { e.t.remove((*entry[T])(e)) }
func (e *birth[T]) redo()  { e.t.restore((*entry[T])(e)) }
func (e *death[T]) undo()  { e.t.restore((*entry[T])(e)) }
func (e *death[T]) redo()  { e.t.remove((*entry[T])(e)) }

func (t *typed[T]) add(key string, v T) *entry[T] {
	t.compact()
	t.born++
	e := &entry[T]{t: t, key: key, value: v, born: t.born}
	t.order = append(t.order, e)
	t.rows[key] = e
	return e
}

func (t *typed[T]) remove(e *entry[T]) {
	e.gone = true
	delete(t.rows, e.key)
}

// restore brings a removed row back to its old place.
func (t *typed[T]) restore(e *entry[T]) {
	e.gone = false
	t.rows[e.key] = e
	at, found := slices.BinarySearchFunc(t.order, e.born, func(have *entry[T], born uint64) int { return cmp.Compare(have.born, born) })
	if !found {
		t.order = slices.Insert(slices.Clone(t.order), at, e)
	}
}

// compact drops rows that are gone, once they are the majority. An iteration that is
// under way keeps the slice it has.
func (t *typed[T]) compact() {
	if len(t.order) < 2*len(t.rows)+32 {
		return
	}
	live := make([]*entry[T], 0, len(t.rows)+16)
	for _, e := range t.order {
		if !e.gone {
			live = append(live, e)
		}
	}
	t.order = live
}

func (t *typed[T]) len() int { return len(t.rows) }

func (t *typed[T]) each(f func(string, value, *int) error) error {
	for _, e := range t.order {
		if !e.gone {
			if err := f(e.key, e, &e.size); err != nil {
				return err
			}
		}
	}
	return nil
}
