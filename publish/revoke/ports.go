package revoke

import (
	"context"
	"encoding/json"

	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/publish/usage"
)

// Images finds images in a cell.
type Images interface {
	// Own lists the account's own images, also those that are disabled or deprecated.
	Own(ctx context.Context) ([]usage.Image, error)
	// Image is the image of that id, whosever it is; kind fault.NotFound when there is
	// none to be seen.
	Image(ctx context.Context, id string) (usage.Image, error)
	// Ancestry are the images that an image descends from, nearest first, as far as
	// EC2 knows them.
	Ancestry(ctx context.Context, id string) ([]string, error)
	// SharedWith are the accounts, organisations and units that may launch an image;
	// "all" is everybody.
	SharedWith(ctx context.Context, id string) ([]string, error)
}

// Marks writes what a revocation leaves on images and channels.
type Marks interface {
	// Tag sets tags on images; tags of other keys stay.
	Tag(ctx context.Context, ids []string, tags map[string]string) error
	// Disable lets nobody launch the image any more; again changes nothing.
	Disable(ctx context.Context, id string) error
}

// Labeler labels versions of parameters.
type Labeler interface {
	// Label moves labels to a version; again changes nothing.
	Label(ctx context.Context, name string, version int64, labels ...string) error
}

// Ports are the hands in one cell.
type Ports struct {
	Uses   usage.Ports
	Images Images
	Marks  Marks
	Labels Labeler
}

// Pointers moves channels back, guarded as a publication is: against the version that
// was planned on, read back, all or none.
type Pointers interface {
	// Back is the unit that makes the moves.
	Back(ctx context.Context, moves []Move) (unit.Unit, error)
	// Err reads the unit's final state: nil when every pointer stands on its target.
	Err(state json.RawMessage) error
}

// Runner runs a unit to its end and returns its last state.
type Runner func(ctx context.Context, name string, u unit.Unit) (json.RawMessage, error)
