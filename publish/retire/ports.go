package retire

import (
	"context"
	"time"

	"github.com/goldenami/rehydrate/publish/usage"
)

// Images lists and marks the account's images in a cell.
type Images interface {
	// Own lists the account's own images, also those that are disabled or deprecated.
	Own(ctx context.Context) ([]usage.Image, error)
	// Image is the image of that id; kind fault.NotFound when there is none.
	Image(ctx context.Context, id string) (usage.Image, error)
	// SharedWith are the accounts, organisations and units that may launch an image;
	// "all" is everybody.
	SharedWith(ctx context.Context, id string) ([]string, error)
	// Tag sets tags on images and snapshots; tags of other keys stay.
	Tag(ctx context.Context, ids []string, tags map[string]string) error
}

// Removal takes an image out of use.
type Removal interface {
	// Deprecate takes the image out of others' listings from then on.
	Deprecate(ctx context.Context, id string, at time.Time) error
	// Disable lets nobody launch it any more.
	Disable(ctx context.Context, id string) error
	// Deregister removes it and leaves its snapshots. One that is gone is no error;
	// one that is protected is of kind fault.Conflict.
	Deregister(ctx context.Context, id string) error
}

// Leftovers are what an image leaves behind in EC2.
type Leftovers interface {
	// Snapshots are the account's own snapshots that carry the tag.
	Snapshots(ctx context.Context, tag string) ([]Snapshot, error)
	// DeleteSnapshot removes one. One that is gone is no error; one that another image
	// uses is of kind fault.Conflict.
	DeleteSnapshot(ctx context.Context, id string) error
	// DeleteVersion removes a version of a launch template; one that is gone is no
	// error.
	DeleteVersion(ctx context.Context, template string, number int64) error
}

// Snapshot is an EBS snapshot.
type Snapshot struct {
	ID   string
	Tags map[string]string
}

// Builds deletes entries of the builds folder.
type Builds interface {
	// Delete removes a parameter; one that is gone is no error.
	Delete(ctx context.Context, name string) error
}

// Ports are the hands in one cell.
type Ports struct {
	Uses      usage.Ports
	Images    Images
	Removal   Removal
	Leftovers Leftovers
	Builds    Builds
}

// Journal is what is known of runs.
type Journal interface {
	// Runs are all runs that are known, of every line, oldest first.
	Runs(ctx context.Context) ([]Run, error)
}

// Run is a run of the pipeline.
type Run struct {
	ID    string
	Line  string
	Cell  usage.Cell
	Image string // what it baked; empty: nothing, or an earlier run's image
	// Uses are the images that it works with: candidate, source, the one before.
	Uses    []string
	Ended   bool // it will not be gone on with
	EndedAt time.Time
	Rolls   []Roll
}

// Roll is what a run did to a group.
type Roll struct {
	Cell     usage.Cell
	Group    string
	From, To string // images
	At       time.Time
}

// Archive keeps what runs leave outside EC2: journals, bundles, artifacts.
type Archive interface {
	// Parts names what there is of a run that may be removed, such as "journal" or
	// "s3://bucket/kits/run"; nothing: empty.
	Parts(ctx context.Context, run string) ([]string, error)
	// Remove removes them all; those that are gone are no error. The run document
	// stays, as history.
	Remove(ctx context.Context, run string) error
}
