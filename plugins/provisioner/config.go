//go:generate packer-sdc mapstructure-to-hcl2 -type Config

// Package provisioner is the Packer provisioner "rehydrate-patch": it uploads
// rehydrate-node to the build instance, has it patch by a baseline or a lock, and
// brings back the report, the lock and the package files.
package provisioner

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hcldec"
	"github.com/hashicorp/packer-plugin-sdk/common"
	packersdk "github.com/hashicorp/packer-plugin-sdk/packer"
	"github.com/hashicorp/packer-plugin-sdk/template/config"
	"github.com/hashicorp/packer-plugin-sdk/template/interpolate"
)

// The reboot policies.
const (
	rebootNever    = "never"
	rebootIfNeeded = "if-needed"
	rebootAlways   = "always"
)

// Config is the provisioner's configuration block.
type Config struct {
	common.PackerConfig `mapstructure:",squash"`

	// Path here of rehydrate-node built for the instance's architecture.
	NodeBinary string `mapstructure:"node_binary" required:"true"`
	// Patch baseline, in the JSON shape of GetPatchBaseline.
	BaselineFile string `mapstructure:"baseline_file" required:"true"`
	// Evaluation options as JSON; absent: the defaults.
	OptionsFile string `mapstructure:"options_file"`
	// A patch lock to install as it is. Without one, the baseline is evaluated on
	// the instance and a lock is made.
	LockFile string `mapstructure:"lock_file"`
	// Folder here of package files named by their SHA-256, offered to the instance.
	BundleIn string `mapstructure:"bundle_in"`
	// When our ledger first saw each "name=version", as a JSON object.
	FirstSeenFile string `mapstructure:"first_seen_file"`
	// End the build without an image when the lock would have this identity.
	SkipIdentity string `mapstructure:"skip_identity"`
	// Evaluation time (RFC 3339); empty: the instance's clock.
	Now string `mapstructure:"now"`

	// Where the node report, the lock and the package files are put here.
	ReportFile string `mapstructure:"report_file"`
	LockOut    string `mapstructure:"lock_out"`
	BundleOut  string `mapstructure:"bundle_out"`

	// Folder on the instance; always removed. Default /tmp/rehydrate-<random>.
	RemoteDir string `mapstructure:"remote_dir"`
	// How a command is run as root; {{ .Command }} is the command. Default: as it is
	// for root, with "sudo -n" for others.
	ExecuteCommand string `mapstructure:"execute_command"`
	// Not secret: a value written with the run's id to /var/lib/rehydrate/marker, by
	// which the gate recognises that it read this very disk.
	Marker string `mapstructure:"marker"`
	Run    string `mapstructure:"run"`

	// Reboot is never (the default), if-needed or always.
	Reboot string `mapstructure:"reboot"`
	// MaxReboots bounds the reboots, default 2.
	MaxReboots int `mapstructure:"max_reboots"`
	// RestartTimeout is how long a reboot may take, default 10m.
	RestartTimeout time.Duration `mapstructure:"restart_timeout"`
	// LockTimeout is how long to wait for the package manager's own lock, default 5m.
	LockTimeout time.Duration `mapstructure:"lock_timeout"`
	// Timeout bounds each phase: upload, patch, download, scan; default 1h.
	Timeout time.Duration `mapstructure:"timeout"`

	now time.Time
	ctx interpolate.Context
}

// ConfigSpec is the HCL schema of the block.
func (p *Provisioner) ConfigSpec() hcldec.ObjectSpec {
	return p.config.FlatMapstructure().HCL2Spec()
}

// Prepare decodes and checks the configuration; it reports all faults together.
func (p *Provisioner) Prepare(raws ...any) error {
	err := config.Decode(&p.config, &config.DecodeOpts{
		PluginType:         "rehydrate-patch",
		Interpolate:        true,
		InterpolateContext: &p.config.ctx,
		InterpolateFilter:  &interpolate.RenderFilter{Exclude: []string{"execute_command"}},
	}, raws...)
	if err != nil {
		return err
	}
	c := &p.config
	if err := c.defaults(); err != nil {
		return err
	}
	var errs *packersdk.MultiError
	for _, err := range c.faults() {
		errs = packersdk.MultiErrorAppend(errs, err)
	}
	if errs != nil {
		return errs
	}
	return nil
}

func (c *Config) defaults() error {
	if c.RemoteDir == "" {
		var r [8]byte
		if _, err := rand.Read(r[:]); err != nil {
			return fmt.Errorf("choose a name for the remote folder: %w", err)
		}
		c.RemoteDir = "/tmp/rehydrate-" + hex.EncodeToString(r[:])
	}
	if c.Reboot == "" {
		c.Reboot = rebootNever
	}
	if c.MaxReboots == 0 {
		c.MaxReboots = 2
	}
	orElse(&c.RestartTimeout, 10*time.Minute)
	orElse(&c.LockTimeout, 5*time.Minute)
	orElse(&c.Timeout, time.Hour)
	return nil
}

func orElse(d *time.Duration, otherwise time.Duration) {
	if *d == 0 {
		*d = otherwise
	}
}

// A remote folder goes unquoted into scp and shell commands and is removed with
// everything in it, so only harmless names of some depth are taken.
var remoteDirShape = regexp.MustCompile(`^(/[A-Za-z0-9._-]+){2,}$`)

var markerShape = regexp.MustCompile(`^[A-Za-z0-9._:-]*$`)

func (c *Config) faults() []error {
	var errs []error
	file := func(name, value string, required bool) {
		if value == "" {
			if required {
				errs = append(errs, fmt.Errorf("%s is required", name))
			}
			return
		}
		if st, err := os.Stat(value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		} else if st.IsDir() {
			errs = append(errs, fmt.Errorf("%s: %s is a folder, not a file", name, value))
		}
	}
	file("node_binary", c.NodeBinary, true)
	file("baseline_file", c.BaselineFile, true)
	file("options_file", c.OptionsFile, false)
	file("lock_file", c.LockFile, false)
	file("first_seen_file", c.FirstSeenFile, false)
	if c.BundleIn != "" {
		if st, err := os.Stat(c.BundleIn); err != nil {
			errs = append(errs, fmt.Errorf("bundle_in: %w", err))
		} else if !st.IsDir() {
			errs = append(errs, fmt.Errorf("bundle_in: %s is not a folder", c.BundleIn))
		}
	}
	if c.Now != "" {
		t, err := time.Parse(time.RFC3339, c.Now)
		if err != nil {
			errs = append(errs, fmt.Errorf("now: %q is not a time like 2026-01-31T12:00:00Z", c.Now))
		}
		c.now = t
	}
	if !remoteDirShape.MatchString(c.RemoteDir) || path.Clean(c.RemoteDir) != c.RemoteDir {
		errs = append(errs, fmt.Errorf("remote_dir: %q is not an absolute folder like /tmp/rehydrate-build", c.RemoteDir))
	}
	if !markerShape.MatchString(c.Marker) || !markerShape.MatchString(c.Run) {
		errs = append(errs, errors.New("marker and run may hold letters, digits and . _ : - only"))
	}
	if c.ExecuteCommand != "" && !strings.Contains(c.ExecuteCommand, ".Command") {
		errs = append(errs, errors.New("execute_command does not hold {{ .Command }}"))
	}
	switch c.Reboot {
	case rebootNever, rebootIfNeeded, rebootAlways:
	default:
		errs = append(errs, fmt.Errorf("reboot: %q is none of never, if-needed, always", c.Reboot))
	}
	if c.MaxReboots < 0 {
		errs = append(errs, fmt.Errorf("max_reboots: %d is negative", c.MaxReboots))
	}
	for name, d := range map[string]time.Duration{"restart_timeout": c.RestartTimeout, "lock_timeout": c.LockTimeout, "timeout": c.Timeout} {
		if d < 0 {
			errs = append(errs, fmt.Errorf("%s: %s is negative", name, d))
		}
	}
	return errs
}
