package demo

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	terratest "github.com/gruntwork-io/terratest/modules/aws"

	"github.com/goldenami/rehydrate/test/lab"
)

// The groups of examples/demo/world.json, and how many instances each has.
var groups = map[string]int{"web-dev": 2, "web-prod": 6}

// node is the id of the long-lived node.
func (j *job) node(t *testing.T) string {
	t.Helper()
	ids := terratest.GetEc2InstanceIdsByTag(t, lab.Region, "Name", "db-1")
	if len(ids) != 1 {
		t.Fatalf("db-1 is %v, want one instance", ids)
	}
	return ids[0]
}

func (j *job) channel(t *testing.T) {
	for _, name := range []string{"/golden/demo/latest", j.run.Publish.Build} {
		if got := terratest.GetParameter(t, lab.Region, name); got != j.run.Bake.Image {
			t.Errorf("%s holds %s, want %s", name, got, j.run.Bake.Image)
		}
	}
	if want := "/golden/demo/builds/" + j.run.ID; j.run.Publish.Build != want {
		t.Errorf("the immutable entry is %s, want %s", j.run.Publish.Build, want)
	}
}

func (j *job) instances(t *testing.T) {
	c := ec2.NewFromConfig(j.AWS())
	for group, n := range groups {
		ids := terratest.GetInstanceIdsForAsg(t, group, lab.Region)
		if len(ids) != n {
			t.Errorf("%s has %d instances, want %d", group, len(ids), n)
		}
		out, err := c.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: ids})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range out.Reservations {
			for _, i := range r.Instances {
				n--
				if *i.ImageId != j.run.Bake.Image || i.State.Name != ec2types.InstanceStateNameRunning {
					t.Errorf("%s of %s: %s on %s, want running on %s", *i.InstanceId, group, i.State.Name, *i.ImageId, j.run.Bake.Image)
				}
			}
		}
		if n != 0 {
			t.Errorf("%s: %d of its instances cannot be described", group, n)
		}
	}
}

func (j *job) templates(t *testing.T) {
	c := ec2.NewFromConfig(j.AWS())
	list, err := c.DescribeLaunchTemplates(t.Context(), &ec2.DescribeLaunchTemplatesInput{LaunchTemplateNames: []string{"web"}})
	if err != nil || len(list.LaunchTemplates) != 1 {
		t.Fatalf("describe the launch template: %v, %v", list, err)
	}
	web := list.LaunchTemplates[0]
	if aws.ToInt64(web.DefaultVersionNumber) != 1 || aws.ToInt64(web.LatestVersionNumber) != 2 {
		t.Errorf("the template's default is %d and its latest %d, want 1 and 2: one new version for both groups, the default unmoved",
			aws.ToInt64(web.DefaultVersionNumber), aws.ToInt64(web.LatestVersionNumber))
	}
	out, err := c.DescribeLaunchTemplateVersions(t.Context(), &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: web.LaunchTemplateId, Versions: []string{"1", "2"}})
	if err != nil || len(out.LaunchTemplateVersions) != 2 {
		t.Fatalf("describe its versions: %v, %v", out, err)
	}
	of := map[int64]*ec2types.ResponseLaunchTemplateData{}
	for _, v := range out.LaunchTemplateVersions {
		of[*v.VersionNumber] = v.LaunchTemplateData
	}
	if got := aws.ToString(of[2].ImageId); got != j.run.Bake.Image || got == aws.ToString(of[1].ImageId) {
		t.Errorf("version 2 launches %s, version 1 %s; want %s in version 2 alone", got, aws.ToString(of[1].ImageId), j.run.Bake.Image)
	}
	of[1].ImageId = of[2].ImageId
	if d := cmp.Diff(of[1], of[2], cmpopts.IgnoreUnexported(ec2types.ResponseLaunchTemplateData{}, ec2types.LaunchTemplateTagSpecification{}, ec2types.Tag{})); d != "" {
		t.Errorf("the versions differ by more than the image (-1 +2):\n%s", d)
	}
}
