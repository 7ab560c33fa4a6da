package twin_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/twin"
)

// ok is the value of a call that must go well.
func ok[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestAKeptVolumeAndItsSnapshotOutliveTheInstanceUntilTheyAreDeleted(t *testing.T) {
	t.Parallel()
	w, c := troubled(t)
	run := ok[*awsec2.RunInstancesOutput](t)(c.RunInstances(ctx, &awsec2.RunInstancesInput{ImageId: aws.String(testImage), InstanceType: "t3.micro", MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		UserData: aws.String("aGVsbG8="), BlockDeviceMappings: []types.BlockDeviceMapping{{DeviceName: aws.String("/dev/xvda"), Ebs: &types.EbsBlockDevice{DeleteOnTermination: aws.Bool(false)}}}}))
	id := *run.Instances[0].InstanceId
	w.World().Clock().Step(time.Minute)
	data := ok[*awsec2.DescribeInstanceAttributeOutput](t)(c.DescribeInstanceAttribute(ctx, &awsec2.DescribeInstanceAttributeInput{InstanceId: &id, Attribute: types.InstanceAttributeNameUserData}))
	if aws.ToString(data.UserData.Value) != "aGVsbG8=" {
		t.Errorf("user data %v", data.UserData)
	}
	ok[*awsec2.TerminateInstancesOutput](t)(c.TerminateInstances(ctx, &awsec2.TerminateInstancesInput{InstanceIds: []string{id}}))
	w.World().Clock().Step(time.Minute)
	volumes := ok[*awsec2.DescribeVolumesOutput](t)(c.DescribeVolumes(ctx, nil)).Volumes
	if len(volumes) != 1 {
		t.Fatalf("%d volumes stayed", len(volumes))
	}
	if _, err := c.DeleteVolume(ctx, &awsec2.DeleteVolumeInput{VolumeId: volumes[0].VolumeId}); err != nil {
		t.Error(err)
	}
	if left := ok[*awsec2.DescribeVolumesOutput](t)(c.DescribeVolumes(ctx, nil)).Volumes; len(left) != 0 {
		t.Errorf("%d volumes are left", len(left))
	}
	copied := ok[*awsec2.CopyImageOutput](t)(c.CopyImage(ctx, &awsec2.CopyImageInput{Name: aws.String("mine"), SourceImageId: aws.String(testImage), SourceRegion: aws.String(region)}))
	w.World().Clock().Step(3 * time.Hour)
	image := ok[*awsec2.DescribeImagesOutput](t)(c.DescribeImages(ctx, &awsec2.DescribeImagesInput{ImageIds: []string{*copied.ImageId}})).Images[0]
	ok[*awsec2.DeregisterImageOutput](t)(c.DeregisterImage(ctx, &awsec2.DeregisterImageInput{ImageId: copied.ImageId}))
	snapshot := image.BlockDeviceMappings[0].Ebs.SnapshotId
	if _, err := c.DeleteSnapshot(ctx, &awsec2.DeleteSnapshotInput{SnapshotId: snapshot}); err != nil {
		t.Error(err)
	}
	if _, err := c.DeleteSnapshot(ctx, &awsec2.DeleteSnapshotInput{SnapshotId: snapshot}); code(err) != "InvalidSnapshot.NotFound" {
		t.Errorf("the second time: %v", err)
	}
}

func TestARefreshIsRolledBackOverTheWire(t *testing.T) {
	t.Parallel()
	w, c := troubled(t)
	data := &types.RequestLaunchTemplateData{ImageId: aws.String(testImage), InstanceType: "m5.large"}
	ok[*awsec2.CreateLaunchTemplateOutput](t)(c.CreateLaunchTemplate(ctx, &awsec2.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("web"), LaunchTemplateData: data}))
	data.InstanceType = "m5.xlarge"
	ok[*awsec2.CreateLaunchTemplateVersionOutput](t)(c.CreateLaunchTemplateVersion(ctx, &awsec2.CreateLaunchTemplateVersionInput{LaunchTemplateName: aws.String("web"), LaunchTemplateData: data}))
	list := ok[*awsec2.DescribeLaunchTemplatesOutput](t)(c.DescribeLaunchTemplates(ctx, nil)).LaunchTemplates
	if len(list) != 1 || *list[0].LatestVersionNumber != 2 || *list[0].DefaultVersionNumber != 1 {
		t.Errorf("templates %+v", list)
	}
	groups, web := awsasg.NewFromConfig(once(w)), aws.String("web")
	version := func(v string) *asgtypes.LaunchTemplateSpecification {
		return &asgtypes.LaunchTemplateSpecification{LaunchTemplateName: web, Version: &v}
	}
	ok[*awsasg.CreateAutoScalingGroupOutput](t)(groups.CreateAutoScalingGroup(ctx, &awsasg.CreateAutoScalingGroupInput{AutoScalingGroupName: web, MinSize: aws.Int32(4), MaxSize: aws.Int32(4),
		AvailabilityZones: []string{region + "a"}, LaunchTemplate: version("1"), DefaultInstanceWarmup: aws.Int32(60)}))
	w.World().Clock().Step(10 * time.Minute)
	ok[*awsasg.StartInstanceRefreshOutput](t)(groups.StartInstanceRefresh(ctx, &awsasg.StartInstanceRefreshInput{AutoScalingGroupName: web,
		DesiredConfiguration: &asgtypes.DesiredConfiguration{LaunchTemplate: version("2")}}))
	w.World().Clock().Step(3 * time.Minute)
	ok[*awsasg.RollbackInstanceRefreshOutput](t)(groups.RollbackInstanceRefresh(ctx, &awsasg.RollbackInstanceRefreshInput{AutoScalingGroupName: web}))
	w.World().Clock().Step(time.Hour)
	r := ok[*awsasg.DescribeInstanceRefreshesOutput](t)(groups.DescribeInstanceRefreshes(ctx, &awsasg.DescribeInstanceRefreshesInput{AutoScalingGroupName: web})).InstanceRefreshes[0]
	if r.Status != asgtypes.InstanceRefreshStatusRollbackSuccessful {
		t.Errorf("it is %s: %s", r.Status, aws.ToString(r.StatusReason))
	}
	for _, i := range ok[*awsasg.DescribeAutoScalingGroupsOutput](t)(groups.DescribeAutoScalingGroups(ctx, nil)).AutoScalingGroups[0].Instances {
		if *i.LaunchTemplate.Version != "1" {
			t.Errorf("%s runs version %s", *i.InstanceId, *i.LaunchTemplate.Version)
		}
	}
}

func TestADeletedParameterIsGoneAndADisabledKeyComesBack(t *testing.T) {
	t.Parallel()
	w, _ := troubled(t)
	params, keys := awsssm.NewFromConfig(once(w)), awskms.NewFromConfig(once(w))
	name := aws.String("/a")
	ok[*awsssm.PutParameterOutput](t)(params.PutParameter(ctx, &awsssm.PutParameterInput{Name: name, Value: name, Type: ssmtypes.ParameterTypeString}))
	ok[*awsssm.DeleteParameterOutput](t)(params.DeleteParameter(ctx, &awsssm.DeleteParameterInput{Name: name}))
	if _, err := params.GetParameter(ctx, &awsssm.GetParameterInput{Name: name}); code(err) != "ParameterNotFound" {
		t.Errorf("after its end: %v", err)
	}
	key := ok[*awskms.CreateKeyOutput](t)(keys.CreateKey(ctx, nil)).KeyMetadata.KeyId
	enabled := func() bool {
		return ok[*awskms.DescribeKeyOutput](t)(keys.DescribeKey(ctx, &awskms.DescribeKeyInput{KeyId: key})).KeyMetadata.Enabled
	}
	ok[*awskms.DisableKeyOutput](t)(keys.DisableKey(ctx, &awskms.DisableKeyInput{KeyId: key}))
	if enabled() {
		t.Error("it is enabled")
	}
	ok[*awskms.EnableKeyOutput](t)(keys.EnableKey(ctx, &awskms.EnableKeyInput{KeyId: key}))
	if !enabled() {
		t.Error("it is disabled")
	}
}

// TestAStateThatCannotBeReadIsAnError: of whatever is in the folder, the twin says so
// in one line.
func TestAStateThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	commit := `{"c":{"now":"2026-03-01T12:00:00Z","wall":"2026-03-01T12:00:00Z","seq":1,"seed":1}}` + "\n"
	for name, make := range map[string]func(file string) error{
		"no lines of JSON": func(file string) error { return os.WriteFile(file, []byte("garbage\nmore\n"), 0o600) },
		"a row of another form": func(file string) error {
			return os.WriteFile(file, []byte(`{"t":"-/-/twin/meta","k":"world","v":[1]}`+"\n"+commit), 0o600)
		},
		"a timer of another one": func(file string) error {
			return os.WriteFile(file, []byte(`{"t":"-/-/kernel/timers","k":"1","v":5}`+"\n"+commit), 0o600)
		},
		"a folder": func(file string) error { return os.Mkdir(file, 0o700) },
	} {
		dir := t.TempDir()
		if err := make(filepath.Join(dir, "world.jsonl")); err != nil {
			t.Fatal(err)
		}
		if w, err := twin.New(small(dir)); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, %v", name, w, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := twin.New(small(file)); fault.KindOf(err) != fault.Usage {
		t.Errorf("a file for a folder: %v", err)
	}
}
