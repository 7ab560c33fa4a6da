// Package lifecycle takes images out of use: marks, disables, deprecates and
// deregisters them, and deletes what came with them.
package lifecycle

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish/retire"
	"github.com/goldenami/rehydrate/publish/revoke"
	"github.com/goldenami/rehydrate/publish/usage"
)

// API is what is called of EC2.
type API interface {
	ec2.DescribeImagesAPIClient
	ec2.DescribeSnapshotsAPIClient
	DescribeImageAttribute(context.Context, *ec2.DescribeImageAttributeInput, ...func(*ec2.Options)) (*ec2.DescribeImageAttributeOutput, error)
	GetImageAncestry(context.Context, *ec2.GetImageAncestryInput, ...func(*ec2.Options)) (*ec2.GetImageAncestryOutput, error)
	CreateTags(context.Context, *ec2.CreateTagsInput, ...func(*ec2.Options)) (*ec2.CreateTagsOutput, error)
	DisableImage(context.Context, *ec2.DisableImageInput, ...func(*ec2.Options)) (*ec2.DisableImageOutput, error)
	EnableImageDeprecation(context.Context, *ec2.EnableImageDeprecationInput, ...func(*ec2.Options)) (*ec2.EnableImageDeprecationOutput, error)
	DeregisterImage(context.Context, *ec2.DeregisterImageInput, ...func(*ec2.Options)) (*ec2.DeregisterImageOutput, error)
	DeleteSnapshot(context.Context, *ec2.DeleteSnapshotInput, ...func(*ec2.Options)) (*ec2.DeleteSnapshotOutput, error)
	DeleteLaunchTemplateVersions(context.Context, *ec2.DeleteLaunchTemplateVersionsInput, ...func(*ec2.Options)) (*ec2.DeleteLaunchTemplateVersionsOutput, error)
}

var (
	_ API              = (*ec2.Client)(nil)
	_ revoke.Images    = Images{}
	_ revoke.Marks     = Images{}
	_ retire.Images    = Images{}
	_ retire.Removal   = Images{}
	_ retire.Leftovers = Images{}
)

// Images are the images of an account's Region.
type Images struct{ API API }

// New is the adapter over a session.
func New(s *session.Session) Images { return Images{ec2.NewFromConfig(s.Config())} }

// Own lists the account's own images, also those that are disabled or deprecated.
func (i Images) Own(ctx context.Context) ([]usage.Image, error) {
	return i.describe(ctx, &ec2.DescribeImagesInput{Owners: []string{"self"}, IncludeDisabled: aws.Bool(true), IncludeDeprecated: aws.Bool(true)})
}

// Image is the image of that id, whosever it is.
func (i Images) Image(ctx context.Context, id string) (usage.Image, error) {
	none := fault.New(fault.NotFound, "check id, account and Region", "there is no image %s", id)
	if !awscloud.IsImageID(id) {
		return usage.Image{}, none
	}
	in := &ec2.DescribeImagesInput{IncludeDisabled: aws.Bool(true), IncludeDeprecated: aws.Bool(true), Filters: []types.Filter{awscloud.Filter("image-id", id)}}
	list, err := i.describe(ctx, in)
	if err == nil && len(list) == 0 { // no filter finds it; see awscloud.NoImage
		list, err = i.describe(ctx, &ec2.DescribeImagesInput{IncludeDisabled: in.IncludeDisabled, IncludeDeprecated: in.IncludeDeprecated, ImageIds: []string{id}})
	}
	switch {
	case awscloud.NoImage(err), err == nil && len(list) != 1:
		return usage.Image{}, none
	case err != nil:
		return usage.Image{}, err
	}
	return list[0], nil
}

func (i Images) describe(ctx context.Context, in *ec2.DescribeImagesInput) ([]usage.Image, error) {
	var out []usage.Image
	p := ec2.NewDescribeImagesPaginator(i.API, in)
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, awscloud.Wrap(err, "describe images")
		}
		for _, x := range page.Images {
			out = append(out, image(x))
		}
	}
	return out, nil
}

// unprotected is what EC2 says of an image without deregistration protection.
const unprotected = "disabled"

func image(x types.Image) usage.Image {
	out := usage.Image{ID: aws.ToString(x.ImageId), Name: aws.ToString(x.Name), State: string(x.State), Owner: aws.ToString(x.OwnerId),
		Architecture: string(x.Architecture), Source: aws.ToString(x.SourceImageId), CreatedAt: when(x.CreationDate), DeprecatedAt: when(x.DeprecationTime),
		Protected: aws.ToString(x.DeregistrationProtection), Tags: awscloud.TagMap(x.Tags)}
	if out.Protected == unprotected {
		out.Protected = ""
	}
	for _, m := range x.BlockDeviceMappings {
		if m.Ebs != nil && aws.ToString(m.Ebs.SnapshotId) != "" {
			out.Snapshots = append(out.Snapshots, *m.Ebs.SnapshotId)
		}
	}
	return out
}

func when(s *string) time.Time {
	t, err := time.Parse(time.RFC3339, aws.ToString(s))
	if err != nil {
		return time.Time{}
	}
	return t
}

// Ancestry are the ids of the images that an image descends from, nearest first, as
// far as EC2 knows them.
func (i Images) Ancestry(ctx context.Context, id string) ([]string, error) {
	out, err := i.API.GetImageAncestry(ctx, &ec2.GetImageAncestryInput{ImageId: &id})
	if err != nil {
		return nil, awscloud.Wrap(err, "get the ancestry of %s", id)
	}
	var ids []string
	for _, e := range out.ImageAncestryEntries {
		for _, x := range []string{aws.ToString(e.ImageId), aws.ToString(e.SourceImageId)} {
			if x != "" && x != id && !slices.Contains(ids, x) {
				ids = append(ids, x)
			}
		}
	}
	return ids, nil
}

// SharedWith are the accounts, organisations and units that may launch an image;
// "all" is everybody.
func (i Images) SharedWith(ctx context.Context, id string) ([]string, error) {
	out, err := i.API.DescribeImageAttribute(ctx, &ec2.DescribeImageAttributeInput{ImageId: &id, Attribute: types.ImageAttributeNameLaunchPermission})
	if err != nil {
		return nil, awscloud.Wrap(err, "describe who may launch %s", id)
	}
	var who []string
	for _, p := range out.LaunchPermissions {
		for _, x := range []string{aws.ToString(p.UserId), string(p.Group), aws.ToString(p.OrganizationArn), aws.ToString(p.OrganizationalUnitArn)} {
			if x != "" {
				who = append(who, x)
			}
		}
	}
	slices.Sort(who)
	return who, nil
}

// Tag sets tags on EC2 resources of any sort.
func (i Images) Tag(ctx context.Context, ids []string, tags map[string]string) error {
	_, err := i.API.CreateTags(ctx, &ec2.CreateTagsInput{Resources: ids, Tags: awscloud.Tags(tags)})
	return awscloud.Wrap(err, "tag %s", strings.Join(ids, ", "))
}

// Disable lets nobody launch the image any more and takes back what was shared.
func (i Images) Disable(ctx context.Context, id string) error {
	_, err := i.API.DisableImage(ctx, &ec2.DisableImageInput{ImageId: &id})
	return awscloud.Wrap(err, "disable image %s", id)
}

// Deprecate takes the image out of others' listings from then on.
func (i Images) Deprecate(ctx context.Context, id string, at time.Time) error {
	_, err := i.API.EnableImageDeprecation(ctx, &ec2.EnableImageDeprecationInput{ImageId: &id, DeprecateAt: &at})
	return awscloud.Wrap(err, "deprecate image %s", id)
}

// Deregister removes the image; its snapshots stay. One that is gone is no error.
func (i Images) Deregister(ctx context.Context, id string) error {
	_, err := i.API.DeregisterImage(ctx, &ec2.DeregisterImageInput{ImageId: &id})
	if awscloud.NoImage(err) {
		return nil
	}
	if awscloud.Code(err) == "OperationNotPermitted" {
		return fault.As(awscloud.Wrap(err, "deregister image %s", id), fault.Conflict, "it is protected from deregistration; end the protection if it may go")
	}
	return awscloud.Wrap(err, "deregister image %s", id)
}
