package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/goldenami/rehydrate/internal/awscloud/store"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/wait"
)

// shared is the part of a state folder that other machines see too, in a bucket:
// records, run documents, the artifacts that later stages read, leases and ledgers.
type shared struct {
	local  State
	bucket journal.Bucket
	files  store.Versions
	prefix string // of the files' keys; empty, or ending in a slash
	where  string // for people
	clock  wait.Clock

	mu    sync.Mutex
	docs  map[string]*journal.Document
	sent  map[string]map[string]int64 // by run: what the bucket has of its files, by size
	lease *journal.Lease
}

// sharedLimit bounds one use of the bucket outside of a run's own calls.
const sharedLimit = 5 * time.Minute

// Share keeps the runs in the bucket that the configuration names as well; without one
// the folder stays alone.
func (s State) Share(c *Cloud, j config.Journal) State {
	if j.Bucket == "" || c == nil {
		return s
	}
	prefix := ""
	if j.Prefix != "" {
		prefix = j.Prefix + "/"
	}
	files := store.Versions{Store: store.New(c.Session, j.Bucket)}
	s.shared = &shared{local: s, bucket: journal.NewBucket(files, j.Prefix), files: files, prefix: prefix,
		where: "s3://" + j.Bucket + "/" + prefix, clock: c.Clock, docs: map[string]*journal.Document{}, sent: map[string]map[string]int64{}}
	return s
}

// context bounds what is called without one.
func (h *shared) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), sharedLimit)
}

func (h *shared) wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s in %s: %w", fmt.Sprintf(format, args...), h.where, err)
}

// document is the one under the key, with the version that this process knows of it.
func (h *shared) document(key string) *journal.Document {
	if h.docs[key] == nil {
		h.docs[key] = h.bucket.Document(key)
	}
	return h.docs[key]
}

func (h *shared) load(key string) ([]byte, error) {
	ctx, stop := h.context()
	defer stop()
	h.mu.Lock()
	d := h.document(key)
	h.mu.Unlock()
	return d.Load(ctx)
}

func (h *shared) save(key string, data []byte) error {
	ctx, stop := h.context()
	defer stop()
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.document(key).Save(ctx, data)
}

// The keys of what is not a record.
const (
	documentKeys = "documents/"
	seenKeys     = "lines/"
)

func documentKey(run string) string { return documentKeys + run + ".json" }

func (h *shared) runs() ([]string, error) {
	ctx, stop := h.context()
	defer stop()
	keys, err := h.bucket.List(ctx, documentKeys)
	if err != nil {
		return nil, h.wrap(err, "list runs")
	}
	var out []string
	for _, k := range keys {
		id := strings.TrimSuffix(strings.TrimPrefix(k, documentKeys), ".json")
		if id != "" && !strings.ContainsAny(id, `/\`) {
			out = append(out, id)
		}
	}
	return out, nil
}

// run reads a run document; nil when the bucket has none of that id.
func (h *shared) run(id string) (*record.Run, error) {
	data, err := h.load(documentKey(id))
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, h.wrap(err, "read run %s", id)
	}
	var r record.Run
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, h.wrap(err, "read run %s", id)
	}
	if r.ID != id {
		return nil, h.wrap(fmt.Errorf("it is the document of run %q", r.ID), "read run %s", id)
	}
	return &r, nil
}

// saveRun writes a run's files first: a document that names a file has it.
func (h *shared) saveRun(r *record.Run, data []byte) error {
	ctx, stop := h.context()
	defer stop()
	if err := h.push(ctx, r.ID); err != nil {
		return err
	}
	return h.wrap(h.save(documentKey(r.ID), data), "save run %s", r.ID)
}

// Create implements journal.Store: a record is written by who has the lease, and after
// the files that it stands on.
func (h *shared) Create(ctx context.Context, key string, body []byte) error {
	h.mu.Lock()
	lease := h.lease
	h.mu.Unlock()
	if lease != nil {
		if err := lease.Check(ctx); err != nil {
			return err
		}
	}
	run, unit, _ := strings.Cut(strings.TrimPrefix(key, "runs/"), "/")
	if strings.HasPrefix(unit, "bake") {
		if err := h.push(ctx, run); err != nil {
			return err
		}
	}
	return h.bucket.Create(ctx, key, body)
}

// Get implements journal.Store.
func (h *shared) Get(ctx context.Context, key string) ([]byte, error) { return h.bucket.Get(ctx, key) }

// List implements journal.Store.
func (h *shared) List(ctx context.Context, prefix string) ([]string, error) {
	return h.bucket.List(ctx, prefix)
}

// take takes the line's lease for a run and keeps it until release is called.
func (h *shared) take(ctx context.Context, line, run, who string) (release func(), err error) {
	l, err := h.bucket.Lease(ctx, h.clock, line, run, who)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	h.lease = l
	h.mu.Unlock()
	kept, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() { l.Keep(kept); close(ended) }()
	return func() {
		stop()
		<-ended
		last, done := h.context()
		defer done()
		l.Release(last)
		h.mu.Lock()
		h.lease = nil
		h.mu.Unlock()
	}, nil
}

// seen reads a line's ledger of first sightings.
func (h *shared) seen(line string) ([]byte, error) {
	data, err := h.load(seenKeys + line + ".seen.json")
	if fault.KindOf(err) == fault.NotFound {
		return nil, fs.ErrNotExist
	}
	return data, h.wrap(err, "read the ledger of %s", line)
}

// union of two sorted lists of run ids.
func union(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

// missing says of a run's file that it is nowhere.
func (h *shared) missing(run, name, local string) error {
	return fault.As(fmt.Errorf("file %s of run %s is neither in %s nor in %s: %w", name, run, local, h.where, os.ErrNotExist), fault.NotFound,
		"copy it there from the machine that made it, or begin a new run")
}

var _ journal.Store = (*shared)(nil)

// notThere says that an error means absence.
func notThere(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || fault.KindOf(err) == fault.NotFound
}
