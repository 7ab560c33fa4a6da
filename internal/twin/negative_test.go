package twin_test

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/twin/wire/models"
)

// negatives are requests about things that do not exist or cannot be, and AWS's code
// for each ("Error codes for the Amazon EC2 API"; the operations' own pages and "Common
// errors" elsewhere). In JSON services the body is JSON, in REST it is method and path.
var negatives = []struct{ service, operation, body, code string }{
	{"ec2", "CreateSecurityGroup", "GroupName=a&GroupDescription=a&VpcId=vpc-00000000", "InvalidVpcID.NotFound"},
	{"ec2", "DeleteKeyPair", "", "MissingParameter"},
	{"ec2", "DeleteLaunchTemplate", "LaunchTemplateName=nope", "InvalidLaunchTemplateName.NotFoundException"},
	{"ec2", "DeleteLaunchTemplateVersions", "LaunchTemplateName=nope&LaunchTemplateVersion.1=1", "InvalidLaunchTemplateName.NotFoundException"},
	{"ec2", "DeleteTags", "ResourceId.1=nonsense", "InvalidID"},
	{"ec2", "DeleteVolume", "VolumeId=vol-00000000", "InvalidVolume.NotFound"},
	{"ec2", "DescribeAvailabilityZones", "ZoneName.1=nowhere-1a", "InvalidParameterValue"},
	{"ec2", "DescribeImageAttribute", "ImageId=ami-00000000&Attribute=description", "InvalidAMIID.NotFound"},
	{"ec2", "DescribeInstanceAttribute", "InstanceId=i-00000000&Attribute=userData", "InvalidInstanceID.NotFound"},
	{"ec2", "DescribeInstanceStatus", "InstanceId.1=i-00000000", "InvalidInstanceID.NotFound"},
	{"ec2", "DescribeInstanceTypeOfferings", "Filter.1.Name=colour&Filter.1.Value.1=red", "InvalidParameterValue"},
	{"ec2", "DescribeRegions", "RegionName.1=nowhere-1", "InvalidParameterValue"},
	{"ec2", "DescribeSecurityGroups", "GroupId.1=sg-00000000", "InvalidGroup.NotFound"},
	{"ec2", "DescribeSubnets", "SubnetId.1=subnet-00000000", "InvalidSubnetID.NotFound"},
	{"ec2", "DescribeTags", "Filter.1.Name=colour&Filter.1.Value.1=red", "InvalidParameterValue"},
	{"ec2", "DescribeTags", "Filter.1.Name=key&Filter.1.Value.1=none&Filter.2.Name=colour&Filter.2.Value.1=red", "InvalidParameterValue"},
	{"ec2", "DescribeInstances", "Filter.1.Name=colour&Filter.1.Value.1=red", "InvalidParameterValue"},
	{"ec2", "DescribeVpcs", "VpcId.1=vpc-00000000", "InvalidVpcID.NotFound"},
	{"ec2", "ModifyInstanceAttribute", "InstanceId=i-00000000&DisableApiTermination.Value=true", "InvalidInstanceID.NotFound"},
	{"ec2", "RegisterImage", "Name=abc&RootDeviceName=/dev/xvda&VirtualizationType=hvm&BlockDeviceMapping.1.DeviceName=/dev/xvda&BlockDeviceMapping.1.Ebs.SnapshotId=snap-00000000", "InvalidSnapshot.NotFound"},
	{"ec2", "StopInstances", "InstanceId.1=i-00000000", "InvalidInstanceID.NotFound"},
	{"autoscaling", "CreateLaunchConfiguration", "LaunchConfigurationName=a&ImageId=ami-00000000", "ValidationError"},
	{"autoscaling", "CreateOrUpdateTags", "Tags.member.1.Key=a&Tags.member.1.ResourceId=nope&Tags.member.1.ResourceType=auto-scaling-group", "ValidationError"},
	{"autoscaling", "DeleteLifecycleHook", "AutoScalingGroupName=nope&LifecycleHookName=a", "ValidationError"},
	{"autoscaling", "DeleteTags", "Tags.member.1.Key=a&Tags.member.1.ResourceId=nope&Tags.member.1.ResourceType=auto-scaling-group", "ValidationError"},
	{"autoscaling", "DescribeAutoScalingGroups", "NextToken=nonsense", "InvalidNextToken"},
	{"autoscaling", "DescribeAutoScalingInstances", "NextToken=nonsense", "InvalidNextToken"},
	{"autoscaling", "DescribeInstanceRefreshes", "AutoScalingGroupName=nope", "ValidationError"},
	{"autoscaling", "DescribeLaunchConfigurations", "NextToken=nonsense", "InvalidNextToken"},
	{"autoscaling", "DescribeLifecycleHooks", "AutoScalingGroupName=nope", "ValidationError"},
	{"autoscaling", "DescribePolicies", "NextToken=nonsense", "InvalidNextToken"},
	{"autoscaling", "DescribeScalingActivities", "AutoScalingGroupName=nope", "ValidationError"},
	{"autoscaling", "DescribeScheduledActions", "NextToken=nonsense", "InvalidNextToken"},
	{"autoscaling", "DescribeTags", "NextToken=nonsense", "InvalidNextToken"},
	{"autoscaling", "DescribeWarmPool", "AutoScalingGroupName=nope", "ValidationError"},
	{"autoscaling", "EnterStandby", "AutoScalingGroupName=nope&ShouldDecrementDesiredCapacity=true", "ValidationError"},
	{"autoscaling", "ExitStandby", "AutoScalingGroupName=nope", "ValidationError"},
	{"autoscaling", "PutLifecycleHook", "AutoScalingGroupName=nope&LifecycleHookName=a", "ValidationError"},
	{"autoscaling", "PutScalingPolicy", "AutoScalingGroupName=nope&PolicyName=a", "ValidationError"},
	{"autoscaling", "PutScheduledUpdateGroupAction", "AutoScalingGroupName=nope&ScheduledActionName=a", "ValidationError"},
	{"autoscaling", "PutWarmPool", "AutoScalingGroupName=nope", "ValidationError"},
	{"autoscaling", "RecordLifecycleActionHeartbeat", "AutoScalingGroupName=nope&LifecycleHookName=a", "ValidationError"},
	{"autoscaling", "ResumeProcesses", "AutoScalingGroupName=nope", "ValidationError"},
	{"autoscaling", "SetDesiredCapacity", "AutoScalingGroupName=nope&DesiredCapacity=1", "ValidationError"},
	{"autoscaling", "SetInstanceHealth", "InstanceId=i-00000000&HealthStatus=Unhealthy", "ValidationError"},
	{"autoscaling", "SetInstanceProtection", "AutoScalingGroupName=nope&InstanceIds.member.1=i-00000000&ProtectedFromScaleIn=true", "ValidationError"},
	{"autoscaling", "SuspendProcesses", "AutoScalingGroupName=nope", "ValidationError"},
	{"autoscaling", "TerminateInstanceInAutoScalingGroup", "InstanceId=i-00000000&ShouldDecrementDesiredCapacity=true", "ValidationError"},
	{"autoscaling", "UpdateAutoScalingGroup", "AutoScalingGroupName=nope", "ValidationError"},
	{"ssm", "AddTagsToResource", `{"ResourceType":"Parameter","ResourceId":"/nope","Tags":[{"Key":"a","Value":"b"}]}`, "InvalidResourceId"},
	{"ssm", "DeleteParameters", `{"Names":[]}`, "ValidationException"},
	{"ssm", "DescribeInstancePatchStates", `{"InstanceIds":["nonsense"]}`, "ValidationException"},
	{"ssm", "DescribePatchGroupState", `{"PatchGroup":""}`, "ValidationException"},
	{"ssm", "DescribePatchGroups", `{"NextToken":"nonsense"}`, "InvalidNextToken"},
	{"ssm", "DescribePatchGroups", `{"Filters":[{"Key":"COLOUR","Values":["red"]}]}`, "ValidationException"},
	{"ssm", "GetDefaultPatchBaseline", `{"OperatingSystem":"PLAN9"}`, "ValidationException"},
	{"ssm", "GetParameterHistory", `{"Name":"/nope"}`, "ParameterNotFound"},
	{"ssm", "GetParameters", `{"Names":["a","b","c","d","e","f","g","h","i","j","k"]}`, "ValidationException"},
	{"ssm", "GetPatchBaselineForPatchGroup", `{"PatchGroup":"a","OperatingSystem":"PLAN9"}`, "ValidationException"},
	{"ssm", "ListCommandInvocations", `{"NextToken":"nonsense"}`, "InvalidNextToken"},
	{"ssm", "ListCommands", `{"NextToken":"nonsense"}`, "InvalidNextToken"},
	{"ssm", "ListComplianceItems", `{"NextToken":"nonsense"}`, "InvalidNextToken"},
	{"ssm", "ListDocuments", `{"NextToken":"nonsense"}`, "InvalidNextToken"},
	{"ssm", "ListResourceComplianceSummaries", `{"NextToken":"nonsense"}`, "InvalidNextToken"},
	{"ssm", "RemoveTagsFromResource", `{"ResourceType":"Parameter","ResourceId":"/nope","TagKeys":["a"]}`, "InvalidResourceId"},
	{"ssm", "UnlabelParameterVersion", `{"Name":"/nope","ParameterVersion":1,"Labels":["a"]}`, "ParameterNotFound"},
	{"ssm", "UpdateDocumentDefaultVersion", `{"Name":"nope","DocumentVersion":"1"}`, "InvalidDocument"},
	{"kms", "GetKeyPolicy", `{"KeyId":"nope"}`, "NotFoundException"},
	{"kms", "GetPublicKey", `{"KeyId":"alias/nope"}`, "NotFoundException"},
	{"kms", "ListAliases", `{"KeyId":"alias/nope"}`, "NotFoundException"},
	{"kms", "ListGrants", `{"KeyId":"alias/nope"}`, "NotFoundException"},
	{"s3", "DeleteObject", "DELETE /nope/a", "NoSuchBucket"},
	{"s3", "GetBucketVersioning", "GET /nope?versioning", "NoSuchBucket"},
	{"s3", "PutBucketVersioning", "PUT /nope?versioning", "NoSuchBucket"},
	{"s3", "DeleteObjects", "POST /nope?delete <Delete/>", "MalformedXML"},
	{"s3", "DeleteObjects", "POST /nope?delete <Delete></Delete>", "MalformedXML"},
	{"s3", "DeleteObjects", "POST /nope?delete ", "InvalidRequest"},
	{"s3", "DeleteObjects", "POST /nope?delete <Delete><Object><Key>a</Key></Object></Delete>", "NoSuchBucket"},
	{"sns", "DeleteTopic", "TopicArn=nonsense", "InvalidParameter"},
	{"sns", "DeleteTopic", "TopicArn=arn:aws:sns:us-east-1:111122223333:elsewhere", "InvalidParameter"},
	{"sns", "DeleteTopic", "TopicArn=arn:aws:sns:" + region + ":999988887777:foreign", "AuthorizationError"},
	{"sns", "ListTopics", "NextToken=nonsense", "InvalidParameter"},
	{"monitoring", "GetMetricData", "StartTime=2026-03-01T00:00:00Z&EndTime=2026-03-01T00:00:00Z&MetricDataQueries.member.1.Id=q&MetricDataQueries.member.1.Expression=1", "ValidationError"},
	{"servicequotas", "GetServiceQuota", `{"ServiceCode":"ec2","QuotaCode":"L-00000000"}`, "NoSuchResourceException"},
	{"servicequotas", "GetAWSDefaultServiceQuota", `{"ServiceCode":"ec2","QuotaCode":"L-00000000"}`, "NoSuchResourceException"},
	{"servicequotas", "ListServiceQuotas", `{"ServiceCode":"ec2","NextToken":"nonsense"}`, "InvalidPaginationTokenException"},
	{"servicequotas", "ListAWSDefaultServiceQuotas", `{"ServiceCode":"nope"}`, "NoSuchResourceException"},
}

var (
	errorCode    = regexp.MustCompile(`<Code>([^<]+)</Code>|"__type":"([^"]+)"`)
	targetPrefix = regexp.MustCompile(`"targetPrefix":\s*"([^"]+)"`)
)

func TestWhatDoesNotExistIsRefusedWithAWSsCode(t *testing.T) {
	t.Parallel()
	w := open(t, full(t.TempDir()))
	for _, n := range negatives {
		method, path, body := http.MethodPost, "/", n.body
		h := http.Header{"Authorization": {"AWS4-HMAC-SHA256 Credential=AKIA/20260301/" + region + "/" + n.service + "/aws4_request, SignedHeaders=host, Signature=00"}}
		switch {
		case n.service == "s3":
			method, path, _ = strings.Cut(n.body, " ")
			path, body, _ = strings.Cut(path, " ")
			if method == http.MethodPut {
				body = `<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>`
			}
		case strings.HasPrefix(n.body, "{"):
			text, err := models.Read(n.service)
			if err != nil {
				t.Fatal(err)
			}
			h.Set("X-Amz-Target", string(targetPrefix.FindSubmatch(text)[1])+"."+n.operation)
			h.Set("Content-Type", "application/x-amz-json-1.1")
		default:
			body = "Action=" + n.operation + "&" + n.body
			h.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		if err := refused(w.Client("test"), method, path, body, n.code, h); err != nil {
			t.Errorf("%s %s %s: %v", n.service, n.operation, n.body, err)
		}
	}
}

// refused makes a request and wants an error of that code.
func refused(c *http.Client, method, path, body, code string, h http.Header) error {
	req, err := http.NewRequest(method, "http://127.0.0.1"+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header = h
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	m := errorCode.FindSubmatch(text)
	if resp.StatusCode < 400 || resp.StatusCode >= 500 || m == nil || string(m[1])+string(m[2]) != code {
		return fmt.Errorf("%s, want %s: %s", resp.Status, code, text)
	}
	return nil
}
