package app

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/goldenami/rehydrate/internal/record"
)

func (p *pipeline) artifact(name string) string {
	return filepath.Join(p.State.Artifacts(p.Run), name)
}

func digestOf(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own plain structs
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// nodeReport reads the report of the run's bake, wherever that bake was.
func (p *pipeline) nodeReport(r *record.Run) (*record.NodeReport, error) {
	var n record.NodeReport
	return &n, p.readArtifact(r, r.Bake.Files.Report, &n)
}

func (p *pipeline) readArtifact(r *record.Run, name string, into any) error {
	if name == "" {
		return os.ErrNotExist
	}
	if !filepath.IsAbs(name) {
		var err error
		if name, err = p.State.File(r.ID, name); err != nil {
			return err
		}
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}
