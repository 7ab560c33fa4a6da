package twinsdk

import (
	"context"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// waiter is one of the SDK's waiters, and what begins that for which it waits.
type waiter struct {
	constructor any
	begin       func(r *rig) (input any)
	never       string // why it waits in vain
}

func waiters() []waiter {
	instance := func(r *rig) any { return &ec2.DescribeInstancesInput{InstanceIds: r.launch(1)} }
	status := func(r *rig) any { return &ec2.DescribeInstanceStatusInput{InstanceIds: r.launch(1)} }
	vpc := func(r *rig) any { return &ec2.DescribeVpcsInput{VpcIds: []string{*r.vpc()}} }
	return []waiter{
		{ec2.NewImageExistsWaiter, (*rig).copyImage, ""},
		{ec2.NewImageAvailableWaiter, (*rig).copyImage, ""},
		{ec2.NewSnapshotCompletedWaiter, (*rig).copySnapshot, ""},
		{ec2.NewInstanceExistsWaiter, instance, ""},
		{ec2.NewInstanceRunningWaiter, instance, ""},
		{ec2.NewInstanceStatusOkWaiter, status, ""},
		{ec2.NewSystemStatusOkWaiter, status, ""},
		{ec2.NewInstanceStoppedWaiter, func(r *rig) any {
			ids := r.running()
			ok[*ec2.StopInstancesOutput](r)(r.compute.StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: ids}))
			return &ec2.DescribeInstancesInput{InstanceIds: ids}
		}, ""},
		{ec2.NewInstanceTerminatedWaiter, func(r *rig) any {
			ids := r.running()
			r.terminate(ids)
			return &ec2.DescribeInstancesInput{InstanceIds: ids}
		}, ""},
		{ec2.NewVolumeInUseWaiter, func(r *rig) any { return r.volumes(r.launch(1)) }, ""},
		{ec2.NewVolumeDeletedWaiter, func(r *rig) any {
			ids := r.running()
			in := r.volumes(ids)
			r.terminate(ids)
			return in
		}, ""},
		{ec2.NewVolumeAvailableWaiter, func(r *rig) any {
			out := ok[*ec2.RunInstancesOutput](r)(r.compute.RunInstances(ctx, &ec2.RunInstancesInput{ImageId: aws.String(ami), InstanceType: "t3.micro", MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
				BlockDeviceMappings: []ec2types.BlockDeviceMapping{{DeviceName: aws.String("/dev/xvda"), Ebs: &ec2types.EbsBlockDevice{DeleteOnTermination: aws.Bool(false)}}}}))
			ids := []string{*out.Instances[0].InstanceId}
			r.await(ec2.NewInstanceRunningWaiter, &ec2.DescribeInstancesInput{InstanceIds: ids})
			in := r.volumes(ids)
			r.terminate(ids)
			return in
		}, ""},
		{ec2.NewKeyPairExistsWaiter, func(r *rig) any {
			ok[*ec2.CreateKeyPairOutput](r)(r.compute.CreateKeyPair(ctx, &ec2.CreateKeyPairInput{KeyName: aws.String("key"), KeyType: ec2types.KeyTypeEd25519}))
			return &ec2.DescribeKeyPairsInput{KeyNames: []string{"key"}}
		}, ""},
		{ec2.NewSecurityGroupExistsWaiter, func(r *rig) any {
			out := ok[*ec2.CreateSecurityGroupOutput](r)(r.compute.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{GroupName: aws.String("web"), Description: aws.String("web")}))
			return &ec2.DescribeSecurityGroupsInput{GroupIds: []string{*out.GroupId}}
		}, ""},
		{ec2.NewSubnetAvailableWaiter, func(*rig) any { return &ec2.DescribeSubnetsInput{} }, ""},
		{ec2.NewVpcAvailableWaiter, vpc, ""},
		{ec2.NewVpcExistsWaiter, vpc, ""},
		{autoscaling.NewGroupExistsWaiter, (*rig).web, ""},
		{autoscaling.NewGroupInServiceWaiter, (*rig).web, ""},
		{autoscaling.NewGroupNotExistsWaiter, func(r *rig) any {
			in := r.web()
			r.await(autoscaling.NewGroupInServiceWaiter, in)
			ok[*autoscaling.DeleteAutoScalingGroupOutput](r)(r.groups.DeleteAutoScalingGroup(ctx, &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), ForceDelete: aws.Bool(true)}))
			return in
		}, ""},
		{elasticloadbalancingv2.NewTargetInServiceWaiter, (*rig).target, ""},
		{elasticloadbalancingv2.NewTargetDeregisteredWaiter, func(r *rig) any {
			in, _ := r.target().(*elasticloadbalancingv2.DescribeTargetHealthInput)
			r.await(elasticloadbalancingv2.NewTargetInServiceWaiter, in)
			ok[*elasticloadbalancingv2.DeregisterTargetsOutput](r)(r.targets.DeregisterTargets(ctx, &elasticloadbalancingv2.DeregisterTargetsInput{TargetGroupArn: in.TargetGroupArn, Targets: in.Targets}))
			return in
		}, ""},
		{ssm.NewCommandExecutedWaiter, func(r *rig) any {
			ids := r.running()
			out := ok[*ssm.SendCommandOutput](r)(r.systems.SendCommand(ctx, &ssm.SendCommandInput{DocumentName: aws.String("AWS-RunPatchBaseline"), InstanceIds: ids,
				Parameters: map[string][]string{"Operation": {"Scan"}}}))
			return &ssm.GetCommandInvocationInput{CommandId: out.Command.CommandId, InstanceId: &ids[0]}
		}, ""},
		{cloudwatch.NewAlarmExistsWaiter, func(r *rig) any {
			r.alarm("web")
			return &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{"web"}}
		}, ""},
		{cloudwatch.NewCompositeAlarmExistsWaiter, func(*rig) any {
			return &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{"web"}, AlarmTypes: []cwtypes.AlarmType{cwtypes.AlarmTypeCompositeAlarm}}
		}, "composite alarms are not modelled"},
		{cloudwatch.NewLogAlarmExistsWaiter, func(*rig) any {
			return &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{"web"}}
		}, "log alarms are not modelled"},
		{s3.NewBucketExistsWaiter, func(r *rig) any { r.bucket(); return &s3.HeadBucketInput{Bucket: aws.String("box")} }, ""},
		{s3.NewBucketNotExistsWaiter, func(*rig) any { return &s3.HeadBucketInput{Bucket: aws.String("gone")} }, ""},
		{s3.NewObjectExistsWaiter, func(r *rig) any {
			r.bucket()
			ok[*s3.PutObjectOutput](r)(r.objects.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("box"), Key: aws.String("a")}))
			return &s3.HeadObjectInput{Bucket: aws.String("box"), Key: aws.String("a")}
		}, ""},
		{s3.NewObjectNotExistsWaiter, func(r *rig) any {
			r.bucket()
			return &s3.HeadObjectInput{Bucket: aws.String("box"), Key: aws.String("a")}
		}, ""},
	}
}

// TestEveryWaiter runs each in a bubble of time, in which the SDK's own sleeps take
// none: the twin's time runs as the wall does there.
func TestEveryWaiterComesToItsEnd(t *testing.T) {
	for _, w := range waiters() {
		t.Run(nameOf(w.constructor, "Waiter"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, world.Auto)
				in := w.begin(r)
				began := time.Now()
				err := r.wait(w.constructor, in)
				if (err != nil) != (w.never != "") {
					t.Errorf("after %s: %v (%s)", time.Since(began), err, w.never)
				}
				t.Logf("%s of virtual time", time.Since(began).Round(time.Millisecond))
			})
		})
	}
}

// Both are in virtual time. The SDK's waiters spin without a pause in the last moments
// of their own limit, which in a bubble would never pass: the context's comes before.
const (
	contextLimit = 2 * time.Hour
	maxWait      = 4 * time.Hour
)

func (r *rig) wait(constructor, in any) error {
	f := reflect.ValueOf(constructor)
	w := f.Call([]reflect.Value{r.clientFor(r.t, f)})[0]
	ctx, cancel := context.WithTimeout(ctx, contextLimit)
	defer cancel()
	err, _ := w.MethodByName("Wait").Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(in), reflect.ValueOf(maxWait)})[0].Interface().(error)
	return err
}

func (r *rig) await(constructor, in any) {
	r.t.Helper()
	if err := r.wait(constructor, in); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) running() []string {
	r.t.Helper()
	ids := r.launch(1)
	r.await(ec2.NewInstanceRunningWaiter, &ec2.DescribeInstancesInput{InstanceIds: ids})
	return ids
}

func (r *rig) terminate(ids []string) {
	r.t.Helper()
	ok[*ec2.TerminateInstancesOutput](r)(r.compute.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: ids}))
}

func (r *rig) volumes(ids []string) *ec2.DescribeVolumesInput {
	r.t.Helper()
	out := ok[*ec2.DescribeInstancesOutput](r)(r.compute.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: ids}))
	return &ec2.DescribeVolumesInput{VolumeIds: []string{*out.Reservations[0].Instances[0].BlockDeviceMappings[0].Ebs.VolumeId}}
}

func (r *rig) copyImage() any {
	r.t.Helper()
	out := ok[*ec2.CopyImageOutput](r)(r.compute.CopyImage(ctx, &ec2.CopyImageInput{Name: aws.String("copy"), SourceImageId: aws.String(ami), SourceRegion: aws.String(region)}))
	return &ec2.DescribeImagesInput{ImageIds: []string{*out.ImageId}}
}

func (r *rig) copySnapshot() any {
	r.t.Helper()
	base := ok[*ec2.DescribeImagesOutput](r)(r.compute.DescribeImages(ctx, &ec2.DescribeImagesInput{ImageIds: []string{ami}})).Images[0]
	out := ok[*ec2.CopySnapshotOutput](r)(r.compute.CopySnapshot(ctx, &ec2.CopySnapshotInput{SourceSnapshotId: base.BlockDeviceMappings[0].Ebs.SnapshotId, SourceRegion: aws.String(region)}))
	return &ec2.DescribeSnapshotsInput{SnapshotIds: []string{*out.SnapshotId}}
}

// web is a group of two.
func (r *rig) web() any {
	r.t.Helper()
	r.group("web", 2)
	return &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{"web"}}
}

// target is an instance behind a load balancer.
func (r *rig) target() any {
	r.t.Helper()
	out := ok[*elasticloadbalancingv2.CreateTargetGroupOutput](r)(r.targets.CreateTargetGroup(ctx, &elasticloadbalancingv2.CreateTargetGroupInput{
		Name: aws.String("web"), Protocol: "HTTP", Port: aws.Int32(80), VpcId: r.vpc()}))
	in := &elasticloadbalancingv2.DescribeTargetHealthInput{TargetGroupArn: out.TargetGroups[0].TargetGroupArn, Targets: []elbtypes.TargetDescription{{Id: &r.running()[0]}}}
	ok[*elasticloadbalancingv2.RegisterTargetsOutput](r)(r.targets.RegisterTargets(ctx, &elasticloadbalancingv2.RegisterTargetsInput{TargetGroupArn: in.TargetGroupArn, Targets: in.Targets}))
	return in
}

func (r *rig) bucket() {
	r.t.Helper()
	ok[*s3.CreateBucketOutput](r)(r.objects.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("box"),
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region}}))
}
