package images_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/bake"
	"github.com/goldenami/rehydrate/internal/awscloud/images"
	"github.com/goldenami/rehydrate/internal/fault"
)

type stub struct {
	images.API
	asked   []*ec2.DescribeImagesInput
	created *ec2.CreateImageInput
	found   []types.Image
	hidden  []types.Image // found by their ids only
}

func (s *stub) DescribeImages(_ context.Context, in *ec2.DescribeImagesInput, _ ...func(*ec2.Options)) (*ec2.DescribeImagesOutput, error) {
	s.asked = append(s.asked, in)
	if len(in.ImageIds) == 0 {
		out := slices.DeleteFunc(slices.Clone(s.found), func(x types.Image) bool {
			return len(in.Filters) > 0 && *in.Filters[0].Name == "image-id" && !slices.Contains(in.Filters[0].Values, *x.ImageId)
		})
		return &ec2.DescribeImagesOutput{Images: out}, nil
	}
	for _, x := range append(s.found, s.hidden...) {
		if *x.ImageId == in.ImageIds[0] {
			return &ec2.DescribeImagesOutput{Images: []types.Image{x}}, nil
		}
	}
	return nil, &smithy.GenericAPIError{Code: "InvalidAMIID.NotFound"}
}

func (s *stub) CreateImage(_ context.Context, in *ec2.CreateImageInput, _ ...func(*ec2.Options)) (*ec2.CreateImageOutput, error) {
	s.created = in
	if *in.Name == "taken" {
		return nil, &smithy.GenericAPIError{Code: "InvalidAMIName.Duplicate"}
	}
	return &ec2.CreateImageOutput{ImageId: aws.String("ami-9")}, nil
}

func two() []types.Image {
	disk := func(name, snap string) types.BlockDeviceMapping {
		return types.BlockDeviceMapping{DeviceName: &name, Ebs: &types.EbsBlockDevice{SnapshotId: &snap}}
	}
	return []types.Image{
		{ImageId: aws.String("ami-1"), CreationDate: aws.String("2026-01-01T00:00:00.000Z"), State: types.ImageStatePending},
		{ImageId: aws.String("ami-2"), Name: aws.String("n"), CreationDate: aws.String("2026-02-01T00:00:00.000Z"), State: types.ImageStateAvailable,
			Architecture: types.ArchitectureValuesArm64, RootDeviceName: aws.String("/dev/xvda"),
			BlockDeviceMappings: []types.BlockDeviceMapping{disk("/dev/sdb", "snap-data"), disk("/dev/xvda", "snap-root"), {VirtualName: aws.String("ephemeral0")}},
			Tags:                []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}},
	}
}

func TestImagesComeNewestFirstWithTheRootSnapshotFirst(t *testing.T) {
	s := &stub{found: two()}
	got, err := images.Images{API: s}.Find(t.Context(), bake.ImageFilter{Name: "n*", Owners: []string{"self"}})
	if err != nil || len(got) != 2 {
		t.Fatalf("%v, %v", got, err)
	}
	want := bake.Image{ID: "ami-2", Name: "n", State: "available", Arch: "arm64", RootDevice: "/dev/xvda", Snapshots: []string{"snap-root", "snap-data"},
		Tags: map[string]string{"k": "v"}, CreatedAt: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}
	if d := cmp.Diff(want, got[0]); d != "" {
		t.Error(d)
	}
	if in := s.asked[0]; in.Owners[0] != "self" || *in.Filters[0].Name != "name" || in.Filters[0].Values[0] != "n*" {
		t.Errorf("asked %+v", in)
	}
}

func TestAnIDThatIsNoneSelectsNothingAndAsksNobody(t *testing.T) {
	for _, id := range []string{"ami-*", "nonsense", "ami-?"} {
		s := &stub{found: two()}
		if got, err := (images.Images{API: s}).Find(t.Context(), bake.ImageFilter{ID: id}); err != nil || len(got) > 0 || len(s.asked) > 0 {
			t.Errorf("%s: %v, %v, asked %v", id, got, err, s.asked)
		}
	}
	if _, err := (images.Images{API: &stub{}}).Image(t.Context(), "ami-1"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("got %v", err)
	}
}

func TestAFilterWithNeitherIDNorNameIsRefusedAndAsksNobody(t *testing.T) {
	s := &stub{found: two()}
	got, err := images.Images{API: s}.Find(t.Context(), bake.ImageFilter{Owners: []string{"amazon"}})
	if fault.KindOf(err) != fault.Usage || len(got) > 0 || len(s.asked) > 0 {
		t.Errorf("%v, %v, asked %v", got, err, s.asked)
	}
}

func TestStatesLeaveOutWhatDoesNotExist(t *testing.T) {
	got, err := images.Images{API: &stub{found: two()}}.States(t.Context(), []string{"ami-1", "ami-2", "ami-3", "resolve:ssm:/x"})
	if d := cmp.Diff(map[string]string{"ami-1": "pending", "ami-2": "available"}, got); d != "" || err != nil {
		t.Error(d, err)
	}
}

func TestATakenNameIsAConflict(t *testing.T) {
	s := &stub{}
	id, err := images.Images{API: s}.Create(t.Context(), bake.NewImage{Instance: "i-1", Name: "n", Tags: map[string]string{"a": "b"}})
	if err != nil || id != "ami-9" || len(s.created.TagSpecifications) != 2 || s.created.Description != nil {
		t.Errorf("%s, %v, %+v", id, err, s.created)
	}
	if _, err := (images.Images{API: s}).Create(t.Context(), bake.NewImage{Name: "taken"}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("got %v", err)
	}
}

// What is shared through an organization is found by its id, and by no filter.
func TestAnImageOfAnOrganizationIsFound(t *testing.T) {
	s := &stub{found: two()[:1], hidden: two()[1:]}
	got, err := images.Images{API: s}.States(t.Context(), []string{"ami-1", "ami-2", "ami-3"})
	if d := cmp.Diff(map[string]string{"ami-1": "pending", "ami-2": "available"}, got); d != "" || err != nil {
		t.Error(d, err)
	}
	if x, err := (images.Images{API: s}).Image(t.Context(), "ami-2"); err != nil || x.ID != "ami-2" {
		t.Errorf("%+v, %v", x, err)
	}
}

func TestADisabledImageIsThereForItsOwner(t *testing.T) {
	s := &stub{found: two()}
	s.found[1].State = types.ImageStateDisabled
	x, err := images.Images{API: s}.Image(t.Context(), "ami-2")
	if err != nil || x.State != "disabled" || !aws.ToBool(s.asked[0].IncludeDisabled) {
		t.Errorf("%+v, %v, asked %+v", x, err, s.asked[0])
	}
	// A source to bake from is never one.
	if _, err := (images.Images{API: s}).Find(t.Context(), bake.ImageFilter{Name: "n"}); err != nil || aws.ToBool(s.asked[1].IncludeDisabled) {
		t.Errorf("%v, asked %+v", err, s.asked[1])
	}
}
