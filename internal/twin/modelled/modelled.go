// Package modelled backs instances by package data instead of a root: any system
// can run it, nothing is executed, and thousands of machines cost little.
//
// What it answers is marked as modelled. A modelled machine has no shell: the patch
// agent works through Patch, which runs the flow of internal/node over the data.
// Its disk image is a real file system that holds the inventory, so that the
// offline gate reads it the way it reads any other.
package modelled

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"sync"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/wait"
)

// Options are what modelled machines share.
type Options struct {
	// Repository is what a named repository state of the world offers now. It may move
	// on between calls. A name that it does not know is an error, like a source that
	// cannot be read.
	Repository func(name string) (baseline.Available, error)
	// Clock is the twin's; nil means the wall's.
	Clock wait.Clock
}

// Modelled is a backing of package data.
type Modelled struct {
	o Options

	mu       sync.Mutex
	machines map[string]*machine
}

var (
	_ backing.Backing = (*Modelled)(nil)
	_ backing.Patcher = (*Modelled)(nil)
)

// machine is one modelled instance. Until it changes it shares the image's data.
type machine struct {
	mu      sync.Mutex
	spec    backing.Machine
	running bool
	saved   bool // it has a state file
	earlier bool // what state says of running is of an earlier process
	state   state
}

// state is what a machine has that outlives its processes.
type state struct {
	Image backing.ModelledImage `json:"image"`
	// Prior is what waits for a reboot, as the patch agent keeps it.
	Prior      *baseline.Prior `json:"prior,omitempty"`
	RebootNeed bool            `json:"rebootNeeded,omitempty"`
	Booted     time.Time       `json:"booted"`
	// Running says that it was neither stopped nor started anew since Since: the end of
	// the twin's process is no reboot of the machine.
	Running bool      `json:"running,omitempty"`
	Since   time.Time `json:"since,omitzero"`
}

var errNoData = errors.New("image has no package data")

// New makes an empty backing.
func New(o Options) *Modelled {
	if o.Repository == nil {
		o.Repository = func(name string) (baseline.Available, error) {
			return baseline.Available{}, fmt.Errorf("the world has no repository %q", name)
		}
	}
	if o.Clock == nil {
		o.Clock = wait.Wall{}
	}
	return &Modelled{o: o, machines: map[string]*machine{}}
}

// machine finds or makes the entry of a machine, with its state as saved.
func (d *Modelled) machine(spec backing.Machine) (*machine, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m := d.machines[spec.ID]; m != nil {
		return m, nil
	}
	if spec.Image.Modelled == nil {
		return nil, errNoData
	}
	m := &machine{spec: spec, state: state{Image: *spec.Image.Modelled}}
	if err := m.load(); err != nil {
		return nil, err
	}
	d.machines[spec.ID] = m
	return m, nil
}

// Start implements backing.Backing.
func (d *Modelled) Start(_ context.Context, spec backing.Machine) error {
	m, err := d.machine(spec)
	if err != nil {
		return fmt.Errorf("start machine %s: %w", spec.ID, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.running {
		return nil
	}
	m.spec = spec
	if m.earlier && m.state.Running && m.state.Since.Equal(spec.Since) {
		m.running, m.earlier = true, false
		return nil
	}
	return m.boot(d.o.Clock.Now())
}

// boot starts the machine; its lock is held. What waited for a reboot has had it.
func (m *machine) boot(now time.Time) error {
	m.state.Booted = now.UTC()
	m.running, m.earlier = true, false
	m.state.Running, m.state.Since = true, m.spec.Since
	if !m.state.RebootNeed && m.state.Prior == nil {
		return nil // nothing to keep: a machine that never changed has no folder
	}
	m.state.RebootNeed = false
	if m.state.Prior != nil {
		prior := *m.state.Prior
		prior.LastBoot = m.state.Booted
		m.state.Prior = &prior
	}
	return m.save()
}

// Stop implements backing.Backing.
func (d *Modelled) Stop(_ context.Context, id string) error {
	d.mu.Lock()
	m := d.machines[id]
	d.mu.Unlock()
	if m != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.running, m.earlier, m.state.Running = false, false, false
		if m.saved {
			return m.save()
		}
	}
	return nil
}

// with runs fn on a running machine, locked.
func (d *Modelled) with(id string, fn func(*machine) error) error {
	d.mu.Lock()
	m := d.machines[id]
	d.mu.Unlock()
	if m == nil {
		return backing.ErrNotRunning
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.running {
		return backing.ErrNotRunning
	}
	return fn(m)
}

// Reboot implements backing.Backing.
func (d *Modelled) Reboot(_ context.Context, id string) error {
	err := d.with(id, func(m *machine) error { return m.boot(d.o.Clock.Now()) })
	if err != nil {
		return fmt.Errorf("reboot machine %s: %w", id, err)
	}
	return nil
}

// Destroy implements backing.Backing.
func (d *Modelled) Destroy(_ context.Context, spec backing.Machine) error {
	d.mu.Lock()
	delete(d.machines, spec.ID)
	d.mu.Unlock()
	if err := os.RemoveAll(spec.Dir); err != nil {
		return fmt.Errorf("destroy machine %s: %w", spec.ID, err)
	}
	return nil
}

// noShell is what a modelled machine says to every command.
const noShell = "modelled instance: no shell\n"

// Run implements backing.Backing: a modelled machine knows no command (exit 127).
func (d *Modelled) Run(_ context.Context, id string, c backing.Command) (int, error) {
	err := d.with(id, func(*machine) error {
		if c.Stderr == nil {
			return nil
		}
		_, err := io.WriteString(c.Stderr, noShell)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("run in machine %s: %w", id, err)
	}
	return 127, nil
}

// Put implements backing.Backing. The mode is not kept.
func (d *Modelled) Put(_ context.Context, id, name string, _ fs.FileMode, r io.Reader) error {
	data, err := io.ReadAll(r)
	if err == nil {
		err = d.with(id, func(m *machine) error {
			files := maps.Clone(m.state.Image.Files)
			if files == nil {
				files = map[string][]byte{}
			}
			files[path.Clean("/"+name)] = data
			m.state.Image.Files = files
			return m.save()
		})
	}
	if err != nil {
		return fmt.Errorf("put %s in machine %s: %w", name, id, err)
	}
	return nil
}

// Get implements backing.Backing. It reads what Put stored and what the disk image
// would hold.
func (d *Modelled) Get(_ context.Context, id, name string, w io.Writer) error {
	err := d.with(id, func(m *machine) error {
		files, err := content(m.state.Image)
		if err != nil {
			return err
		}
		data, ok := files[path.Clean("/"+name)]
		if !ok {
			return fs.ErrNotExist
		}
		_, err = w.Write(data)
		return err
	})
	if err != nil {
		return fmt.Errorf("get %s from machine %s: %w", name, id, err)
	}
	return nil
}

// Close implements backing.Backing.
func (d *Modelled) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range d.machines {
		m.mu.Lock()
		m.running = false
		m.mu.Unlock()
	}
	return nil
}
