package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

// StoredOffers are what sources offered when a node was read, kept with its report:
// a disk image whose lists were cleaned away is judged by them.
type StoredOffers struct {
	Name      string // the file
	Inventory baseline.Inventory
	Available baseline.Available
	// Locked are the packages of the lock that was made from the offers: those that
	// came in with it were not on the node before.
	Locked []baseline.LockedPackage
}

// ReadOffers reads the report of a node (of a bake, of rehydrate-node) with its
// evidence.
func ReadOffers(name string) (*StoredOffers, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fault.As(fmt.Errorf("read stored metadata: %w", err), fault.Usage, "")
	}
	var r record.NodeReport
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fault.As(fmt.Errorf("read stored metadata %s: %w", name, err), fault.Usage, "")
	}
	if r.Before == nil || len(r.Before.Available.Repositories) == 0 {
		return nil, fault.New(fault.Usage, "name the node report of a bake, or what rehydrate-node answers to Collect",
			"read stored metadata %s: it holds no state of any repository", name)
	}
	out := &StoredOffers{Name: name, Inventory: r.Before.Inventory, Available: r.Before.Available}
	if r.Lock != nil {
		out.Locked = r.Lock.Packages
	}
	return out, nil
}

// fit says why the offers cannot speak for a node: they are for another system, too
// old, or know nothing about one of its packages.
func (o *StoredOffers) fit(inv baseline.Inventory, maxAge time.Duration, now time.Time) error {
	if o.Inventory.Product != inv.Product || o.Inventory.Arch != inv.Arch {
		return fmt.Errorf("use stored metadata %s: it is of %s %s, this is %s %s", o.Name, o.Inventory.Product, o.Inventory.Arch, inv.Product, inv.Arch)
	}
	if err := freshness(o.Available.Repositories, maxAge, now); err != nil {
		return fmt.Errorf("use stored metadata %s: %w", o.Name, err)
	}
	known := map[string]bool{}
	for _, p := range o.Inventory.Installed {
		known[p.Name] = true
	}
	for _, p := range o.Available.Packages {
		known[p.Name] = true
	}
	for _, p := range o.Locked {
		known[p.Name] = true
	}
	var missing []string
	for _, p := range inv.Installed {
		if !known[p.Name] {
			missing = append(missing, p.Name)
		}
	}
	if len(missing) > 0 {
		missing = slices.Compact(missing)
		return fmt.Errorf("use stored metadata %s: it was kept for a node without %d of these packages: %s", o.Name, len(missing),
			strings.Join(missing[:min(len(missing), 5)], ", "))
	}
	return nil
}

// freshness is an error that names the first repository older than maxAge, by its
// index's own date; zero sets no limit.
func freshness(all []baseline.Repository, maxAge time.Duration, now time.Time) error {
	if maxAge <= 0 {
		return nil
	}
	for _, r := range all {
		switch {
		case r.Date.IsZero():
			return fmt.Errorf("source %s: its index has no date, and --max-age asks for one", r.ID)
		case now.Sub(r.Date) > maxAge:
			return fmt.Errorf("source %s: its index is of %s, older than %s", r.ID, r.Date.UTC().Format(time.RFC3339), maxAge)
		}
	}
	return nil
}

// LoadScan reads a report that a scan wrote as JSON, to render it again.
func LoadScan(data []byte) (*record.Scan, error) {
	var s record.Scan
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fault.As(fmt.Errorf("read scan report: %w", err), fault.Usage, "name what `rehydrate scan --output json` wrote")
	}
	switch {
	case s.Schema > record.ScanSchema:
		return nil, fault.New(fault.Usage, "use a newer rehydrate", "read scan report: its schema %d is newer than %d", s.Schema, record.ScanSchema)
	case s.Schema == 0 || s.Standing == "" || s.Target == "":
		return nil, fault.As(errors.New("read scan report: it is no report of a scan"), fault.Usage, "name what `rehydrate scan --output json` wrote")
	}
	return &s, nil
}
