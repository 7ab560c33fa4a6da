package bake

import (
	"context"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
)

// Images finds and tags machine images.
type Images interface {
	// Find lists the images that match every non-empty field of f, newest first.
	// Nothing found is an empty list, not an error.
	Find(ctx context.Context, f ImageFilter) ([]Image, error)
	// Tag sets tags on EC2 resources of any sort (CreateTags); tags of other keys
	// stay. Doing it again changes nothing.
	Tag(ctx context.Context, ids []string, tags map[string]string) error
}

// ImageFilter selects images. An ID that does not exist, or is not a valid id,
// selects nothing.
type ImageFilter struct {
	ID     string
	Name   string   // may hold the wildcards * and ? of DescribeImages
	Owners []string // account ids, "self", "amazon"; empty: anybody's
}

// Image is a machine image as EC2 describes it.
type Image struct {
	ID         string
	Name       string
	State      string // pending, available, failed, ...
	Arch       string // x86_64, arm64
	RootDevice string // the root device's name, such as /dev/xvda
	// Snapshots are the image's snapshots, the root device's first.
	Snapshots []string
	Tags      map[string]string
	CreatedAt time.Time
}

// The image states that a bake knows; any other is waited for.
const (
	ImagePending   = "pending"
	ImageAvailable = "available"
	ImageFailed    = "failed"
)

// Creator makes an image of an instance. It is used by RunCommand only.
type Creator interface {
	// Create asks for an image and returns its id without waiting. Names are unique
	// per account and region: when the name is taken, the error's kind is
	// fault.Conflict. Tags go on the image and its snapshots in the same call.
	Create(ctx context.Context, in NewImage) (id string, err error)
}

// NewImage is what Creator.Create makes.
type NewImage struct {
	Instance    string
	Name        string
	Description string
	Tags        map[string]string
}

// Resources are what a run leaves in an account, found by tag.
type Resources interface {
	// List names every resource that carries the tag key=value: instances (not the
	// terminated ones), key pairs, security groups, volumes, snapshots, images.
	List(ctx context.Context, key, value string) ([]Resource, error)
	// Delete removes one: terminates, deregisters or deletes. A resource that is
	// gone already is not an error. An instance is only asked to terminate; what
	// depends on it (security group, volume, snapshot of an image) may answer with
	// kind fault.Conflict until it is free.
	Delete(ctx context.Context, r Resource) error
}

// Resource is one thing in an account.
type Resource struct {
	Kind  ResourceKind
	ID    string
	State string // of instances and images
	Tags  map[string]string
}

// ResourceKind is the sort of a Resource, spelt as TagSpecifications spell it.
type ResourceKind string

// The kinds that a bake can leave behind.
const (
	KindInstance      ResourceKind = "instance"
	KindKeyPair       ResourceKind = "key-pair"
	KindSecurityGroup ResourceKind = "security-group"
	KindVolume        ResourceKind = "volume"
	KindSnapshot      ResourceKind = "snapshot"
	KindImage         ResourceKind = "image"
)

// Instances runs build instances. It is used by RunCommand only.
type Instances interface {
	// Run starts one instance and returns its id. The same token gives the same
	// instance again.
	Run(ctx context.Context, in NewInstance) (id string, err error)
	// Find is the instance's state; kind fault.NotFound when there is none.
	Find(ctx context.Context, id string) (Instance, error)
	// Stop asks a running instance to stop; stopping or stopped is not an error.
	Stop(ctx context.Context, id string) error
}

// NewInstance is what Instances.Run starts.
type NewInstance struct {
	Image   string
	Type    string
	Subnet  string // empty: the default
	Profile string // instance profile by name or ARN, so that Run Command can reach it
	Token   string // client token
	Tags    map[string]string
}

// Instance is a build instance.
type Instance struct {
	ID    string
	State string // pending, running, stopping, stopped, shutting-down, terminated
	// Managed says that Systems Manager sees the instance online.
	Managed bool
	Tags    map[string]string
}

// Patcher runs rehydrate-node's request on an instance through Run Command and
// waits for its report. A report with Error set is an outcome; an error is
// infrastructure.
type Patcher interface {
	Patch(ctx context.Context, instanceID string, req record.NodeRequest) (record.NodeReport, error)
}

// Indexes tells the state of a package repository now.
type Indexes interface {
	// Digest is the SHA-256 (lower-case hex) of the repository's index file as it is
	// served now, comparable with baseline.Repository.IndexSHA256.
	Digest(ctx context.Context, r baseline.Repository) (string, error)
}
