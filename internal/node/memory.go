package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/goldenami/rehydrate/baseline"
)

// fileMemory is a Memory in one file.
type fileMemory string

// Load reads the file; a damaged one is an error, because forgetting that a reboot
// is pending would look like compliance.
func (f fileMemory) Load() (*baseline.Prior, error) {
	text, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var p baseline.Prior
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, fmt.Errorf("%s: %w", string(f), err)
	}
	return &p, nil
}

// Save replaces the file.
func (f fileMemory) Save(p *baseline.Prior) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := os.WriteFile(string(f)+".new", append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(string(f)+".new", string(f))
}
