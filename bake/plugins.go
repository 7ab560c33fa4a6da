package bake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/goldenami/rehydrate/internal/fault"
)

// environment is what Packer runs in: ours, with its plugins and settings taken from
// folder alone, and without calls home or debug logs, which hold requests in full.
func (p Packer) environment(settings string) []string {
	return append(append(os.Environ(), p.Env...),
		"CHECKPOINT_DISABLE=1",
		"PACKER_LOG=", "PACKER_LOG_PATH=",
		"PACKER_CONFIG_DIR="+settings,
		"PACKER_PLUGIN_PATH="+p.PluginFolder,
	)
}

// version asks Packer for its version, such as "1.15.0".
func (p Packer) version(ctx context.Context, settings string) (string, error) {
	if p.Path == "" {
		return "", fault.New(fault.Usage, "install Packer 1.11 or newer, or use --modelled", "bake: no packer program is known")
	}
	out, err := p.run(ctx, settings, "version")
	if err != nil {
		return "", err
	}
	first, _, _ := strings.Cut(out, "\n")
	return strings.TrimPrefix(strings.TrimSpace(first), "Packer v"), nil
}

// installPlugins installs the plugins where they are missing, and returns their
// names with versions, such as "amazon 1.8.0". It needs no network. PluginFolder
// becomes the folder below it of exactly these binaries: other runs may share it,
// and a plugin that one of them executes cannot be written over.
func (p *Packer) installPlugins(ctx context.Context, settings string) ([]string, error) {
	if err := p.locate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(p.PluginFolder, 0o755); err != nil {
		return nil, err
	}
	l := flock.New(filepath.Join(p.PluginFolder, ".lock"))
	if ok, err := l.TryLockContext(ctx, lockEvery); !ok || err != nil {
		return nil, fmt.Errorf("lock the plugin folder %s: %w", p.PluginFolder, err)
	}
	defer func() { _ = l.Unlock() }() // it ends with the process in any case
	var names []string
	for _, plugin := range p.Plugins {
		version, err := p.install(ctx, settings, plugin)
		if err != nil {
			return nil, fmt.Errorf("install the Packer plugin %s: %w", plugin.Source, err)
		}
		names = append(names, path.Base(plugin.Source)+" "+version)
	}
	return names, nil
}

// locate makes PluginFolder the folder of exactly these binaries.
func (p *Packer) locate() error {
	key, err := p.pluginKey()
	p.PluginFolder = filepath.Join(p.PluginFolder, key)
	return err
}

// pluginKey is made of the plugins' sources and contents.
func (p *Packer) pluginKey() (string, error) {
	h := sha256.New()
	for _, plugin := range p.Plugins {
		f, err := os.Open(plugin.Path)
		if err != nil {
			return "", fmt.Errorf("install the Packer plugin %s: %w", plugin.Source, err)
		}
		fmt.Fprintf(h, "%s\n", plugin.Source)
		_, err = io.Copy(h, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return "", fmt.Errorf("read the Packer plugin %s: %w", plugin.Source, err)
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:12], nil
}

// lockEvery is how often a taken plugin folder is tried again.
const lockEvery = 100 * time.Millisecond

// stamp says that a plugin is installed whole.
type stamp struct {
	Version string `json:"version"`
}

func (p *Packer) install(ctx context.Context, settings string, plugin Plugin) (version string, err error) {
	name := filepath.Join(p.PluginFolder, "."+strings.ReplaceAll(plugin.Source, "/", "_")+".json")
	var have stamp
	switch err := readJSON(name, &have); {
	case err == nil:
		if installed(p.PluginFolder, plugin.Source) {
			return have.Version, nil
		}
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	if have.Version, err = describe(ctx, plugin.Path); err != nil {
		return "", err
	}
	if _, err := p.run(ctx, settings, "plugins", "install", "--path", plugin.Path, plugin.Source); err != nil {
		return "", err
	}
	return have.Version, writeJSON(name, have)
}

func installed(folder, source string) bool {
	found, err := filepath.Glob(filepath.Join(folder, filepath.FromSlash(source), "packer-plugin-*_SHA256SUM"))
	return err == nil && len(found) > 0
}

// describe asks a plugin binary for its version.
func describe(ctx context.Context, file string) (string, error) {
	out, err := exec.CommandContext(ctx, file, "describe").Output()
	if err != nil {
		return "", fmt.Errorf("run %s describe: %w", file, err)
	}
	var d struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(out, &d); err != nil || d.Version == "" {
		return "", fmt.Errorf("run %s describe: the answer is not a plugin's", file)
	}
	return d.Version, nil
}

// run runs Packer to its end, for short tasks that make nothing in AWS.
func (p Packer) run(ctx context.Context, settings string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, p.Path, args...)
	cmd.Env = p.environment(settings)
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
			return "", fault.As(fmt.Errorf("run %s: %w", p.Path, err), fault.Usage, "install Packer 1.11 or newer, or use --modelled")
		}
		return "", fmt.Errorf("run packer %s: %w: %s", args[0], err, lastLine(problem.String()+out.String()))
	}
	return out.String(), nil
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return strings.TrimSpace(s[strings.LastIndexByte(s, '\n')+1:])
}
