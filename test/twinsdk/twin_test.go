package twinsdk

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ebs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/twin"
	twinasg "github.com/goldenami/rehydrate/internal/twin/autoscaling"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	twincw "github.com/goldenami/rehydrate/internal/twin/cloudwatch"
	twinebs "github.com/goldenami/rehydrate/internal/twin/ebs"
	twinec2 "github.com/goldenami/rehydrate/internal/twin/ec2"
	twinelb "github.com/goldenami/rehydrate/internal/twin/elbv2"
	twinkms "github.com/goldenami/rehydrate/internal/twin/kms"
	"github.com/goldenami/rehydrate/internal/twin/modelled"
	twins3 "github.com/goldenami/rehydrate/internal/twin/s3"
	twinsns "github.com/goldenami/rehydrate/internal/twin/sns"
	twinssm "github.com/goldenami/rehydrate/internal/twin/ssm"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

const (
	region = "eu-west-1"
	ami    = "ami-0000000000000000a"
	many   = 7 // of everything: more than the least page of EC2, which is 5
)

var (
	ctx   = context.Background()
	start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// rig is a twin with every service, and AWS's clients of it.
type rig struct {
	t    *testing.T
	w    *twin.Twin
	ec2  *twinec2.Service
	wire []*wire.Service

	compute *ec2.Client
	groups  *autoscaling.Client
	systems *ssm.Client
	objects *s3.Client
	targets *elasticloadbalancingv2.Client
	alarms  *cloudwatch.Client
	keys    *kms.Client
	topics  *sns.Client
	blocks  *ebs.Client
}

func newRig(t *testing.T, mode world.Mode) *rig {
	t.Helper()
	r := &rig{t: t}
	dir := t.TempDir()
	w, err := twin.New(twin.Options{Seed: 1, Start: start, Mode: mode, Dir: dir, Build: r.build})
	if err != nil {
		t.Fatal(err)
	}
	r.w = w
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	c := w.Config(region, "sdk")
	c.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	r.compute, r.groups, r.systems = ec2.NewFromConfig(c), autoscaling.NewFromConfig(c), ssm.NewFromConfig(c)
	r.objects = s3.NewFromConfig(c, func(o *s3.Options) { o.UsePathStyle = true })
	r.targets, r.alarms, r.keys = elasticloadbalancingv2.NewFromConfig(c), cloudwatch.NewFromConfig(c), kms.NewFromConfig(c)
	r.topics, r.blocks = sns.NewFromConfig(c), ebs.NewFromConfig(c)
	r.image(ami, "base")
	return r
}

// build makes every service over a world.
func (r *rig) build(w *world.World, dir string) (twin.Services, error) {
	machines := &backing.Router{Modelled: modelled.New(modelled.Options{Repository: func(name string) (baseline.Available, error) {
		return baseline.Available{Repositories: []baseline.Repository{{ID: name}}}, nil
	}})}
	r.ec2 = twinec2.New(w, machines, filepath.Join(dir, "machines"))
	objects := twins3.New(filepath.Join(dir, "s3"))
	groups := twinasg.New(w, r.ec2)
	systems := twinssm.New(w, twinssm.Ports{EC2: r.ec2, Machines: machines, Objects: objects})
	watch := twincw.New(groups.SetAlarm)
	groups.Watch(watch)
	watch.Meter(r.ec2.VCPUs)
	r.ec2.ResolveParameter, r.ec2.ImageParameters = systems.Resolve, systems.ImageParameters
	r.wire = []*wire.Service{r.ec2.Wire(), systems.Wire(), groups.Wire(), objects.Wire(),
		twinelb.New(w, r.ec2).Wire(), watch.Wire(), twinkms.New().Wire(), twinsns.New(), twinebs.New(r.ec2).Wire()}
	return twin.Services{Wire: r.wire, Close: machines.Close}, nil
}

func (r *rig) image(id, name string) string {
	r.t.Helper()
	err := r.w.World().Do(wire.DefaultAccount, region, func(tx *world.Tx) error {
		i, err := r.ec2.AddImage(tx, twinec2.Image{ID: id, Name: name, Public: true, User: "admin"},
			backing.Image{Modelled: &backing.ModelledImage{OS: "DEBIAN", Product: "Debian12", Arch: "amd64"}})
		id = i.ID
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

// clients are all clients, for constructors that want one of them.
func (r *rig) clients() []any {
	return []any{r.compute, r.groups, r.systems, r.objects, r.targets, r.alarms, r.keys, r.topics, r.blocks}
}

// ok is the value of a call that must go well.
func ok[T any](r *rig) func(T, error) T {
	return func(v T, err error) T {
		r.t.Helper()
		if err != nil {
			r.t.Fatal(err)
		}
		return v
	}
}

func (r *rig) launch(n int, tags ...ec2types.Tag) (ids []string) {
	r.t.Helper()
	tags = append(tags, ec2types.Tag{Key: aws.String("Name"), Value: aws.String("web")}, ec2types.Tag{Key: aws.String("Patch Group"), Value: aws.String("prod")})
	out := ok[*ec2.RunInstancesOutput](r)(r.compute.RunInstances(ctx, &ec2.RunInstancesInput{ImageId: aws.String(ami), InstanceType: "t3.micro", MinCount: aws.Int32(int32(n)), MaxCount: aws.Int32(int32(n)),
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeInstance, Tags: tags}}}))
	for _, i := range out.Instances {
		ids = append(ids, *i.InstanceId)
	}
	return ids
}

// group makes a group of instances of a template of its own.
func (r *rig) group(name string, size int32) {
	r.t.Helper()
	ok[*ec2.CreateLaunchTemplateOutput](r)(r.compute.CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{LaunchTemplateName: &name,
		LaunchTemplateData: &ec2types.RequestLaunchTemplateData{ImageId: aws.String(ami), InstanceType: "t3.micro"}}))
	ok[*autoscaling.CreateAutoScalingGroupOutput](r)(r.groups.CreateAutoScalingGroup(ctx, &autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: &name, MinSize: &size, MaxSize: &size,
		AvailabilityZones: []string{region + "a"}, LaunchTemplate: &asgtypes.LaunchTemplateSpecification{LaunchTemplateName: &name},
		Tags: []asgtypes.Tag{{Key: aws.String("ring"), Value: aws.String("prod"), PropagateAtLaunch: aws.Bool(true)}}}))
}

func (r *rig) alarm(name string) {
	r.t.Helper()
	ok[*cloudwatch.PutMetricAlarmOutput](r)(r.alarms.PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{AlarmName: &name, MetricName: aws.String("5xx"), Namespace: aws.String("web"),
		Statistic: cwtypes.StatisticSum, Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanThreshold}))
}

// stock makes many of everything that there are paginators for; given are what these
// need to be told.
func (r *rig) stock() (given map[string]any) {
	t := r.t
	t.Helper()
	var ids []string
	for range many { // one reservation each: a page may end within one
		ids = append(ids, r.launch(1)...)
	}
	r.w.World().Clock().Step(time.Minute)
	topics := 0
	var key string
	for k := range many {
		name := fmt.Sprintf("web-%d", k)
		r.image("", "image-"+name)
		r.group(name, 1)
		ok[*ec2.CreateLaunchTemplateVersionOutput](r)(r.compute.CreateLaunchTemplateVersion(ctx, &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateName: aws.String("web-0"),
			SourceVersion: aws.String("1"), LaunchTemplateData: &ec2types.RequestLaunchTemplateData{InstanceType: "t3.small"}}))
		ok[*ec2.CreateSecurityGroupOutput](r)(r.compute.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{GroupName: &name, Description: &name}))
		ok[*ec2.CreateReplaceRootVolumeTaskOutput](r)(r.compute.CreateReplaceRootVolumeTask(ctx, &ec2.CreateReplaceRootVolumeTaskInput{InstanceId: &ids[k]}))
		for _, p := range []string{"/p/" + name, "/p/history"} {
			ok[*ssm.PutParameterOutput](r)(r.systems.PutParameter(ctx, &ssm.PutParameterInput{Name: &p, Value: &name, Type: ssmtypes.ParameterTypeString, Overwrite: aws.Bool(true)}))
		}
		ok[*ssm.CreateDocumentOutput](r)(r.systems.CreateDocument(ctx, &ssm.CreateDocumentInput{Name: aws.String("doc-" + name), DocumentType: ssmtypes.DocumentTypeCommand,
			Content: aws.String(`{"schemaVersion":"2.2","mainSteps":[{"action":"aws:runShellScript","name":"a","inputs":{"runCommand":["true"]}}]}`)}))
		b := ok[*ssm.CreatePatchBaselineOutput](r)(r.systems.CreatePatchBaseline(ctx, &ssm.CreatePatchBaselineInput{Name: aws.String("base-" + name), OperatingSystem: ssmtypes.OperatingSystemDebian}))
		ok[*ssm.RegisterPatchBaselineForPatchGroupOutput](r)(r.systems.RegisterPatchBaselineForPatchGroup(ctx, &ssm.RegisterPatchBaselineForPatchGroupInput{BaselineId: b.BaselineId, PatchGroup: &name}))
		ok[*ssm.PutComplianceItemsOutput](r)(r.systems.PutComplianceItems(ctx, &ssm.PutComplianceItemsInput{ResourceId: &ids[k], ResourceType: aws.String("ManagedInstance"),
			ComplianceType: aws.String(fmt.Sprint("Custom:T", k)), ExecutionSummary: &ssmtypes.ComplianceExecutionSummary{ExecutionTime: aws.Time(start)},
			Items: []ssmtypes.ComplianceItemEntry{{Id: &name, Severity: ssmtypes.ComplianceSeverityHigh, Status: ssmtypes.ComplianceStatusNonCompliant}}}))
		r.alarm(name)
		ok[*cloudwatch.SetAlarmStateOutput](r)(r.alarms.SetAlarmState(ctx, &cloudwatch.SetAlarmStateInput{AlarmName: &name, StateValue: cwtypes.StateValueOk, StateReason: &name}))
		ok[*elasticloadbalancingv2.CreateTargetGroupOutput](r)(r.targets.CreateTargetGroup(ctx, &elasticloadbalancingv2.CreateTargetGroupInput{Name: &name, Protocol: "HTTP", Port: aws.Int32(80), VpcId: r.vpc()}))
		made := ok[*kms.CreateKeyOutput](r)(r.keys.CreateKey(ctx, nil)).KeyMetadata
		if key == "" {
			key = *made.KeyId
		}
		ok[*kms.CreateAliasOutput](r)(r.keys.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: aws.String("alias/" + name), TargetKeyId: made.KeyId}))
		ok[*kms.CreateGrantOutput](r)(r.keys.CreateGrant(ctx, &kms.CreateGrantInput{KeyId: &key, GranteePrincipal: aws.String("arn:aws:iam::444455556666:role/" + name),
			Operations: []kmstypes.GrantOperation{kmstypes.GrantOperationDecrypt}}))
		ok[*s3.CreateBucketOutput](r)(r.objects.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("bucket-" + name),
			CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region}}))
		ok[*s3.PutObjectOutput](r)(r.objects.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bucket-web-0"), Key: &name}))
		for range 20 { // a page of topics is always 100
			ok[*sns.CreateTopicOutput](r)(r.topics.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String(fmt.Sprint("t", topics))}))
			topics++
		}
		ok[*autoscaling.PutScalingPolicyOutput](r)(r.groups.PutScalingPolicy(ctx, &autoscaling.PutScalingPolicyInput{AutoScalingGroupName: aws.String("web-0"), PolicyName: &name,
			PolicyType: aws.String("SimpleScaling"), AdjustmentType: aws.String("ChangeInCapacity"), ScalingAdjustment: aws.Int32(1)}))
		ok[*autoscaling.PutScheduledUpdateGroupActionOutput](r)(r.groups.PutScheduledUpdateGroupAction(ctx, &autoscaling.PutScheduledUpdateGroupActionInput{AutoScalingGroupName: aws.String("web-0"),
			ScheduledActionName: &name, DesiredCapacity: aws.Int32(1), StartTime: aws.Time(start.AddDate(0, 1, k))}))
		ok[*autoscaling.CreateLaunchConfigurationOutput](r)(r.groups.CreateLaunchConfiguration(ctx, &autoscaling.CreateLaunchConfigurationInput{LaunchConfigurationName: &name,
			ImageId: aws.String(ami), InstanceType: aws.String("t3.micro")}))
	}
	r.w.World().Clock().Step(time.Hour)
	for range many {
		ok[*autoscaling.StartInstanceRefreshOutput](r)(r.groups.StartInstanceRefresh(ctx, &autoscaling.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("web-0")}))
		r.w.World().Clock().Step(time.Hour)
		ok[*ssm.SendCommandOutput](r)(r.systems.SendCommand(ctx, &ssm.SendCommandInput{DocumentName: aws.String("AWS-RunPatchBaseline"), InstanceIds: ids,
			Parameters: map[string][]string{"Operation": {"Scan"}}}))
		r.patched()
	}
	upload := ok[*s3.CreateMultipartUploadOutput](r)(r.objects.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: aws.String("bucket-web-0"), Key: aws.String("parts")}))
	ok[*s3.CreateMultipartUploadOutput](r)(r.objects.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: upload.Bucket, Key: upload.Key}))
	for k := range many {
		ok[*s3.UploadPartOutput](r)(r.objects.UploadPart(ctx, &s3.UploadPartInput{Bucket: upload.Bucket, Key: upload.Key, UploadId: upload.UploadId,
			PartNumber: aws.Int32(int32(k + 1)), Body: strings.NewReader("part")}))
		ok[*ssm.UpdateDocumentOutput](r)(r.systems.UpdateDocument(ctx, &ssm.UpdateDocumentInput{Name: aws.String("doc-web-0"), DocumentVersion: aws.String("$LATEST"),
			Content: aws.String(fmt.Sprintf(`{"schemaVersion":"2.2","mainSteps":[{"action":"aws:runShellScript","name":"a","inputs":{"runCommand":["true %d"]}}]}`, k))}))
	}
	var usage []cwtypes.MetricDataQuery
	for k := range many {
		usage = append(usage, cwtypes.MetricDataQuery{Id: aws.String(fmt.Sprint("q", k)), MetricStat: &cwtypes.MetricStat{Period: aws.Int32(300), Stat: aws.String("Maximum"),
			Metric: &cwtypes.Metric{Namespace: aws.String("AWS/Usage"), MetricName: aws.String("ResourceCount"), Dimensions: []cwtypes.Dimension{
				{Name: aws.String("Service"), Value: aws.String("EC2")}, {Name: aws.String("Type"), Value: aws.String("Resource")},
				{Name: aws.String("Resource"), Value: aws.String("vCPU")}, {Name: aws.String("Class"), Value: aws.String("Standard/OnDemand")}}}}})
	}
	now := r.w.World().Clock().Now()
	base := ok[*ec2.DescribeImagesOutput](r)(r.compute.DescribeImages(ctx, &ec2.DescribeImagesInput{ImageIds: []string{ami}})).Images[0]
	snapshot := base.BlockDeviceMappings[0].Ebs.SnapshotId
	return map[string]any{
		"ListSnapshotBlocks.SnapshotId": snapshot, "SecondSnapshotId": snapshot,
		"ImageIds": []string{ami}, "AutoScalingGroupName": aws.String("web-0"), "InstanceIds": ids, "PatchGroup": aws.String("prod"), "InstanceId": &ids[0],
		"DescribeInstanceStatus.InstanceIds": []string(nil), "DescribeInstances.InstanceIds": []string(nil), "DescribeInstancePatchStates.InstanceIds": ids,
		"DescribeLaunchTemplateVersions.LaunchTemplateName": aws.String("web-0"), "GetParameterHistory.Name": aws.String("/p/history"), "Path": aws.String("/p"),
		"KeyId": &key, "ListAliases.KeyId": (*string)(nil), "Bucket": aws.String("bucket-web-0"),
		"DescribeAutoScalingInstances.InstanceIds": []string(nil), "ListCommands.InstanceId": (*string)(nil), "ListCommandInvocations.InstanceId": (*string)(nil),
		"DescribeScalingActivities.AutoScalingGroupName": (*string)(nil), "DescribePolicies.AutoScalingGroupName": (*string)(nil), "DescribeScheduledActions.AutoScalingGroupName": (*string)(nil),
		"MetricDataQueries": usage, "GetMetricData.StartTime": aws.Time(now.Add(-15 * time.Minute)), "GetMetricData.EndTime": aws.Time(now.Add(15 * time.Minute)),
		"ListParts.Key": upload.Key, "ListParts.UploadId": upload.UploadId, "ListDocumentVersions.Name": aws.String("doc-web-0"),
		"IncludeAllInstances": aws.Bool(true), "IncludeAllResourceTypes": aws.Bool(true), "DescribeImages.ImageIds": []string(nil),
	}
}

// patched steps until no command is under way: commands run outside of virtual time, and
// end before the next step.
func (r *rig) patched() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Minute)
	defer cancel()
	for range 600 {
		r.w.World().Clock().StepSettled(ctx, r.w.World().Clock().Now().Add(time.Second))
		busy := false
		for _, c := range ok[*ssm.ListCommandsOutput](r)(r.systems.ListCommands(ctx, nil)).Commands {
			busy = busy || c.Status == ssmtypes.CommandStatusPending || c.Status == ssmtypes.CommandStatusInProgress
		}
		if !busy {
			return
		}
	}
	r.t.Fatal("the commands do not end")
}

func (r *rig) vpc() *string {
	r.t.Helper()
	return ok[*ec2.DescribeVpcsOutput](r)(r.compute.DescribeVpcs(ctx, nil)).Vpcs[0].VpcId
}
