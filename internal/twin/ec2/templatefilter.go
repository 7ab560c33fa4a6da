package ec2

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// newestFirst puts versions into the order that AWS lists them in: of each template, the
// highest number first.
func newestFirst(v types.LaunchTemplateVersion) string {
	return fmt.Sprintf("%s/%020d", *v.LaunchTemplateId, 1<<62-*v.VersionNumber)
}

// versionFields are the filters of DescribeLaunchTemplateVersions ("Filters", API
// Reference). A version has what it says itself, not what a launch would add to it.
func versionFields(v types.LaunchTemplateVersion) fields {
	d := v.LaunchTemplateData
	if d == nil {
		d = &types.ResponseLaunchTemplateData{}
	}
	f := fields{
		"create-time": {stamp(aws.ToTime(v.CreateTime))}, "is-default-version": {text(aws.ToBool(v.DefaultVersion))},
		"ebs-optimized": {text(aws.ToBool(d.EbsOptimized))}, "image-id": one(aws.ToString(d.ImageId)), "instance-type": one(string(d.InstanceType)),
		"kernel-id": one(aws.ToString(d.KernelId)), "ram-disk-id": one(aws.ToString(d.RamDiskId)), "iam-instance-profile": nil,
		"http-endpoint": nil, "http-protocol-ipv4": nil, "http-tokens": nil, "host-resource-group-arn": nil,
		"license-configuration-arn": nil, "network-card-index": nil,
	}
	if p := d.IamInstanceProfile; p != nil { // by name or by ARN, as the version has it
		f["iam-instance-profile"] = one(aws.ToString(p.Arn) + aws.ToString(p.Name))
	}
	if m := d.MetadataOptions; m != nil {
		f["http-endpoint"], f["http-tokens"] = one(string(m.HttpEndpoint)), one(string(m.HttpTokens))
		// The reference names the IPv4 endpoint, but the API can only set IPv6's apart.
		f["http-protocol-ipv4"] = f["http-endpoint"]
	}
	if p := d.Placement; p != nil {
		f["host-resource-group-arn"] = one(aws.ToString(p.HostResourceGroupArn))
	}
	for _, l := range d.LicenseSpecifications {
		f["license-configuration-arn"] = append(f["license-configuration-arn"], aws.ToString(l.LicenseConfigurationArn))
	}
	for _, n := range d.NetworkInterfaces {
		f["network-card-index"] = append(f["network-card-index"], itoa(aws.ToInt32(n.NetworkCardIndex)))
	}
	return f
}
