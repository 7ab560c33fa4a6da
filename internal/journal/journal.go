// Package journal is the record of a run: immutable objects, one a step, created
// only if absent. It also lists the runs of the past.
//
// Keys are runs/<run>/<unit>/<seq>.json. Losing the race for a sequence number
// means that another executor is ahead, and whoever lost it stops.
package journal

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
)

// ErrExists is returned by Store.Create for a key that is taken.
var ErrExists = errors.New("object exists")

// Store keeps immutable objects under slash-separated keys.
type Store interface {
	// Create writes an object that must not exist yet; ErrExists if it does. When
	// it returns nil the object survives a crash. No other writer has the same body.
	Create(ctx context.Context, key string, body []byte) error
	// Get reads an object.
	Get(ctx context.Context, key string) ([]byte, error)
	// List returns the keys under prefix, sorted.
	List(ctx context.Context, prefix string) ([]string, error)
}

// The phases of a record.
const (
	Before = "before" // about to Advance from State
	After  = "after"  // Advance returned State
)

// Record is one line of a unit's history.
type Record struct {
	Seq   int             `json:"seq"`
	Unit  string          `json:"unit"`
	Kind  string          `json:"kind"` // of unit
	Phase string          `json:"phase"`
	At    time.Time       `json:"at"`
	Wall  time.Time       `json:"wall"` // the machine's own time
	State json.RawMessage `json:"state,omitempty"`
	Done  bool            `json:"done,omitempty"`
	// Due is when the next Advance may happen; zero is at once.
	Due      time.Time `json:"due,omitzero"`
	Approval string    `json:"approval,omitempty"`
	// Writer is the process that wrote the record: no two records of different writers
	// are alike, whatever else they say.
	Writer string `json:"writer,omitempty"`
}

// Journal is the record of one run.
type Journal struct {
	store  Store
	run    string
	writer string
}

// Open is the journal of the run in the store; the run need not exist yet.
func Open(s Store, run string) *Journal {
	return &Journal{store: s, run: run, writer: rand.Text()[:12]}
}

// Run is the run's id.
func (j *Journal) Run() string { return j.run }

// Append writes the record as its unit's number r.Seq. A taken number is a
// conflict: another executor works on the run.
func (j *Journal) Append(ctx context.Context, r Record) error {
	r.Writer = j.writer
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode record %d of %s: %w", r.Seq, r.Unit, err)
	}
	err = j.store.Create(ctx, j.key(r.Unit, r.Seq), body)
	if errors.Is(err, ErrExists) {
		return fault.New(fault.Conflict, "look at `rehydrate history "+j.run+"`; resume only when the other executor has ended",
			"record %d of %s in run %s: another executor is ahead", r.Seq, r.Unit, j.run)
	}
	if err != nil {
		return fmt.Errorf("record %d of %s in run %s: %w", r.Seq, r.Unit, j.run, err)
	}
	return nil
}

// Records returns a unit's history in order.
func (j *Journal) Records(ctx context.Context, unit string) ([]Record, error) {
	keys, err := j.keys(ctx, unit)
	if err != nil {
		return nil, err
	}
	var out []Record
	for _, k := range keys {
		r, err := j.read(ctx, k)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// Units names the units that have records, sorted.
func (j *Journal) Units(ctx context.Context) ([]string, error) {
	prefix := "runs/" + j.run + "/"
	keys, err := j.store.List(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("read run %s: %w", j.run, err)
	}
	var out []string
	for _, k := range keys {
		out = append(out, path.Dir(strings.TrimPrefix(k, prefix)))
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func (j *Journal) read(ctx context.Context, key string) (Record, error) {
	body, err := j.store.Get(ctx, key)
	if err != nil {
		return Record{}, fmt.Errorf("read %s: %w", key, err)
	}
	var r Record
	if err := json.Unmarshal(body, &r); err != nil {
		return Record{}, fault.As(fmt.Errorf("read %s: %w", key, err), fault.Failed,
			"the record is damaged; restore it from a copy or start a new run")
	}
	return r, nil
}

func (j *Journal) key(unit string, seq int) string {
	return path.Join("runs", j.run, unit, fmt.Sprintf("%06d.json", seq))
}

// Runs lists the runs in the store, oldest first (run ids sort by time).
func Runs(ctx context.Context, s Store) ([]string, error) {
	keys, err := s.List(ctx, "runs/")
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	var out []string
	for _, k := range keys {
		id, _, _ := strings.Cut(strings.TrimPrefix(k, "runs/"), "/")
		out = append(out, id)
	}
	return slices.Compact(out), nil
}
