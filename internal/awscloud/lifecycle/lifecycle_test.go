package lifecycle

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish/usage"
)

// stub answers every call with its result or with code.
type stub struct {
	API
	code     string
	images   []types.Image
	hidden   bool // images are found by their ids only
	asked    *ec2.DescribeImagesInput
	failed   []types.DeleteLaunchTemplateVersionsResponseErrorItem
	tagged   *ec2.CreateTagsInput
	objects  []s3types.Object
	deleted  []string
	s3errors []s3types.Error
}

func (s *stub) err() error {
	if s.code == "" {
		return nil
	}
	return &smithy.GenericAPIError{Code: s.code}
}

func (s *stub) DescribeImages(_ context.Context, in *ec2.DescribeImagesInput, _ ...func(*ec2.Options)) (*ec2.DescribeImagesOutput, error) {
	s.asked = in
	if s.hidden && len(in.ImageIds) == 0 {
		return &ec2.DescribeImagesOutput{}, nil
	}
	return &ec2.DescribeImagesOutput{Images: s.images}, s.err()
}

func (s *stub) DescribeSnapshots(_ context.Context, in *ec2.DescribeSnapshotsInput, _ ...func(*ec2.Options)) (*ec2.DescribeSnapshotsOutput, error) {
	return &ec2.DescribeSnapshotsOutput{Snapshots: []types.Snapshot{{SnapshotId: aws.String("snap-" + in.Filters[0].Values[0] + in.OwnerIds[0]), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}}}, s.err()
}

func (s *stub) DescribeImageAttribute(context.Context, *ec2.DescribeImageAttributeInput, ...func(*ec2.Options)) (*ec2.DescribeImageAttributeOutput, error) {
	return &ec2.DescribeImageAttributeOutput{LaunchPermissions: []types.LaunchPermission{{UserId: aws.String("2")}, {Group: types.PermissionGroupAll}, {OrganizationArn: aws.String("arn:o")}, {OrganizationalUnitArn: aws.String("arn:u")}}}, s.err()
}

func (s *stub) GetImageAncestry(_ context.Context, in *ec2.GetImageAncestryInput, _ ...func(*ec2.Options)) (*ec2.GetImageAncestryOutput, error) {
	return &ec2.GetImageAncestryOutput{ImageAncestryEntries: []types.ImageAncestryEntry{{ImageId: in.ImageId, SourceImageId: aws.String("ami-2")}, {ImageId: aws.String("ami-2"), SourceImageId: aws.String("ami-3")}}}, s.err()
}

func (s *stub) CreateTags(_ context.Context, in *ec2.CreateTagsInput, _ ...func(*ec2.Options)) (*ec2.CreateTagsOutput, error) {
	s.tagged = in
	return nil, s.err()
}

func (s *stub) DisableImage(context.Context, *ec2.DisableImageInput, ...func(*ec2.Options)) (*ec2.DisableImageOutput, error) {
	return nil, s.err()
}

func (s *stub) EnableImageDeprecation(context.Context, *ec2.EnableImageDeprecationInput, ...func(*ec2.Options)) (*ec2.EnableImageDeprecationOutput, error) {
	return nil, s.err()
}

func (s *stub) DeregisterImage(_ context.Context, in *ec2.DeregisterImageInput, _ ...func(*ec2.Options)) (*ec2.DeregisterImageOutput, error) {
	if in.DeleteAssociatedSnapshots != nil {
		return nil, fmt.Errorf("the snapshots would go unasked")
	}
	return nil, s.err()
}

func (s *stub) DeleteSnapshot(context.Context, *ec2.DeleteSnapshotInput, ...func(*ec2.Options)) (*ec2.DeleteSnapshotOutput, error) {
	return nil, s.err()
}

func (s *stub) DeleteLaunchTemplateVersions(context.Context, *ec2.DeleteLaunchTemplateVersionsInput, ...func(*ec2.Options)) (*ec2.DeleteLaunchTemplateVersionsOutput, error) {
	return &ec2.DeleteLaunchTemplateVersionsOutput{UnsuccessfullyDeletedLaunchTemplateVersions: s.failed}, s.err()
}

func (s *stub) DeleteParameter(context.Context, *ssm.DeleteParameterInput, ...func(*ssm.Options)) (*ssm.DeleteParameterOutput, error) {
	return nil, s.err()
}

func (s *stub) ListObjectsV2(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	return &s3.ListObjectsV2Output{Contents: s.objects}, s.err()
}

func (s *stub) DeleteObjects(_ context.Context, in *s3.DeleteObjectsInput, _ ...func(*s3.Options)) (*s3.DeleteObjectsOutput, error) {
	for _, x := range in.Delete.Objects {
		s.deleted = append(s.deleted, *x.Key)
	}
	return &s3.DeleteObjectsOutput{Errors: s.s3errors}, s.err()
}

func TestOwnImagesAreListedWhateverTheirState(t *testing.T) {
	s := &stub{images: []types.Image{{ImageId: aws.String("ami-1"), Name: aws.String("n"), State: types.ImageStateDisabled, OwnerId: aws.String("1"), Architecture: types.ArchitectureValuesArm64,
		SourceImageId: aws.String("ami-0"), CreationDate: aws.String("2026-01-02T03:04:05.000Z"), DeprecationTime: aws.String("nonsense"), DeregistrationProtection: aws.String("disabled"),
		Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}, BlockDeviceMappings: []types.BlockDeviceMapping{{Ebs: &types.EbsBlockDevice{SnapshotId: aws.String("snap-1")}}, {VirtualName: aws.String("ephemeral0")}}}}}
	got, err := Images{s}.Own(t.Context())
	want := []usage.Image{{ID: "ami-1", Name: "n", State: "disabled", Owner: "1", Architecture: "arm64", Source: "ami-0", CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Snapshots: []string{"snap-1"}, Tags: map[string]string{"a": "b"}}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(d, err)
	}
	if !*s.asked.IncludeDisabled || !*s.asked.IncludeDeprecated || !slices.Equal(s.asked.Owners, []string{"self"}) {
		t.Errorf("asked for %+v", s.asked)
	}
	s.images[0].DeregistrationProtection = aws.String("enabled-with-cooldown")
	if got, err := (Images{s}).Image(t.Context(), "ami-1"); err != nil || got.Protected != "enabled-with-cooldown" || s.asked.Owners != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAnIdThatMeansOthersIsNoImage(t *testing.T) {
	for _, id := range []string{"", "*", "ami-*", "ami-?", "web"} {
		s := &stub{}
		if _, err := (Images{s}).Image(t.Context(), id); fault.KindOf(err) != fault.NotFound || s.asked != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	if _, err := (Images{&stub{}}).Image(t.Context(), "ami-1"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("got %v", err)
	}
}

// What is shared through an organization is found by its id, and by no filter.
func TestAnImageOfAnOrganizationIsFound(t *testing.T) {
	s := &stub{images: []types.Image{{ImageId: aws.String("ami-1")}}, hidden: true}
	if _, err := (Images{s}).Image(t.Context(), "ami-1"); err != nil || !slices.Equal(s.asked.ImageIds, []string{"ami-1"}) || len(s.asked.Filters) > 0 {
		t.Errorf("%v, asked for %+v", err, s.asked)
	}
	for _, code := range []string{"InvalidAMIID.NotFound", "InvalidAMIID.Malformed", "InvalidAMIID.Unavailable"} {
		if _, err := (Images{&stub{code: code, hidden: true}}).Image(t.Context(), "ami-1"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s: %v", code, err)
		}
	}
	if _, err := (Images{&stub{code: "UnauthorizedOperation"}}).Image(t.Context(), "ami-1"); fault.KindOf(err) != fault.Denied {
		t.Errorf("got %v", err)
	}
}

func TestAncestryAndSharingAreFlat(t *testing.T) {
	up, err := Images{&stub{}}.Ancestry(t.Context(), "ami-1")
	if err != nil || !slices.Equal(up, []string{"ami-2", "ami-3"}) {
		t.Errorf("%v, %v", up, err)
	}
	with, err := Images{&stub{}}.SharedWith(t.Context(), "ami-1")
	if err != nil || !slices.Equal(with, []string{"2", "all", "arn:o", "arn:u"}) {
		t.Errorf("%v, %v", with, err)
	}
	snaps, err := Images{&stub{}}.Snapshots(t.Context(), "k")
	if err != nil || len(snaps) != 1 || snaps[0].ID != "snap-kself" || snaps[0].Tags["k"] != "v" {
		t.Errorf("%v, %v", snaps, err)
	}
}

func TestWhatIsGoneIsNoErrorAndWhatIsHeldIsAConflict(t *testing.T) {
	at := func(code string, call func(Images, Parameters, Objects) error) error {
		s := &stub{code: code, objects: []s3types.Object{{Key: aws.String("a/b")}}}
		return call(Images{s}, Parameters{s}, Objects{s, "bucket"})
	}
	deregister := func(i Images, _ Parameters, _ Objects) error { return i.Deregister(t.Context(), "ami-1") }
	snapshot := func(i Images, _ Parameters, _ Objects) error { return i.DeleteSnapshot(t.Context(), "snap-1") }
	version := func(i Images, _ Parameters, _ Objects) error { return i.DeleteVersion(t.Context(), "lt-1", 2) }
	parameter := func(_ Images, p Parameters, _ Objects) error { return p.Delete(t.Context(), "/p") }
	folder := func(_ Images, _ Parameters, o Objects) error { return o.Remove(t.Context(), "a/") }
	const none fault.Kind = -1
	for _, c := range []struct {
		name, code string
		call       func(Images, Parameters, Objects) error
		want       fault.Kind
	}{
		{"deregister", "", deregister, none}, {"deregister", "InvalidAMIID.NotFound", deregister, none}, {"deregister", "InvalidAMIID.Unavailable", deregister, none},
		{"deregister", "OperationNotPermitted", deregister, fault.Conflict}, {"deregister", "UnauthorizedOperation", deregister, fault.Denied},
		{"snapshot", "", snapshot, none}, {"snapshot", "InvalidSnapshot.NotFound", snapshot, none}, {"snapshot", "InvalidSnapshot.InUse", snapshot, fault.Conflict}, {"snapshot", "UnauthorizedOperation", snapshot, fault.Denied},
		{"version", "", version, none}, {"version", "InvalidLaunchTemplateId.NotFound", version, none}, {"version", "UnauthorizedOperation", version, fault.Denied},
		{"parameter", "", parameter, none}, {"parameter", "ParameterNotFound", parameter, none}, {"parameter", "AccessDeniedException", parameter, fault.Denied},
		{"folder", "", folder, none}, {"folder", "NoSuchBucket", folder, none}, {"folder", "AccessDenied", folder, fault.Denied},
	} {
		err := at(c.code, c.call)
		if c.want == none && err != nil || c.want != none && (err == nil || fault.KindOf(err) != c.want) {
			t.Errorf("%s, %q: %v", c.name, c.code, err)
		}
	}
}

func TestRefusalsInsideAnAnswerAreErrors(t *testing.T) {
	item := func(code types.LaunchTemplateErrorCode) []types.DeleteLaunchTemplateVersionsResponseErrorItem {
		return []types.DeleteLaunchTemplateVersionsResponseErrorItem{{ResponseError: &types.ResponseError{Code: code, Message: aws.String("m")}}}
	}
	if err := (Images{&stub{failed: item(types.LaunchTemplateErrorCodeUnexpectedError)}}).DeleteVersion(t.Context(), "lt-1", 2); err == nil {
		t.Error("a version that was not deleted")
	}
	if err := (Images{&stub{failed: item(types.LaunchTemplateErrorCodeLaunchTemplateVersionDoesNotExist)}}).DeleteVersion(t.Context(), "lt-1", 2); err != nil {
		t.Errorf("a version that is gone: %v", err)
	}
	s := &stub{objects: []s3types.Object{{Key: aws.String("a/b")}}, s3errors: []s3types.Error{{Key: aws.String("a/b"), Code: aws.String("AccessDenied")}}}
	if err := (Objects{s, "bucket"}).Remove(t.Context(), "a/"); err == nil {
		t.Error("an object that was not deleted")
	}
}

func TestOnlyWholeFoldersAreDeleted(t *testing.T) {
	for _, prefix := range []string{"", "/", "a", "kits/run-1"} {
		s := &stub{objects: []s3types.Object{{Key: aws.String("a/b")}}}
		if err := (Objects{s, "bucket"}).Remove(t.Context(), prefix); err == nil || len(s.deleted) > 0 {
			t.Errorf("%q: %v, deleted %v", prefix, err, s.deleted)
		}
	}
	s := &stub{}
	for n := range 1500 {
		s.objects = append(s.objects, s3types.Object{Key: aws.String(fmt.Sprintf("a/%d", n))})
	}
	if err := (Objects{s, "bucket"}).Remove(t.Context(), "a/"); err != nil || len(s.deleted) != 1500 {
		t.Errorf("%d deleted, %v", len(s.deleted), err)
	}
	for code, want := range map[string]bool{"": true, "NoSuchBucket": false} {
		s.code = code
		if any, err := (Objects{s, "bucket"}).Any(t.Context(), "a/"); err != nil || any != want {
			t.Errorf("%q: %v, %v", code, any, err)
		}
	}
}

func TestMarkingAndEndingCallsSayWhatTheyWereFor(t *testing.T) {
	s := &stub{}
	i := Images{s}
	if err := i.Tag(t.Context(), []string{"ami-1", "snap-1"}, map[string]string{"a": "b"}); err != nil || len(s.tagged.Resources) != 2 || *s.tagged.Tags[0].Value != "b" {
		t.Errorf("%+v, %v", s.tagged, err)
	}
	s.code = "UnauthorizedOperation"
	for name, call := range map[string]func() error{
		"tag": func() error { return i.Tag(t.Context(), []string{"ami-1"}, nil) }, "disable image ami-1": func() error { return i.Disable(t.Context(), "ami-1") },
		"deprecate image ami-1": func() error { return i.Deprecate(t.Context(), "ami-1", time.Now()) },
		"describe images":       func() error { _, err := i.Own(t.Context()); return err },
		"describe snapshots":    func() error { _, err := i.Snapshots(t.Context(), "k"); return err },
		"ancestry":              func() error { _, err := i.Ancestry(t.Context(), "ami-1"); return err },
		"who may launch":        func() error { _, err := i.SharedWith(t.Context(), "ami-1"); return err },
	} {
		if err := call(); fault.KindOf(err) != fault.Denied {
			t.Errorf("%s: %v", name, err)
		}
	}
}
