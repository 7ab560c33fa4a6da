package autoscaling

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// group is an Auto Scaling group. What Spec points to is never changed in place.
type group struct {
	Spec     types.AutoScalingGroup `json:"spec"` // without Instances and SuspendedProcesses
	Deleting bool                   `json:"deleting,omitempty"`
	Refresh  string                 `json:"refresh,omitempty"` // the active one's id
	Zone     int                    `json:"zone,omitempty"`    // how many have been spread over the zones
	// Retry is when a launch may be tried again after one that failed.
	Retry     time.Time             `json:"retry,omitzero"`
	Suspended []string              `json:"suspended,omitempty"`
	Hooks     []types.LifecycleHook `json:"hooks,omitempty"` // by name
	Last      string                `json:"last,omitempty"`  // the newest refresh's id
}

func (g group) name() string { return *g.Spec.AutoScalingGroupName }
func (g group) min() int     { return int(*g.Spec.MinSize) }
func (g group) max() int     { return int(*g.Spec.MaxSize) }
func (g group) desired() int { return int(*g.Spec.DesiredCapacity) }

func (g group) suspended(process string) bool { return slices.Contains(g.Suspended, process) }

// grace is the health check grace period.
func (g group) grace() time.Duration { return seconds(g.Spec.HealthCheckGracePeriod) }

// warmup is the default instance warmup, else the health check grace period
// (RefreshPreferences.InstanceWarmup, API reference).
func (g group) warmup() time.Duration {
	if w := g.Spec.DefaultInstanceWarmup; w != nil && *w >= 0 {
		return seconds(w)
	}
	return g.grace()
}

func seconds(n *int32) time.Duration {
	if n == nil {
		return 0
	}
	return time.Duration(*n) * time.Second
}

// member is an instance of a group.
type member struct {
	ID    string `json:"id"`
	Group string `json:"group"`
	Zone  string `json:"zone,omitempty"`
	Type  string `json:"type,omitempty"`
	Image string `json:"image,omitempty"`
	// Template is the template and the number of the version really launched.
	Template  types.LaunchTemplateSpecification `json:"template"`
	State     types.LifecycleState              `json:"state"`
	Unhealthy bool                              `json:"unhealthy,omitempty"`
	Protected bool                              `json:"protected,omitempty"`
	Launched  time.Time                         `json:"launched"`
	Since     time.Time                         `json:"since,omitzero"` // in service since
	// Failing says that the instance's health checks fail, which its health status
	// tells from FailAt on, when the grace period has passed.
	Failing bool      `json:"failing,omitempty"`
	FailAt  time.Time `json:"failAt,omitzero"`
	// Gen is which refresh launched it (refresh.gen), "" for none.
	Gen string `json:"gen,omitempty"`
	// Warm is when its warm-up ends, if a refresh launched it.
	Warm     time.Time `json:"warm,omitzero"`
	Activity string    `json:"activity,omitempty"` // the launch or termination under way
	// Weight is its capacity units (instance weighting); 0 is one.
	Weight int `json:"weight,omitempty"`
	// Configuration is the launch configuration that it was launched from, if any.
	Configuration string   `json:"configuration,omitempty"`
	Actions       []action `json:"actions,omitempty"` // lifecycle actions that it waits for
	// Until is when it has drained, or ends a passing state.
	Until time.Time `json:"until,omitzero"`
	// Killed says that EC2 has been told to end it, Dead that EC2 has ended it while
	// the group keeps it: in Standby or waiting for a lifecycle action.
	Killed bool `json:"killed,omitempty"`
	Dead   bool `json:"dead,omitempty"`
	// ELB says that Failing is a load balancer's finding.
	ELB bool `json:"elb,omitempty"`
	// Root is the replacement of its root volume under way, up to the return into service.
	Root *rooting `json:"root,omitempty"`
	// Shown says that describing it tells its image.
	Shown bool `json:"shown,omitempty"`
	// Reclaim is when EC2 takes a Spot Instance back.
	Reclaim time.Time `json:"reclaim,omitzero"`
}

func (m member) units() int { return max(1, m.Weight) }

// counts says whether the member counts against the desired capacity: an instance in
// Standby does not ("Temporarily removing instances from your Auto Scaling group",
// user guide: desired capacity is decremented or a replacement is launched).
func (m member) counts() bool {
	return m.pending() || m.rooting() || m.State == types.LifecycleStateInService
}

// busy says whether it is on its way: being launched, being ended, or between two root
// volumes.
func (m member) busy() bool { return m.pending() || m.gone() || m.rooting() }

// pending says whether it is being launched.
func (m member) pending() bool {
	return m.State == types.LifecycleStatePending || m.State == types.LifecycleStatePendingWait || m.State == types.LifecycleStatePendingProceed
}

// standby says whether it is in Standby, or on the way.
func (m member) standby() bool {
	return m.State == types.LifecycleStateStandby || m.State == types.LifecycleStateEnteringStandby
}

// serves says whether the member is healthy and ready to use at now.
func (m member) serves(now time.Time) bool {
	return m.State == types.LifecycleStateInService && !m.Unhealthy && !m.Failing && !now.Before(m.Warm)
}

// gone says whether it is being ended.
func (m member) gone() bool {
	return m.State == types.LifecycleStateTerminating || m.State == types.LifecycleStateTerminatingWait || m.State == types.LifecycleStateTerminatingProceed
}

func groups(tx *world.Tx) *world.Rows[group] { return world.Table[group](tx, "autoscaling/groups") }

// Members have a table for each group, so that a tick costs what its group is large.
func members(tx *world.Tx, group string) *world.Rows[member] {
	return world.Table[member](tx, "autoscaling/members/"+group)
}

// owners is the group of each instance.
func owners(tx *world.Tx) *world.Rows[string] {
	return world.Table[string](tx, "autoscaling/owners")
}

func findMember(tx *world.Tx, id string) (member, bool) {
	name, ok := owners(tx).Get(id)
	if !ok {
		return member{}, false
	}
	return members(tx, name).Get(id)
}

func dropMember(tx *world.Tx, m member) {
	members(tx, m.Group).Delete(m.ID)
	owners(tx).Delete(m.ID)
}
