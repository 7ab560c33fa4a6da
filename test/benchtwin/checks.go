package main

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/autoscaling"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// checks hold the invariants against every event of a rolling world. Its methods run
// under the world's lock.
type checks struct {
	s      shape
	groups *autoscaling.Service
	ec2    *ec2.Service

	rolling     bool
	transitions map[string]int // by kind of event
	instances   map[string]int // instance states entered, by state
	checked     int            // capacities compared
	finished    map[string]int // refreshes that have ended, by status
	broken      []string       // the first of them
	wrong       int
	running     map[string]map[string]bool // by place and group: our own count, from EC2's events
	owner       map[string]string          // of an instance: place and group
}

func newChecks(s shape) *checks {
	return &checks{s: s, transitions: map[string]int{}, instances: map[string]int{}, finished: map[string]int{},
		running: map[string]map[string]bool{}, owner: map[string]string{}}
}

func (c *checks) failf(e world.Event, format string, args ...any) {
	c.wrong++
	if len(c.broken) < 10 {
		c.broken = append(c.broken, fmt.Sprintf("%s %s/%s: ", e.Time.Format("15:04:05"), e.Account, e.Region)+fmt.Sprintf(format, args...))
	}
}

// begin takes over what runs before the first refresh. It is called in a transaction
// of each place.
func (c *checks) begin(tx *world.Tx) error {
	out, err := c.groups.DescribeAutoScalingInstances(tx, &asg.DescribeAutoScalingInstancesInput{})
	for err == nil {
		for _, i := range out.AutoScalingInstances {
			c.adopt(tx.Account+"/"+tx.Region+"/"+aws.ToString(i.AutoScalingGroupName), aws.ToString(i.InstanceId))
		}
		if out.NextToken == nil {
			return nil
		}
		out, err = c.groups.DescribeAutoScalingInstances(tx, &asg.DescribeAutoScalingInstancesInput{NextToken: out.NextToken})
	}
	return err
}

func (c *checks) adopt(group, instance string) {
	if c.running[group] == nil {
		c.running[group] = map[string]bool{}
	}
	c.running[group][instance] = true
	c.owner[instance] = group
}

// see is called with every event and the world as it is at that moment.
func (c *checks) see(tx *world.Tx, e world.Event) {
	if !c.rolling {
		return
	}
	c.transitions[e.Kind]++
	switch e.Kind {
	case "ec2.instance.state":
		c.instance(tx, e)
	case "group.capacity":
		c.capacity(e)
	case "refresh.status":
		c.status(tx, e)
	case "group.launch.failed", "group.terminate.failed", "twin.timer.failed", "twin.panic":
		c.failf(e, "%s: %v", e.Kind, e.Data)
	}
}

// instance counts from EC2's own events, whatever Auto Scaling says: a group has
// never fewer running instances than its minimum.
func (c *checks) instance(tx *world.Tx, e world.Event) {
	id, state := e.Data["instance"].(string), e.Data["state"].(string) //nolint:forcetypeassert // of our own event
	c.instances[state]++
	group, known := c.owner[id]
	if !known {
		i, ok := c.ec2.InstanceByID(tx, id)
		if group = i.Tags["aws:autoscaling:groupName"]; !ok || group == "" {
			c.failf(e, "instance %s belongs to no group", id)
			return
		}
		group = tx.Account + "/" + tx.Region + "/" + group
	}
	if state == "running" {
		c.adopt(group, id)
		return
	}
	delete(c.running[group], id)
	if n := len(c.running[group]); known && n < c.s.minimum() {
		c.failf(e, "%s has %d running instances when %s is %s, and must have %d", group, n, id, state, c.s.minimum())
	}
	c.checked++
	if state == "terminated" {
		delete(c.owner, id)
	}
}

// capacity holds what Auto Scaling counts against minimum, floor and ceiling.
func (c *checks) capacity(e world.Event) {
	n := func(key string) int { return e.Data[key].(int) } //nolint:forcetypeassert // of our own event
	c.checked++
	if n("inService") < n("min") {
		c.failf(e, "%v has %d in service of at least %d (%v)", e.Data["group"], n("inService"), n("min"), e.Data["cause"])
	}
	if n("serving") < n("floor") {
		c.failf(e, "%v has %d serving of at least %d (%v)", e.Data["group"], n("serving"), n("floor"), e.Data["cause"])
	}
	if n("ceiling") >= 0 && n("total") > n("ceiling") {
		c.failf(e, "%v has %d of at most %d (%v)", e.Data["group"], n("total"), n("ceiling"), e.Data["cause"])
	}
}

// status looks into a group whose refresh has ended.
func (c *checks) status(tx *world.Tx, e world.Event) {
	status := types.InstanceRefreshStatus(e.Data["status"].(string)) //nolint:forcetypeassert // of our own event
	if status == types.InstanceRefreshStatusPending || status == types.InstanceRefreshStatusInProgress {
		return
	}
	c.finished[string(status)]++
	if status != types.InstanceRefreshStatusSuccessful {
		c.failf(e, "the refresh of %v is %s: %v", e.Data["group"], status, e.Data["reason"])
		return
	}
	name := e.Data["group"].(string) //nolint:forcetypeassert // of our own event
	out, err := c.groups.DescribeAutoScalingGroups(tx, &asg.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
	if err != nil || len(out.AutoScalingGroups) != 1 {
		c.failf(e, "describe %s: %v", name, err)
		return
	}
	if err := finished(out.AutoScalingGroups[0], c.s.instances); err != nil {
		c.failf(e, "%s: %v", name, err)
	}
}

func (c *checks) ended() (n int) {
	for _, k := range c.finished {
		n += k
	}
	return n
}

// finished says what is wrong with a group whose refresh to version 2 has succeeded.
func finished(g types.AutoScalingGroup, want int) error {
	if n := len(g.Instances); n != want {
		return fmt.Errorf("%d instances, want %d", n, want)
	}
	for _, i := range g.Instances {
		if v := aws.ToString(i.LaunchTemplate.Version); v != "2" || i.LifecycleState != types.LifecycleStateInService {
			return fmt.Errorf("instance %s is %s on version %s", aws.ToString(i.InstanceId), i.LifecycleState, v)
		}
	}
	return nil
}
