package world

import (
	"encoding/json"
	"fmt"
	"iter"
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
		t := &typed[T]{rows: map[string]T{}}
		for _, key := range w.rawSeq[full] {
			data, ok := w.raw[full][key]
			if !ok {
				continue
			}
			var v T
			if err := json.Unmarshal(data, &v); err != nil {
				panic(fmt.Sprintf("twin: state row %s %s: %v", full, key, err))
			}
			t.put(key, v)
		}
		delete(w.raw, full)
		delete(w.rawSeq, full)
		w.tables[full] = t
		have = t
	}
	return &Rows[T]{tx: tx, t: have.(*typed[T]), n: full}
}

// Get returns a row.
func (r *Rows[T]) Get(key string) (T, bool) {
	v, ok := r.t.rows[key]
	return v, ok
}

// Put writes a row.
func (r *Rows[T]) Put(key string, v T) {
	old, had := r.t.rows[key]
	r.tx.b.undos = append(r.tx.b.undos, func() {
		if had {
			r.t.rows[key] = old
		} else {
			r.t.remove(key)
		}
	})
	r.t.put(key, v)
	r.tx.b.changes = append(r.tx.b.changes, change{r.n, key, func() (json.RawMessage, error) { return json.Marshal(v) }})
}

// Delete removes a row; a missing one is no error.
func (r *Rows[T]) Delete(key string) {
	old, had := r.t.rows[key]
	if !had {
		return
	}
	r.tx.b.undos = append(r.tx.b.undos, func() { r.t.put(key, old) })
	r.t.remove(key)
	r.tx.b.changes = append(r.tx.b.changes, change{table: r.n, key: key})
}

// Len is the number of rows.
func (r *Rows[T]) Len() int { return len(r.t.rows) }

// All ranges over the rows as they were when the iteration began; rows may be put
// and deleted meanwhile.
func (r *Rows[T]) All() iter.Seq2[string, T] {
	keys := r.t.keys()
	return func(yield func(string, T) bool) {
		for _, k := range keys {
			if v, ok := r.t.rows[k]; ok && !yield(k, v) {
				return
			}
		}
	}
}

// table is what the state file needs of a typed table.
type table interface {
	each(f func(key string, v any))
}

type typed[T any] struct {
	rows  map[string]T
	order []string // creation order; may hold keys that are gone
}

func (t *typed[T]) put(key string, v T) {
	if _, ok := t.rows[key]; !ok {
		t.order = append(t.order, key)
	}
	t.rows[key] = v
}

func (t *typed[T]) remove(key string) {
	delete(t.rows, key)
	// A key put again must not stand twice in the order.
	for i := len(t.order) - 1; i >= 0; i-- {
		if t.order[i] == key {
			t.order = append(t.order[:i:i], t.order[i+1:]...)
			return
		}
	}
}

func (t *typed[T]) keys() []string { return t.order[:len(t.order):len(t.order)] }

func (t *typed[T]) each(f func(string, any)) {
	for _, k := range t.order {
		f(k, t.rows[k])
	}
}
