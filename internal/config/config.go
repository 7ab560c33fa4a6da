// Package config reads rehydrate.hcl (or .hcl.json) into a validated value.
//
// Baseline blocks use the argument names of Terraform's aws_ssm_patch_baseline, so
// that a block can be pasted. Every fault names file, line, block and, where one is
// near, the valid word; all faults of a file are reported together.
package config

import (
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/schedule"
)

// Config is a whole configuration, resolved and validated.
type Config struct {
	File      string
	Region    string
	Artifacts Artifacts
	Journal   Journal
	Andon     Andon
	Baselines map[string]*Baseline
	Accounts  []*Account // in the order of the file
	Images    []*Image   // in the order of the file
	Fleets    []*Fleet
	Freezes   []schedule.Freeze // times in which no ring begins to move
	Notify    []*Notify
	// Twin is what --twin begins with when no --world is given; nil: an empty world.
	Twin *Twin
}

// Twin is the embedded AWS that a configuration can be tried on. It says nothing
// about the image lines, and without --twin it is not looked at.
type Twin struct {
	World string            // file, absolute or relative to the working directory
	Set   map[string]string // values of the world file's ${NAME}
}

// Artifacts is where bundles and node requests lie for Run Command to fetch.
type Artifacts struct {
	Bucket string
	Prefix string // of every key, without slashes at its ends; empty: none
}

// Baseline is a baseline block.
type Baseline struct {
	Label    string
	Baseline *baseline.Baseline
	Options  baseline.Options
}

// Image is an image line.
type Image struct {
	Label        string
	Baseline     *Baseline
	Source       Source
	Architecture string // x86_64 or arm64, as EC2 says it
	InstanceType string
	SSHUsername  string
	Template     string // the user's own Packer template; empty: the built-in one
	Channel      string
	Rings        []string // in order
	RingBlocks   []*Ring  `json:",omitempty"` // of the rings that have one; see Ring
	Builder      string   // packer or run-command
	Profile      string   // instance profile of the builder: its name or, with run-command, its ARN
	Subnet       string
	Hygiene      []string // checks that are switched off
	Tags         map[string]string
	// Distribute is where the image is used; nil: in the session's account and Region.
	Distribute *Distribute `json:",omitempty"` // so that runs begun before it was there resume
	// Channels are the ring channels by ring; nil: none.
	Channels map[string]string `json:",omitempty"`
	// Retire is what becomes of old images; nil: nothing.
	Retire *Retire `json:",omitempty"`
	// Line names the images that are one line, one for each architecture, and are
	// published together; empty: the image is a line of its own. See Members.
	Line string `json:",omitempty"`
}

// Source is where an image line begins. Exactly one of the fields ID, Name and
// Parameter is set.
type Source struct {
	ID        string
	Name      string   // with wildcards; the newest match is taken
	Owners    []string // with Name
	Parameter string   // a Parameter Store name that holds an image id
}

// Fleet is what follows an image line: Auto Scaling groups in a ring, or long-lived
// nodes.
type Fleet struct {
	Label    string
	Image    *Image
	Ring     string
	ASGTags  map[string]string
	ASGNames []string
	// ASGTemplate is a launch template, by id or name: groups that use it.
	ASGTemplate string `json:",omitempty"`
	NodeTags    map[string]string
	// Accounts and Regions are where the groups are; see Places.
	Accounts  []*Account `json:",omitempty"`
	Regions   []string   `json:",omitempty"`
	Refresh   *Refresh
	InPlace   *InPlace
	DeclRange string // file:line of the block
}

// Refresh are the preferences of an instance refresh.
type Refresh struct {
	MinHealthy      int // percent
	MaxHealthy      int // percent
	Warmup          time.Duration
	Checkpoints     []int
	CheckpointDelay time.Duration
	Soak            time.Duration // after the group
	Alarms          []string
	Rollback        bool
	// Protected (Refresh, Ignore, Wait) and Standby (Terminate, Ignore, Wait) say what
	// becomes of such instances; empty: a group that has some is refused.
	Protected string `json:",omitempty"`
	Standby   string `json:",omitempty"`
	// AllowOutage accepts that a group of one instance is empty for a while.
	AllowOutage bool `json:",omitempty"`
}

// InPlace says how long-lived nodes are patched.
type InPlace struct {
	Batch  int    // nodes at a time; 1 until more are supported
	Reboot string // never, if-needed
}

// ImageNamed finds an image line; with an empty name it is the only one.
func (c *Config) ImageNamed(name string) (*Image, bool) {
	if name == "" && len(c.Images) == 1 {
		return c.Images[0], true
	}
	for _, i := range c.Images {
		if i.Label == name {
			return i, true
		}
	}
	return nil, false
}

// FleetsOf are the fleets that follow an image line, in the file's order.
func (c *Config) FleetsOf(i *Image) []*Fleet {
	var out []*Fleet
	for _, f := range c.Fleets {
		if f.Image == i {
			out = append(out, f)
		}
	}
	return out
}
