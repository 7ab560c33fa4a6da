package worldfile_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	asg "github.com/goldenami/rehydrate/internal/twin/autoscaling"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/elbv2"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/internal/twin/worldfile"
)

const balanced = `{
  "account": "111111111111", "region": "eu-west-1",
  "images": [{"key": "data", "name": "modelled-1", "modelled": {"os": "DEBIAN", "product": "Debian12", "arch": "amd64", "installed": []}}],
  "templates": [{"name": "web", "image": "data", "type": "t3.small"}],
  "targetGroups": [{"name": "front", "interval": "10s", "healthy": 2, "drain": "1m"}],
  "groups": [{"name": "web-dev", "template": "web", "max": 4, "desired": 2, "targetGroups": ["front"], "healthCheck": "ELB"}]
}`

func TestGroupsOfAFileStandBehindTheirTargetGroups(t *testing.T) {
	f, err := worldfile.Parse([]byte(balanced), "/worlds", nil)
	if err != nil {
		t.Fatal(err)
	}
	w := wiretest.World(t)
	compute := ec2.New(w, nil, t.TempDir())
	groups, targets := asg.New(w, compute), elbv2.New(w, compute)
	groups.Balance(targets)
	w.Start()
	l := &worldfile.Loader{World: w, EC2: compute, Groups: groups, Targets: targets}
	for _, want := range []int{4, 0} {
		if made, err := l.Load(f); err != nil || made != want {
			t.Fatalf("made %d things, %v", made, err)
		}
	}
	err = w.Do("111111111111", "eu-west-1", func(tx *world.Tx) error {
		all, err := targets.DescribeTargetGroups(tx, &elb.DescribeTargetGroupsInput{})
		if err != nil {
			return err
		}
		g := all.TargetGroups[0]
		if *g.TargetGroupName != "front" || *g.HealthCheckIntervalSeconds != 10 || *g.HealthyThresholdCount != 2 || *g.UnhealthyThresholdCount != 2 {
			t.Errorf("%+v", g)
		}
		h, err := targets.DescribeTargetHealth(tx, &elb.DescribeTargetHealthInput{TargetGroupArn: g.TargetGroupArn})
		if err != nil {
			return err
		}
		if len(h.TargetHealthDescriptions) != 2 || h.TargetHealthDescriptions[0].TargetHealth.State != "healthy" {
			t.Errorf("%+v", h.TargetHealthDescriptions)
		}
		out, err := groups.DescribeAutoScalingGroups(tx, &autoscaling.DescribeAutoScalingGroupsInput{})
		if err != nil {
			return err
		}
		if a := out.AutoScalingGroups[0]; aws.ToString(a.HealthCheckType) != "ELB" || a.TargetGroupARNs[0] != *g.TargetGroupArn {
			t.Errorf("%+v", a)
		}
		until := targets.Deregister(tx, *g.TargetGroupArn, *h.TargetHealthDescriptions[0].Target.Id)
		if until.Sub(tx.Now) != time.Minute {
			t.Errorf("drains until %s", until)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTargetGroupsThatCannotBeAreRefused(t *testing.T) {
	for from, to := range map[string]string{`["front"]`: `["back"]`, `"ELB"`: `"ALB"`, `"name": "front"`: `"name": ""`} {
		if _, err := worldfile.Parse([]byte(strings.Replace(balanced, from, to, 1)), "/worlds", nil); err == nil {
			t.Errorf("%s was accepted", to)
		}
	}
	f, err := worldfile.Parse([]byte(balanced), "/worlds", nil)
	if err != nil {
		t.Fatal(err)
	}
	w := wiretest.World(t)
	l := &worldfile.Loader{World: w, EC2: ec2.New(w, nil, t.TempDir())}
	w.Start()
	if _, err := l.Load(f); err == nil || !strings.Contains(err.Error(), "no Elastic Load Balancing") {
		t.Error(err)
	}
}
