package ec2_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

func TestAnInstanceTakesItsVirtualTimeToRun(t *testing.T) {
	b := newBench(t)
	id := b.run(nil)
	if s := b.instance(id).State.Name; s != types.InstanceStateNamePending {
		t.Errorf("state right after the launch is %s", s)
	}
	b.pass(14 * time.Second)
	if s := b.instance(id).State.Name; s != types.InstanceStateNamePending {
		t.Errorf("state after 14 s is %s", s)
	}
	b.pass(17 * time.Second)
	i := b.instance(id)
	if i.State.Name != types.InstanceStateNameRunning || *i.State.Code != 16 {
		t.Errorf("state after 31 s is %s (%d)", i.State.Name, *i.State.Code)
	}
	a, err := netip.ParseAddr(*i.PrivateIpAddress)
	if err != nil || !a.IsLoopback() || strings.HasPrefix(a.String(), "127.0.") {
		t.Errorf("address is %s", *i.PrivateIpAddress)
	}
	if *i.PublicIpAddress != a.String() || *i.PublicDnsName != a.String() {
		t.Error("public and private address differ")
	}
}

// Two twins of a host may have the same of its 254 loopback networks.
func TestAnAddressOfAnotherTwinsMachineIsLeftToIt(t *testing.T) {
	b := newBench(t)
	address := func(id string) netip.Addr {
		a, err := netip.ParseAddr(*b.instance(id).PrivateIpAddress)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	first := address(b.run(nil))
	b.b.claim = func(a netip.Addr) bool { return a != first.Next() }
	if got := address(b.run(nil)); got != first.Next().Next() {
		t.Errorf("the second instance has %s, the first %s", got, first)
	}
	b.b.claim = func(netip.Addr) bool { return false }
	_, err := b.api.RunInstances(ctx, &sdk.RunInstancesInput{ImageId: aws.String(base), InstanceType: types.InstanceTypeT3Micro, MinCount: aws.Int32(1), MaxCount: aws.Int32(1)})
	if codeOf(err) != "InsufficientFreeAddressesInSubnet" {
		t.Errorf("where all are taken: %v", err)
	}
}

func TestACallerWithItsOwnClockSeesItRunAtTheSecondLook(t *testing.T) {
	b := newBench(t)
	id := b.run(nil)
	in := &sdk.DescribeInstancesInput{InstanceIds: []string{id}}
	first := must[*sdk.DescribeInstancesOutput](t)(b.wall.DescribeInstances(ctx, in))
	if s := first.Reservations[0].Instances[0].State.Name; s != types.InstanceStateNamePending {
		t.Errorf("the first look sees %s", s)
	}
	second := must[*sdk.DescribeInstancesOutput](t)(b.wall.DescribeInstances(ctx, in))
	if s := second.Reservations[0].Instances[0].State.Name; s != types.InstanceStateNameRunning {
		t.Errorf("the second look sees %s", s)
	}
	if _, err := b.wall.TerminateInstances(ctx, &sdk.TerminateInstancesInput{InstanceIds: []string{id}}); err != nil {
		t.Fatal(err)
	}
	fast := func(o *sdk.InstanceTerminatedWaiterOptions) {
		o.MinDelay, o.MaxDelay = time.Millisecond, time.Millisecond
	}
	if err := sdk.NewInstanceTerminatedWaiter(b.wall).Wait(ctx, in, time.Minute, fast); err != nil {
		t.Errorf("the SDK's waiter: %v", err)
	}
}

func TestInAHurryTheFirstLookWaitsForTheWork(t *testing.T) {
	b := newBench(t)
	b.s.Hurry = true
	boot := make(chan struct{})
	b.b.start = func(context.Context, backing.Machine) error { <-boot; return nil }
	must[*sdk.CreateKeyPairOutput](t)(b.api.CreateKeyPair(ctx, &sdk.CreateKeyPairInput{KeyName: aws.String("k"), KeyType: types.KeyTypeEd25519}))
	id := b.run(func(in *sdk.RunInstancesInput) { in.KeyName = aws.String("k") })
	if s := b.instance(id).State.Name; s != types.InstanceStateNamePending {
		t.Errorf("a caller that shares the clock sees %s", s)
	}
	time.AfterFunc(200*time.Millisecond, func() { close(boot) })
	out := must[*sdk.DescribeInstancesOutput](t)(b.wall.DescribeInstances(ctx, &sdk.DescribeInstancesInput{InstanceIds: []string{id}}))
	if s := out.Reservations[0].Instances[0].State.Name; s != types.InstanceStateNameRunning {
		t.Errorf("the first look sees %s", s)
	}
	ami := b.createImage(id, "golden-1")
	images := must[*sdk.DescribeImagesOutput](t)(b.wall.DescribeImages(ctx, &sdk.DescribeImagesInput{ImageIds: []string{ami}}))
	if s := images.Images[0].State; s != types.ImageStateAvailable {
		t.Errorf("the first look sees the image %s", s)
	}
}

func TestNoLookMakesItRunBeforeItsMachineDoes(t *testing.T) {
	b := newBench(t)
	boot := make(chan struct{})
	b.b.start = func(context.Context, backing.Machine) error { <-boot; return nil }
	must[*sdk.CreateKeyPairOutput](t)(b.api.CreateKeyPair(ctx, &sdk.CreateKeyPairInput{KeyName: aws.String("k"), KeyType: types.KeyTypeEd25519}))
	id := b.run(func(in *sdk.RunInstancesInput) { in.KeyName = aws.String("k") })
	in := &sdk.DescribeInstancesInput{InstanceIds: []string{id}}
	for range 5 {
		out := must[*sdk.DescribeInstancesOutput](t)(b.wall.DescribeInstances(ctx, in))
		if s := out.Reservations[0].Instances[0].State.Name; s != types.InstanceStateNamePending {
			t.Fatalf("shown as %s while the machine boots", s)
		}
	}
	b.w.Clock().Step(time.Hour)
	if s := b.instance(id).State.Name; s != types.InstanceStateNamePending {
		t.Fatalf("shown as %s after an hour while the machine boots", s)
	}
	close(boot)
	b.settle()
	if s := b.instance(id).State.Name; s != types.InstanceStateNameRunning {
		t.Errorf("shown as %s when it has booted", s)
	}
}

func TestAMachineThatCannotStartEndsTheInstance(t *testing.T) {
	b := newBench(t)
	b.b.start = func(context.Context, backing.Machine) error { return errors.New("no such root") }
	must[*sdk.CreateKeyPairOutput](t)(b.api.CreateKeyPair(ctx, &sdk.CreateKeyPairInput{KeyName: aws.String("k"), KeyType: types.KeyTypeEd25519}))
	id := b.run(func(in *sdk.RunInstancesInput) { in.KeyName = aws.String("k") })
	b.pass(time.Minute)
	i := b.instance(id)
	if i.State.Name != types.InstanceStateNameTerminated || *i.StateReason.Code != "Server.InternalError" || !strings.Contains(*i.StateReason.Message, "no such root") {
		t.Errorf("instance is %s because of %+v", i.State.Name, i.StateReason)
	}
}

func TestMachinesStartLazilyUnlessSomebodyWillLogIn(t *testing.T) {
	b := newBench(t)
	lazy := b.run(nil)
	b.pass(time.Minute)
	if n := b.b.count("start " + lazy); n != 0 {
		t.Errorf("a machine nobody asked for was started %d times", n)
	}
	if err := b.s.EnsureStarted(ctx, lazy); err != nil {
		t.Fatal(err)
	}
	if n := b.b.count("start " + lazy); n != 1 {
		t.Errorf("a machine asked for was started %d times", n)
	}
	eager := b.running()
	if n := b.b.count("start " + eager); n != 1 {
		t.Errorf("the machine of an instance with a key was started %d times", n)
	}
	must[*sdk.StopInstancesOutput](t)(b.api.StopInstances(ctx, &sdk.StopInstancesInput{InstanceIds: []string{lazy}}))
	if err := b.s.EnsureStarted(ctx, lazy); !errors.Is(err, ec2.ErrNotRunning) {
		t.Errorf("starting the machine of a stopping instance: %v", err)
	}
}

func TestStopStartTerminate(t *testing.T) {
	b := newBench(t)
	id := b.running()
	stop := must[*sdk.StopInstancesOutput](t)(b.api.StopInstances(ctx, &sdk.StopInstancesInput{InstanceIds: []string{id}}))
	if c := stop.StoppingInstances[0]; c.PreviousState.Name != "running" || c.CurrentState.Name != "stopping" {
		t.Errorf("stop changes %s to %s", c.PreviousState.Name, c.CurrentState.Name)
	}
	_, err := b.api.StartInstances(ctx, &sdk.StartInstancesInput{InstanceIds: []string{id}})
	wantCode(t, err, "IncorrectInstanceState")
	_, err = b.api.RebootInstances(ctx, &sdk.RebootInstancesInput{InstanceIds: []string{id}})
	wantCode(t, err, "IncorrectInstanceState")
	b.pass(time.Minute)
	if b.instance(id).State.Name != "stopped" || b.b.count("stop "+id) != 1 {
		t.Errorf("after stop: %s, calls %v", b.instance(id).State.Name, b.b.calls)
	}
	must[*sdk.StartInstancesOutput](t)(b.api.StartInstances(ctx, &sdk.StartInstancesInput{InstanceIds: []string{id}}))
	b.pass(time.Minute)
	must[*sdk.RebootInstancesOutput](t)(b.api.RebootInstances(ctx, &sdk.RebootInstancesInput{InstanceIds: []string{id}}))
	b.settle()
	if b.b.count("reboot "+id) != 1 {
		t.Errorf("calls: %v", b.b.calls)
	}
	must[*sdk.TerminateInstancesOutput](t)(b.api.TerminateInstances(ctx, &sdk.TerminateInstancesInput{InstanceIds: []string{id}}))
	b.pass(time.Minute)
	i := b.instance(id)
	if i.State.Name != "terminated" || i.PrivateIpAddress != nil || len(i.BlockDeviceMappings) != 0 || b.b.count("destroy "+id) != 1 {
		t.Errorf("after terminate: %s, address %v, calls %v", i.State.Name, i.PrivateIpAddress, b.b.calls)
	}
	if v := must[*sdk.DescribeVolumesOutput](t)(b.api.DescribeVolumes(ctx, &sdk.DescribeVolumesInput{})); len(v.Volumes) != 0 {
		t.Errorf("%d volumes are left", len(v.Volumes))
	}
	b.pass(2 * time.Hour)
	_, err = b.api.DescribeInstances(ctx, &sdk.DescribeInstancesInput{InstanceIds: []string{id}})
	wantCode(t, err, "InvalidInstanceID.NotFound")
}

func TestAProtectedInstanceSavesAllOfTheCall(t *testing.T) {
	b := newBench(t)
	id, other := b.running(), b.running()
	must[*sdk.ModifyInstanceAttributeOutput](t)(b.api.ModifyInstanceAttribute(ctx, &sdk.ModifyInstanceAttributeInput{
		InstanceId: &id, DisableApiTermination: &types.AttributeBooleanValue{Value: aws.Bool(true)}}))
	_, err := b.api.TerminateInstances(ctx, &sdk.TerminateInstancesInput{InstanceIds: []string{other, id}})
	wantCode(t, err, "OperationNotPermitted")
	if s := b.instance(other).State.Name; s != "running" {
		t.Errorf("the other instance is %s", s)
	}
}

func TestAMachineThatPowersItselfOffStops(t *testing.T) {
	for behaviour, want := range map[types.ShutdownBehavior]types.InstanceStateName{"stop": "stopped", "terminate": "terminated"} {
		b := newBench(t)
		id := b.run(func(in *sdk.RunInstancesInput) { in.InstanceInitiatedShutdownBehavior = behaviour })
		b.pass(time.Minute)
		if err := b.s.EnsureStarted(ctx, id); err != nil {
			t.Fatal(err)
		}
		b.s.Power(backing.PowerEvent{ID: id, Change: backing.PoweredOff})
		b.pass(time.Minute)
		if i := b.instance(id); i.State.Name != want || *i.StateReason.Code != "Client.InstanceInitiatedShutdown" {
			t.Errorf("with %s the instance is %s", behaviour, i.State.Name)
		}
	}
}

func TestStateHooksSeeEveryState(t *testing.T) {
	dir := t.TempDir()
	w := wiretest.World(t)
	var seen []string
	s := ec2.New(w, &stub{}, dir)
	s.OnState(func(_ *world.Tx, _, state string) { seen = append(seen, state) })
	w.Start()
	var id string
	err := w.Do(wiretest.Account, wiretest.Region, func(tx *world.Tx) error {
		if _, err := s.AddImage(tx, ec2.Image{ID: base, Name: "base"}, backing.Image{Layers: []string{"/nowhere"}}); err != nil {
			return err
		}
		var err error
		id, err = s.Launch(tx, ec2.LaunchSpec{Image: base, Type: "t3.micro", By: "autoscaling", Tags: map[string]string{"aws:autoscaling:groupName": "g"}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Clock().Step(time.Minute)
	if err := w.Do(wiretest.Account, wiretest.Region, func(tx *world.Tx) error { return s.Terminate(tx, id) }); err != nil {
		t.Fatal(err)
	}
	w.Clock().Step(time.Minute)
	if got := strings.Join(seen, " "); got != "pending running shutting-down terminated" {
		t.Errorf("states: %s", got)
	}
}

func TestRunInstancesRefuses(t *testing.T) {
	b := newBench(t)
	for name, c := range map[string]struct {
		edit func(*sdk.RunInstancesInput)
		code string
	}{
		"an unknown image":               {func(in *sdk.RunInstancesInput) { in.ImageId = aws.String("ami-0123456789abcdef0") }, "InvalidAMIID.NotFound"},
		"a malformed image id":           {func(in *sdk.RunInstancesInput) { in.ImageId = aws.String("debian") }, "InvalidAMIID.Malformed"},
		"a private image of another":     {func(in *sdk.RunInstancesInput) { in.ImageId = aws.String(private) }, "InvalidAMIID.NotFound"},
		"a parameter without a store":    {func(in *sdk.RunInstancesInput) { in.ImageId = aws.String("resolve:ssm:/a") }, "UnsupportedOperation"},
		"an unknown type":                {func(in *sdk.RunInstancesInput) { in.InstanceType = "t9.mega" }, "InvalidParameterValue"},
		"a type of another architecture": {func(in *sdk.RunInstancesInput) { in.InstanceType = types.InstanceTypeT4gMicro }, "InvalidParameterValue"},
		"an unknown key pair":            {func(in *sdk.RunInstancesInput) { in.KeyName = aws.String("nobody") }, "InvalidKeyPair.NotFound"},
		"an unknown security group":      {func(in *sdk.RunInstancesInput) { in.SecurityGroupIds = []string{"sg-0123456789abcdef0"} }, "InvalidGroup.NotFound"},
		"an unknown subnet":              {func(in *sdk.RunInstancesInput) { in.SubnetId = aws.String("subnet-0123456789abcdef0") }, "InvalidSubnetID.NotFound"},
		"user data that is not base64":   {func(in *sdk.RunInstancesInput) { in.UserData = aws.String("#!/bin/sh") }, "InvalidParameterValue"},
		"user data of more than 16 KiB": {func(in *sdk.RunInstancesInput) {
			in.UserData = aws.String(base64.StdEncoding.EncodeToString(make([]byte, 16385)))
		}, "InvalidParameterValue"},
		"a reserved tag":                 {func(in *sdk.RunInstancesInput) { in.TagSpecifications = tagged("instance", "aws:x", "y") }, "InvalidParameterValue"},
		"tags for what it does not make": {func(in *sdk.RunInstancesInput) { in.TagSpecifications = tagged("image", "x", "y") }, "InvalidParameterValue"},
		"a disk smaller than the image":  {func(in *sdk.RunInstancesInput) { in.BlockDeviceMappings = mapping("/dev/xvda", 4) }, "InvalidBlockDeviceMapping"},
		"an unknown launch template": {func(in *sdk.RunInstancesInput) {
			in.LaunchTemplate = &types.LaunchTemplateSpecification{LaunchTemplateName: aws.String("nope")}
		}, "InvalidLaunchTemplateName.NotFoundException"},
		"spot, which is not modelled": {func(in *sdk.RunInstancesInput) {
			in.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{MarketType: "spot"}
		}, "UnsupportedOperation"},
		"more at least than at most":     {func(in *sdk.RunInstancesInput) { in.MinCount = aws.Int32(2) }, "InvalidParameterValue"},
		"a dry run that would have been": {func(in *sdk.RunInstancesInput) { in.DryRun = aws.Bool(true) }, "DryRunOperation"},
		"a zone that is not the subnet's": {func(in *sdk.RunInstancesInput) {
			in.Placement = &types.Placement{AvailabilityZone: aws.String("mars-1a")}
		}, "InvalidParameterValue"},
	} {
		_, err := b.api.RunInstances(ctx, runInput(c.edit))
		t.Run(name, func(t *testing.T) { wantCode(t, err, c.code) })
	}
	if out := must[*sdk.DescribeInstancesOutput](t)(b.api.DescribeInstances(ctx, &sdk.DescribeInstancesInput{})); len(out.Reservations) != 0 {
		t.Errorf("refused calls left %d reservations", len(out.Reservations))
	}
}

func tagged(kind types.ResourceType, k, v string) []types.TagSpecification {
	return []types.TagSpecification{{ResourceType: kind, Tags: []types.Tag{{Key: &k, Value: &v}}}}
}

func mapping(device string, size int32) []types.BlockDeviceMapping {
	return []types.BlockDeviceMapping{{DeviceName: &device, Ebs: &types.EbsBlockDevice{VolumeSize: &size}}}
}

func TestTheSameTokenMakesTheSameInstances(t *testing.T) {
	b := newBench(t)
	token := func(in *sdk.RunInstancesInput) {
		in.ClientToken, in.MaxCount = aws.String("run-1/launch"), aws.Int32(3)
	}
	a := must[*sdk.RunInstancesOutput](t)(b.api.RunInstances(ctx, runInput(token)))
	again := must[*sdk.RunInstancesOutput](t)(b.api.RunInstances(ctx, runInput(token)))
	if len(a.Instances) != 3 || len(again.Instances) != 3 || *a.Instances[2].InstanceId != *again.Instances[2].InstanceId {
		t.Errorf("%d instances, then %d", len(a.Instances), len(again.Instances))
	}
	_, err := b.api.RunInstances(ctx, runInput(func(in *sdk.RunInstancesInput) { token(in); in.InstanceType = types.InstanceTypeT3Small }))
	wantCode(t, err, "IdempotentParameterMismatch")
	_, err = b.foreign.DescribeInstances(ctx, &sdk.DescribeInstancesInput{InstanceIds: []string{*a.Instances[0].InstanceId}})
	wantCode(t, err, "InvalidInstanceID.NotFound")
}
