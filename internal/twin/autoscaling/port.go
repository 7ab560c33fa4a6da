package autoscaling

import (
	"time"

	"github.com/goldenami/rehydrate/internal/twin/elbv2"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// EC2 is what Auto Scaling needs of EC2, in the transaction's account and region.
type EC2 interface {
	// Template finds a launch template by id or name, and a version of it: a number,
	// $Latest, $Default, or "" for the default. Its error is an AWS error.
	Template(tx *world.Tx, id, name, version string) (Template, error)
	// Launch starts one instance and returns it as pending, or running if it is to be
	// Settled and nothing is in the way of that.
	Launch(tx *world.Tx, in Launch) (Instance, error)
	// Terminate ends an instance; one that has gone already is no error.
	Terminate(tx *world.Tx, id string) error
	// Instance finds an instance.
	Instance(tx *world.Tx, id string) (Instance, bool)
	// Image finds an image's state and tags; resolve:ssm: ids are resolved first.
	Image(tx *world.Tx, id string) (Image, bool)
	// ReplaceRoot begins to replace the root volume of a running instance by one made
	// from an image, and names the task. What it was before is deleted.
	ReplaceRoot(tx *world.Tx, instance, image string) (task string, err error)
	// Root finds the state of such a task.
	Root(tx *world.Tx, task string) RootState
	// OnRoot has f called when the task of an instance has ended, in the transaction that
	// ends it.
	OnRoot(f func(tx *world.Tx, instance string))
	// Zone is the availability zone of a subnet.
	Zone(tx *world.Tx, subnet string) (zone string, ok bool)
	// Zones are the availability zones of the region.
	Zones(tx *world.Tx) []string
	// OnState has f called with the new state of any instance, in the transaction
	// that changes it.
	OnState(f func(tx *world.Tx, id, state string))
}

// RootState is how far the replacement of a root volume is.
type RootState int

// States of a replacement. A task that there is not has failed.
const (
	RootFailed RootState = iota
	RootUnderWay
	RootReplaced
)

// Template is one version of a launch template.
type Template struct {
	ID, Name string
	Version  string // a number
	Image    string // as the template has it; may be resolve:ssm:...
	Type     string
}

// Targets is what Auto Scaling needs of Elastic Load Balancing; *elbv2.Service is one.
type Targets interface {
	Exists(tx *world.Tx, arn string) bool
	// Register registers a running instance at the group's port (port is nil).
	Register(tx *world.Tx, arn, instance string, port *int32) error
	// Deregister begins to drain an instance and says when that ends.
	Deregister(tx *world.Tx, arn, instance string) time.Time
	// Unhealthy says whether any target group finds the instance unhealthy.
	Unhealthy(tx *world.Tx, instance string) bool
	// OnHealth has f called when a target of the instance becomes healthy or unhealthy.
	OnHealth(f func(tx *world.Tx, instance string))
}

// Alarms is what Auto Scaling needs of CloudWatch beside what SetAlarm is told;
// *cloudwatch.Service is one.
type Alarms interface {
	Exists(tx *world.Tx, name string) bool
}

// Launch is what Auto Scaling asks EC2 to start.
type Launch struct {
	Template     Template // the zero value for a launch configuration
	Settings     Settings
	Image        string // instead of the template's, if any
	Type         string // instead of the template's, if any
	Subnet, Zone string // at most one
	Tags         map[string]string
	Settled      bool // it has been running all along
}

// Settings are what a launch configuration gives beside image and type.
type Settings struct {
	Key, UserData, Profile string
	SecurityGroups         []string // ids
}

// Instance is an EC2 instance.
type Instance struct {
	ID, State, Image, Type, Zone string
	Reason                       string // why it ended, as EC2's state reason has it
	Tags                         map[string]string
}

// Image is an AMI.
type Image struct {
	State string // available, pending, disabled, ...
	Disks int    // EBS volumes that it makes
	Tags  map[string]string
}

// FaultTag, on an image or on an instance (through the launch template's tag
// specifications), makes instances fail their health checks after they have come up.
// Any value but "", "false" and "elb" does; with "elb" only their target groups find
// them unhealthy.
const FaultTag = elbv2.FaultTag
