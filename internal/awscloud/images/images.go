// Package images is EC2's machine images.
package images

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/goldenami/rehydrate/bake"
	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish"
	"github.com/goldenami/rehydrate/rollout"
)

// API is what the adapter calls.
type API interface {
	ec2.DescribeImagesAPIClient
	CreateTags(context.Context, *ec2.CreateTagsInput, ...func(*ec2.Options)) (*ec2.CreateTagsOutput, error)
	CreateImage(context.Context, *ec2.CreateImageInput, ...func(*ec2.Options)) (*ec2.CreateImageOutput, error)
}

var (
	_ API            = (*ec2.Client)(nil)
	_ bake.Images    = Images{}
	_ bake.Creator   = Images{}
	_ publish.Images = Images{}
	_ rollout.Images = Images{}

	_ rollout.ImageDetails = Images{}
)

// Images finds, tags and makes images.
type Images struct{ API API }

// New is the adapter over a session.
func New(s *session.Session) Images { return Images{ec2.NewFromConfig(s.Config())} }

// Find lists the images that match every non-empty field of f, newest first. A filter
// with neither id nor name is refused: it would mean any image that there is.
func (i Images) Find(ctx context.Context, f bake.ImageFilter) ([]bake.Image, error) {
	if f.ID == "" && f.Name == "" {
		return nil, fault.New(fault.Usage, "", "find an image: neither an id nor a name is given")
	}
	in := &ec2.DescribeImagesInput{Owners: f.Owners}
	if f.ID != "" {
		if !awscloud.IsImageID(f.ID) {
			return nil, nil
		}
		in.Filters = append(in.Filters, awscloud.Filter("image-id", f.ID))
	}
	if f.Name != "" {
		in.Filters = append(in.Filters, awscloud.Filter("name", f.Name))
	}
	list, err := i.describe(ctx, in)
	if err == nil && len(list) == 0 && f.ID != "" { // no filter finds it; see awscloud.NoImage
		list, err = i.describe(ctx, &ec2.DescribeImagesInput{Owners: f.Owners, ImageIds: []string{f.ID}, Filters: in.Filters[1:]})
	}
	if err != nil && !awscloud.NoImage(err) {
		return nil, err
	}
	out := make([]bake.Image, 0, len(list))
	for _, x := range list {
		out = append(out, image(x))
	}
	slices.SortStableFunc(out, func(a, b bake.Image) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return out, nil
}

// Image is the image of that id, also when it is disabled, which its owner alone can see.
func (i Images) Image(ctx context.Context, id string) (publish.Image, error) {
	list, err := i.all(ctx, []string{id})
	if err != nil {
		return publish.Image{}, err
	}
	if len(list) == 0 {
		return publish.Image{}, fault.New(fault.NotFound, "check id, account and region; an image of another account must be shared with this one, and is not to be seen once it is disabled", "there is no image %s", id)
	}
	x := image(list[0])
	return publish.Image{ID: x.ID, Name: x.Name, State: x.State, Tags: x.Tags, CreatedAt: x.CreatedAt}, nil
}

// States is each image's state by id.
func (i Images) States(ctx context.Context, ids []string) (map[string]string, error) {
	list, err := i.all(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, x := range list {
		out[aws.ToString(x.ImageId)] = string(x.State)
	}
	return out, nil
}

// Details is what EC2 knows of each image, by id.
func (i Images) Details(ctx context.Context, ids []string) (map[string]rollout.ImageDetail, error) {
	list, err := i.all(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := map[string]rollout.ImageDetail{}
	for _, x := range list {
		y := image(x)
		out[y.ID] = rollout.ImageDetail{Name: y.Name, Owner: aws.ToString(x.OwnerId), Arch: y.Arch, State: y.State, Tags: y.Tags, CreatedAt: y.CreatedAt}
	}
	return out, nil
}

// all describes those of ids that exist, also when they are disabled or deprecated,
// which are left out otherwise.
func (i Images) all(ctx context.Context, ids []string) ([]types.Image, error) {
	var out []types.Image
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !awscloud.IsImageID(id) })
	for some := range slices.Chunk(ids, 200) { // the most values a filter takes
		list, err := i.describe(ctx, &ec2.DescribeImagesInput{Filters: []types.Filter{awscloud.Filter("image-id", some...)},
			IncludeDisabled: aws.Bool(true), IncludeDeprecated: aws.Bool(true)})
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	for _, id := range ids { // what a filter does not find may be shared through an organization
		if slices.ContainsFunc(out, func(x types.Image) bool { return aws.ToString(x.ImageId) == id }) {
			continue
		}
		list, err := i.describe(ctx, &ec2.DescribeImagesInput{ImageIds: []string{id}, IncludeDisabled: aws.Bool(true), IncludeDeprecated: aws.Bool(true)})
		if err != nil && !awscloud.NoImage(err) {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}

// Tag sets tags on EC2 resources of any sort.
func (i Images) Tag(ctx context.Context, ids []string, tags map[string]string) error {
	_, err := i.API.CreateTags(ctx, &ec2.CreateTagsInput{Resources: ids, Tags: awscloud.Tags(tags)})
	return awscloud.Wrap(err, "tag %s", strings.Join(ids, ", "))
}

// Create asks for an image of an instance and does not wait for it.
func (i Images) Create(ctx context.Context, in bake.NewImage) (string, error) {
	req := &ec2.CreateImageInput{InstanceId: &in.Instance, Name: &in.Name, TagSpecifications: []types.TagSpecification{
		{ResourceType: types.ResourceTypeImage, Tags: awscloud.Tags(in.Tags)},
		{ResourceType: types.ResourceTypeSnapshot, Tags: awscloud.Tags(in.Tags)},
	}}
	if in.Description != "" {
		req.Description = &in.Description
	}
	out, err := i.API.CreateImage(ctx, req)
	if err != nil {
		return "", awscloud.Wrap(err, "create image %s of instance %s", in.Name, in.Instance)
	}
	return aws.ToString(out.ImageId), nil
}

func (i Images) describe(ctx context.Context, in *ec2.DescribeImagesInput) ([]types.Image, error) {
	var out []types.Image
	pages := ec2.NewDescribeImagesPaginator(i.API, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awscloud.Wrap(err, "describe images")
		}
		out = append(out, page.Images...)
	}
	return out, nil
}

func image(x types.Image) bake.Image {
	out := bake.Image{ID: aws.ToString(x.ImageId), Name: aws.ToString(x.Name), State: string(x.State),
		Arch: string(x.Architecture), RootDevice: aws.ToString(x.RootDeviceName), Tags: awscloud.TagMap(x.Tags)}
	if t, err := time.Parse(time.RFC3339, aws.ToString(x.CreationDate)); err == nil {
		out.CreatedAt = t
	}
	for _, m := range x.BlockDeviceMappings {
		switch {
		case m.Ebs == nil || aws.ToString(m.Ebs.SnapshotId) == "":
		case aws.ToString(m.DeviceName) == out.RootDevice:
			out.Snapshots = append([]string{*m.Ebs.SnapshotId}, out.Snapshots...)
		default:
			out.Snapshots = append(out.Snapshots, *m.Ebs.SnapshotId)
		}
	}
	return out
}
