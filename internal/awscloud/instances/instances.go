// Package instances is EC2's instances, and which of them Systems Manager sees.
package instances

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/goldenami/rehydrate/bake"
	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
	"github.com/goldenami/rehydrate/rollout/inplace"
)

// API is what the adapters call of EC2.
type API interface {
	ec2.DescribeInstancesAPIClient
	RunInstances(context.Context, *ec2.RunInstancesInput, ...func(*ec2.Options)) (*ec2.RunInstancesOutput, error)
	StopInstances(context.Context, *ec2.StopInstancesInput, ...func(*ec2.Options)) (*ec2.StopInstancesOutput, error)
}

var (
	_ API               = (*ec2.Client)(nil)
	_ ssmAPI            = (*ssm.Client)(nil)
	_ bake.Instances    = Builders{}
	_ rollout.Instances = Instances{}
	_ rollout.ImageUse  = Instances{}
	_ inplace.Nodes     = Nodes{}
)

type ssmAPI = ssm.DescribeInstanceInformationAPIClient

// Instances describes instances.
type Instances struct{ API API }

// Nodes finds long-lived instances.
type Nodes struct {
	API API
	SSM ssmAPI
}

// Builders runs build instances.
type Builders struct {
	API API
	SSM ssmAPI
}

// New is the three adapters over a session.
func New(s *session.Session) (Instances, Nodes, Builders) {
	e, m := ec2.NewFromConfig(s.Config()), ssm.NewFromConfig(s.Config())
	return Instances{e}, Nodes{e, m}, Builders{e, m}
}

// Describe lists those of ids that exist, in pages of 200.
func (i Instances) Describe(ctx context.Context, ids []string) ([]rollout.Instance, error) {
	var out []rollout.Instance
	for some := range slices.Chunk(ids, 200) { // the most values a filter takes
		list, err := describe(ctx, i.API, awscloud.Filter("instance-id", some...))
		if err != nil {
			return nil, err
		}
		for _, x := range list {
			out = append(out, rollout.Instance{ID: aws.ToString(x.InstanceId), Image: aws.ToString(x.ImageId), State: state(x)})
		}
	}
	return out, nil
}

// Using is the image of every instance that runs one of the images and is not
// terminated, by instance id, in pages of 1000.
func (i Instances) Using(ctx context.Context, images []string) (map[string]string, error) {
	out := map[string]string{}
	for some := range slices.Chunk(images, 200) { // the most values a filter takes
		p := ec2.NewDescribeInstancesPaginator(i.API, &ec2.DescribeInstancesInput{MaxResults: aws.Int32(1000), Filters: []types.Filter{
			awscloud.Filter("image-id", some...), alive()}})
		for p.HasMorePages() {
			page, err := p.NextPage(ctx)
			if err != nil {
				return nil, awscloud.Wrap(err, "describe instances by image")
			}
			for _, r := range page.Reservations {
				for _, x := range r.Instances {
					out[aws.ToString(x.InstanceId)] = aws.ToString(x.ImageId)
				}
			}
		}
	}
	return out, nil
}

// alive are instances that are not terminated, nor about to be.
func alive() types.Filter {
	return awscloud.Filter("instance-state-name", "pending", "running", "stopping", "stopped")
}

// Find lists the instances that carry every one of the tags and are not terminated.
func (n Nodes) Find(ctx context.Context, tags map[string]string) ([]inplace.Node, error) {
	filters := []types.Filter{alive()}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		filters = append(filters, awscloud.Filter("tag:"+k, tags[k]))
	}
	list, err := describe(ctx, n.API, filters...)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, x := range list {
		ids = append(ids, aws.ToString(x.InstanceId))
	}
	online, err := managed(ctx, n.SSM, ids)
	if err != nil {
		return nil, err
	}
	var out []inplace.Node
	for _, x := range list {
		id, tags := aws.ToString(x.InstanceId), awscloud.TagMap(x.Tags)
		out = append(out, inplace.Node{ID: id, Name: tags["Name"], State: state(x), Arch: string(x.Architecture),
			Tags: tags, Managed: online[id]})
	}
	slices.SortFunc(out, func(a, b inplace.Node) int { return strings.Compare(a.ID, b.ID) })
	return out, nil
}

// Run starts one instance; the same token gives the same instance again.
func (b Builders) Run(ctx context.Context, in bake.NewInstance) (string, error) {
	req := &ec2.RunInstancesInput{ImageId: &in.Image, InstanceType: types.InstanceType(in.Type), ClientToken: &in.Token,
		MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		MetadataOptions: &types.InstanceMetadataOptionsRequest{HttpTokens: types.HttpTokensStateRequired},
		TagSpecifications: []types.TagSpecification{
			{ResourceType: types.ResourceTypeInstance, Tags: awscloud.Tags(in.Tags)},
			{ResourceType: types.ResourceTypeVolume, Tags: awscloud.Tags(in.Tags)},
		}}
	if in.Subnet != "" {
		req.SubnetId = &in.Subnet
	}
	if in.Profile != "" {
		p := types.IamInstanceProfileSpecification{Name: &in.Profile}
		if strings.HasPrefix(in.Profile, "arn:") {
			p = types.IamInstanceProfileSpecification{Arn: &in.Profile}
		}
		req.IamInstanceProfile = &p
	}
	out, err := b.API.RunInstances(ctx, req)
	if err != nil {
		return "", awscloud.Wrap(err, "run an instance of %s", in.Image)
	}
	if len(out.Instances) != 1 {
		return "", fault.New(fault.Failed, "", "run an instance of %s: %d instances in the answer", in.Image, len(out.Instances))
	}
	return aws.ToString(out.Instances[0].InstanceId), nil
}

// Find is a build instance's state.
func (b Builders) Find(ctx context.Context, id string) (bake.Instance, error) {
	list, err := describe(ctx, b.API, awscloud.Filter("instance-id", id))
	if err != nil {
		return bake.Instance{}, err
	}
	if len(list) != 1 {
		return bake.Instance{}, fault.New(fault.NotFound, "", "there is no instance %s", id)
	}
	out := bake.Instance{ID: id, State: state(list[0]), Tags: awscloud.TagMap(list[0].Tags)}
	if out.State != "running" {
		return out, nil
	}
	online, err := managed(ctx, b.SSM, []string{id})
	out.Managed = online[id]
	return out, err
}

// Stop asks an instance to stop.
func (b Builders) Stop(ctx context.Context, id string) error {
	_, err := b.API.StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: []string{id}})
	return awscloud.Wrap(err, "stop instance %s", id)
}

func describe(ctx context.Context, api ec2.DescribeInstancesAPIClient, filters ...types.Filter) ([]types.Instance, error) {
	var out []types.Instance
	p := ec2.NewDescribeInstancesPaginator(api, &ec2.DescribeInstancesInput{Filters: filters})
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, awscloud.Wrap(err, "describe instances")
		}
		for _, r := range page.Reservations {
			out = append(out, r.Instances...)
		}
	}
	return out, nil
}

func state(x types.Instance) string {
	if x.State == nil {
		return ""
	}
	return string(x.State.Name)
}
