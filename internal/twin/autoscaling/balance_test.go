package autoscaling

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// targetGroup makes one: checks every 10 s, healthy after 3, unhealthy after 2, two
// minutes of draining.
func (r *rig) targetGroup() (arn string) {
	r.t.Helper()
	err := r.w.Do(account, region, func(tx *world.Tx) (err error) {
		arn, err = r.elb.MakeTargetGroup(tx, "web", 10*time.Second, 2*time.Minute, 3, 2)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return arn
}

// health counts the targets by state.
func (r *rig) health(arn string) map[string]int {
	r.t.Helper()
	out := map[string]int{}
	for _, d := range must(r, r.elb.DescribeTargetHealth, &elb.DescribeTargetHealthInput{TargetGroupArn: &arn}).TargetHealthDescriptions {
		out[string(d.TargetHealth.State)]++
	}
	return out
}

func (r *rig) tag(id, value string) {
	r.t.Helper()
	err := r.w.Do(account, region, func(tx *world.Tx) error {
		i, _ := r.ec2.Instance(tx, id)
		i.Tags = map[string]string{FaultTag: value}
		r.ec2.rows(tx).Put(id, i)
		r.elb.Check(tx, id)
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func behind(arn, check string) func(*asg.CreateAutoScalingGroupInput) {
	return func(in *asg.CreateAutoScalingGroupInput) {
		in.TargetGroupARNs, in.HealthCheckType, in.HealthCheckGracePeriod = []string{arn}, &check, aws.Int32(120)
	}
}

func TestGroupRegistersItsInstancesAndDrainsThemBeforeTheyEnd(t *testing.T) {
	r := start(t)
	arn := r.targetGroup()
	r.group("web", 2, behind(arn, "EC2"))
	if h := r.health(arn); h["healthy"] != 2 {
		t.Fatalf("%v", h)
	}
	r.hook("down", terminating, func(in *asg.PutLifecycleHookInput) { in.HeartbeatTimeout = aws.Int32(60) })
	r.scale(1)
	r.step(time.Second)
	if h := r.health(arn); h["healthy"] != 1 || h["draining"] != 1 || r.states("web") != "InService Terminating" {
		t.Fatalf("%v %s", h, r.states("web"))
	}
	if acts := must(r, r.s.DescribeScalingActivities, &asg.DescribeScalingActivitiesInput{}).Activities; acts[0].StatusCode != types.ScalingActivityStatusCodeWaitingForELBConnectionDraining {
		t.Errorf("activity %s", acts[0].StatusCode)
	}
	r.step(2 * time.Minute)
	if s := r.states("web"); s != "InService Terminating:Wait" { // the hook comes after the draining
		t.Fatal(s)
	}
	r.step(2 * time.Minute)
	if s := r.states("web"); s != "InService" {
		t.Fatal(s)
	}
}

func TestELBHealthReplacesAnInstanceOnlyAfterTheGracePeriodAndOnlyIfAsked(t *testing.T) {
	for _, check := range []string{"EC2", "ELB"} {
		r := start(t)
		arn := r.targetGroup()
		r.group("web", 2, behind(arn, check))
		id := *r.describe("web").Instances[0].InstanceId
		r.tag(id, "elb")
		r.step(70 * time.Second) // unhealthy after 20 s; in service for 110 s of 120 s grace
		if h := r.health(arn); h["unhealthy"] != 1 || r.states("web") != "InService InService" {
			t.Fatalf("%s: %v %s", check, h, r.states("web"))
		}
		r.step(20 * time.Second)
		replaced := r.states("web") != "InService InService"
		if replaced != (check == "ELB") {
			t.Fatalf("%s: %s", check, r.states("web"))
		}
		r.step(5 * time.Minute)
		if check == "ELB" {
			if h := r.health(arn); h["healthy"] != 2 || len(h) != 1 {
				t.Fatalf("%v", h)
			}
			acts := must(r, r.s.DescribeScalingActivities, &asg.DescribeScalingActivitiesInput{}).Activities
			found := false
			for _, a := range acts {
				found = found || *a.Cause == "At "+a.StartTime.UTC().Format(time.RFC3339)+" "+causeELB+"."
			}
			if !found {
				t.Error("no activity tells of the ELB health check")
			}
		}
	}
}

func TestInstanceThatRecoversWithinTheGracePeriodStays(t *testing.T) {
	r := start(t)
	arn := r.targetGroup()
	r.group("web", 1, behind(arn, "ELB"))
	id := r.only()
	r.tag(id, "elb")
	r.step(30 * time.Second)
	r.tag(id, "")
	r.step(30 * time.Second)
	r.step(10 * time.Minute)
	if r.only() != id {
		t.Fatal("replaced")
	}
}

func TestStandbyLeavesTheTargetGroupAndReturns(t *testing.T) {
	r := start(t)
	arn := r.targetGroup()
	r.group("web", 2, behind(arn, "ELB"))
	in := &asg.EnterStandbyInput{AutoScalingGroupName: aws.String("web"), InstanceIds: []string{*r.describe("web").Instances[0].InstanceId}, ShouldDecrementDesiredCapacity: aws.Bool(true)}
	out := must(r, r.s.EnterStandby, in)
	if s := r.states("web"); s != "EnteringStandby InService" || out.Activities[0].StatusCode != types.ScalingActivityStatusCodeInProgress {
		t.Fatalf("%s %s", s, out.Activities[0].StatusCode)
	}
	r.step(time.Minute)
	if h := r.health(arn); h["draining"] != 1 {
		t.Fatalf("%v", h)
	}
	if _, err := call(r, r.s.ExitStandby, &asg.ExitStandbyInput{AutoScalingGroupName: aws.String("web"), InstanceIds: in.InstanceIds}); code(err) != "ValidationError" {
		t.Fatalf("out of EnteringStandby: %v", err)
	}
	r.step(2 * time.Minute)
	if h := r.health(arn); r.states("web") != "InService Standby" || len(h) != 1 || h["healthy"] != 1 {
		t.Fatalf("%s %v", r.states("web"), h)
	}
	must(r, r.s.ExitStandby, &asg.ExitStandbyInput{AutoScalingGroupName: aws.String("web"), InstanceIds: in.InstanceIds})
	if h := r.health(arn); h["initial"] != 1 {
		t.Fatalf("%v", h)
	}
	r.step(time.Minute)
	if h := r.health(arn); h["healthy"] != 2 || r.states("web") != "InService InService" {
		t.Fatalf("%v", h)
	}
}

func TestInstanceThatEndedInStandbyIsReplacedWhenItReturns(t *testing.T) {
	r := start(t)
	r.group("web", 1)
	id := r.only()
	ids := []string{id}
	must(r, r.s.EnterStandby, &asg.EnterStandbyInput{AutoScalingGroupName: aws.String("web"), InstanceIds: ids, ShouldDecrementDesiredCapacity: aws.Bool(true)})
	if err := r.w.Do(account, region, func(tx *world.Tx) error { return r.ec2.Terminate(tx, id) }); err != nil {
		t.Fatal(err)
	}
	r.step(10 * time.Minute)
	if i := r.describe("web").Instances[0]; i.LifecycleState != types.LifecycleStateStandby || *i.HealthStatus != "Healthy" {
		t.Fatalf("%+v", i)
	}
	must(r, r.s.ExitStandby, &asg.ExitStandbyInput{AutoScalingGroupName: aws.String("web"), InstanceIds: ids})
	r.step(2 * time.Minute)
	if s := r.states("web"); s != "InService" || r.only() == id {
		t.Fatal(s)
	}
}

func TestSuspendedAddToLoadBalancerLaunchesWithoutRegistering(t *testing.T) {
	r := start(t)
	arn := r.targetGroup()
	r.group("web", 1, behind(arn, "ELB"))
	must(r, r.s.SuspendProcesses, &asg.SuspendProcessesInput{AutoScalingGroupName: aws.String("web"), ScalingProcesses: []string{"AddToLoadBalancer"}})
	r.scale(2)
	r.step(5 * time.Minute)
	if h := r.health(arn); h["healthy"] != 1 || len(h) != 1 || r.states("web") != "InService InService" {
		t.Fatalf("%v %s", h, r.states("web"))
	}
}

func TestRefreshBehindATargetGroupRollsBackWhenTheNewImageIsUnhealthyThere(t *testing.T) {
	r := start(t)
	r.ec2.images["ami-2"] = Image{State: "available", Tags: map[string]string{FaultTag: "elb"}}
	arn := r.targetGroup()
	r.group("web", 4, behind(arn, "ELB"))
	r.refresh("web", 2, &types.RefreshPreferences{AutoRollback: aws.Bool(true), InstanceWarmup: aws.Int32(300)})
	if s := r.until("web", 5*time.Hour); s.Status != types.InstanceRefreshStatusRollbackSuccessful {
		t.Fatalf("%s: %s", s.Status, aws.ToString(s.StatusReason))
	}
	r.step(5 * time.Minute)
	if h := r.health(arn); h["healthy"] != 4 || r.versions("web")["1"] != 4 {
		t.Fatalf("%v %v", h, r.versions("web"))
	}
}
