package ec2_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
)

// volume is a mapping of a device; numbers below zero are left out.
func volume(device string, kind types.VolumeType, size, iops, throughput int32) types.BlockDeviceMapping {
	e := &types.EbsBlockDevice{VolumeType: kind}
	for _, f := range []struct {
		to **int32
		n  int32
	}{{&e.VolumeSize, size}, {&e.Iops, iops}, {&e.Throughput, throughput}} {
		if f.n >= 0 {
			*f.to = &f.n
		}
	}
	return types.BlockDeviceMapping{DeviceName: &device, Ebs: e}
}

// Sizes, IOPS and throughput: "EbsBlockDevice", API Reference. Ratios: "Amazon EBS
// volume types", EBS User Guide.
func TestAVolumeHasTheBoundsOfItsType(t *testing.T) {
	b := newBench(t)
	const data, root = "/dev/sdf", "/dev/xvda"
	for name, c := range map[string]struct {
		m    types.BlockDeviceMapping
		code string // "" starts
	}{
		"gp2 smallest":              {volume(data, "gp2", 1, -1, -1), ""},
		"gp2 largest":               {volume(data, "gp2", 16384, -1, -1), ""},
		"gp2 too large":             {volume(data, "gp2", 16385, -1, -1), "InvalidParameterValue"},
		"gp2 of nothing":            {volume(data, "gp2", 0, -1, -1), "InvalidParameterValue"},
		"gp2 with IOPS":             {volume(data, "gp2", 100, 300, -1), "InvalidParameterCombination"},
		"gp2 with throughput":       {volume(data, "gp2", 100, -1, 125), "InvalidParameterCombination"},
		"gp3 with its least":        {volume(data, "gp3", 1, 3000, 125), ""},
		"gp3 with its most":         {volume(data, "gp3", 65536, 80000, 2000), ""},
		"gp3 too large":             {volume(data, "gp3", 65537, -1, -1), "InvalidParameterValue"},
		"gp3 too few IOPS":          {volume(data, "gp3", 100, 2999, -1), "InvalidParameterValue"},
		"gp3 too many IOPS":         {volume(data, "gp3", 1000, 80001, -1), "InvalidParameterValue"},
		"gp3 IOPS for its size":     {volume(data, "gp3", 8, 4000, -1), ""},
		"gp3 IOPS beyond its size":  {volume(data, "gp3", 8, 4001, -1), "InvalidParameterValue"},
		"gp3 too little throughput": {volume(data, "gp3", 100, -1, 124), "InvalidParameterValue"},
		"gp3 throughput for 3000":   {volume(data, "gp3", 100, -1, 750), ""},
		"gp3 throughput beyond":     {volume(data, "gp3", 100, -1, 751), "InvalidParameterValue"},
		"gp3 too much throughput":   {volume(data, "gp3", 1000, 16000, 2001), "InvalidParameterValue"},
		"io1 without IOPS":          {volume(data, "io1", 100, -1, -1), "MissingParameter"},
		"io1 too small":             {volume(data, "io1", 3, 100, -1), "InvalidParameterValue"},
		"io1 fifty a GiB":           {volume(data, "io1", 4, 200, -1), ""},
		"io1 more a GiB":            {volume(data, "io1", 4, 201, -1), "InvalidParameterValue"},
		"io1 with throughput":       {volume(data, "io1", 100, 1000, 125), "InvalidParameterCombination"},
		"io2 a thousand a GiB":      {volume(data, "io2", 4, 4000, -1), ""},
		"io2 more a GiB":            {volume(data, "io2", 4, 4001, -1), "InvalidParameterValue"},
		"io2 too many IOPS":         {volume(data, "io2", 65536, 256001, -1), "InvalidParameterValue"},
		"st1 too small":             {volume(data, "st1", 124, -1, -1), "InvalidParameterValue"},
		"st1":                       {volume(data, "st1", 125, -1, -1), ""},
		"a root of sc1":             {volume(root, "sc1", 125, -1, -1), "InvalidParameterValue"},
		"magnetic too large":        {volume(data, "standard", 1025, -1, -1), "InvalidParameterValue"},
		"a root of io2":             {volume(root, "io2", -1, 3000, -1), ""},
		"a root that is too small":  {volume(root, "gp3", 1, -1, -1), "InvalidBlockDeviceMapping"},
		"a device of no name":       {volume("/dev/nvme1n1", "gp3", 8, -1, -1), "InvalidParameterValue"},
		"no root":                   {types.BlockDeviceMapping{DeviceName: aws.String(root), NoDevice: aws.String("")}, "InvalidBlockDeviceMapping"},
	} {
		_, err := b.api.RunInstances(ctx, runInput(func(in *sdk.RunInstancesInput) { in.BlockDeviceMappings = []types.BlockDeviceMapping{c.m} }))
		t.Run(name, func(t *testing.T) {
			switch {
			case c.code != "":
				wantCode(t, err, c.code)
			case err != nil:
				t.Error(err)
			}
		})
	}
	_, err := b.api.RunInstances(ctx, runInput(func(in *sdk.RunInstancesInput) {
		in.BlockDeviceMappings = []types.BlockDeviceMapping{volume(data, "gp3", 8, -1, -1), volume(data, "gp3", 8, -1, -1)}
	}))
	wantCode(t, err, "InvalidBlockDeviceMapping")
}

func TestVolumesShowTheirPerformanceAndPassItOn(t *testing.T) {
	b := newBench(t)
	id := b.run(func(in *sdk.RunInstancesInput) {
		in.BlockDeviceMappings = []types.BlockDeviceMapping{volume("/dev/xvda", "gp3", 20, 6000, 300)}
	})
	b.pass(2 * time.Minute)
	seen := func(instance string) types.Volume {
		return must[*sdk.DescribeVolumesOutput](t)(b.api.DescribeVolumes(ctx, &sdk.DescribeVolumesInput{
			Filters: []types.Filter{{Name: aws.String("attachment.instance-id"), Values: []string{instance}}, {Name: aws.String("attachment.device"), Values: []string{"/dev/xvda"}}}})).Volumes[0]
	}
	if v := seen(id); *v.Iops != 6000 || *v.Throughput != 300 {
		t.Errorf("a volume of %d IOPS and %d MiB/s", *v.Iops, *v.Throughput)
	}
	ami := *must[*sdk.CreateImageOutput](t)(b.api.CreateImage(ctx, &sdk.CreateImageInput{InstanceId: &id, Name: aws.String("fast")})).ImageId
	b.settle()
	b.pass(10 * time.Minute)
	if e := b.image(ami).BlockDeviceMappings[0].Ebs; *e.Iops != 6000 || *e.Throughput != 300 {
		t.Errorf("an image of %d IOPS and %d MiB/s", *e.Iops, *e.Throughput)
	}
	// What was chosen for one type is not another's; gp2 has three IOPS a GiB, gp3 its base.
	for kind, want := range map[types.VolumeType]int32{"gp2": 100, "gp3": 3000} {
		plain := b.run(func(in *sdk.RunInstancesInput) {
			in.ImageId = aws.String(base)
			in.BlockDeviceMappings = []types.BlockDeviceMapping{volume("/dev/xvda", kind, -1, -1, -1)}
		})
		if v := seen(plain); *v.Iops != want || (v.Throughput != nil) != (kind == "gp3") {
			t.Errorf("%s has %d IOPS", kind, *v.Iops)
		}
	}
	changed := b.run(func(in *sdk.RunInstancesInput) {
		in.ImageId = &ami
		in.BlockDeviceMappings = []types.BlockDeviceMapping{volume("/dev/xvda", "gp2", -1, -1, -1)}
	})
	if v := seen(changed); *v.Iops != 100 || v.Throughput != nil {
		t.Errorf("gp2 in place of gp3 has %d IOPS", *v.Iops)
	}
}

// How profiles are named: "CreateInstanceProfile", IAM API Reference.
func TestAnInstanceProfileIsTheAccountsOwn(t *testing.T) {
	b := newBench(t)
	own := "arn:aws:iam::" + wiretest.Account + ":instance-profile/"
	for name, c := range map[string]struct {
		p    types.IamInstanceProfileSpecification
		want string // ARN, or the code of the refusal
	}{
		"by name":           {types.IamInstanceProfileSpecification{Name: aws.String("web")}, own + "web"},
		"by ARN":            {types.IamInstanceProfileSpecification{Arn: aws.String(own + "web")}, own + "web"},
		"with a path":       {types.IamInstanceProfileSpecification{Arn: aws.String(own + "app/eu/web")}, own + "app/eu/web"},
		"both":              {types.IamInstanceProfileSpecification{Name: aws.String("web"), Arn: aws.String(own + "web")}, "InvalidParameterCombination"},
		"another account's": {types.IamInstanceProfileSpecification{Arn: aws.String("arn:aws:iam::" + foreign + ":instance-profile/web")}, "InvalidParameterValue"},
		"a role":            {types.IamInstanceProfileSpecification{Arn: aws.String("arn:aws:iam::" + wiretest.Account + ":role/web")}, "InvalidParameterValue"},
		"an ARN as name":    {types.IamInstanceProfileSpecification{Name: aws.String(own + "web")}, "InvalidParameterValue"},
		"a strange name":    {types.IamInstanceProfileSpecification{Name: aws.String("we b")}, "InvalidParameterValue"},
		"a long name":       {types.IamInstanceProfileSpecification{Name: aws.String(strings.Repeat("a", 129))}, "InvalidParameterValue"},
		"no name":           {types.IamInstanceProfileSpecification{Arn: aws.String(own)}, "InvalidParameterValue"},
	} {
		out, err := b.api.RunInstances(ctx, runInput(func(in *sdk.RunInstancesInput) { in.IamInstanceProfile = &c.p }))
		t.Run(name, func(t *testing.T) {
			if !strings.HasPrefix(c.want, "arn:") {
				wantCode(t, err, c.want)
			} else if err != nil || *out.Instances[0].IamInstanceProfile.Arn != c.want {
				t.Errorf("profile %+v, %v", out, err)
			}
		})
	}
}
