package crash

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

// facts are what AWS says after a pipeline.
type facts struct {
	images    []string       // own, by name
	tagged    []string       // "kind id" of what has the run's tag, but for image and snapshots
	refreshes map[string]int // by group
	statuses  []string       // of all refreshes
	launched  map[string]int // launches since the world began, by group
	groups    map[string]map[string]bool
	commands  int   // on the long-lived node
	versions  int   // of launch templates
	moved     int64 // version of the channel
	keys      int   // key pairs
	security  int   // security groups that are not a VPC's own
}

const (
	tagRun = "rehydrate:run"
	nodes  = "db" // Patch Group of the long-lived node
)

func (w *world) facts(t testing.TB) facts {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	f := facts{refreshes: map[string]int{}, launched: map[string]int{}, groups: map[string]map[string]bool{}}
	machines, groups, systems := ec2.NewFromConfig(w.AWS()), autoscaling.NewFromConfig(w.AWS()), ssm.NewFromConfig(w.AWS())

	images, err := machines.DescribeImages(ctx, &ec2.DescribeImagesInput{Owners: []string{"self"}})
	must(err)
	keep := map[string]bool{}
	for _, i := range images.Images {
		f.images = append(f.images, aws.ToString(i.Name))
		keep[aws.ToString(i.ImageId)] = true
		for _, d := range i.BlockDeviceMappings {
			keep[aws.ToString(d.Ebs.SnapshotId)] = true
		}
	}
	gone := map[string]bool{}
	instances, err := machines.DescribeInstances(ctx, &ec2.DescribeInstancesInput{})
	must(err)
	imageOf, node := map[string]string{}, ""
	for _, r := range instances.Reservations {
		for _, i := range r.Instances {
			id := aws.ToString(i.InstanceId)
			gone[id] = i.State.Name == types.InstanceStateNameTerminated
			imageOf[id] = aws.ToString(i.ImageId)
			for _, tag := range i.Tags {
				if aws.ToString(tag.Key) == "Patch Group" && aws.ToString(tag.Value) == nodes {
					node = id
				}
			}
		}
	}
	tags, err := machines.DescribeTags(ctx, &ec2.DescribeTagsInput{Filters: []types.Filter{{Name: aws.String("key"), Values: []string{tagRun}}}})
	must(err)
	for _, x := range tags.Tags {
		if id := aws.ToString(x.ResourceId); !keep[id] && !gone[id] {
			f.tagged = append(f.tagged, string(x.ResourceType)+" "+id)
		}
	}
	pairs, err := machines.DescribeKeyPairs(ctx, &ec2.DescribeKeyPairsInput{})
	must(err)
	f.keys = len(pairs.KeyPairs)
	walls, err := machines.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{})
	must(err)
	for _, g := range walls.SecurityGroups {
		if aws.ToString(g.GroupName) != "default" {
			f.security++
		}
	}
	templates, err := machines.DescribeLaunchTemplateVersions(ctx, &ec2.DescribeLaunchTemplateVersionsInput{Versions: []string{"$Latest"}})
	must(err)
	for _, v := range templates.LaunchTemplateVersions {
		f.versions += int(aws.ToInt64(v.VersionNumber))
	}

	all, err := groups.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{})
	must(err)
	for _, g := range all.AutoScalingGroups {
		name := aws.ToString(g.AutoScalingGroupName)
		f.groups[name] = map[string]bool{}
		for _, i := range g.Instances {
			f.groups[name][imageOf[aws.ToString(i.InstanceId)]] = true
		}
		refreshes, err := groups.DescribeInstanceRefreshes(ctx, &autoscaling.DescribeInstanceRefreshesInput{AutoScalingGroupName: &name})
		must(err)
		f.refreshes[name] = len(refreshes.InstanceRefreshes)
		for _, r := range refreshes.InstanceRefreshes {
			f.statuses = append(f.statuses, string(r.Status))
		}
		done, err := groups.DescribeScalingActivities(ctx, &autoscaling.DescribeScalingActivitiesInput{AutoScalingGroupName: &name})
		must(err)
		for _, a := range done.Activities {
			if strings.HasPrefix(aws.ToString(a.Description), "Launching") {
				f.launched[name]++
			}
		}
	}
	commands, err := systems.ListCommandInvocations(ctx, &ssm.ListCommandInvocationsInput{InstanceId: &node})
	must(err)
	f.commands = len(commands.CommandInvocations)
	value, err := systems.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(channel)})
	must(err)
	f.moved = value.Parameter.Version
	if !keep[aws.ToString(value.Parameter.Value)] {
		t.Errorf("the channel holds %s, which is not our image", aws.ToString(value.Parameter.Value))
	}
	return f
}

// sizes are the groups of the example's world.
var sizes = map[string]int{"web-dev": 2, "web-prod": 6}

// check says what one pipeline must have done, however often it was begun.
func (f facts) check(t testing.TB) {
	t.Helper()
	if len(f.images) != 1 || !strings.HasPrefix(f.images[0], line+"-") {
		t.Errorf("images %q, want one", f.images)
	}
	if len(f.tagged) > 0 || f.keys > 0 || f.security > 0 {
		t.Errorf("left behind: %q, %d key pairs, %d security groups", f.tagged, f.keys, f.security)
	}
	if f.moved != 1 || f.versions != 2 || f.commands != 1 {
		t.Errorf("channel at version %d, want 1; %d template versions, want 2; %d commands on the node, want 1", f.moved, f.versions, f.commands)
	}
	for name, size := range sizes {
		if f.refreshes[name] != 1 || f.launched[name] != 2*size || len(f.groups[name]) != 1 {
			t.Errorf("group %s: %d refreshes, want 1; %d launches, want %d; images %v, want one", name, f.refreshes[name], f.launched[name], 2*size, keys(f.groups[name]))
		}
	}
	for _, s := range f.statuses {
		if s != "Successful" {
			t.Errorf("a refresh is %s", s)
		}
	}
}
