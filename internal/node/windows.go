package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	install "github.com/goldenami/rehydrate/internal/apply/wua"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/inventory/wua"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/wait"
)

// runUpdates does what req asks for on a machine with the Windows Update Agent, which
// shell reaches. Files are kept in state.
func runUpdates(ctx context.Context, shell wua.Shell, state string, req record.NodeRequest, say func(string, ...any)) (*record.NodeReport, error) {
	if err := unfitForWindows(req); err != nil {
		return nil, err
	}
	name, _ := os.Hostname() // unknown: left out of the report
	agent := &agent{shell: shell, clock: wait.Wall{}, limit: lockTimeout(req), memory: fileMemory(filepath.Join(state, "pending.json"))}
	return Run(ctx, Root{Name: name, Inventory: agent, Manager: agent, Memory: agent, Clock: agent.clock, Say: say}, req)
}

// unfitForWindows refuses what only a system with packages can do.
func unfitForWindows(req record.NodeRequest) error {
	if req.Lock != nil {
		return refuseLock()
	}
	if len(req.Baseline) == 0 || isNull(req.Baseline) {
		return nil
	}
	b, err := baseline.Parse(req.Baseline)
	if err == nil && len(b.Sources) > 0 {
		return fault.New(fault.Unsupported, "", "choose sources: baseline %s has alternative sources; Windows takes its updates from its own server", b.Name)
	}
	return nil // the run refuses a bad baseline itself, with a report
}

// agent is the Windows Update Agent as a node's inventory, manager and memory.
type agent struct {
	shell  wua.Shell
	clock  wait.Clock
	limit  time.Duration
	memory fileMemory
	online bool
	answer *wua.Answer // of the last look
}

// Refresh makes every look that follows ask the update server.
func (a *agent) Refresh(context.Context) error {
	a.online = true
	return nil
}

func (a *agent) Installed(ctx context.Context) (baseline.Inventory, error) {
	n, _, err := a.Collect(ctx, nil)
	return n.Inventory, err
}

// Collect asks the agent. It names no packages, so names does not matter.
func (a *agent) Collect(ctx context.Context, _ []string) (baseline.Node, []string, error) {
	a.answer = nil
	answer, err := wua.Read(ctx, a.shell, a.online)
	if err != nil {
		return baseline.Node{}, nil, err
	}
	n, remarks, err := answer.Node()
	if err != nil {
		return baseline.Node{}, nil, err
	}
	a.answer = answer
	return n, remarks, nil
}

// errNotLooked says that the agent has not been asked, or could not answer.
var errNotLooked = errors.New("the Windows Update Agent has not been asked")

func (a *agent) InstallUpdates(ctx context.Context, kbs, rejected []string) (map[string]string, error) {
	if a.answer == nil {
		return nil, errNotLooked
	}
	chosen, of, why := a.answer.Choose(kbs, rejected)
	var list []install.Update
	for _, id := range chosen {
		list = append(list, install.Update(id))
	}
	in := install.Installer{Shell: a.shell, Online: a.online, Clock: a.clock, Limit: a.limit}
	out, err := in.Install(ctx, list)
	for u, reason := range out.Failed {
		for _, kb := range of[wua.Identity(u)] {
			why[kb] = reason
		}
	}
	return why, err
}

func (a *agent) RebootNeeded() (bool, error) {
	if a.answer == nil {
		return false, errNotLooked
	}
	return a.answer.RebootRequired(), nil
}

// Load adds what the agent itself says waits for a restart, also what others installed,
// and forgets what a restart since has completed.
func (a *agent) Load() (*baseline.Prior, error) {
	p, err := a.memory.Load()
	if err != nil || a.answer == nil {
		return p, err
	}
	if p == nil {
		p = &baseline.Prior{}
	}
	if a.answer.BootTime().After(p.LastNoRebootInstall) {
		p.Pending = nil
	}
	p.LastBoot = a.answer.BootTime()
	waiting := a.answer.Waiting()
	if len(waiting) > 0 && !p.LastNoRebootInstall.After(p.LastBoot) {
		p.LastNoRebootInstall = p.LastBoot.Add(time.Second) // it was after the boot, no more is known
	}
	p.Pending = slices.Compact(slices.Sorted(slices.Values(append(p.Pending, waiting...))))
	return p, nil
}

func (a *agent) Save(p *baseline.Prior) error { return a.memory.Save(p) }

func noPackages(what string) error {
	return fault.New(fault.Unsupported, "", "%s: Windows has updates, no packages", what)
}

// Simulate, Obtain and Changelogs are for packages.
func (a *agent) Simulate(context.Context, []baseline.LockedPackage) (apply.Simulation, error) {
	return apply.Simulation{}, noPackages("simulate an installation")
}

func (a *agent) Obtain(context.Context, apply.Order) (apply.Session, []record.Obtained, error) {
	return nil, nil, noPackages("obtain packages")
}

func (a *agent) Changelogs(context.Context, baseline.OperatingSystem, []baseline.AvailablePackage, map[string]string) (map[string]*baseline.Changelog, []string, error) {
	return nil, nil, noPackages("read changelogs")
}

// powershell is the system's own, not whatever else goes by its name.
func powershell(systemRoot string) (string, error) {
	if !filepath.IsAbs(systemRoot) {
		return "", fmt.Errorf("find powershell: SystemRoot is %q", systemRoot)
	}
	return filepath.Join(systemRoot, "System32", "WindowsPowerShell", "v1.0", "powershell.exe"), nil
}
