package replica

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

const (
	account = "111122223333"
	region  = "eu-west-1"
	old     = "ami-00000001"
	mixed   = `{"InstancesDistribution":{"SpotAllocationStrategy":"lowest-price"},"LaunchTemplate":{"Overrides":[{"InstanceType":"m5.large"},{"InstanceType":"m6i.large"}]}}`
)

func copied() Options {
	ninety, hundred := 90, 110
	return Options{Seed: 3, Start: time.Date(2030, 1, 2, 0, 0, 0, 0, time.UTC), Images: []Image{{account, region, old, "x86_64"}}, Groups: []Group{
		{Account: account, Region: region, Name: "plain", Min: 1, Max: 4, Desired: 3, Template: "web", Image: old, Type: "m5.large",
			Tags: map[string]string{"App": "web", "aws:cloudformation:stack-name": "x"}, Warmup: time.Minute, PolicyMin: &ninety, PolicyMax: &hundred},
		{Account: account, Region: region, Name: "mixed", Max: 4, Desired: 2, Template: "web", Image: old, Mixed: []byte(mixed)},
	}}
}

func open1(t *testing.T, o Options) *Replica {
	t.Helper()
	r, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func describe(t *testing.T, r *Replica, name string) types.AutoScalingGroup {
	t.Helper()
	cfg := r.Config(region, "test")
	cfg.Credentials = aws.CredentialsProviderFunc(credentials)
	out, err := asg.NewFromConfig(cfg).DescribeAutoScalingGroups(t.Context(), &asg.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
	if err != nil || len(out.AutoScalingGroups) != 1 {
		t.Fatalf("%v, %v", out, err)
	}
	return out.AutoScalingGroups[0]
}

func TestACopyBeginsInServiceAndKeepsPolicies(t *testing.T) {
	r := open1(t, copied())
	g := describe(t, r, "plain")
	if len(g.Instances) != 3 || *g.DefaultInstanceWarmup != 60 || *g.InstanceMaintenancePolicy.MinHealthyPercentage != 90 || *g.InstanceMaintenancePolicy.MaxHealthyPercentage != 110 {
		t.Errorf("%d instances, warm-up %v, policy %v", len(g.Instances), g.DefaultInstanceWarmup, g.InstanceMaintenancePolicy)
	}
	for _, tag := range g.Tags {
		if strings.HasPrefix(*tag.Key, "aws:") {
			t.Errorf("the copy has AWS's own tag %s", *tag.Key)
		}
	}
	for _, i := range g.Instances {
		if i.LifecycleState != types.LifecycleStateInService {
			t.Errorf("%s is %s", *i.InstanceId, i.LifecycleState)
		}
	}
	m := describe(t, r, "mixed").MixedInstancesPolicy
	if m == nil || len(m.LaunchTemplate.Overrides) != 2 || *m.LaunchTemplate.LaunchTemplateSpecification.LaunchTemplateName != "web" || *m.LaunchTemplate.LaunchTemplateSpecification.Version != "1" {
		t.Errorf("%+v", m)
	}
}

func TestACopyIsSuspendedAndAlarmedAsItsOriginal(t *testing.T) {
	r := open1(t, copied())
	if err := r.Suspend(account, region, "plain", []string{"AZRebalance"}); err != nil {
		t.Fatal(err)
	}
	if p := describe(t, r, "plain").SuspendedProcesses; len(p) != 1 || *p[0].ProcessName != "AZRebalance" {
		t.Errorf("%v", p)
	}
	for _, on := range []bool{false, true} {
		if err := r.SetAlarm(account, region, "errors", on); err != nil {
			t.Error(err)
		}
	}
	if err := r.Suspend(account, region, "none", []string{"Launch"}); err == nil {
		t.Error("processes of a group that does not exist were suspended")
	}
}

func TestInstancesThatFailComeAndGoInTheWatch(t *testing.T) {
	r := open1(t, copied())
	var mu sync.Mutex
	seen := map[Kind]int{}
	r.Watch(func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		if e.Group == "plain" || e.Kind == Called {
			seen[e.Kind]++
		}
	})
	if err := r.FailNew(account, region, "plain", true); err != nil {
		t.Fatal(err)
	}
	// One instance ends: what comes for it is sick, goes, and is followed by another.
	g := describe(t, r, "plain")
	cfg := r.Config(region, "test")
	cfg.Credentials = aws.CredentialsProviderFunc(credentials)
	if _, err := asg.NewFromConfig(cfg).TerminateInstanceInAutoScalingGroup(t.Context(), &asg.TerminateInstanceInAutoScalingGroupInput{
		InstanceId: g.Instances[0].InstanceId, ShouldDecrementDesiredCapacity: aws.Bool(false)}); err != nil {
		t.Fatal(err)
	}
	clock := r.Clock("test")
	if err := clock.Sleep(t.Context(), clock.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if seen[Came] < 2 || seen[Went] < 2 || seen[Capacity] < 4 || seen[Called] != 2 {
		t.Errorf("seen %v", seen)
	}
}

func TestWhatAfterDoesIsWaitedForAndItsErrorKept(t *testing.T) {
	r := open1(t, copied())
	bad := errors.New("bad")
	r.After(func() error { return r.FailNew(account, region, "plain", true) })
	r.After(func() error { return bad })
	if err := r.Wait(); !errors.Is(err, bad) {
		t.Errorf("got %v", err)
	}
}

func TestAWrongPolicyIsSaid(t *testing.T) {
	o := copied()
	o.Groups[1].Mixed = []byte(`{`)
	if _, err := Open(o); err == nil || !strings.Contains(err.Error(), "group mixed") {
		t.Errorf("got %v", err)
	}
}

func credentials(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: account, SecretAccessKey: "x"}, nil
}
