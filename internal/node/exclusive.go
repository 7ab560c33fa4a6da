package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/wait"
)

// defaultLockTimeout is how long to wait for another package manager's work: long
// enough for the updates that a cloud image starts at its first boot.
const defaultLockTimeout = 5 * time.Minute

func lockTimeout(req record.NodeRequest) time.Duration {
	if req.LockTimeout > 0 {
		return time.Duration(req.LockTimeout) * time.Second
	}
	return defaultLockTimeout
}

// Exclusive takes the node's lock in dir, so that two runs never work on one node;
// it waits at most limit, then answers Conflict. The lock ends with the process.
func Exclusive(ctx context.Context, c wait.Clock, dir string, limit time.Duration) (release func() error, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("take the node's lock: %w", err)
	}
	name := filepath.Join(dir, "lock")
	l := flock.New(name)
	var got bool
	err = wait.Poll(ctx, c, "another rehydrate-node", time.Second, limit, func(context.Context) (bool, error) {
		var err error
		got, err = l.TryLock()
		return got, err
	})
	switch {
	case err == nil:
		return l.Unlock, nil
	case ctx.Err() != nil, got:
		return nil, fmt.Errorf("take the node's lock: %w", err)
	}
	var timeout *fault.Error
	if errors.As(err, &timeout) {
		return nil, fault.As(fmt.Errorf("take the node's lock %s: %w", name, err), fault.Conflict, "another rehydrate-node is at work on this node")
	}
	return nil, fmt.Errorf("take the node's lock %s: %w", name, err)
}
