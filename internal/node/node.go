// Package node patches the root it runs on: collect, evaluate, lock, obtain,
// install, prove. rehydrate-node is a thin main over it; an instance that is
// modelled runs the same flow over data.
package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/wait"
)

// The operations of a request.
const (
	Collect = "Collect"
	Scan    = "Scan"
	Install = "Install"
)

// Inventory reads a root.
type Inventory interface {
	// Installed reads what is installed.
	Installed(ctx context.Context) (baseline.Inventory, error)
	// Collect reads what is installed and what the sources offer for it and for the
	// packages in names; and remarks for people.
	Collect(ctx context.Context, names []string) (baseline.Node, []string, error)
}

// Manager changes a root through its package manager.
type Manager interface {
	// Refresh updates the package lists; a source that fails is an error.
	Refresh(ctx context.Context) error
	// Simulate says what installing packages from the sources would entail.
	Simulate(ctx context.Context, packages []baseline.LockedPackage) (apply.Simulation, error)
	// Obtain fetches and checks the order's files and says where each came from.
	Obtain(ctx context.Context, o apply.Order) (apply.Session, []record.Obtained, error)
	// Changelogs reads the changelogs of offers, by SHA-256; installed gives the
	// version installed by "name.arch".
	Changelogs(ctx context.Context, system baseline.OperatingSystem, offers []baseline.AvailablePackage, installed map[string]string) (map[string]*baseline.Changelog, []string, error)
	// RebootNeeded reports whether a restart of the machine was asked for.
	RebootNeeded() (bool, error)
}

// Root is the root that a request is about.
type Root struct {
	Name      string // host name or instance id
	Inventory Inventory
	Manager   Manager // may be nil for Collect and Scan with NoRefresh
	Memory    Memory  // may be nil
	Clock     wait.Clock
	Modelled  bool // data stands in for a root
	Say       func(format string, args ...any)
}

// Run does what req asks for. The report is never nil: after an error it holds what
// was found and done until then, and the error's text.
func Run(ctx context.Context, root Root, req record.NodeRequest) (*record.NodeReport, error) {
	if root.Say == nil {
		root.Say = func(string, ...any) {}
	}
	if root.Clock == nil {
		root.Clock = wait.Wall{}
	}
	r := &run{
		Root: root, req: req, now: req.Now.UTC(), why: map[string]string{}, refuse: map[string]string{},
		report: &record.NodeReport{
			Schema: record.NodeSchema, Node: root.Name, Operation: req.Operation,
			StartedAt: root.Clock.Now().UTC(), Modelled: root.Modelled,
		},
	}
	if req.Now.IsZero() {
		r.now = r.report.StartedAt
	}
	r.now = r.now.Truncate(time.Second)
	err := r.do(ctx)
	if err != nil {
		r.report.Error = err.Error()
	}
	r.report.EndedAt = root.Clock.Now().UTC()
	return r.report, err
}

// run is one Run at work.
type run struct {
	Root
	req    record.NodeRequest
	now    time.Time
	base   *baseline.Baseline // nil: none given
	node   baseline.Node
	report *record.NodeReport
	why    map[string]string // of FailedItems
	refuse map[string]string // "name.arch" of updates that the package manager refuses: why
	avoids bool              // the solver was told to avoid what is blocked
	unmet  []string          // FailedItems that the lock holds
}

func (r *run) do(ctx context.Context) error {
	if err := r.read(); err != nil {
		return err
	}
	if !r.req.NoRefresh {
		r.Say("update package lists")
		if err := r.Manager.Refresh(ctx); err != nil {
			return err
		}
	}
	var names []string
	if r.req.Lock != nil {
		for _, p := range r.req.Lock.Packages {
			names = append(names, p.Name)
		}
	}
	if err := r.collect(ctx, names); err != nil {
		return err
	}
	if r.req.Operation == Collect {
		return nil
	}
	if r.base != nil {
		if err := r.readDates(ctx); err != nil {
			return err
		}
		if err := r.scan(); err != nil {
			return err
		}
	}
	if r.req.Operation == Scan {
		return nil
	}
	return r.install(ctx)
}

// read checks the request.
func (r *run) read() error {
	bad := func(format string, args ...any) error {
		return fault.As(fmt.Errorf("read request: "+format, args...), fault.Usage, "")
	}
	if r.req.Schema > record.NodeSchema {
		return bad("schema %d is newer than %d", r.req.Schema, record.NodeSchema)
	}
	switch r.req.Operation {
	case Collect, Scan, Install:
	default:
		return bad("operation %q is not Collect, Scan or Install", r.req.Operation)
	}
	switch baseline.RebootOption(r.req.RebootOption) {
	case "", baseline.RebootIfNeeded, baseline.NoReboot:
	default:
		return bad("reboot option %q is not RebootIfNeeded or NoReboot", r.req.RebootOption)
	}
	if len(r.req.Baseline) > 0 && !isNull(r.req.Baseline) {
		b, err := baseline.Parse(r.req.Baseline)
		if err != nil {
			return fault.As(fmt.Errorf("read request: %w", err), fault.Usage, "")
		}
		r.base = b
	}
	if r.base == nil && (r.req.Operation == Scan || r.req.Operation == Install && r.req.Lock == nil) {
		return bad("%s needs a baseline", r.req.Operation)
	}
	if r.Inventory == nil || r.Manager == nil && (r.req.Operation == Install || !r.req.NoRefresh) {
		return errors.New("read request: this root has no package manager to work with")
	}
	return nil
}

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }

// collect reads the root and adds what our ledger knows.
func (r *run) collect(ctx context.Context, names []string) error {
	n, findings, err := r.Inventory.Collect(ctx, names)
	if err != nil {
		return err
	}
	for i, p := range n.Available.Packages {
		if seen, ok := r.req.FirstSeen[p.Name+"="+apply.Version(p.Package)]; ok {
			n.Available.Packages[i].FirstSeen = seen
		}
	}
	r.node = n
	r.report.Before, r.report.Findings = &r.node, findings
	return nil
}

func (r *run) find(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.report.Findings = append(r.report.Findings, text)
	r.Say("%s", text)
}

// installed gives the highest installed version by "name.arch".
func installed(inv baseline.Inventory) map[string]string {
	m := make(map[string]string, len(inv.Installed))
	for _, p := range inv.Installed {
		key, v := p.Name+"."+p.Arch, apply.Version(p.Package)
		if old, ok := m[key]; !ok || baseline.CompareVersions(inv.OS, v, old) > 0 {
			m[key] = v
		}
	}
	return m
}

// datesFromChangelogs says that nothing but changelogs dates this root's packages.
func (r *run) datesFromChangelogs() bool {
	switch r.node.Inventory.OS {
	case baseline.Debian, baseline.Ubuntu, baseline.Raspbian:
		return r.req.Options.AptApprovalDelay
	}
	return false
}
