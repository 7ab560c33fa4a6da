package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Groups reads Auto Scaling groups and pins what one launches from.
type Groups interface {
	// Find lists the groups with these names, or those that carry every one of the
	// tags, by name; with neither, all groups there are. Nothing found is an empty
	// list, not an error.
	Find(ctx context.Context, names []string, tags map[string]string) ([]Group, error)
	// Pin sets the group to launch from a numbered version of the template it
	// already uses, and nothing else (UpdateAutoScalingGroup). A mixed-instances
	// policy keeps all its other parts.
	Pin(ctx context.Context, group string, d Desired) error
}

// Group is an Auto Scaling group as it stands.
type Group struct {
	Name                string
	Template            Template // zero for a group on a launch configuration
	LaunchConfiguration string
	// Mixed is the mixed-instances policy in the API's own JSON, whole; nil without.
	Mixed json.RawMessage
	// OwnOverrides says that an override of the policy names a template or an image
	// of its own.
	OwnOverrides      bool
	Min, Max, Desired int
	Instances         []Member
	Suspended         []string // suspended scaling processes
	WarmPool          bool
	Deleting          bool

	Tags     map[string]string
	Subnets  []string
	Zones    []string // where it has no Subnets: it launches into their default ones
	Balanced bool     // it is behind a load balancer
	// Types are the instance types of a mixed-instances policy, MinWeight and MaxWeight
	// the least and the largest weight in it (0 without weights), and Spot the part of
	// Spot instances over the base of On-Demand ones, in percent.
	Types                []string
	MinWeight, MaxWeight int
	Spot, OnDemandBase   int
	// ByAttributes says that the policy has EC2 choose types by what they have.
	ByAttributes bool
	// PolicyMin and PolicyMax are the instance maintenance policy, in percent; nil
	// without one.
	PolicyMin, PolicyMax *int
	// Warmup is what the group gives a new instance before it counts: the default
	// instance warm-up, else the health check's grace period.
	Warmup *time.Duration
	// Lifetime is how long an instance lives at most; 0: for ever.
	Lifetime time.Duration
}

// Template is a launch template with a version as a group or an instance states it:
// a number, $Latest or $Default.
type Template struct {
	ID      string `json:"id"`
	Name    string `json:"name,omitempty"`
	Version string `json:"version"`
}

// Member is an instance as its group sees it.
type Member struct {
	ID        string
	State     string // the lifecycle state, such as InService
	Healthy   bool
	Protected bool
	Template  Template
	Type      string // such as t3.small
	Zone      string
	Weight    int // of the desired capacity, in a policy with weights; 0: one
}

// InService is the lifecycle state of a member that serves.
const InService = "InService"

// Desired is the configuration that a refresh brings a group to: a numbered version
// and, for a mixed-instances group, its whole policy.
type Desired struct {
	Template Template        `json:"template"`
	Mixed    json.RawMessage `json:"mixed,omitempty"` // the policy as Group.Mixed has it
}

// Templates reads and makes launch-template versions.
type Templates interface {
	// Versions lists versions, by number: those asked for ($Latest and $Default
	// included), or all. Kind fault.NotFound when template or version is missing.
	Versions(ctx context.Context, template string, versions ...string) ([]TemplateVersion, error)
	// Create makes a version out of another with ImageId replaced. The same token
	// gives the same version again. The default version stays as it is.
	Create(ctx context.Context, in NewTemplateVersion) (TemplateVersion, error)
}

// TemplateVersion is one numbered version.
type TemplateVersion struct {
	Template    string // the template's id
	Number      string
	Description string
	Image       string // literal id or resolve:ssm:...
	Default     bool
	// Data is the launch template data in the API's own JSON, without null values.
	Data json.RawMessage
}

// NewTemplateVersion is what Templates.Create makes.
type NewTemplateVersion struct {
	Template    string
	Source      string // the number it is made from
	Image       string
	Description string // at most 255 characters
	Token       string
}

// Refreshes starts and watches instance refreshes.
type Refreshes interface {
	// List is the group's refreshes, newest first.
	List(ctx context.Context, group string) ([]Refresh, error)
	// Start begins one and returns its id; ErrRefreshing when one is under way.
	Start(ctx context.Context, in NewRefresh) (id string, err error)
	// Cancel ends the group's active refresh, whosever it is, once what is on its way
	// has arrived; kind NotFound when there is none.
	Cancel(ctx context.Context, group string) error
	// Rollback turns the group's active refresh round; kind NotFound when there is none,
	// Conflict when it cannot be.
	Rollback(ctx context.Context, group string) error
}

// ErrRefreshing says that the group has a refresh under way already.
var ErrRefreshing = errors.New("an instance refresh is in progress")

// Refresh is an instance refresh as the API tells it.
type Refresh struct {
	ID        string
	Status    string
	Reason    string
	Percent   int
	Left      int // instances still to update
	Desired   Desired
	StartedAt time.Time
	EndedAt   time.Time
}

// NewRefresh is what Refreshes.Start begins.
type NewRefresh struct {
	Group       string
	Desired     Desired
	Preferences Preferences
}

// Instances tells what instances really run.
type Instances interface {
	// Describe lists those of ids that exist.
	Describe(ctx context.Context, ids []string) ([]Instance, error)
}

// Instance is an EC2 instance.
type Instance struct {
	ID    string
	Image string
	State string
}

// Images tells what EC2 knows of images.
type Images interface {
	// States is each image's state by id, such as available; ids that do not exist
	// are left out.
	States(ctx context.Context, ids []string) (map[string]string, error)
}
