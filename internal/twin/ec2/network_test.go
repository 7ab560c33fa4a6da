package ec2_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"golang.org/x/crypto/ssh"
)

func TestKeyPairsAreRealAndTheirPrivateHalfIsGivenOnce(t *testing.T) {
	for _, kind := range []types.KeyType{types.KeyTypeEd25519, types.KeyTypeRsa, ""} {
		b := newBench(t)
		made := must[*sdk.CreateKeyPairOutput](t)(b.api.CreateKeyPair(ctx, &sdk.CreateKeyPairInput{
			KeyName: aws.String("packer"), KeyType: kind, TagSpecifications: tagged("key-pair", "run", "r1")}))
		signer, err := ssh.ParsePrivateKey([]byte(*made.KeyMaterial))
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		_, err = b.api.CreateKeyPair(ctx, &sdk.CreateKeyPairInput{KeyName: aws.String("packer")})
		wantCode(t, err, "InvalidKeyPair.Duplicate")
		k := must[*sdk.DescribeKeyPairsOutput](t)(b.api.DescribeKeyPairs(ctx, &sdk.DescribeKeyPairsInput{IncludePublicKey: aws.Bool(true)})).KeyPairs[0]
		public, _, _, _, err := ssh.ParseAuthorizedKey([]byte(*k.PublicKey))
		if err != nil || !bytes.Equal(public.Marshal(), signer.PublicKey().Marshal()) {
			t.Errorf("%s: public and private key do not belong together (%v)", kind, err)
		}
		imported := must[*sdk.ImportKeyPairOutput](t)(b.api.ImportKeyPair(ctx, &sdk.ImportKeyPairInput{KeyName: aws.String("mine"), PublicKeyMaterial: []byte(*k.PublicKey)}))
		if *imported.KeyFingerprint == "" || kind == types.KeyTypeEd25519 && *imported.KeyFingerprint != *made.KeyFingerprint {
			t.Errorf("%s: fingerprint %s", kind, *imported.KeyFingerprint)
		}
		for range 2 { // deleting what is gone is no error
			must[*sdk.DeleteKeyPairOutput](t)(b.api.DeleteKeyPair(ctx, &sdk.DeleteKeyPairInput{KeyName: aws.String("packer")}))
		}
		_, err = b.api.DescribeKeyPairs(ctx, &sdk.DescribeKeyPairsInput{KeyNames: []string{"packer"}})
		wantCode(t, err, "InvalidKeyPair.NotFound")
	}
	b := newBench(t)
	_, err := b.api.ImportKeyPair(ctx, &sdk.ImportKeyPairInput{KeyName: aws.String("x"), PublicKeyMaterial: []byte("ssh-nonsense AAAA")})
	wantCode(t, err, "InvalidKey.Format")
}

func TestATemporarySecurityGroupLivesAsPackerNeedsIt(t *testing.T) {
	b := newBench(t)
	g := must[*sdk.CreateSecurityGroupOutput](t)(b.wall.CreateSecurityGroup(ctx, &sdk.CreateSecurityGroupInput{
		GroupName: aws.String("packer_1"), Description: aws.String("Temporary group for Packer"), VpcId: aws.String("")}))
	if err := sdk.NewSecurityGroupExistsWaiter(b.wall).Wait(ctx, &sdk.DescribeSecurityGroupsInput{GroupIds: []string{*g.GroupId}}, time.Minute); err != nil {
		t.Fatal(err)
	}
	rule := &sdk.AuthorizeSecurityGroupIngressInput{GroupId: g.GroupId, IpPermissions: []types.IpPermission{{
		FromPort: aws.Int32(22), ToPort: aws.Int32(22), IpProtocol: aws.String("tcp"), IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}}}}
	must[*sdk.AuthorizeSecurityGroupIngressOutput](t)(b.wall.AuthorizeSecurityGroupIngress(ctx, rule))
	_, err := b.wall.AuthorizeSecurityGroupIngress(ctx, rule)
	wantCode(t, err, "InvalidPermission.Duplicate")
	rule.IpPermissions[0].IpRanges[0].CidrIp = aws.String("everywhere")
	_, err = b.wall.AuthorizeSecurityGroupIngress(ctx, rule)
	wantCode(t, err, "InvalidParameterValue")

	id := b.run(func(in *sdk.RunInstancesInput) { in.SecurityGroupIds = []string{*g.GroupId} })
	remove := &sdk.DeleteSecurityGroupInput{GroupId: g.GroupId}
	_, err = b.wall.DeleteSecurityGroup(ctx, remove)
	wantCode(t, err, "DependencyViolation")
	must[*sdk.TerminateInstancesOutput](t)(b.wall.TerminateInstances(ctx, &sdk.TerminateInstancesInput{InstanceIds: []string{id}}))
	b.pass(time.Minute)
	must[*sdk.DeleteSecurityGroupOutput](t)(b.wall.DeleteSecurityGroup(ctx, remove))
	_, err = b.wall.DeleteSecurityGroup(ctx, remove)
	wantCode(t, err, "InvalidGroup.NotFound")
}

func TestADefaultNetworkIsThere(t *testing.T) {
	b := newBench(t)
	vpc := must[*sdk.DescribeVpcsOutput](t)(b.api.DescribeVpcs(ctx, &sdk.DescribeVpcsInput{
		Filters: []types.Filter{{Name: aws.String("is-default"), Values: []string{"true"}}}})).Vpcs[0]
	subnets := must[*sdk.DescribeSubnetsOutput](t)(b.api.DescribeSubnets(ctx, &sdk.DescribeSubnetsInput{
		Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{*vpc.VpcId}}}})).Subnets
	zones := must[*sdk.DescribeAvailabilityZonesOutput](t)(b.api.DescribeAvailabilityZones(ctx, &sdk.DescribeAvailabilityZonesInput{})).AvailabilityZones
	if len(subnets) != 3 || len(zones) != 3 || *subnets[2].AvailabilityZone != *zones[2].ZoneName {
		t.Errorf("%d subnets in %d zones", len(subnets), len(zones))
	}
	groups := must[*sdk.DescribeSecurityGroupsOutput](t)(b.api.DescribeSecurityGroups(ctx, &sdk.DescribeSecurityGroupsInput{})).SecurityGroups
	if len(groups) != 1 || *groups[0].GroupName != "default" {
		t.Errorf("security groups: %+v", groups)
	}
	_, err := b.api.DeleteSecurityGroup(ctx, &sdk.DeleteSecurityGroupInput{GroupId: groups[0].GroupId})
	wantCode(t, err, "CannotDelete")
	theirs := must[*sdk.DescribeVpcsOutput](t)(b.foreign.DescribeVpcs(ctx, &sdk.DescribeVpcsInput{})).Vpcs[0]
	if *theirs.VpcId == *vpc.VpcId {
		t.Error("two accounts share a default VPC")
	}
	in := runInput(func(in *sdk.RunInstancesInput) { in.SubnetId = subnets[1].SubnetId })
	i := must[*sdk.RunInstancesOutput](t)(b.api.RunInstances(ctx, in)).Instances[0]
	if *i.Placement.AvailabilityZone != *subnets[1].AvailabilityZone || *i.SecurityGroups[0].GroupName != "default" {
		t.Errorf("instance in %s with groups %v", *i.Placement.AvailabilityZone, i.SecurityGroups)
	}
}

func TestWhatCanBeLaunched(t *testing.T) {
	b := newBench(t)
	regions := must[*sdk.DescribeRegionsOutput](t)(b.api.DescribeRegions(ctx, nil)).Regions
	if len(regions) != 17 {
		t.Errorf("%d regions", len(regions))
	}
	offers := must[*sdk.DescribeInstanceTypeOfferingsOutput](t)(b.api.DescribeInstanceTypeOfferings(ctx, &sdk.DescribeInstanceTypeOfferingsInput{
		LocationType: types.LocationTypeAvailabilityZone, Filters: []types.Filter{
			{Name: aws.String("location"), Values: []string{"eu-west-1a"}}, {Name: aws.String("instance-type"), Values: []string{"t3.micro"}}}})).InstanceTypeOfferings
	if len(offers) != 1 || offers[0].InstanceType != types.InstanceTypeT3Micro {
		t.Errorf("offers: %+v", offers)
	}
	kinds := must[*sdk.DescribeInstanceTypesOutput](t)(b.api.DescribeInstanceTypes(ctx, &sdk.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{"m7g.xlarge"}})).InstanceTypes
	if *kinds[0].VCpuInfo.DefaultVCpus != 4 || *kinds[0].MemoryInfo.SizeInMiB != 16384 || kinds[0].ProcessorInfo.SupportedArchitectures[0] != "arm64" {
		t.Errorf("m7g.xlarge: %+v", kinds[0])
	}
	_, err := b.api.DescribeInstanceTypes(ctx, &sdk.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{"p5.48xlarge"}})
	wantCode(t, err, "InvalidInstanceType")
}

func TestTags(t *testing.T) {
	b := newBench(t)
	id := b.run(func(in *sdk.RunInstancesInput) {
		in.TagSpecifications = append(tagged("instance", "Name", "a"), tagged("volume", "Name", "v")...)
	})
	vol := *b.instance(id).BlockDeviceMappings[0].Ebs.VolumeId
	_, err := b.api.CreateTags(ctx, &sdk.CreateTagsInput{Resources: []string{vol, "i-0123456789abcdef0"}, Tags: tagged("", "x", "y")[0].Tags})
	wantCode(t, err, "InvalidInstanceID.NotFound")
	must[*sdk.CreateTagsOutput](t)(b.api.CreateTags(ctx, &sdk.CreateTagsInput{Resources: []string{id}, Tags: tagged("", "Patch Group", "db")[0].Tags}))
	list := func() string {
		out := must[*sdk.DescribeTagsOutput](t)(b.api.DescribeTags(ctx, &sdk.DescribeTagsInput{Filters: []types.Filter{{Name: aws.String("resource-id"), Values: []string{id, vol}}}}))
		var all []string
		for _, t := range out.Tags {
			all = append(all, string(t.ResourceType)+":"+*t.Key+"="+*t.Value)
		}
		return strings.Join(all, " ")
	}
	if got := list(); got != "instance:Name=a instance:Patch Group=db volume:Name=v" {
		t.Errorf("tags: %s", got)
	}
	must[*sdk.DeleteTagsOutput](t)(b.api.DeleteTags(ctx, &sdk.DeleteTagsInput{Resources: []string{id}, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("other")}, {Key: aws.String("Patch Group")}}}))
	if got := list(); got != "instance:Name=a volume:Name=v" {
		t.Errorf("tags after deletion: %s", got)
	}
	_, err = b.api.CreateTags(ctx, &sdk.CreateTagsInput{Resources: []string{id}, Tags: tagged("", "aws:x", "y")[0].Tags})
	wantCode(t, err, "InvalidParameterValue")
}
