package demo

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/google/go-cmp/cmp"
	terratest "github.com/gruntwork-io/terratest/modules/aws"

	"github.com/goldenami/rehydrate/test/lab"
)

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
	if p := j.run.Publish; p.Channel != "/golden/demo/latest" || p.Build != "/golden/demo/builds/"+j.run.ID {
		t.Errorf("the run published %s and %s", p.Channel, p.Build)
	}
	j.witness().Channel(t)
}

func (j *job) instances(t *testing.T) {
	have := map[string]int{}
	for _, r := range j.run.Roll {
		have[r.Group] = r.Of
	}
	// The groups of examples/demo/world.json.
	if d := cmp.Diff(map[string]int{"web-dev": 2, "web-prod": 6}, have); d != "" {
		t.Errorf("groups and their instances (-want +got):\n%s", d)
	}
	j.witness().Instances(t)
}

func (j *job) templates(t *testing.T) {
	j.witness().Templates(t)
	out, err := ec2.NewFromConfig(j.AWS()).DescribeLaunchTemplates(t.Context(), &ec2.DescribeLaunchTemplatesInput{LaunchTemplateNames: []string{"web"}})
	if err != nil || len(out.LaunchTemplates) != 1 {
		t.Fatalf("describe the launch template: %v, %v", out, err)
	}
	web := out.LaunchTemplates[0]
	if aws.ToInt64(web.DefaultVersionNumber) != 1 || aws.ToInt64(web.LatestVersionNumber) != 2 {
		t.Errorf("the template's default is %d and its latest %d, want 1 and 2: one new version for both groups, the default unmoved",
			aws.ToInt64(web.DefaultVersionNumber), aws.ToInt64(web.LatestVersionNumber))
	}
}
