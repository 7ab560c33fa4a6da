package crash

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/goldenami/rehydrate/internal/record"
)

// own looks at the image that a bake made, which must be the only one of its run and
// complete, and returns its id and those of its snapshots.
func (b *bake) own(t *testing.T, doc *record.Run) (ids []string) {
	t.Helper()
	found, err := ec2.NewFromConfig(b.AWS()).DescribeImages(t.Context(), &ec2.DescribeImagesInput{Owners: []string{"self"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range found.Images {
		tags := map[string]string{}
		for _, x := range i.Tags {
			tags[aws.ToString(x.Key)] = aws.ToString(x.Value)
		}
		ids = append(ids, aws.ToString(i.ImageId))
		for _, d := range i.BlockDeviceMappings {
			ids = append(ids, aws.ToString(d.Ebs.SnapshotId))
		}
		if aws.ToString(i.ImageId) != doc.Bake.Image || aws.ToString(i.Name) != doc.Bake.ImageName || i.State != types.ImageStateAvailable ||
			tags[tagRun] != doc.ID || tags["rehydrate:complete"] != "true" || tags["rehydrate:lock"] != doc.Bake.LockDigest {
			t.Errorf("image %s %q is %s with tags %v, want %s %q complete", aws.ToString(i.ImageId), aws.ToString(i.Name), i.State, tags, doc.Bake.Image, doc.Bake.ImageName)
		}
	}
	if len(found.Images) != 1 {
		t.Errorf("%d images, want one: %q", len(found.Images), ids)
	}
	return ids
}

// tagged is what has the run's tag, as "type id", without terminated instances.
func (b *bake) tagged(t *testing.T, doc *record.Run) (out []string) {
	t.Helper()
	machines := ec2.NewFromConfig(b.AWS())
	tags, err := machines.DescribeTags(t.Context(), &ec2.DescribeTagsInput{Filters: []types.Filter{
		{Name: aws.String("key"), Values: []string{tagRun}}, {Name: aws.String("value"), Values: []string{doc.ID}}}})
	if err != nil {
		t.Fatal(err)
	}
	gone := map[string]bool{}
	instances, err := machines.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range instances.Reservations {
		for _, i := range r.Instances {
			gone[aws.ToString(i.InstanceId)] = i.State.Name == types.InstanceStateNameTerminated
		}
	}
	for _, x := range tags.Tags {
		if id := aws.ToString(x.ResourceId); !gone[id] {
			out = append(out, string(x.ResourceType)+" "+id)
		}
	}
	return out
}

// remove removes the named results.
func (b *bake) remove(t *testing.T, ids []string) {
	t.Helper()
	machines := ec2.NewFromConfig(b.AWS())
	for n, id := range ids {
		var err error
		if n == 0 {
			_, err = machines.DeregisterImage(t.Context(), &ec2.DeregisterImageInput{ImageId: &id})
		} else {
			_, err = machines.DeleteSnapshot(t.Context(), &ec2.DeleteSnapshotInput{SnapshotId: &id})
		}
		if err != nil {
			t.Errorf("remove %s: %v", id, err)
		}
	}
}
