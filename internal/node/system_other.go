//go:build !windows

package node

import (
	"context"
	"errors"
	"os"

	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/wait"
)

// RunLocal does what req asks for on the machine that this process runs on, under
// the node's lock. The report is nil when not even the lock was got.
func RunLocal(ctx context.Context, req record.NodeRequest, say func(string, ...any)) (*record.NodeReport, error) {
	release, err := Exclusive(ctx, wait.Wall{}, StateDir, lockTimeout(req))
	if err != nil {
		return nil, err
	}
	name, _ := os.Hostname() // unknown: left out of the report
	report, err := runExclusively(ctx, name, req, say)
	return report, errors.Join(err, release())
}
