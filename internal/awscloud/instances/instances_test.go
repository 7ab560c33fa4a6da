package instances_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/bake"
	"github.com/goldenami/rehydrate/internal/awscloud/instances"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout/inplace"
)

type stub struct {
	instances.API
	found []types.Instance
	asked []*ec2.DescribeInstancesInput
	ran   *ec2.RunInstancesInput
}

func (s *stub) DescribeInstances(_ context.Context, in *ec2.DescribeInstancesInput, _ ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	s.asked = append(s.asked, in)
	return &ec2.DescribeInstancesOutput{Reservations: []types.Reservation{{Instances: s.found}}}, nil
}

func (s *stub) RunInstances(_ context.Context, in *ec2.RunInstancesInput, _ ...func(*ec2.Options)) (*ec2.RunInstancesOutput, error) {
	s.ran = in
	return &ec2.RunInstancesOutput{Instances: []types.Instance{{InstanceId: aws.String("i-9")}}}, nil
}

type manager struct{}

func (manager) DescribeInstanceInformation(_ context.Context, in *ssm.DescribeInstanceInformationInput, _ ...func(*ssm.Options)) (*ssm.DescribeInstanceInformationOutput, error) {
	return &ssm.DescribeInstanceInformationOutput{InstanceInformationList: []ssmtypes.InstanceInformation{
		{InstanceId: aws.String("i-1"), PingStatus: ssmtypes.PingStatusOnline}, {InstanceId: aws.String("i-2"), PingStatus: ssmtypes.PingStatusConnectionLost}}}, nil
}

func instance(id, state string) types.Instance {
	return types.Instance{InstanceId: &id, ImageId: aws.String("ami-1"), State: &types.InstanceState{Name: types.InstanceStateName(state)},
		Architecture: types.ArchitectureValuesX8664, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("db")}}}
}

func TestNodesAreThoseWithAllTagsAndTheirAgentIsKnown(t *testing.T) {
	s := &stub{found: []types.Instance{instance("i-2", "running"), instance("i-1", "running")}}
	got, err := instances.Nodes{API: s, SSM: manager{}}.Find(t.Context(), map[string]string{"Patch Group": "db", "App": "x"})
	if err != nil {
		t.Fatal(err)
	}
	node := func(id string, managed bool) inplace.Node {
		return inplace.Node{ID: id, Name: "db", State: "running", Arch: "x86_64", Tags: map[string]string{"Name": "db"}, Managed: managed}
	}
	if d := cmp.Diff([]inplace.Node{node("i-1", true), node("i-2", false)}, got); d != "" {
		t.Error(d)
	}
	if f := s.asked[0].Filters; len(f) != 3 || *f[1].Name != "tag:App" || *f[2].Name != "tag:Patch Group" {
		t.Errorf("asked %v", f)
	}
}

func TestManyInstancesAreDescribedInPages(t *testing.T) {
	var ids []string
	for i := range 450 {
		ids = append(ids, "i-"+strconv.Itoa(i))
	}
	s := &stub{found: []types.Instance{instance("i-1", "running")}}
	if _, err := (instances.Instances{API: s}).Describe(t.Context(), ids); err != nil || len(s.asked) != 3 || len(s.asked[0].Filters[0].Values) != 200 {
		t.Errorf("%d calls, %v", len(s.asked), err)
	}
}

func TestABuilderIsOneInstanceWithATokenAndIMDSv2(t *testing.T) {
	s := &stub{}
	id, err := instances.Builders{API: s, SSM: manager{}}.Run(t.Context(), bake.NewInstance{Image: "ami-1", Type: "t3.small", Token: "tok", Profile: "p", Tags: map[string]string{"a": "b"}})
	if err != nil || id != "i-9" {
		t.Fatal(id, err)
	}
	if in := s.ran; *in.ClientToken != "tok" || *in.MinCount != 1 || *in.MaxCount != 1 || in.MetadataOptions.HttpTokens != types.HttpTokensStateRequired ||
		*in.IamInstanceProfile.Name != "p" || in.SubnetId != nil || len(in.TagSpecifications) != 2 {
		t.Errorf("%+v", in)
	}
}

func TestAProfileIsNamedAsItIsWritten(t *testing.T) {
	for profile, arn := range map[string]bool{"builder": false, "arn:aws:iam::111122223333:instance-profile/team/builder": true} {
		s := &stub{}
		if _, err := (instances.Builders{API: s, SSM: manager{}}).Run(t.Context(), bake.NewInstance{Image: "ami-1", Profile: profile}); err != nil {
			t.Fatal(err)
		}
		p := s.ran.IamInstanceProfile
		if aws.ToString(p.Name)+aws.ToString(p.Arn) != profile || (p.Arn != nil) != arn {
			t.Errorf("%s: %+v", profile, p)
		}
	}
}

func TestABuilderThatIsGoneIsNotFound(t *testing.T) {
	if _, err := (instances.Builders{API: &stub{}, SSM: manager{}}).Find(t.Context(), "i-1"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("got %v", err)
	}
	got, err := instances.Builders{API: &stub{found: []types.Instance{instance("i-1", "running")}}, SSM: manager{}}.Find(t.Context(), "i-1")
	if err != nil || !got.Managed || got.State != "running" {
		t.Errorf("%+v, %v", got, err)
	}
}
