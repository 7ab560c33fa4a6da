package rollout

import (
	"context"
	"time"
)

// The ports here are optional. Where a cell has none, or it may not be read, what it
// would tell is unknown, and the plan says so; nothing is taken for granted.

// ImageUse finds instances by what they run. Instances that are ImageUse too spare
// the plan describing every instance of the fleet.
type ImageUse interface {
	// Using is the image of every instance that runs one of the images, by instance id.
	Using(ctx context.Context, images []string) (map[string]string, error)
}

// TemplateEnds reads many templates at once. Templates that are TemplateEnds too
// spare the plan one call a template.
type TemplateEnds interface {
	// Ends lists the latest and the default version of every launch template there is.
	Ends(ctx context.Context) ([]TemplateVersion, error)
}

// ImageDetails tells more of images. Images may be ImageDetails too.
type ImageDetails interface {
	// Details is what EC2 knows of each image, by id; ids that do not exist, or are not
	// shared with the account, are left out.
	Details(ctx context.Context, ids []string) (map[string]ImageDetail, error)
}

// ImageDetail is an image as EC2 knows it. Tags are seen by its owner only.
type ImageDetail struct {
	Name      string
	Owner     string // account id
	Arch      string // x86_64 or arm64
	State     string
	Tags      map[string]string
	CreatedAt time.Time // zero: unknown
}

// TemplateTags tells who made launch templates. Templates may be TemplateTags too.
type TemplateTags interface {
	// Tags lists all launch templates with their tags.
	Tags(ctx context.Context) ([]TaggedTemplate, error)
}

// TaggedTemplate is a launch template with what says whose it is.
type TaggedTemplate struct {
	ID, Name  string
	CreatedBy string // the ARN of who made it
	Tags      map[string]string
}

// Look tells what a plan shows beside what it decides.
type Look interface {
	// Subnets tells of subnets by their ids, and of the default ones of zones; those that
	// do not exist are left out.
	Subnets(ctx context.Context, ids, zones []string) (map[string]Subnet, error)
	// Alarms says which CloudWatch alarms exist.
	Alarms(ctx context.Context, names []string) ([]string, error)
	// Scheduled lists what is scheduled for groups in a time.
	Scheduled(ctx context.Context, from, until time.Time) ([]ScheduledAction, error)
	// CPUs is how many vCPUs each instance type has.
	CPUs(ctx context.Context, types []string) (map[string]int, error)
}

// Subnet is what a plan needs to know of a subnet.
type Subnet struct {
	Zone string // the Availability Zone
	Free int    // addresses that are left
	// Default says that groups which name their zones alone launch into it.
	Default bool
}

// ScheduledAction sets a group's capacity at a time.
type ScheduledAction struct {
	Group   string
	Name    string
	At      time.Time
	Desired *int // nil: left as it is
}
