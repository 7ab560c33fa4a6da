package backing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"sync"

	"github.com/goldenami/rehydrate/internal/record"
)

// Router is one Backing out of two: images with Modelled data go to one, images
// with layers to the other.
type Router struct {
	// Real may be nil where real roots are not possible; then machines with layers are
	// refused with ErrUnavailable.
	Real     Backing
	Modelled interface {
		Backing
		Patcher
	}

	mu       sync.Mutex
	modelled map[string]bool // by machine id; absent: never started here
}

var (
	_ Backing = (*Router)(nil)
	_ Patcher = (*Router)(nil)
	_ Claimer = (*Router)(nil)
)

// IsModelled says whether a machine started by this process is a modelled one.
func (r *Router) IsModelled(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.modelled[id]
}

func (r *Router) forImage(i Image) (Backing, error) {
	if i.Modelled != nil {
		return r.Modelled, nil
	}
	if len(i.Layers) == 0 {
		return nil, fmt.Errorf("image has neither layers nor package data: %w", ErrUnavailable)
	}
	if r.Real == nil {
		return nil, fmt.Errorf("image is a real root: %w", ErrUnavailable)
	}
	return r.Real, nil
}

func (r *Router) forID(id string) (Backing, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.modelled[id]
	switch {
	case !ok:
		return nil, fmt.Errorf("machine %s: %w", id, ErrNotRunning)
	case m:
		return r.Modelled, nil
	}
	return r.Real, nil
}

// Start implements Backing.
func (r *Router) Start(ctx context.Context, m Machine) error {
	b, err := r.forImage(m.Image)
	if err != nil {
		return fmt.Errorf("start machine %s: %w", m.ID, err)
	}
	r.mu.Lock()
	if r.modelled == nil {
		r.modelled = map[string]bool{}
	}
	r.modelled[m.ID] = m.Image.Modelled != nil
	r.mu.Unlock()
	return b.Start(ctx, m)
}

// Claim implements Claimer: the address of a modelled machine is only a name.
func (r *Router) Claim(i Image, address netip.Addr) bool {
	b, err := r.forImage(i)
	c, ok := b.(Claimer)
	return err != nil || !ok || c.Claim(i, address)
}

// Stop implements Backing.
func (r *Router) Stop(ctx context.Context, id string) error {
	b, err := r.forID(id)
	if errors.Is(err, ErrNotRunning) {
		return nil
	}
	if err != nil {
		return err
	}
	return b.Stop(ctx, id)
}

// Reboot implements Backing.
func (r *Router) Reboot(ctx context.Context, id string) error {
	b, err := r.forID(id)
	if err != nil {
		return err
	}
	return b.Reboot(ctx, id)
}

// Destroy implements Backing.
func (r *Router) Destroy(ctx context.Context, m Machine) error {
	b, err := r.forImage(m.Image)
	if err != nil {
		return fmt.Errorf("destroy machine %s: %w", m.ID, err)
	}
	if err := b.Destroy(ctx, m); err != nil {
		return err
	}
	r.mu.Lock()
	delete(r.modelled, m.ID)
	r.mu.Unlock()
	return nil
}

// Run implements Backing.
func (r *Router) Run(ctx context.Context, id string, c Command) (int, error) {
	b, err := r.forID(id)
	if err != nil {
		return 0, err
	}
	return b.Run(ctx, id, c)
}

// Put implements Backing.
func (r *Router) Put(ctx context.Context, id, path string, mode fs.FileMode, in io.Reader) error {
	b, err := r.forID(id)
	if err != nil {
		return err
	}
	return b.Put(ctx, id, path, mode, in)
}

// Get implements Backing.
func (r *Router) Get(ctx context.Context, id, path string, w io.Writer) error {
	b, err := r.forID(id)
	if err != nil {
		return err
	}
	return b.Get(ctx, id, path, w)
}

// Capture implements Backing.
func (r *Router) Capture(ctx context.Context, m Machine, dir string, size int64) (Image, error) {
	b, err := r.forImage(m.Image)
	if err != nil {
		return Image{}, fmt.Errorf("capture machine %s: %w", m.ID, err)
	}
	return b.Capture(ctx, m, dir, size)
}

// Disk implements Backing.
func (r *Router) Disk(ctx context.Context, i Image, file string, size int64) error {
	b, err := r.forImage(i)
	if err != nil {
		return fmt.Errorf("write disk image %s: %w", file, err)
	}
	return b.Disk(ctx, i, file, size)
}

// Patch implements Patcher.
func (r *Router) Patch(ctx context.Context, id string, q record.NodeRequest) (record.NodeReport, error) {
	b, err := r.forID(id)
	if err != nil {
		return record.NodeReport{}, err
	}
	if b != Backing(r.Modelled) {
		return record.NodeReport{}, fmt.Errorf("patch machine %s: %w", id, ErrNotModelled)
	}
	return r.Modelled.Patch(ctx, id, q)
}

// Close implements Backing.
func (r *Router) Close() error {
	var errs []error
	if r.Real != nil {
		errs = append(errs, r.Real.Close())
	}
	if r.Modelled != nil {
		errs = append(errs, r.Modelled.Close())
	}
	return errors.Join(errs...)
}
