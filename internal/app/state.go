// Package app wires the stages to AWS, the journal and the listeners, and runs them
// in order.
package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/record"
)

// State is the folder that holds journals, run documents and artifacts.
type State struct {
	dir    string
	shared *shared // nil: this machine alone
}

// DefaultState is the folder in the working directory.
const DefaultState = ".rehydrate"

// OpenState uses a folder, which is made when first needed.
func OpenState(dir string) (State, error) {
	if dir == "" {
		dir = DefaultState
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return State{}, fmt.Errorf("find state folder %s: %w", dir, err)
	}
	return State{dir: abs}, nil
}

// Store is the journal's store.
func (s State) Store() journal.Store {
	if s.shared != nil {
		return s.shared
	}
	return journal.NewFolder(s.dir)
}

// Twin is the default state folder of the twin.
func (s State) Twin() string { return filepath.Join(s.dir, "twin") }

// Artifacts is a run's own folder: lock, report, bundle, logs, run document.
func (s State) Artifacts(run string) string { return filepath.Join(s.dir, "artifacts", run) }

// NewRunID makes an id that sorts by time and is unique among racing runs.
func NewRunID(now time.Time) (string, error) {
	var b [3]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("make a run id: %w", err)
	}
	return now.UTC().Format("20060102-150405") + "-" + hex.EncodeToString(b[:]), nil
}

const documentName = "run.json"

// Save writes the run document, whole or not at all.
func (s State) Save(r *record.Run) error {
	dir := s.Artifacts(r.ID)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("save run %s: %w", r.ID, err)
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode run %s: %w", r.ID, err)
	}
	if err := writeFile(filepath.Join(dir, documentName), append(data, '\n')); err != nil || s.shared == nil {
		return err
	}
	return s.shared.saveRun(r, data)
}

// writeFile replaces a file so that a reader sees the old or the new one.
func writeFile(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err := errors.Join(err, tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// Load reads a run document; an empty id is the newest run of the pipeline.
func (s State) Load(id string) (*record.Run, error) {
	if id == "" {
		all, err := s.Runs()
		if err != nil {
			return nil, err
		}
		for _, id := range slices.Backward(all) {
			if r, err := s.Load(id); err != nil || r.Kind == "" {
				return r, err
			}
		}
		return nil, fault.New(fault.NotFound, "`rehydrate run` makes one", "there is no run in %s", s.dir)
	}
	if s.shared != nil {
		if r, err := s.shared.run(id); r != nil || err != nil {
			return r, err
		}
	}
	data, err := os.ReadFile(filepath.Join(s.Artifacts(id), documentName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "`rehydrate history` lists the runs", "there is no run %s in %s", id, s.dir)
	}
	if err != nil {
		return nil, fmt.Errorf("read run %s: %w", id, err)
	}
	var r record.Run
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("read run %s: %w", id, err)
	}
	return &r, nil
}

// Runs are the ids of the runs with a document, oldest first.
func (s State) Runs() ([]string, error) {
	found, err := filepath.Glob(filepath.Join(s.dir, "artifacts", "*", documentName))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, f := range found {
		out = append(out, filepath.Base(filepath.Dir(f)))
	}
	slices.Sort(out)
	if s.shared == nil {
		return out, nil
	}
	others, err := s.shared.runs()
	return union(out, others), err
}

// Newest is the newest run of the pipeline for a line that the test accepts; nil if there
// is none.
func (s State) Newest(line string, accept func(*record.Run) bool) (*record.Run, error) {
	ids, err := s.Runs()
	if err != nil {
		return nil, err
	}
	for _, id := range slices.Backward(ids) {
		r, err := s.Load(id)
		if err != nil {
			return nil, err
		}
		if r.Line == line && r.Kind == "" && accept(r) {
			return r, nil
		}
	}
	return nil, nil
}

// lookLimit is how long a lock that is held is tried before it is taken for a lease.
const lookLimit = 2 * time.Second

// Lease keeps other runs of the line away until release is called: those on this
// machine or, where the runs are shared, on any.
func (s State) Lease(ctx context.Context, line, run string) (release func(), err error) {
	dir := filepath.Join(s.dir, "lines")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("lease %s: %w", line, err)
	}
	path := filepath.Join(dir, line+".lease")
	l := flock.New(path)
	// Who looks whether a run is at work shares the lock for a moment (leased).
	look, end := context.WithTimeout(ctx, lookLimit)
	defer end()
	ok, err := l.TryLockContext(look, lookLimit/200)
	if err != nil && (look.Err() == nil || ctx.Err() != nil) {
		return nil, fmt.Errorf("lease %s: %w", line, err)
	}
	if !ok {
		holder, _ := os.ReadFile(path) // only to name the holder
		return nil, fault.New(fault.Conflict, "wait for it, or end it", "image line %s is leased by %s", line, strings.TrimSpace(string(holder)))
	}
	host, _ := os.Hostname() // only a name
	text := fmt.Sprintf("run %s on %s, process %d\n", run, host, os.Getpid())
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return nil, errors.Join(fmt.Errorf("lease %s: %w", line, err), l.Unlock())
	}
	unlock := func() { _ = l.Unlock() } // the lock ends with the process in any case
	if s.shared == nil {
		return unlock, nil
	}
	give, err := s.shared.take(ctx, line, run, fmt.Sprintf("%s, process %d", host, os.Getpid()))
	if err != nil {
		unlock()
		return nil, err
	}
	return func() { give(); unlock() }, nil
}

// Seen is the ledger of when a package version was first offered to a line; it
// feeds the delay extension of apt baselines.
func (s State) Seen(line string) (map[string]time.Time, error) {
	data, err := s.seen(line)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]time.Time{}, nil
	}
	if err != nil {
		return nil, err
	}
	out := map[string]time.Time{}
	if err := json.Unmarshal(data, &out); err != nil {
		return nil, fmt.Errorf("read %s: %w", s.seenFile(line), err)
	}
	return out, nil
}

// SaveSeen writes the ledger.
func (s State) SaveSeen(line string, seen map[string]time.Time) error {
	data, err := json.MarshalIndent(seen, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.seenFile(line)), 0o755); err != nil {
		return err
	}
	if err := writeFile(s.seenFile(line), data); err != nil || s.shared == nil {
		return err
	}
	return s.shared.save(seenKeys+line+".seen.json", data)
}

// seen is the ledger's text; the one that is shared, if any is, begins with this
// machine's.
func (s State) seen(line string) ([]byte, error) {
	if s.shared != nil {
		if data, err := s.shared.seen(line); !errors.Is(err, fs.ErrNotExist) {
			return data, err
		}
	}
	return os.ReadFile(s.seenFile(line))
}

func (s State) seenFile(line string) string {
	return filepath.Join(s.dir, "lines", line+".seen.json")
}

// History are the run documents, oldest first.
func (s State) History() ([]*record.Run, error) {
	ids, err := s.Runs()
	if err != nil {
		return nil, err
	}
	var out []*record.Run
	for _, id := range ids {
		r, err := s.Load(id)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}
