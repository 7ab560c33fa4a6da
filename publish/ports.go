package publish

import (
	"context"
	"time"
)

// DataTypeImage is the data type whose values AWS checks against EC2's images.
const DataTypeImage = "aws:ec2:image"

// typeString is the type of every parameter here.
const typeString = "String"

// dataTypeText is the data type of leases and envelopes.
const dataTypeText = "text"

// Cell is one account's Region. The zero Cell is the session's own.
type Cell struct {
	Account string `json:"account,omitempty"`
	Region  string `json:"region,omitempty"`
}

// String is account and Region, or nothing for the session's own.
func (c Cell) String() string {
	switch {
	case c.Account == "":
		return c.Region
	case c.Region == "":
		return c.Account
	}
	return c.Account + " " + c.Region
}

// Ports are what a cell offers.
type Ports struct {
	Parameters Parameters
	Images     Images
}

// Parameters reads and writes Parameter Store.
type Parameters interface {
	// Get is the newest valid version; kind fault.NotFound when there is none. It
	// states neither description nor labels.
	Get(ctx context.Context, name string) (Parameter, error)
	// History is every version that is kept, oldest first, with descriptions and
	// labels; empty, without error, for a name that does not exist.
	History(ctx context.Context, name string) ([]Parameter, error)
	// Put writes a new version and returns its number. Without Overwrite an existing
	// name is kind fault.Conflict. A value of DataTypeImage becomes readable only
	// after AWS has validated it, and never if it is not an available image.
	Put(ctx context.Context, in NewVersion) (version int64, err error)
	// Label moves labels to a version; again changes nothing.
	Label(ctx context.Context, name string, version int64, labels ...string) error
	// Unlabel takes labels from a version; those that it does not have change nothing.
	Unlabel(ctx context.Context, name string, version int64, labels ...string) error
}

// Parameter is one version of a parameter.
type Parameter struct {
	Name        string
	Value       string
	Type        string // String, StringList or SecureString; empty where it is not told
	DataType    string
	Description string
	Version     int64
	Labels      []string
	ModifiedAt  time.Time
}

// NewVersion is what Parameters.Put writes.
type NewVersion struct {
	Name        string
	Value       string
	DataType    string
	Description string // at most 1024 characters
	Overwrite   bool
}

// Images tells what EC2 knows of an image.
type Images interface {
	// Image is the image's description; kind fault.NotFound when there is none.
	Image(ctx context.Context, id string) (Image, error)
}

// Image is a machine image.
type Image struct {
	ID        string
	Name      string
	State     string // available, pending, failed, ...
	Tags      map[string]string
	CreatedAt time.Time
}
