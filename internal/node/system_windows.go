package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	install "github.com/goldenami/rehydrate/internal/apply/wua"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/wait"
)

// RunLocal does what req asks for on the machine that this process runs on, under
// the node's lock. The report is nil when not even the lock was got.
func RunLocal(ctx context.Context, req record.NodeRequest, say func(string, ...any)) (*record.NodeReport, error) {
	program, err := powershell(os.Getenv("SystemRoot"))
	if err != nil {
		return nil, err
	}
	data := os.Getenv("ProgramData")
	if !filepath.IsAbs(data) {
		return nil, errors.New("find the state folder: ProgramData is not set")
	}
	state := filepath.Join(data, "rehydrate")
	release, err := Exclusive(ctx, wait.Wall{}, state, lockTimeout(req))
	if err != nil {
		return nil, err
	}
	report, err := runUpdates(ctx, install.PowerShell{Program: program}, state, req, say)
	return report, errors.Join(err, release())
}
