package spread

import (
	"context"
	"time"
)

// Cell is one account's Region.
type Cell struct {
	Account string `json:"account"`
	Region  string `json:"region"`
}

// String is account/Region.
func (c Cell) String() string { return c.Account + "/" + c.Region }

// Ports are what a cell offers, as its account's own role sees it.
type Ports struct {
	Images  Images
	Sharing Sharing
	Keys    Keys
	Trial   Trial
}

// Images finds, makes and removes images.
type Images interface {
	// Image is an image that the account may see; kind fault.NotFound when there is
	// none. Keys of its disks are stated only to the image's owner.
	Image(ctx context.Context, id string) (Image, error)
	// Named is the account's own image of that name; kind fault.NotFound.
	Named(ctx context.Context, name string) (Image, error)
	// Copy asks for a copy and does not wait for it. The same token gives the same image
	// again; a name that is taken is kind fault.Conflict, and too many copies at a time
	// are fault.Throttled.
	Copy(ctx context.Context, in NewCopy) (id string, err error)
	// Remove deregisters an image and deletes its snapshots.
	Remove(ctx context.Context, id string) error
}

// Image is a machine image.
type Image struct {
	ID     string
	Name   string
	Owner  string // account
	State  string // available, pending, failed, ...
	Reason string // why it failed
	Arch   string
	Tags   map[string]string
	Disks  []Disk
	// Blocked says that the account's settings do not allow its use (Allowed AMIs).
	Blocked bool
}

// Disk is a volume that an image brings with it.
type Disk struct {
	Snapshot  string `json:"snapshot"`
	Encrypted bool   `json:"encrypted,omitempty"`
	Key       string `json:"key,omitempty"` // ARN
}

// NewCopy is what Images.Copy makes.
type NewCopy struct {
	Image, Region string // the source
	Name          string
	Description   string
	Key           string // ARN to encrypt with; empty: as the source and the account's default say
	Encrypted     bool
	Completion    time.Duration // within which EBS is to have made it; 0: as it comes
	Token         string
	Tags          map[string]string // of the image and its snapshots
}

// Sharing says who may use the account's own images and snapshots.
type Sharing interface {
	Audience(ctx context.Context, image string) (Audience, error)
	// Share adds launch permissions.
	Share(ctx context.Context, image string, with Audience) error
	// Readers are the accounts that may make volumes of a snapshot, and copy it.
	Readers(ctx context.Context, snapshot string) ([]string, error)
	Open(ctx context.Context, snapshot string, accounts []string) error
}

// Audience is who may launch an image.
type Audience struct {
	Accounts      []string `json:"accounts,omitempty"`
	Organizations []string `json:"organizations,omitempty"` // ARNs
	Units         []string `json:"units,omitempty"`         // ARNs
}

// Keys reads KMS keys and gives them.
type Keys interface {
	// Key finds a key by alias, id or ARN; kind fault.NotFound.
	Key(ctx context.Context, name string) (Key, error)
	// Policy is the key's policy, as JSON. Only the key's own account can read it.
	Policy(ctx context.Context, arn string) (string, error)
	// Grants are the key's grants to a principal.
	Grants(ctx context.Context, arn, grantee string) ([]Grant, error)
	// Grant makes a grant; the same again makes no second one.
	Grant(ctx context.Context, arn string, g Grant) error
}

// Key is a KMS key.
type Key struct {
	ARN     string
	Account string
	State   string // Enabled, Disabled, PendingDeletion, ...
	// Symmetric says that it encrypts; EBS takes no other keys.
	Symmetric bool
	// Managed says that AWS manages it: it cannot be given to other accounts.
	Managed bool
}

// Enabled is the state of a key that can be used.
const Enabled = "Enabled"

// Grant lets a principal use a key.
type Grant struct {
	Name       string   `json:"name"`
	Grantee    string   `json:"grantee"`
	Operations []string `json:"operations"` // without kms:
	// Bound says that it holds only for some encryption contexts, as EC2's own do.
	Bound bool `json:"bound,omitempty"`
}

// Trial launches to see whether it works.
type Trial interface {
	// DryRun asks whether a launch would be accepted. An answer that says nothing about
	// the image is kind fault.Unsupported.
	DryRun(ctx context.Context, image, instanceType string) error
	// Launch starts an instance; the same token gives the same instance again.
	Launch(ctx context.Context, in Canary) (instance string, err error)
	// State is an instance's state and, when it has ended, why; kind fault.NotFound.
	State(ctx context.Context, instance string) (state, reason string, err error)
	Terminate(ctx context.Context, instance string) error
}

// Canary is an instance that only shows whether an image can be launched.
type Canary struct {
	Image, Type string
	Token       string
	Tags        map[string]string
}
