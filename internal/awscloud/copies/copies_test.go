package copies_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/awscloud/copies"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish/spread"
)

// stub answers what the twin cannot; test/spread drives the rest through it.
type stub struct {
	copies.API
	images    []types.Image
	snapshots []types.Snapshot
	asked     []any
	code      string
}

func (s *stub) fail() error {
	if s.code == "" {
		return nil
	}
	return &smithy.GenericAPIError{Code: s.code, Message: "no"}
}

func (s *stub) DescribeImages(_ context.Context, in *ec2.DescribeImagesInput, _ ...func(*ec2.Options)) (*ec2.DescribeImagesOutput, error) {
	s.asked = append(s.asked, in)
	return &ec2.DescribeImagesOutput{Images: s.images}, s.fail()
}

func (s *stub) DescribeSnapshots(_ context.Context, in *ec2.DescribeSnapshotsInput, _ ...func(*ec2.Options)) (*ec2.DescribeSnapshotsOutput, error) {
	s.asked = append(s.asked, in)
	return &ec2.DescribeSnapshotsOutput{Snapshots: s.snapshots}, s.fail()
}

func (s *stub) CopyImage(_ context.Context, in *ec2.CopyImageInput, _ ...func(*ec2.Options)) (*ec2.CopyImageOutput, error) {
	s.asked = append(s.asked, in)
	return &ec2.CopyImageOutput{ImageId: aws.String("ami-2")}, s.fail()
}

func (s *stub) RunInstances(_ context.Context, in *ec2.RunInstancesInput, _ ...func(*ec2.Options)) (*ec2.RunInstancesOutput, error) {
	s.asked = append(s.asked, in)
	return &ec2.RunInstancesOutput{}, s.fail()
}

func TestAnImageHasItsDisksKeysAndWhetherItIsAllowed(t *testing.T) {
	s := &stub{images: []types.Image{{ImageId: aws.String("ami-1"), Name: aws.String("n"), OwnerId: aws.String("1"), State: types.ImageStateFailed,
		StateReason: &types.StateReason{Message: aws.String("why")}, ImageAllowed: aws.Bool(false), Architecture: types.ArchitectureValuesArm64,
		BlockDeviceMappings: []types.BlockDeviceMapping{
			{Ebs: &types.EbsBlockDevice{SnapshotId: aws.String("snap-1"), Encrypted: aws.Bool(true)}}, {VirtualName: aws.String("ephemeral0")},
			{Ebs: &types.EbsBlockDevice{SnapshotId: aws.String("snap-2")}}}}},
		snapshots: []types.Snapshot{{SnapshotId: aws.String("snap-1"), KmsKeyId: aws.String("arn:key")}}}
	got, err := copies.Copies{API: s}.Image(t.Context(), "ami-1")
	want := spread.Image{ID: "ami-1", Name: "n", Owner: "1", State: "failed", Reason: "why", Arch: "arm64", Blocked: true,
		Disks: []spread.Disk{{Snapshot: "snap-1", Encrypted: true, Key: "arn:key"}, {Snapshot: "snap-2"}}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(d, err)
	}
	if _, err := (copies.Copies{API: &stub{}}).Named(t.Context(), "n"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("got %v", err)
	}
}

func TestACopyAsksForAllAtOnce(t *testing.T) {
	s := &stub{}
	id, err := copies.Copies{API: s}.Copy(t.Context(), spread.NewCopy{Image: "ami-1", Region: "eu-west-1", Name: "n", Description: "d", Key: "arn:key", Encrypted: true,
		Completion: 30 * time.Minute, Token: "t", Tags: map[string]string{"a": "b"}})
	if err != nil || id != "ami-2" {
		t.Fatal(id, err)
	}
	in := s.asked[0].(*ec2.CopyImageInput)
	if *in.SourceImageId != "ami-1" || *in.SourceRegion != "eu-west-1" || *in.Name != "n" || *in.KmsKeyId != "arn:key" || !*in.Encrypted || *in.ClientToken != "t" ||
		*in.SnapshotCopyCompletionDurationMinutes != 30 || len(in.TagSpecifications) != 2 || *in.TagSpecifications[1].Tags[0].Value != "b" {
		t.Errorf("asked %+v", in)
	}
	s = &stub{}
	if _, err := (copies.Copies{API: s}).Copy(t.Context(), spread.NewCopy{Image: "ami-1", Region: "eu-west-1", Name: "n", Token: "t"}); err != nil {
		t.Fatal(err)
	}
	if in := s.asked[0].(*ec2.CopyImageInput); in.Encrypted != nil || in.KmsKeyId != nil || in.SnapshotCopyCompletionDurationMinutes != nil || in.Description != nil {
		t.Errorf("asked %+v", in)
	}
	for code, kind := range map[string]fault.Kind{"ResourceLimitExceeded": fault.Throttled, "InvalidAMIName.Duplicate": fault.Conflict} {
		if _, err := (copies.Copies{API: &stub{code: code}}).Copy(t.Context(), spread.NewCopy{}); fault.KindOf(err) != kind {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func TestADryRunThatSaysNothingOfTheImageIsNoVerdict(t *testing.T) {
	for code, kind := range map[string]fault.Kind{"VPCIdNotSpecified": fault.Unsupported, "InvalidSubnetID.NotFound": fault.Unsupported,
		"InvalidAMIID.NotFound": fault.NotFound, "UnauthorizedOperation": fault.Denied, "RequestLimitExceeded": fault.Throttled, "": fault.Failed} {
		if err := (copies.Copies{API: &stub{code: code}}).DryRun(t.Context(), "ami-1", "t3.micro"); err == nil || fault.KindOf(err) != kind {
			t.Errorf("%q: %v", code, err)
		}
	}
	if err := (copies.Copies{API: &stub{code: "DryRunOperation"}}).DryRun(t.Context(), "ami-1", "t3.micro"); err != nil {
		t.Error(err)
	}
}

// Its name is taken all the same, and no copy can have it.
func TestADisabledImageIsFound(t *testing.T) {
	s := &stub{images: []types.Image{{ImageId: aws.String("ami-1"), State: types.ImageStateDisabled}}}
	for _, look := range []func(context.Context, string) (spread.Image, error){copies.Copies{API: s}.Image, copies.Copies{API: s}.Named} {
		i, err := look(t.Context(), "n")
		if in := s.asked[len(s.asked)-1].(*ec2.DescribeImagesInput); err != nil || i.State != "disabled" || !aws.ToBool(in.IncludeDisabled) {
			t.Errorf("%+v, %v, asked %+v", i, err, in)
		}
	}
}
