package twinsdk

import (
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ebs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

// paginators are the constructors of all of them; TestTheTablesAreWhole holds the list
// against the SDK.
func paginators() []any {
	return []any{
		ec2.NewDescribeImageReferencesPaginator,
		ec2.NewDescribeImagesPaginator,
		ec2.NewDescribeInstanceStatusPaginator,
		ec2.NewDescribeInstanceTypeOfferingsPaginator,
		ec2.NewDescribeInstanceTypesPaginator,
		ec2.NewDescribeInstancesPaginator,
		ec2.NewDescribeLaunchTemplateVersionsPaginator,
		ec2.NewDescribeLaunchTemplatesPaginator,
		ec2.NewDescribeReplaceRootVolumeTasksPaginator,
		ec2.NewDescribeRouteTablesPaginator,
		ec2.NewDescribeSecurityGroupsPaginator,
		ec2.NewDescribeSnapshotsPaginator,
		ec2.NewDescribeSubnetsPaginator,
		ec2.NewDescribeTagsPaginator,
		ec2.NewDescribeVolumesPaginator,
		ec2.NewDescribeVpcsPaginator,
		ebs.NewListChangedBlocksPaginator,
		ebs.NewListSnapshotBlocksPaginator,
		autoscaling.NewDescribeAutoScalingGroupsPaginator,
		autoscaling.NewDescribeAutoScalingInstancesPaginator,
		autoscaling.NewDescribeInstanceRefreshesPaginator,
		autoscaling.NewDescribeLaunchConfigurationsPaginator,
		autoscaling.NewDescribePoliciesPaginator,
		autoscaling.NewDescribeScalingActivitiesPaginator,
		autoscaling.NewDescribeScheduledActionsPaginator,
		autoscaling.NewDescribeTagsPaginator,
		autoscaling.NewDescribeWarmPoolPaginator,
		elasticloadbalancingv2.NewDescribeTargetGroupsPaginator,
		ssm.NewDescribeInstanceInformationPaginator,
		ssm.NewDescribeInstancePatchStatesPaginator,
		ssm.NewDescribeInstancePatchStatesForPatchGroupPaginator,
		ssm.NewDescribeInstancePatchesPaginator,
		ssm.NewDescribeParametersPaginator,
		ssm.NewDescribePatchBaselinesPaginator,
		ssm.NewDescribePatchGroupsPaginator,
		ssm.NewGetInventoryPaginator,
		ssm.NewGetParameterHistoryPaginator,
		ssm.NewGetParametersByPathPaginator,
		ssm.NewListCommandInvocationsPaginator,
		ssm.NewListCommandsPaginator,
		ssm.NewListComplianceItemsPaginator,
		ssm.NewListComplianceSummariesPaginator,
		ssm.NewListDocumentVersionsPaginator,
		ssm.NewListDocumentsPaginator,
		ssm.NewListResourceComplianceSummariesPaginator,
		cloudwatch.NewDescribeAlarmHistoryPaginator,
		cloudwatch.NewDescribeAlarmsPaginator,
		cloudwatch.NewGetMetricDataPaginator,
		kms.NewListAliasesPaginator,
		kms.NewListGrantsPaginator,
		kms.NewListKeysPaginator,
		s3.NewListBucketsPaginator,
		s3.NewListMultipartUploadsPaginator,
		s3.NewListObjectVersionsPaginator,
		s3.NewListObjectsV2Paginator,
		s3.NewListPartsPaginator,
		sns.NewListTopicsPaginator,
	}
}
