package node

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/inventory"
	"github.com/goldenami/rehydrate/internal/inventory/curl"
	"github.com/goldenami/rehydrate/internal/inventory/product"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/wait"
)

// StateDir is where rehydrate-node keeps its lock and working files on a node.
const StateDir = "/var/lib/rehydrate"

// runExclusively is RunLocal under the node's lock.
func runExclusively(ctx context.Context, name string, req record.NodeRequest, say func(string, ...any)) (*record.NodeReport, error) {
	// The machine's own root: absolute links in it are the machine's own too.
	root := os.DirFS("/")
	what, err := product.Read(root)
	if err != nil {
		return nil, err
	}
	sources, err := alternatives(req, what)
	if err != nil {
		return nil, err
	}
	working := apply.NewFiles(StateDir)
	in, err := prepare(working, sources, what)
	if err != nil {
		return nil, errors.Join(err, working.Close())
	}
	if in != nil {
		say("the baseline's %d alternative sources stand in for this node's own", len(sources))
		root = covered{root, in.over}
		req.NoRefresh = false // of these, nothing has been read yet
	}
	manager, err := managerOf(what, root, in, lockTimeout(req), say)
	if err != nil {
		return nil, errors.Join(err, working.Close())
	}
	report, err := Run(ctx, Root{
		Name: name, Inventory: files{root, !req.NoRefresh}, Manager: manager, Memory: fileMemory(filepath.Join(StateDir, "pending.json")),
		Clock: wait.Wall{}, Say: say,
	}, req)
	return report, errors.Join(err, manager.Close(), working.Close())
}

// files is the inventory of the running system.
type files struct {
	root fs.FS
	// fetch lets repositories be read from their own addresses where the package
	// manager keeps no metadata that we can read: yum keeps it as sqlite only.
	fetch bool
}

func (f files) Installed(context.Context) (baseline.Inventory, error) {
	inv, _, err := inventory.Installed(f.root, inventory.Options{Now: time.Now(), Times: true})
	return f.live(inv), err
}

func (f files) Collect(ctx context.Context, names []string) (baseline.Node, []string, error) {
	o := inventory.Options{Now: time.Now(), Times: true, Names: names, Cache: filepath.Join(StateDir, "cache")}
	if f.fetch {
		o.Fetch = curl.Fetch(ctx, "curl")
	}
	n, findings, err := inventory.Collect(f.root, o)
	n.Inventory = f.live(n.Inventory)
	return n, findings, err
}

// live adds what only a running system knows; what cannot be read is left out.
func (f files) live(inv baseline.Inventory) baseline.Inventory {
	if text, err := fs.ReadFile(f.root, "proc/sys/kernel/osrelease"); err == nil {
		inv.Kernel = strings.TrimSpace(string(text))
	}
	if text, err := fs.ReadFile(f.root, "proc/stat"); err == nil {
		for line := range strings.Lines(string(text)) {
			if at, ok := strings.CutPrefix(line, "btime "); ok {
				if s, err := strconv.ParseInt(strings.TrimSpace(at), 10, 64); err == nil {
					inv.BootTime = time.Unix(s, 0).UTC()
				}
			}
		}
	}
	return inv
}
