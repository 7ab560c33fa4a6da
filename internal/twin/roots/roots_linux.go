package roots

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/goldenami/rehydrate/internal/twin/backing"
)

// Roots runs machines on this host.
type Roots struct {
	o Options

	mu       sync.Mutex
	machines map[string]*machine
	claims   map[netip.Addr]net.Listener
	closed   bool
}

var (
	_ backing.Backing = (*Roots)(nil)
	_ backing.Claimer = (*Roots)(nil)
)

// machine is what is known of one machine; op is held through a change of its power.
type machine struct {
	op sync.Mutex

	mu   sync.Mutex
	spec backing.Machine
	run  *running // nil: stopped
}

// Check says what is missing for real roots with machines' folders below dir, or
// nil: it needs root, overlayfs, and a file system that overlayfs accepts.
func Check(dir string) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("real roots need root: %w", backing.ErrUnavailable)
	}
	known, err := os.ReadFile("/proc/filesystems")
	if err != nil {
		return fmt.Errorf("read the kernel's file systems: %w", err)
	}
	if !containsWord(string(known), "overlay") {
		return fmt.Errorf("real roots need overlayfs (modprobe overlay): %w", backing.ErrUnavailable)
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fmt.Errorf("look at %s: %w", dir, err)
	}
	if st.Type == unix.OVERLAYFS_SUPER_MAGIC {
		return fmt.Errorf("folder %s lies on overlayfs itself, as in a container; use a volume: %w", dir, backing.ErrUnavailable)
	}
	return nil
}

// New makes a Roots. Call Check first for a good error message.
func New(o Options) (*Roots, error) {
	if _, err := sealedSelf(); err != nil {
		return nil, fmt.Errorf("prepare real roots: %w", err)
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	return &Roots{o: o, machines: map[string]*machine{}, claims: map[netip.Addr]net.Listener{}}, nil
}

func (r *Roots) machine(id string) *machine {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.machines[id]
	if m == nil {
		m = &machine{}
		r.machines[id] = m
	}
	return m
}

// Start implements backing.Backing.
func (r *Roots) Start(ctx context.Context, spec backing.Machine) error {
	m := r.machine(spec.ID)
	m.op.Lock()
	defer m.op.Unlock()
	if m.current() != nil {
		return nil
	}
	return r.boot(ctx, m, spec)
}

func (m *machine) current() *running {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.run
}

// boot starts the holder. m.op is held.
func (r *Roots) boot(ctx context.Context, m *machine, spec backing.Machine) error {
	r.mu.Lock()
	closed := r.closed
	r.mu.Unlock()
	if closed {
		return fmt.Errorf("start machine %s: %w", spec.ID, os.ErrClosed)
	}
	r.Claim(spec.Image, spec.Address) // of a world that was opened again; who has it says so below
	if len(spec.Image.Layers) == 0 {
		return fmt.Errorf("start machine %s: image has no layers: %w", spec.ID, backing.ErrUnavailable)
	}
	run, err := launch(ctx, spec)
	if err != nil {
		return fmt.Errorf("start machine %s: %w", spec.ID, err)
	}
	m.mu.Lock()
	m.spec, m.run = spec, run
	m.mu.Unlock()
	go r.watch(m, run)
	go run.watchBusy(func(busy bool) {
		if r.o.OnBusy != nil {
			r.o.OnBusy(spec.ID, busy)
		}
	})
	return nil
}

// watch waits for a holder's end and, if nobody asked for it, acts on it.
func (r *Roots) watch(m *machine, run *running) {
	<-run.ended
	m.op.Lock()
	m.mu.Lock()
	own := m.run == run // else Stop has seen to it
	spec := m.spec
	if own {
		m.run = nil
	}
	m.mu.Unlock()
	if !own {
		m.op.Unlock()
		return
	}
	e := backing.PowerEvent{ID: spec.ID, Time: time.Now()}
	switch run.exit {
	case exitReboot:
		e.Change = backing.Rebooted
		if err := r.boot(context.Background(), m, spec); err != nil {
			e.Change = backing.Lost
			fmt.Fprintln(r.o.Log, "reboot:", err)
		}
	case exitPowerOff:
		e.Change = backing.PoweredOff
	default:
		e.Change = backing.Lost
		fmt.Fprintf(r.o.Log, "machine %s: holder ended with %d, see %s\n", spec.ID, run.exit, filepath.Join(spec.Dir, logFile))
	}
	m.op.Unlock()
	if r.o.OnPower != nil {
		r.o.OnPower(e)
	}
}

// Stop implements backing.Backing.
func (r *Roots) Stop(_ context.Context, id string) error {
	m := r.machine(id)
	m.op.Lock()
	defer m.op.Unlock()
	m.halt()
	return nil
}

// halt ends the holder and waits until everything of it has gone. m.op is held.
func (m *machine) halt() {
	m.mu.Lock()
	run := m.run
	m.run = nil
	m.mu.Unlock()
	if run != nil {
		run.kill()
	}
}

// Reboot implements backing.Backing.
func (r *Roots) Reboot(ctx context.Context, id string) error {
	m := r.machine(id)
	m.op.Lock()
	defer m.op.Unlock()
	if m.current() == nil {
		return fmt.Errorf("reboot machine %s: %w", id, backing.ErrNotRunning)
	}
	m.halt()
	return r.boot(ctx, m, m.spec)
}

// Destroy implements backing.Backing.
func (r *Roots) Destroy(_ context.Context, spec backing.Machine) error {
	m := r.machine(spec.ID)
	m.op.Lock()
	defer m.op.Unlock()
	m.halt()
	if err := os.RemoveAll(spec.Dir); err != nil {
		return fmt.Errorf("destroy machine %s: %w", spec.ID, err)
	}
	r.mu.Lock()
	if r.machines[spec.ID] == m {
		delete(r.machines, spec.ID)
	}
	r.release(spec.Address)
	r.mu.Unlock()
	return nil
}

// Close implements backing.Backing.
func (r *Roots) Close() error {
	r.mu.Lock()
	r.closed = true
	var all []*machine
	for _, m := range r.machines {
		all = append(all, m)
	}
	r.mu.Unlock()
	var wg sync.WaitGroup
	for _, m := range all {
		wg.Go(func() {
			m.op.Lock()
			defer m.op.Unlock()
			m.halt()
		})
	}
	wg.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	for a := range r.claims {
		r.release(a)
	}
	return nil
}

func (r *Roots) running(id string) (*running, error) {
	r.mu.Lock()
	m := r.machines[id]
	r.mu.Unlock()
	if m != nil {
		if run := m.current(); run != nil {
			return run, nil
		}
	}
	return nil, backing.ErrNotRunning
}

var (
	errNoCommand = errors.New("neither a script nor arguments")
	errRelative  = errors.New("not an absolute path")
)
