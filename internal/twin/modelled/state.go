package modelled

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/goldenami/rehydrate/baseline"
)

// stateFile is in the folder of a machine that has changed.
const stateFile = "modelled.json"

func (m *machine) load() error {
	text, err := os.ReadFile(filepath.Join(m.spec.Dir, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read its state: %w", err)
	}
	var s state
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("read its state from %s: %w", filepath.Join(m.spec.Dir, stateFile), err)
	}
	m.state, m.saved, m.earlier = s, true, true
	return nil
}

// save replaces the state file in one step.
func (m *machine) save() error {
	text, err := json.Marshal(m.state)
	if err == nil {
		err = os.MkdirAll(m.spec.Dir, 0o700)
	}
	name := filepath.Join(m.spec.Dir, stateFile)
	if err == nil {
		err = os.WriteFile(name+".new", text, 0o600)
	}
	if err == nil {
		err = os.Rename(name+".new", name)
	}
	if err != nil {
		return fmt.Errorf("keep its state: %w", err)
	}
	m.saved = true
	return nil
}

// Load and Save make a machine the patch agent's memory (internal/node.Memory).
func (m *machine) Load() (*baseline.Prior, error) { return m.state.Prior, nil }

// Save keeps p with the state, which Patch writes at its end.
func (m *machine) Save(p *baseline.Prior) error {
	prior := *p
	prior.LastBoot = m.state.Booted
	m.state.Prior = &prior
	return nil
}

func (m *machine) inventory() baseline.Inventory {
	i := m.state.Image
	return baseline.Inventory{
		OS: i.OS, Product: i.Product, Arch: i.Arch, Installed: slices.Clone(i.Installed),
		EnabledModules: i.EnabledModules, Kernel: i.Kernel, BootTime: m.state.Booted,
	}
}

// put replaces or adds a package; the image's own list is left alone.
func (m *machine) put(p baseline.Installed) {
	list := slices.Clone(m.state.Image.Installed)
	at := slices.IndexFunc(list, func(o baseline.Installed) bool { return o.Name == p.Name && o.Arch == p.Arch })
	if at >= 0 {
		p.Source = list[at].Source
		list[at] = p
	} else {
		list = append(list, p)
	}
	m.state.Image.Installed = list
}
