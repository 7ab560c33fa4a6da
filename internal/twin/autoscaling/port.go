package autoscaling

import "github.com/goldenami/rehydrate/internal/twin/world"

// EC2 is what Auto Scaling needs of EC2, in the transaction's account and region.
type EC2 interface {
	// Template finds a launch template by id or name, and a version of it: a number,
	// $Latest, $Default, or "" for the default. Its error is an AWS error.
	Template(tx *world.Tx, id, name, version string) (Template, error)
	// Launch starts one instance and returns it as pending.
	Launch(tx *world.Tx, in Launch) (Instance, error)
	// Terminate ends an instance; one that has gone already is no error.
	Terminate(tx *world.Tx, id string) error
	// Instance finds an instance.
	Instance(tx *world.Tx, id string) (Instance, bool)
	// Image finds an image's state and tags; resolve:ssm: ids are resolved first.
	Image(tx *world.Tx, id string) (Image, bool)
	// Zone is the availability zone of a subnet.
	Zone(tx *world.Tx, subnet string) (zone string, ok bool)
	// OnState has f called with the new state of any instance, in the transaction
	// that changes it.
	OnState(f func(tx *world.Tx, id, state string))
}

// Template is one version of a launch template.
type Template struct {
	ID, Name string
	Version  string // a number
	Image    string // as the template has it; may be resolve:ssm:...
	Type     string
}

// Launch is what Auto Scaling asks EC2 to start.
type Launch struct {
	Template     Template
	Image        string // instead of the template's, if any
	Type         string // instead of the template's, if any
	Subnet, Zone string // at most one
	Tags         map[string]string
}

// Instance is an EC2 instance.
type Instance struct {
	ID, State, Image, Type, Zone string
	Tags                         map[string]string
}

// Image is an AMI.
type Image struct {
	State string // available, pending, disabled, ...
	Tags  map[string]string
}

// FaultTag, on an image or on an instance (through the launch template's tag
// specifications), makes instances fail their health checks after they have come up.
// Any value but "" and "false" does.
const FaultTag = "twin:fails-health-check"
