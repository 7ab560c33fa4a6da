//go:generate packer-sdc mapstructure-to-hcl2 -type Config

// Package postprocessor is the Packer post-processor "rehydrate-manifest": it
// writes down what a build made, and nothing secret.
package postprocessor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2/hcldec"
	"github.com/hashicorp/packer-plugin-sdk/common"
	packersdk "github.com/hashicorp/packer-plugin-sdk/packer"
	"github.com/hashicorp/packer-plugin-sdk/template/config"
	"github.com/hashicorp/packer-plugin-sdk/template/interpolate"
)

// Config is the post-processor's configuration block.
type Config struct {
	common.PackerConfig `mapstructure:",squash"`
	// Output is the file to write.
	Output string `mapstructure:"output" required:"true"`

	ctx interpolate.Context
}

// Manifest is the file's content.
type Manifest struct {
	Schema  int    `json:"schema"`  // 1
	Builder string `json:"builder"` // such as mitchellh.amazonebs
	// Images are the image ids by region.
	Images    map[string]string `json:"images,omitempty"`
	Artifact  string            `json:"artifact"`            // the artifact's id as Packer has it
	Generated map[string]string `json:"generated,omitempty"` // the keys of named only
}

// named are the only generated values that are written. The builder's data also
// holds the SSH private key and passwords in clear.
func named() []string { return []string{"PackerRunUUID", "SourceAMI", "SourceAMIName"} }

// PostProcessor writes the manifest.
type PostProcessor struct{ config Config }

// ConfigSpec is the HCL schema of the block.
func (p *PostProcessor) ConfigSpec() hcldec.ObjectSpec {
	return p.config.FlatMapstructure().HCL2Spec()
}

// Configure decodes and checks the configuration.
func (p *PostProcessor) Configure(raws ...any) error {
	err := config.Decode(&p.config, &config.DecodeOpts{
		PluginType:         "rehydrate-manifest",
		Interpolate:        true,
		InterpolateContext: &p.config.ctx,
	}, raws...)
	if err != nil {
		return err
	}
	if p.config.Output == "" {
		return errors.New("output is required")
	}
	return nil
}

// PostProcess writes the manifest and hands the artifact on, always kept.
func (p *PostProcessor) PostProcess(_ context.Context, ui packersdk.Ui, a packersdk.Artifact) (packersdk.Artifact, bool, bool, error) {
	m := manifest(a)
	b, err := json.MarshalIndent(m, "", " ")
	if err == nil {
		err = write(p.config.Output, append(b, '\n'))
	}
	if err != nil {
		return a, true, true, fmt.Errorf("write the manifest %s: %w", p.config.Output, err)
	}
	ui.Sayf("manifest of %s in %s", a.Id(), p.config.Output)
	return a, true, true, nil
}

func manifest(a packersdk.Artifact) Manifest {
	m := Manifest{Schema: 1, Builder: a.BuilderId(), Artifact: a.Id(), Images: images(a.Id())}
	get := lookup(a.State("generated_data"))
	for _, key := range named() {
		if v, ok := get(key).(string); ok && v != "" {
			if m.Generated == nil {
				m.Generated = map[string]string{}
			}
			m.Generated[key] = v
		}
	}
	return m
}

// images takes "us-east-1:ami-1,eu-west-1:ami-2" apart. Another builder's id gives
// nothing.
func images(id string) map[string]string {
	out := map[string]string{}
	for part := range strings.SplitSeq(id, ",") {
		region, ami, ok := strings.Cut(strings.TrimSpace(part), ":")
		if !ok || region == "" || !strings.HasPrefix(ami, "ami-") {
			return nil
		}
		out[region] = ami
	}
	return out
}

// lookup reads a map by string key. Over the plugin protocol the data comes as
// map[any]any, with keys that may be byte strings.
func lookup(data any) func(key string) any {
	return func(key string) any {
		switch m := data.(type) {
		case map[string]any:
			return text(m[key])
		case map[any]any:
			for k, v := range m {
				if text(k) == key {
					return text(v)
				}
			}
		}
		return nil
	}
}

func text(v any) any {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return v
}

// write replaces a file in one step.
func write(name string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".part-*")
	if err != nil {
		return err
	}
	_, werr := f.Write(data)
	if err := errors.Join(werr, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		os.Remove(f.Name())
		return err
	}
	return os.Rename(f.Name(), name)
}
