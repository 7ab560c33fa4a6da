// Package backing is the port between the twin's instances and what they are made
// of: a real root (internal/twin/roots) or package data (internal/twin/modelled).
//
// A machine outlives the process that started it only as files: after the twin has
// been killed and started again it calls Start for every machine that should run,
// which boots it anew from its own folder.
package backing

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
)

// Errors of backings, for errors.Is.
var (
	// ErrNotRunning says that the machine is unknown to this process or stopped.
	ErrNotRunning = errors.New("the machine is not running")
	// ErrInterrupted says that the machine went down, or rebooted, while it was at work.
	ErrInterrupted = errors.New("the machine went down meanwhile")
	// ErrNotModelled says that Patch was asked of a real root: Run its node binary.
	ErrNotModelled = errors.New("the machine is a real root, not a modelled one")
	// ErrUnavailable says that this system cannot do what the image needs.
	ErrUnavailable = errors.New("backing not available on this system")
)

// Machine is what an instance is made from. It is plain data: the twin keeps it.
type Machine struct {
	ID string `json:"id"` // the instance id
	// Dir is the machine's own folder; the backing makes it, and Destroy removes it.
	Dir   string `json:"dir"`
	Image Image  `json:"image"`
	// Address is the machine's own loopback address, 127.x.y.z. The zero value means
	// no SSH server.
	Address netip.Addr `json:"address,omitzero"`
	Port    uint16     `json:"port,omitempty"` // of SSH; 0 means 22
	// Hostname is short, such as ip-10-0-0-7.
	Hostname string `json:"hostname"`
	// User may log in with AuthorizedKeys (lines of authorized_keys); nobody else may.
	User           string            `json:"user"`
	AuthorizedKeys []string          `json:"authorizedKeys,omitempty"`
	UserData       string            `json:"userData,omitempty"`
	Hosts          map[string]string `json:"hosts,omitempty"` // host name to address, for /etc/hosts
	Tags           map[string]string `json:"tags,omitempty"`
	// Since is when it was last told to start. A machine that ran since then when the
	// twin's process ended has not been stopped in between.
	Since time.Time `json:"since,omitzero"`
}

// Image is what a machine's root is made from: Layers, or Modelled. It is plain
// data that stays valid as long as the folders it names; Capture makes one.
type Image struct {
	// Layers are directory trees, uppermost first. The last is a whole root (a
	// debootstrap tree, say); the others are overlay layers that Capture wrote.
	// Layers are never changed: machines only read them. A layer must be kept while
	// any image or machine names it.
	Layers []string `json:"layers,omitempty"`
	// Disk is the raw disk image that EBS direct serves (GPT, one ext4 partition). It
	// may be empty for a base image that nobody has read yet: see Backing.Disk.
	Disk     string         `json:"disk,omitempty"`
	Modelled *ModelledImage `json:"modelled,omitempty"`
}

// ModelledImage is package data that stands in for a root.
type ModelledImage struct {
	OS             baseline.OperatingSystem `json:"os"`
	Product        string                   `json:"product"` // such as Debian12
	Arch           string                   `json:"arch"`    // the package manager's word
	Kernel         string                   `json:"kernel,omitempty"`
	EnabledModules []string                 `json:"enabledModules,omitempty"`
	Installed      []baseline.Installed     `json:"installed"`
	// Repository names the world's repository state that the machine is configured
	// with; many machines share one, and it may move on.
	Repository string `json:"repository,omitempty"`
	// Files are further files by absolute path, such as what Put stored.
	Files map[string][]byte `json:"files,omitempty"`
}

// Command is a program to run in a machine.
type Command struct {
	User string // empty means root, as an agent runs
	// Script is run by /bin/sh -c; with Args set instead, Args is run as it is.
	Script string
	Args   []string
	Env    []string // NAME=value, added to the user's own
	Dir    string   // empty means the user's home
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
}

// Backing runs machines. All methods may be called at the same time; for one
// machine, Start, Stop, Reboot, Destroy and Capture wait for each other.
type Backing interface {
	// Start boots the machine and returns when it can be reached. Starting a running
	// machine does nothing.
	Start(ctx context.Context, m Machine) error
	// Stop ends every process of the machine; its files stay. Stopping a machine that
	// does not run does nothing.
	Stop(ctx context.Context, id string) error
	// Reboot is Stop and Start; ErrNotRunning if the machine does not run.
	Reboot(ctx context.Context, id string) error
	// Destroy stops the machine and removes its folder.
	Destroy(ctx context.Context, m Machine) error
	// Run runs a command and waits for its end and for the end of its output. The exit
	// code is 128 and the signal's number when a signal ended it. An error means that
	// the command could not be run, or its end not be seen; when ctx ends, the command
	// is killed and ctx's error returned.
	Run(ctx context.Context, id string, c Command) (exit int, err error)
	// Put writes a file as root, with a mode, making missing parent folders.
	Put(ctx context.Context, id, path string, mode fs.FileMode, r io.Reader) error
	// Get reads a file as root. A missing file is fs.ErrNotExist.
	Get(ctx context.Context, id, path string, w io.Writer) error
	// Capture writes the machine's root into the new folder dir, as a raw disk image
	// of size bytes (0: as large as needed, at least 2 GiB, whole GiB) and whatever
	// lets a machine start from it quickly. The machine may be running, stopped or
	// unknown to this process. What is in dir after an error is to be removed.
	Capture(ctx context.Context, m Machine, dir string, size int64) (Image, error)
	// Disk writes the disk image of an image that has none yet, such as a registered
	// base root, to a file of size bytes (as in Capture).
	Disk(ctx context.Context, i Image, file string, size int64) error
	// Close stops every machine.
	Close() error
}

// Claimer is a Backing whose machines listen on this host's own loopback addresses, which
// another twin may want, too.
type Claimer interface {
	// Claim takes an address for a machine of the image, until the machine is destroyed
	// or the backing closed; claiming what is ours already does nothing. False: another
	// twin of this host has it.
	Claim(i Image, address netip.Addr) bool
}

// Patcher patches modelled machines, which have no shell: ErrNotModelled for others.
type Patcher interface {
	Patch(ctx context.Context, id string, r record.NodeRequest) (record.NodeReport, error)
}

// PowerChange is what a machine did to itself.
type PowerChange string

// The power changes.
const (
	Rebooted   PowerChange = "rebooted"    // it runs again already
	PoweredOff PowerChange = "powered-off" // like a stop
	Lost       PowerChange = "lost"        // its processes ended for no reason we know
)

// PowerEvent tells the twin of a PowerChange that nobody asked the backing for.
type PowerEvent struct {
	ID     string
	Change PowerChange
	Time   time.Time // wall time
}
