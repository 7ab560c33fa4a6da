package world

import (
	"container/heap"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// Tx is one transaction in one account and region.
type Tx struct {
	Account string
	Region  string
	// Now is the virtual time, the same throughout the transaction.
	Now time.Time
	// Caller names who asked, if a request started this: an access key's role
	// session or "". Registered says that the caller takes its time from the twin;
	// an unregistered one (Packer, awscli) polls on the wall.
	Caller     string
	Registered bool
	b          *batch
}

// In is the same transaction, seen from another account or region.
func (tx *Tx) In(account, region string) *Tx {
	o := *tx
	o.Account, o.Region = account, region
	return &o
}

// ID makes a new id such as i-0a1b..., 17 hexadecimal digits after the prefix;
// the same seed and history give the same id.
func (tx *Tx) ID(prefix string) string { return prefix + tx.Hex(17) }

// Hex makes n new hexadecimal digits, n at most 64.
func (tx *Tx) Hex(n int) string {
	w := tx.b.w
	w.seq++
	var in [16]byte
	binary.BigEndian.PutUint64(in[:8], uint64(w.seed))
	binary.BigEndian.PutUint64(in[8:], w.seq)
	sum := sha256.Sum256(in[:])
	return hex.EncodeToString(sum[:])[:n]
}

// UUID makes a new id in the form of a UUID.
func (tx *Tx) UUID() string {
	h := tx.Hex(32)
	return fmt.Sprintf("%s-%s-4%s-a%s-%s", h[:8], h[8:12], h[13:16], h[17:20], h[20:])
}

// At sets a timer of a registered kind in this account and region and returns its
// key, with which it can be cancelled.
func (tx *Tx) At(due time.Time, kind string, payload any) string {
	data, err := json.Marshal(payload)
	if err != nil {
		// A payload is one of our own structs; this is a mistake in the twin.
		panic(fmt.Sprintf("twin: timer %s: %v", kind, err))
	}
	w := tx.b.w
	w.seq++
	t := timer{Key: fmt.Sprintf("%016x", w.seq), Due: due.UTC(), Kind: kind, Payload: data, Account: tx.Account, Region: tx.Region}
	timersOf(tx).Put(t.Key, t)
	heap.Push(&w.timers, t)
	tx.b.timers = true
	return t.Key
}

// Cancel removes a timer; an unknown key is no error.
func (tx *Tx) Cancel(key string) { timersOf(tx).Delete(key) }

// Event adds a line to the event log when the transaction has succeeded.
func (tx *Tx) Event(kind string, data map[string]any) {
	tx.b.events = append(tx.b.events, Event{Time: tx.Now, Account: tx.Account, Region: tx.Region, Kind: kind, Data: data})
}

// Go runs f after the transaction has succeeded, outside the lock; until it
// returns time runs as on the wall. f begins its own transactions with World.Do.
// reason is shown by the clock's status.
func (tx *Tx) Go(reason string, f func(ctx context.Context)) {
	tx.b.after = append(tx.b.after, goFunc{reason, f})
}

// World is the world this transaction belongs to, for use inside Go.
func (tx *Tx) World() *World { return tx.b.w }

type goFunc struct {
	reason string
	f      func(context.Context)
}

// batch collects what one transaction changes.
type batch struct {
	w       *World
	now     time.Time
	changes []change
	steps   []step
	events  []Event
	after   []goFunc
	timers  bool
}

// change is one row written or removed, or what the file is to have of a row.
type change struct {
	table string
	key   string
	value value // nil: removed
	size  *int  // of what the file has of it
}

// note keeps a change for the state file.
func (b *batch) note(c change) {
	if b.w.file != nil {
		b.changes = append(b.changes, c)
	}
}

func (b *batch) undo() {
	for i := len(b.steps) - 1; i >= 0; i-- {
		b.steps[i].undo()
	}
}

func (b *batch) commit() error {
	if len(b.changes) > 0 {
		if err := b.w.file.save(b.w, b.changes, b.now); err != nil {
			return fmt.Errorf("save twin state: %w", err)
		}
		if b.w.file.full() {
			if err := b.w.file.rewrite(b.w, b.now); err != nil {
				b.w.file.broken = fmt.Errorf("rewrite state file: %w", err)
				return fmt.Errorf("save twin state: %w", b.w.file.broken)
			}
		}
	}
	b.w.memory.note(b)
	for _, e := range b.events {
		b.w.events.add(e)
		for _, f := range b.w.watchers {
			f(&Tx{Account: e.Account, Region: e.Region, Now: b.now, b: &batch{w: b.w, now: b.now}}, e)
		}
	}
	return nil
}
