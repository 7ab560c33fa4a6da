//go:build !linux

package roots

import (
	"fmt"
	"runtime"

	"github.com/goldenami/rehydrate/internal/twin/backing"
)

// MaybeMachine does nothing on this system: machines are a Linux thing.
func MaybeMachine([]string) bool { return false }

// Check says that this system has no real roots.
func Check(string) error {
	return fmt.Errorf("real roots on %s: %w", runtime.GOOS, backing.ErrUnavailable)
}

// New always fails on this system with backing.ErrUnavailable.
func New(Options) (*Roots, error) { return nil, Check("") }

// Roots is nothing on this system.
type Roots struct{ backing.Backing }
