package usage

import (
	"context"
	"time"

	"github.com/goldenami/rehydrate/publish"
)

// Cell is one account's Region.
type Cell struct {
	Account string `json:"account"`
	Region  string `json:"region"`
}

// String is account/region.
func (c Cell) String() string { return c.Account + "/" + c.Region }

// Compute lists what launches, or runs, in a cell. Every list is whole.
type Compute interface {
	// Instances are all that are not terminated.
	Instances(ctx context.Context) ([]Instance, error)
	// TemplateVersions are all versions of all launch templates.
	TemplateVersions(ctx context.Context) ([]TemplateVersion, error)
	// LaunchConfigurations are all there are.
	LaunchConfigurations(ctx context.Context) ([]LaunchConfiguration, error)
	// Groups are all Auto Scaling groups.
	Groups(ctx context.Context) ([]Group, error)
	// Refreshing are the templates to which the running instance refreshes of a group
	// go, and every image that their overrides name.
	Refreshing(ctx context.Context, group string) ([]Template, []string, error)
}

// References asks EC2 itself which resources name the images (DescribeImageReferences).
// Kind fault.Unsupported where the endpoint does not know the call.
type References interface {
	References(ctx context.Context, images []string) ([]Reference, error)
}

// Parameters lists Parameter Store.
type Parameters interface {
	// All is the current value of every parameter that is not encrypted.
	All(ctx context.Context) ([]Parameter, error)
	// History is every version that is kept, oldest first; empty, without error, for a
	// name that does not exist.
	History(ctx context.Context, name string) ([]Parameter, error)
}

// Ports are the eyes in one cell.
type Ports struct {
	Compute    Compute
	References References
	Parameters Parameters
}

// Instance is an EC2 instance.
type Instance struct {
	ID, Image, State string
	Group            string // its Auto Scaling group; empty: none
}

// Template is a launch template with a version as a group states it: a number,
// $Latest, $Default or nothing, which is the default.
type Template struct {
	ID      string `json:"id"`
	Name    string `json:"name,omitempty"`
	Version string `json:"version"`
}

// TemplateVersion is one numbered version of a launch template.
type TemplateVersion struct {
	Template    string `json:"template"` // the template's id
	Name        string `json:"name,omitempty"`
	Number      int64  `json:"number"`
	Image       string `json:"image"` // an id, resolve:ssm:..., or nothing
	Description string `json:"description,omitempty"`
	Default     bool   `json:"default,omitempty"`
}

// LaunchConfiguration is one of Auto Scaling's launch configurations.
type LaunchConfiguration struct{ Name, Image string }

// Group is an Auto Scaling group as it is saved.
type Group struct {
	Name                string
	Template            Template // zero for a group on a launch configuration
	LaunchConfiguration string
	// Overrides are the templates, and Images the images, that the overrides of a
	// mixed-instances policy name themselves.
	Overrides []Template
	Images    []string
	Desired   int
	WarmPool  bool
}

// Reference is a resource that EC2 says names an image.
type Reference struct{ Image, Kind, ARN string }

// Parameter is one version of a parameter.
type Parameter = publish.Parameter

// Image is a machine image as its owner sees it.
type Image struct {
	ID           string
	Name         string
	State        string // available, pending, failed, disabled, ...
	Owner        string // account id
	Architecture string
	Source       string // the image it was made from or copied of, as EC2 says; may be empty
	CreatedAt    time.Time
	DeprecatedAt time.Time // zero: it is not deprecated
	// Protected is EC2's deregistration protection in its own words; empty: none.
	Protected string
	Snapshots []string
	Tags      map[string]string
}

// The tags by which an image is known as ours (those that a bake sets).
const (
	TagLine   = "rehydrate:line"
	TagRun    = "rehydrate:run"
	TagSource = "rehydrate:source"
)

// The tags that a revocation writes.
const (
	TagRevoked  = "rehydrate:revoked" // when, RFC 3339
	TagReason   = "rehydrate:revoked-reason"
	TagDeadline = "rehydrate:revoked-deadline" // from when nothing may run on it, RFC 3339
)

// StateAvailable and StateDisabled are the states of an image that matter here.
const (
	StateAvailable = "available"
	StateDisabled  = "disabled"
)
