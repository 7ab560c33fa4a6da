package ec2_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// "Owners" and "ExecutableUsers", DescribeImages; "OwnerIds" and "RestorableByUserIds",
// DescribeSnapshots; InvalidUserID.Malformed, EC2 error codes.
func TestOnlyAccountsAndTheirWordsAreOwnersAndUsers(t *testing.T) {
	b := newBench(t)
	images := func(in sdk.DescribeImagesInput) error { return called(b.api.DescribeImages(ctx, &in)) }
	snapshots := func(in sdk.DescribeSnapshotsInput) error { return called(b.api.DescribeSnapshots(ctx, &in)) }
	for _, who := range []string{"nobody", "", "12345678901", "12345678901x", "all"} {
		wantCode(t, images(sdk.DescribeImagesInput{Owners: []string{"self", who}}), "InvalidUserID.Malformed")
		wantCode(t, snapshots(sdk.DescribeSnapshotsInput{OwnerIds: []string{who}}), "InvalidUserID.Malformed")
	}
	wantCode(t, images(sdk.DescribeImagesInput{ExecutableUsers: []string{"amazon"}}), "InvalidUserID.Malformed")
	wantCode(t, snapshots(sdk.DescribeSnapshotsInput{RestorableByUserIds: []string{"amazon"}}), "InvalidUserID.Malformed")
	for _, err := range []error{
		images(sdk.DescribeImagesInput{Owners: []string{"self", "amazon", "aws-marketplace", "aws-backup-vault", foreign}}), images(sdk.DescribeImagesInput{ExecutableUsers: []string{"self", "all", foreign}}),
		snapshots(sdk.DescribeSnapshotsInput{OwnerIds: []string{"self", "amazon", foreign}}), snapshots(sdk.DescribeSnapshotsInput{RestorableByUserIds: []string{"self", "all", foreign}}),
	} {
		if err != nil {
			t.Error(err)
		}
	}
}

// "CreateTags" and "DeleteTags", API Reference: what they take. The default network can
// be tagged as any other.
func TestTheDefaultNetworkHasTagsAndWhatTagsRefuse(t *testing.T) {
	b := newBench(t)
	vpc := *must[*sdk.DescribeVpcsOutput](t)(b.api.DescribeVpcs(ctx, &sdk.DescribeVpcsInput{})).Vpcs[0].VpcId
	subnet := *must[*sdk.DescribeSubnetsOutput](t)(b.api.DescribeSubnets(ctx, &sdk.DescribeSubnetsInput{})).Subnets[1].SubnetId
	tag := func(ids []string, key string) error {
		return called(b.api.CreateTags(ctx, &sdk.CreateTagsInput{Resources: ids, Tags: []types.Tag{{Key: &key, Value: aws.String("x")}}}))
	}
	if err := tag([]string{vpc, subnet, subnet}, "tier"); err != nil {
		t.Fatal(err)
	}
	by := []types.Filter{{Name: aws.String("tag:tier"), Values: []string{"x"}}}
	subnets := must[*sdk.DescribeSubnetsOutput](t)(b.api.DescribeSubnets(ctx, &sdk.DescribeSubnetsInput{Filters: by})).Subnets
	if len(subnets) != 1 || *subnets[0].SubnetId != subnet || *subnets[0].Tags[0].Key != "tier" {
		t.Errorf("subnets with the tag: %+v", subnets)
	}
	if vpcs := must[*sdk.DescribeVpcsOutput](t)(b.api.DescribeVpcs(ctx, &sdk.DescribeVpcsInput{Filters: by})).Vpcs; len(vpcs) != 1 {
		t.Errorf("VPCs with the tag: %+v", vpcs)
	}
	if all := must[*sdk.DescribeTagsOutput](t)(b.api.DescribeTags(ctx, &sdk.DescribeTagsInput{Filters: []types.Filter{
		{Name: aws.String("key"), Values: []string{"tier"}}}})).Tags; len(all) != 2 {
		t.Errorf("tags: %+v", all)
	}
	wantCode(t, tag([]string{"subnet-0123456789abcdef0"}, "tier"), "InvalidSubnetID.NotFound")
	wantCode(t, tag([]string{"vpc-0123456789abcdef0"}, "tier"), "InvalidVpcID.NotFound")
	wantCode(t, tag([]string{vpc}, "Aws:tier"), "InvalidParameterValue")
	many := make([]string, 1001)
	for k := range many {
		many[k] = subnet
	}
	wantCode(t, tag(many, "tier"), "InvalidParameterValue")
	_, err := b.api.DeleteTags(ctx, &sdk.DeleteTagsInput{Resources: many})
	wantCode(t, err, "InvalidParameterValue")
	_, err = b.api.DeleteTags(ctx, &sdk.DeleteTagsInput{Resources: []string{subnet}, Tags: []types.Tag{{Key: aws.String("aws:tier")}}})
	wantCode(t, err, "InvalidParameterValue")
	_, err = b.api.RunInstances(ctx, runInput(func(in *sdk.RunInstancesInput) {
		in.TagSpecifications = []types.TagSpecification{{ResourceType: "instance"}}
	}))
	wantCode(t, err, "InvalidParameterValue")
	_, err = b.api.CreateLaunchTemplate(ctx, &sdk.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("bare"), LaunchTemplateData: &types.RequestLaunchTemplateData{
		ImageId: aws.String(base), TagSpecifications: []types.LaunchTemplateTagSpecificationRequest{{ResourceType: "instance"}}}})
	wantCode(t, err, "InvalidParameterValue")
}

func TestALaunchShowsWhatItWasGivenAndRefusesWhatIsNotHere(t *testing.T) {
	b := newBench(t)
	i := b.instance(b.run(func(in *sdk.RunInstancesInput) {
		in.Monitoring, in.EbsOptimized = &types.RunInstancesMonitoringEnabled{Enabled: aws.Bool(true)}, aws.Bool(true)
		in.Placement = &types.Placement{Tenancy: types.TenancyDedicated, GroupName: aws.String("together")}
	}))
	if i.Monitoring.State != types.MonitoringStateEnabled || !*i.EbsOptimized || i.Placement.Tenancy != types.TenancyDedicated || *i.Placement.GroupName != "together" {
		t.Errorf("an instance with %+v, %+v", i.Monitoring, i.Placement)
	}
	eni := func(n types.InstanceNetworkInterfaceSpecification) func(*sdk.RunInstancesInput) {
		return func(in *sdk.RunInstancesInput) {
			n.DeviceIndex = aws.Int32(0)
			in.NetworkInterfaces = []types.InstanceNetworkInterfaceSpecification{n}
		}
	}
	for name, c := range map[string]struct {
		edit func(*sdk.RunInstancesInput)
		code string
	}{
		"IPv6":                 {func(in *sdk.RunInstancesInput) { in.Ipv6AddressCount = aws.Int32(1) }, "UnsupportedOperation"},
		"an address of choice": {eni(types.InstanceNetworkInterfaceSpecification{PrivateIpAddress: aws.String("10.0.0.1")}), "UnsupportedOperation"},
		"another interface":    {eni(types.InstanceNetworkInterfaceSpecification{NetworkInterfaceId: aws.String("eni-0123456789abcdef0")}), "InvalidNetworkInterfaceID.NotFound"},
		"a malformed subnet":   {func(in *sdk.RunInstancesInput) { in.SubnetId = aws.String("x") }, "InvalidSubnetID.Malformed"},
	} {
		_, err := b.api.RunInstances(ctx, runInput(c.edit))
		t.Run(name, func(t *testing.T) { wantCode(t, err, c.code) })
	}
}

// "Attribute", DescribeImageAttribute and ModifySnapshotAttribute, API Reference.
func TestAttributesOfImagesAndSnapshots(t *testing.T) {
	b := newBench(t)
	id := b.running()
	ami := *must[*sdk.CreateImageOutput](t)(b.api.CreateImage(ctx, &sdk.CreateImageInput{InstanceId: &id, Name: aws.String("golden")})).ImageId
	get := func(a types.ImageAttributeName) (*sdk.DescribeImageAttributeOutput, error) {
		return b.api.DescribeImageAttribute(ctx, &sdk.DescribeImageAttributeInput{ImageId: &ami, Attribute: a})
	}
	if out := must[*sdk.DescribeImageAttributeOutput](t)(get(types.ImageAttributeNameDeregistrationProtection)); *out.DeregistrationProtection.Value != "disabled" {
		t.Errorf("protection %s", *out.DeregistrationProtection.Value)
	}
	for _, none := range []types.ImageAttributeName{"kernel", "ramdisk", "productCodes", "sriovNetSupport", "tpmSupport", "uefiData", "lastLaunchedTime"} {
		out := must[*sdk.DescribeImageAttributeOutput](t)(get(none))
		if out.KernelId != nil || out.RamdiskId != nil || len(out.ProductCodes) > 0 || out.TpmSupport != nil || out.LastLaunchedTime != nil && out.LastLaunchedTime.Value != nil {
			t.Errorf("%s: %+v", none, out)
		}
	}
	_, err := get(types.ImageAttributeNameBlockDeviceMapping)
	wantCode(t, err, "AuthFailure")
	snap := b.image(ami).BlockDeviceMappings[0].Ebs.SnapshotId
	_, err = b.api.ModifySnapshotAttribute(ctx, &sdk.ModifySnapshotAttributeInput{SnapshotId: snap})
	wantCode(t, err, "InvalidParameterCombination")
	_, err = b.api.ModifySnapshotAttribute(ctx, &sdk.ModifySnapshotAttributeInput{SnapshotId: snap, Attribute: "productCodes", OperationType: "add", UserIds: []string{foreign}})
	wantCode(t, err, "UnsupportedOperation")
	for _, region := range []string{"mars-1", "eu-west-", "-", "eu-west-1/../x"} {
		_, err = b.api.CopyImage(ctx, &sdk.CopyImageInput{Name: aws.String("copy"), SourceImageId: &ami, SourceRegion: &region})
		wantCode(t, err, "InvalidParameterValue")
	}
	_, err = b.api.CopySnapshot(ctx, &sdk.CopySnapshotInput{SourceSnapshotId: snap, SourceRegion: aws.String("mars-1")}) // the SDK itself refuses the others
	wantCode(t, err, "InvalidParameterValue")
}

// "You can specify only one attribute at a time", ModifyInstanceAttribute, API Reference.
func TestAnInstancesAttributesAreReadAndSetOneByOne(t *testing.T) {
	b := newBench(t)
	id := b.running()
	seen := b.instance(id)
	for _, name := range types.InstanceAttributeName("").Values() {
		out, err := b.api.DescribeInstanceAttribute(ctx, &sdk.DescribeInstanceAttributeInput{InstanceId: &id, Attribute: name})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		switch {
		case name == "instanceType" && *out.InstanceType.Value != string(seen.InstanceType), name == "groupSet" && *out.Groups[0].GroupId != *seen.SecurityGroups[0].GroupId,
			name == "blockDeviceMapping" && *out.BlockDeviceMappings[0].Ebs.VolumeId != *seen.BlockDeviceMappings[0].Ebs.VolumeId,
			name == "rootDeviceName" && *out.RootDeviceName.Value != *seen.RootDeviceName, name == "enaSupport" && !*out.EnaSupport.Value:
			t.Errorf("%s: %+v", name, out)
		}
	}
	yes := &types.AttributeBooleanValue{Value: aws.Bool(true)}
	modify := func(in sdk.ModifyInstanceAttributeInput) error {
		in.InstanceId = &id
		return called(b.api.ModifyInstanceAttribute(ctx, &in))
	}
	wantCode(t, modify(sdk.ModifyInstanceAttributeInput{}), "InvalidParameterCombination")
	wantCode(t, modify(sdk.ModifyInstanceAttributeInput{DisableApiTermination: yes, InstanceInitiatedShutdownBehavior: &types.AttributeValue{Value: aws.String("stop")}}), "InvalidParameterCombination")
	wantCode(t, modify(sdk.ModifyInstanceAttributeInput{DisableApiStop: yes}), "UnsupportedOperation")
	if err := modify(sdk.ModifyInstanceAttributeInput{DisableApiTermination: yes}); err != nil {
		t.Error(err)
	}
}

// "KeyName", CreateKeyPair; "GroupName" and "Description", CreateSecurityGroup.
func TestNamesAreOfTheCharactersThatAWSTakes(t *testing.T) {
	b := newBench(t)
	for _, bad := range []string{"schlüssel", " key", "key ", "a\tb", strings.Repeat("k", 256)} {
		wantCode(t, called(b.api.CreateKeyPair(ctx, &sdk.CreateKeyPairInput{KeyName: &bad})), "InvalidParameterValue")
	}
	for _, bad := range []string{"für uns", "a\nb", "<b>", strings.Repeat("g", 256)} {
		wantCode(t, called(b.api.CreateSecurityGroup(ctx, &sdk.CreateSecurityGroupInput{GroupName: &bad, Description: aws.String("x")})), "InvalidParameterValue")
		wantCode(t, called(b.api.CreateSecurityGroup(ctx, &sdk.CreateSecurityGroupInput{GroupName: aws.String("x"), Description: &bad})), "InvalidParameterValue")
	}
	wantCode(t, called(b.api.DescribeSecurityGroups(ctx, &sdk.DescribeSecurityGroupsInput{GroupIds: []string{"default"}})), "InvalidGroupId.Malformed")
	wantCode(t, called(b.api.DeleteSecurityGroup(ctx, &sdk.DeleteSecurityGroupInput{GroupId: aws.String("default")})), "InvalidGroupId.Malformed")
	_, err := b.api.RunInstances(ctx, runInput(func(in *sdk.RunInstancesInput) { in.SecurityGroupIds = []string{"default"} }))
	wantCode(t, err, "InvalidGroupId.Malformed")
}
