package autoscaling

import (
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// fromEC2 is the port EC2 over the twin's own EC2.
type fromEC2 struct{ s *ec2.Service }

func (f fromEC2) Template(tx *world.Tx, id, name, version string) (Template, error) {
	if id == "" {
		id = name
	}
	v, err := f.s.TemplateVersion(tx, id, version)
	if err != nil {
		return Template{}, err
	}
	return Template{
		ID: v.Template, Name: v.Name, Version: strconv.FormatInt(v.Version, 10),
		Image: aws.ToString(v.Data.ImageId), Type: string(v.Data.InstanceType),
	}, nil
}

func (f fromEC2) Launch(tx *world.Tx, l Launch) (Instance, error) {
	id, err := f.s.Launch(tx, ec2.LaunchSpec{
		Template: l.Template.ID, Version: l.Template.Version, Image: l.Image, Type: l.Type,
		Subnet: l.Subnet, Zone: l.Zone, Tags: l.Tags, By: "autoscaling", Data: l.Settings.data(),
		Settled: l.Settled,
	})
	if err != nil {
		return Instance{}, err
	}
	i, _ := f.Instance(tx, id)
	return i, nil
}

func (f fromEC2) Terminate(tx *world.Tx, id string) error {
	if _, ok := f.s.InstanceByID(tx, id); !ok {
		return nil
	}
	return f.s.Terminate(tx, id)
}

func (f fromEC2) Instance(tx *world.Tx, id string) (Instance, bool) {
	i, ok := f.s.InstanceByID(tx, id)
	return Instance{ID: i.ID, State: i.State, Image: i.Image, Type: i.Type, Zone: i.Zone, Tags: i.Tags, Reason: i.Reason.Message}, ok
}

// data is the settings of a launch configuration in EC2's terms.
func (s Settings) data() (d types.RequestLaunchTemplateData) {
	if s.Key != "" {
		d.KeyName = &s.Key
	}
	if s.UserData != "" {
		d.UserData = &s.UserData
	}
	if s.Profile != "" {
		d.IamInstanceProfile = &types.LaunchTemplateIamInstanceProfileSpecificationRequest{Name: &s.Profile}
		if strings.HasPrefix(s.Profile, "arn:") { // "The name or the ... ARN", CreateLaunchConfiguration
			d.IamInstanceProfile = &types.LaunchTemplateIamInstanceProfileSpecificationRequest{Arn: &s.Profile}
		}
	}
	d.SecurityGroupIds = s.SecurityGroups
	return d
}

func (f fromEC2) Image(tx *world.Tx, id string) (Image, bool) {
	if name, ok := strings.CutPrefix(id, aliasPrefix); ok {
		if f.s.ResolveParameter == nil {
			return Image{}, false
		}
		value, err := f.s.ResolveParameter(tx, name)
		if err != nil {
			return Image{}, false
		}
		id = value
	}
	i, err := f.s.ImageByID(tx, id)
	return Image{State: i.State, Tags: i.Tags, Disks: len(i.Disks)}, err == nil
}

func (f fromEC2) ReplaceRoot(tx *world.Tx, instance, image string) (string, error) {
	t, err := f.s.ReplaceRoot(tx, ec2.RootTask{Instance: instance, Image: image, Delete: true})
	return t.ID, err
}

func (f fromEC2) Root(tx *world.Tx, task string) RootState {
	switch t, ok := f.s.RootTaskByID(tx, task); {
	case !ok:
		return RootFailed
	case t.Completed.IsZero():
		return RootUnderWay
	case t.State == string(types.ReplaceRootVolumeTaskStateSucceeded):
		return RootReplaced
	}
	return RootFailed
}

func (f fromEC2) OnRoot(g func(tx *world.Tx, instance string)) {
	f.s.OnRoot(func(tx *world.Tx, t ec2.RootTask) { g(tx, t.Instance) })
}

func (f fromEC2) Zone(tx *world.Tx, subnet string) (string, bool) {
	out, err := f.s.DescribeSubnets(tx, &sdk.DescribeSubnetsInput{SubnetIds: []string{subnet}})
	if err != nil || len(out.Subnets) != 1 {
		return "", false
	}
	return aws.ToString(out.Subnets[0].AvailabilityZone), true
}

func (f fromEC2) Zones(tx *world.Tx) []string { return f.s.Zones(tx) }

func (f fromEC2) OnState(g func(tx *world.Tx, id, state string)) { f.s.OnState(g) }
