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

// ImageOwners tells whose images are. Images may be ImageOwners too.
type ImageOwners interface {
	// Owners is each image's owner, an account id, by image id; ids that do not exist
	// are left out.
	Owners(ctx context.Context, ids []string) (map[string]string, error)
}

// Look tells what a plan shows beside what it decides.
type Look interface {
	// FreeAddresses is how many addresses each subnet has left, by subnet id.
	FreeAddresses(ctx context.Context, subnets []string) (map[string]int, error)
	// Alarms says which CloudWatch alarms exist.
	Alarms(ctx context.Context, names []string) ([]string, error)
	// Scheduled lists what is scheduled for groups in a time.
	Scheduled(ctx context.Context, from, until time.Time) ([]ScheduledAction, error)
	// CPUs is how many vCPUs each instance type has.
	CPUs(ctx context.Context, types []string) (map[string]int, error)
}

// ScheduledAction sets a group's capacity at a time.
type ScheduledAction struct {
	Group   string
	Name    string
	At      time.Time
	Desired *int // nil: left as it is
}
