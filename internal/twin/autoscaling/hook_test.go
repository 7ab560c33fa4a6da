package autoscaling

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

func (r *rig) hook(name, transition string, edit func(*asg.PutLifecycleHookInput)) {
	r.t.Helper()
	in := &asg.PutLifecycleHookInput{AutoScalingGroupName: aws.String("web"), LifecycleHookName: &name, LifecycleTransition: &transition}
	if edit != nil {
		edit(in)
	}
	must(r, r.s.PutLifecycleHook, in)
}

func (r *rig) complete(hook, instance, result string) error {
	_, err := call(r, r.s.CompleteLifecycleAction, &asg.CompleteLifecycleActionInput{
		AutoScalingGroupName: aws.String("web"), LifecycleHookName: &hook, InstanceId: &instance, LifecycleActionResult: &result})
	return err
}

func (r *rig) scale(n int32) {
	r.t.Helper()
	must(r, r.s.SetDesiredCapacity, &asg.SetDesiredCapacityInput{AutoScalingGroupName: aws.String("web"), DesiredCapacity: &n})
}

func (r *rig) only() string {
	r.t.Helper()
	is := r.describe("web").Instances
	if len(is) != 1 {
		r.t.Fatalf("%d instances", len(is))
	}
	return *is[0].InstanceId
}

func TestHookDefaults(t *testing.T) {
	r := start(t)
	r.group("web", 0)
	r.hook("up", launching, nil)
	r.hook("down", terminating, func(in *asg.PutLifecycleHookInput) {
		in.HeartbeatTimeout, in.DefaultResult = aws.Int32(30), aws.String("CONTINUE")
	})
	r.hook("down", terminating, func(in *asg.PutLifecycleHookInput) {
		in.LifecycleTransition, in.NotificationMetadata = nil, aws.String("x")
	}) // keeps the rest
	out := must(r, r.s.DescribeLifecycleHooks, &asg.DescribeLifecycleHooksInput{AutoScalingGroupName: aws.String("web")}).LifecycleHooks
	if len(out) != 2 || *out[0].LifecycleHookName != "down" {
		t.Fatalf("%+v", out)
	}
	down, up := out[0], out[1]
	if *up.HeartbeatTimeout != 3600 || *up.DefaultResult != "ABANDON" || *up.GlobalTimeout != 172800 {
		t.Errorf("defaults %+v", up)
	}
	if *down.HeartbeatTimeout != 30 || *down.DefaultResult != "CONTINUE" || *down.GlobalTimeout != 3000 || *down.NotificationMetadata != "x" || *down.LifecycleTransition != terminating {
		t.Errorf("kept %+v", down)
	}
	one := must(r, r.s.DescribeLifecycleHooks, &asg.DescribeLifecycleHooksInput{AutoScalingGroupName: aws.String("web"), LifecycleHookNames: []string{"up", "nil"}})
	if len(one.LifecycleHooks) != 1 {
		t.Errorf("%+v", one)
	}
}

func TestLaunchHookHoldsAnInstanceUntilItIsCompleted(t *testing.T) {
	r := start(t)
	r.group("web", 0)
	r.hook("a", launching, nil)
	r.hook("b", launching, nil)
	r.scale(1)
	r.step(time.Minute)
	if s := r.states("web"); s != "Pending:Wait" {
		t.Fatal(s)
	}
	id := r.only()
	if acts := must(r, r.s.DescribeScalingActivities, &asg.DescribeScalingActivitiesInput{}).Activities; acts[0].StatusCode != types.ScalingActivityStatusCodeMidLifecycleAction {
		t.Errorf("activity %s", acts[0].StatusCode)
	}
	if err := r.complete("a", id, "CONTINUE"); err != nil {
		t.Fatal(err)
	}
	r.step(time.Minute)
	if s := r.states("web"); s != "Pending:Wait" {
		t.Fatalf("%s although b waits still", s)
	}
	if err := r.complete("a", id, "CONTINUE"); code(err) != "ValidationError" {
		t.Errorf("completed twice: %v", err)
	}
	token := ""
	for _, e := range r.events("lifecycle.action") {
		if e["hook"] == "b" {
			token = e["token"].(string)
		}
	}
	must(r, r.s.CompleteLifecycleAction, &asg.CompleteLifecycleActionInput{AutoScalingGroupName: aws.String("web"), LifecycleHookName: aws.String("b"), LifecycleActionToken: &token, LifecycleActionResult: aws.String("CONTINUE")})
	r.step(0)
	if s := r.states("web"); s != "Pending:Proceed" {
		t.Fatal(s)
	}
	r.step(time.Second)
	if s := r.states("web"); s != "InService" || r.only() != id {
		t.Fatal(s)
	}
}

func TestLaunchHookThatTimesOutAbandonsTheInstanceByDefault(t *testing.T) {
	for result, want := range map[string]string{"": "Pending:Wait", "CONTINUE": "InService"} {
		r := start(t)
		r.group("web", 0)
		r.hook("up", launching, func(in *asg.PutLifecycleHookInput) {
			in.HeartbeatTimeout = aws.Int32(120)
			if result != "" {
				in.DefaultResult = &result
			}
		})
		r.scale(1)
		r.step(time.Minute)
		id := r.only()
		r.step(2 * time.Minute)
		is := r.describe("web").Instances
		last := is[len(is)-1]
		if string(last.LifecycleState) != want || (*last.InstanceId == id) != (result == "CONTINUE") {
			t.Errorf("default result %q: %s, the same instance: %v", result, r.states("web"), *last.InstanceId == id)
		}
	}
}

func TestHeartbeatPostponesTheTimeoutToAHundredTimesAtMost(t *testing.T) {
	r := start(t)
	r.group("web", 0)
	r.hook("up", launching, func(in *asg.PutLifecycleHookInput) { in.HeartbeatTimeout = aws.Int32(60) })
	r.scale(1)
	r.step(30 * time.Second)
	id := r.only()
	beat := &asg.RecordLifecycleActionHeartbeatInput{AutoScalingGroupName: aws.String("web"), LifecycleHookName: aws.String("up"), InstanceId: &id}
	n := 0
	for r.states("web") == "Pending:Wait" && n < 300 {
		if _, err := call(r, r.s.RecordLifecycleActionHeartbeat, beat); err != nil {
			break
		}
		r.step(50 * time.Second)
		n++
	}
	if n < 118 || n > 122 { // 6000 s in steps of 50 s
		t.Errorf("held for %d heartbeats of 50 s, want 100 minutes", n)
	}
	if _, err := call(r, r.s.RecordLifecycleActionHeartbeat, beat); code(err) != "ValidationError" {
		t.Error(err)
	}
}

func TestTerminationHookHoldsAndEitherResultLetsGo(t *testing.T) {
	for _, result := range []string{"CONTINUE", "ABANDON"} {
		r := start(t)
		r.group("web", 1)
		r.hook("a", terminating, nil)
		r.hook("b", terminating, nil)
		id := r.only()
		r.scale(0)
		r.step(10 * time.Minute)
		if s := r.states("web"); s != "Terminating:Wait" {
			t.Fatal(s)
		}
		if err := r.complete("a", id, result); err != nil {
			t.Fatal(err)
		}
		r.step(time.Second)
		want := "Terminating:Wait" // b still has its time
		if result == "ABANDON" {
			want = "Terminating:Proceed" // stops the remaining actions
		}
		if s := r.states("web"); s != want {
			t.Fatalf("%s: %s, want %s", result, s, want)
		}
		r.step(time.Hour)
		if n := len(r.describe("web").Instances); n != 0 {
			t.Fatalf("%s: %d instances after the timeout", result, n)
		}
	}
}

func TestDeletedHookCompletesItsActions(t *testing.T) {
	r := start(t)
	r.group("web", 1)
	r.hook("up", launching, nil)
	r.hook("down", terminating, nil)
	old := r.only()
	must(r, r.s.TerminateInstanceInAutoScalingGroup, &asg.TerminateInstanceInAutoScalingGroupInput{InstanceId: &old, ShouldDecrementDesiredCapacity: aws.Bool(false)})
	r.step(time.Minute)
	if s := r.states("web"); s != "Pending:Wait Terminating:Wait" {
		t.Fatal(s)
	}
	for _, h := range []string{"up", "down"} {
		must(r, r.s.DeleteLifecycleHook, &asg.DeleteLifecycleHookInput{AutoScalingGroupName: aws.String("web"), LifecycleHookName: &h})
	}
	r.step(3 * time.Minute)
	if s := r.states("web"); s != "InService" || r.only() == old {
		t.Fatalf("%s: the launch was not abandoned and tried again", s)
	}
	if n := len(r.events("group.created")); n != 1 {
		t.Fatal(n)
	}
}

func TestInstanceThatEndsWhileItsHookWaits(t *testing.T) {
	r := start(t)
	r.group("web", 1)
	r.hook("up", launching, nil)
	r.hook("down", terminating, nil)
	end := func(id string) {
		t.Helper()
		if err := r.w.Do(account, region, func(tx *world.Tx) error { return r.ec2.Terminate(tx, id) }); err != nil {
			t.Fatal(err)
		}
		r.step(time.Minute)
	}
	id := r.only()
	end(id) // found unhealthy; its termination hook must be completed all the same
	if s := r.states("web"); s != "Pending:Wait Terminating:Wait" {
		t.Fatal(s)
	}
	if err := r.complete("down", id, "CONTINUE"); err != nil {
		t.Fatal(err)
	}
	r.step(time.Second)
	waits := r.only()
	end(waits)
	r.step(2 * time.Minute)
	if r.only() == waits {
		t.Fatal("an instance that ended in Pending:Wait is still there")
	}
}

func TestForcedDeletionDoesNotWaitForHooks(t *testing.T) {
	r := start(t)
	r.group("web", 2)
	r.hook("down", terminating, nil)
	r.scale(1)
	r.step(time.Second)
	must(r, r.s.DeleteAutoScalingGroup, &asg.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), ForceDelete: aws.Bool(true)})
	r.step(time.Minute)
	if out := must(r, r.s.DescribeAutoScalingGroups, &asg.DescribeAutoScalingGroupsInput{}); len(out.AutoScalingGroups) != 0 {
		t.Fatal(r.states("web"))
	}
}

func TestHooksHoldARefreshAndWarmUpBeginsAfterThem(t *testing.T) {
	r := start(t)
	r.group("web", 2)
	r.hook("up", launching, func(in *asg.PutLifecycleHookInput) {
		in.HeartbeatTimeout, in.DefaultResult = aws.Int32(600), aws.String("CONTINUE")
	})
	r.refresh("web", 2, nil)
	r.step(9 * time.Minute)
	if s := r.status("web"); *s.PercentageComplete != 0 || *s.StatusReason == "" {
		t.Fatalf("%d%%", *s.PercentageComplete)
	}
	r.step(2 * time.Minute) // 3 s pending, 20 s launch, 600 s hook, 60 s warm-up
	if s := r.status("web"); *s.PercentageComplete != 0 {
		t.Fatalf("%d%% before the warm-up is over", *s.PercentageComplete)
	}
	r.step(30 * time.Second)
	if s := r.status("web"); *s.PercentageComplete != 50 {
		t.Fatalf("%d%%", *s.PercentageComplete)
	}
}

// lostCompletion is a fault plan that loses the completions of one hook.
type lostCompletion string

func (l lostCompletion) Fault(_, _ string, _ time.Time, kind world.FaultKind, s world.Subject) (string, bool) {
	return "", kind == world.HookTimeout && s.Name == string(l)
}

func TestACompletionThatTheFaultPlanLosesEndsInTheTimeout(t *testing.T) {
	r := start(t)
	r.group("web", 0)
	r.hook("up", launching, nil)
	r.w.SetFaults(lostCompletion("up"))
	r.scale(1)
	r.step(time.Minute)
	id := r.only()
	if err := r.complete("up", id, "CONTINUE"); err != nil {
		t.Fatal(err)
	}
	r.step(58 * time.Minute)
	if s := r.states("web"); s != "Pending:Wait" {
		t.Fatal(s)
	}
	r.step(2 * time.Minute)
	if is := r.describe("web").Instances; *is[len(is)-1].InstanceId == id {
		t.Fatal("not abandoned")
	}
}

func TestWhatHooksRefuse(t *testing.T) {
	r := start(t)
	r.group("web", 1)
	id := r.only()
	put := func(edit func(*asg.PutLifecycleHookInput)) error {
		in := &asg.PutLifecycleHookInput{AutoScalingGroupName: aws.String("web"), LifecycleHookName: aws.String("x"), LifecycleTransition: aws.String(launching)}
		edit(in)
		_, err := call(r, r.s.PutLifecycleHook, in)
		return err
	}
	for _, c := range []struct {
		name string
		err  error
	}{
		{"an unknown group", put(func(in *asg.PutLifecycleHookInput) { in.AutoScalingGroupName = aws.String("nil") })},
		{"no transition", put(func(in *asg.PutLifecycleHookInput) { in.LifecycleTransition = nil })},
		{"an unknown transition", put(func(in *asg.PutLifecycleHookInput) { in.LifecycleTransition = aws.String("autoscaling:x") })},
		{"an unknown result", put(func(in *asg.PutLifecycleHookInput) { in.DefaultResult = aws.String("STOP") })},
		{"29 seconds", put(func(in *asg.PutLifecycleHookInput) { in.HeartbeatTimeout = aws.Int32(29) })},
		{"7201 seconds", put(func(in *asg.PutLifecycleHookInput) { in.HeartbeatTimeout = aws.Int32(7201) })},
		{"completing nothing", r.complete("x", id, "CONTINUE")},
		{"an unknown result of an action", r.complete("x", id, "MAYBE")},
	} {
		if code(c.err) != "ValidationError" {
			t.Errorf("%s: %v", c.name, c.err)
		}
	}
	for _, in := range []*asg.CompleteLifecycleActionInput{
		{AutoScalingGroupName: aws.String("web"), LifecycleHookName: aws.String("x"), LifecycleActionResult: aws.String("CONTINUE")},
		{AutoScalingGroupName: aws.String("web"), LifecycleHookName: aws.String("x"), LifecycleActionResult: aws.String("CONTINUE"), LifecycleActionToken: aws.String("0")},
		{AutoScalingGroupName: aws.String("nil"), LifecycleHookName: aws.String("x"), LifecycleActionResult: aws.String("CONTINUE"), LifecycleActionToken: aws.String("0")},
	} {
		if _, err := call(r, r.s.CompleteLifecycleAction, in); code(err) != "ValidationError" {
			t.Errorf("%+v: %v", in, err)
		}
	}
	if _, err := call(r, r.s.DeleteLifecycleHook, &asg.DeleteLifecycleHookInput{AutoScalingGroupName: aws.String("web"), LifecycleHookName: aws.String("x")}); code(err) != "ValidationError" {
		t.Error(err)
	}
	if _, err := call(r, r.s.DescribeLifecycleHooks, &asg.DescribeLifecycleHooksInput{AutoScalingGroupName: aws.String("nil")}); code(err) != "ValidationError" {
		t.Error(err)
	}
	for k := range maxHooks {
		r.hook(fmt.Sprint("h", k), launching, nil)
	}
	if err := put(func(*asg.PutLifecycleHookInput) {}); code(err) != "LimitExceeded" {
		t.Errorf("the 51st hook: %v", err)
	}
}
