package baseline

import (
	"encoding/json"
	"fmt"
)

// ParseLock reads a lock and checks its schema. A package without file name or
// digest is refused: a lock is exact or it is nothing.
func ParseLock(data []byte) (*Lock, error) {
	var l Lock
	if err := json.Unmarshal(data, &l); err != nil {
		return nil, fmt.Errorf("reading lock: %w", err)
	}
	if l.Schema != LockSchema {
		return nil, fmt.Errorf("reading lock: schema %d, this version reads %d", l.Schema, LockSchema)
	}
	if !l.OS.Known() {
		return nil, fmt.Errorf("reading lock: unknown operating system %q", l.OS)
	}
	for _, p := range l.Packages {
		if p.Name == "" || p.Filename == "" || p.SHA256 == "" {
			return nil, fmt.Errorf("reading lock: package %q lacks a name, a file name or a SHA-256", p.Name)
		}
	}
	return &l, nil
}

// InstallOverrideList is the list that makes AWS-RunPatchBaseline install the
// locked versions. It is weaker than the lock: packages that are not installed
// are not added, and a Scan ignores it (specification §6.5).
func (l *Lock) InstallOverrideList() *InstallOverrideList {
	out := &InstallOverrideList{Patches: []OverridePatch{}}
	for i := range l.Packages {
		p := &l.Packages[i].Package
		o := OverridePatch{ID: ItemID(l.OS, *p)}
		if worldOf(l.OS) != worldMac {
			o.Title = Title(l.OS, *p)
		} else {
			o.ID = Title(l.OS, *p) // name.version (§5)
		}
		out.Patches = append(out.Patches, o)
	}
	return out
}

// BaselineOverride is a BaselineOverride that approves exactly the locked
// versions and no others. The API's limits hold: a lock of more than 50 packages
// does not fit, and the error says so.
func (l *Lock) BaselineOverride() ([]Baseline, error) {
	b := Baseline{Name: "lock", OperatingSystem: l.OS, RejectedPatchesAction: AllowAsDependency}
	if w := worldOf(l.OS); w == worldRPM || w == worldDeb {
		yes := true
		b.ApprovedPatchesEnableNonSecurity = &yes
	}
	for i := range l.Packages {
		b.ApprovedPatches = append(b.ApprovedPatches, Title(l.OS, l.Packages[i].Package))
	}
	v := &faultList{}
	b.validateOverride(v, "[0].")
	if err := v.err("baseline override of the lock"); err != nil {
		return nil, err
	}
	return []Baseline{b}, nil
}
