package imagelife

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/fault"
)

// three publishes images 1 to 3; a group launches from a version that names the last,
// by number.
func three(t *testing.T) (a *account, template string) {
	a = open(t)
	for n := 1; n <= 3; n++ {
		a.add(n, 10*(4-n), nil)
		a.publish(n)
	}
	a.put("/golden/web/dev", 2, "20260101-000009-abcdef")
	template = a.template(2)
	a.version(template, 1, 3)
	a.group(template, "2")
	return a, template
}

func (a *account) save(template, version string) {
	a.t.Helper()
	a.must(a.asg.UpdateAutoScalingGroup(a.t.Context(), &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"),
		LaunchTemplate: &astypes.LaunchTemplateSpecification{LaunchTemplateId: &template, Version: &version}}))
}

func TestRevocationWaitsForTheFleetAndThenDisables(t *testing.T) {
	a, template := three(t)
	p, out, err := a.revoke(3, nil)
	if fault.KindOf(err).ExitCode() != 3 || fault.KindOf(p.Err()).ExitCode() != 10 || a.state(3) != "available" {
		t.Fatalf("%v, %+v, the image is %s", err, out, a.state(3))
	}
	if got := a.value(channel); got != id(2) {
		t.Errorf("the channel holds %s", got)
	}
	var drain []string
	for _, d := range p.Drain {
		drain = append(drain, string(d.Kind)+" "+d.ID+" to "+d.To)
	}
	if !slices.Contains(drain, "group web to "+id(2)) {
		t.Errorf("drain %q", drain)
	}
	// Scale-out still works, for nothing was disabled.
	a.resize(3)
	if n := a.inService(); n != 3 {
		t.Errorf("%d in service", n)
	}
	a.save(template, "1") // the group has been rolled
	if _, out, err := a.revoke(3, nil); err != nil || len(out.Disabled) != 1 || a.state(3) != "disabled" {
		t.Fatalf("repeated: %v, %+v, the image is %s", err, out, a.state(3))
	}
	a.resize(4)
	if n := a.inService(); n != 4 {
		t.Errorf("%d in service after the revocation", n)
	}
	h, err := a.ssm.GetParameterHistory(t.Context(), &ssm.GetParameterHistoryInput{Name: aws.String(channel)})
	if err != nil {
		t.Fatal(err)
	}
	if v := h.Parameters[2]; !slices.Contains(v.Labels, "revoked-3") || len(h.Parameters) != 4 || !slices.Contains(h.Parameters[3].Labels, "current") {
		t.Errorf("history: %+v", h.Parameters)
	}
	if p, _, err := a.revoke(3, nil); err != nil || !p.Nothing() {
		t.Errorf("a third time: %v\n%s", err, p.Text())
	}
}

func (a *account) inService() (n int) {
	a.t.Helper()
	out, err := a.asg.DescribeAutoScalingGroups(a.t.Context(), &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{"web"}})
	if err != nil || len(out.AutoScalingGroups) != 1 {
		a.t.Fatalf("describe the group: %v", err)
	}
	for _, i := range out.AutoScalingGroups[0].Instances {
		if i.LifecycleState == astypes.LifecycleStateInService {
			n++
		}
	}
	return n
}

func TestAGroupThatFollowsTheChannelGoesWithIt(t *testing.T) {
	a, template := three(t)
	a.must(a.ec2.CreateLaunchTemplateVersion(t.Context(), &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: &template, SourceVersion: aws.String("1"),
		LaunchTemplateData: alias(channel)}))
	a.save(template, "3")
	if _, out, err := a.revoke(3, nil); err != nil || len(out.Disabled) != 1 {
		t.Fatalf("%v, %+v", err, out)
	}
	a.resize(4)
	if n := a.inService(); n != 4 {
		t.Errorf("%d in service", n)
	}
}

func TestDescendantsAndCopiesAreRevokedAndForeignImagesAreNot(t *testing.T) {
	a, _ := three(t)
	a.save(a.only(), "1")
	a.add(4, 1, map[string]string{"rehydrate:source": id(3)})
	out, err := a.ec2.CopyImage(t.Context(), &ec2.CopyImageInput{Name: aws.String("copy"), SourceImageId: aws.String(id(3)), SourceRegion: aws.String("eu-west-1"), CopyImageTags: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	a.pass(60 * 60 * 1e9)
	strange, err := a.ec2.CopyImage(t.Context(), &ec2.CopyImageInput{Name: aws.String("strange"), SourceImageId: aws.String(id(3)), SourceRegion: aws.String("eu-west-1")})
	if err != nil {
		t.Fatal(err)
	}
	a.pass(60 * 60 * 1e9)
	p, did, err := a.revoke(3, nil)
	if err != nil || len(did.Disabled) != 3 || a.state(4) != "disabled" {
		t.Fatalf("%v\n%s", err, p.Text())
	}
	for image, want := range map[string]string{*out.ImageId: "disabled", *strange.ImageId: "available"} {
		l, err := app.ShowImage(t.Context(), a.in(), image)
		if err != nil || l.Images[0].State != want {
			t.Errorf("%s: %v, %+v", image, err, l)
		}
	}
	l, err := app.ImageLineage(t.Context(), a.in(), id(3))
	if err != nil || len(l.Down) != 3 {
		t.Errorf("lineage: %v, %+v", err, l)
	}
}

func (a *account) only() string {
	a.t.Helper()
	out, err := a.ec2.DescribeLaunchTemplates(a.t.Context(), &ec2.DescribeLaunchTemplatesInput{})
	if err != nil {
		a.t.Fatal(err)
	}
	return *out.LaunchTemplates[0].LaunchTemplateId
}

// Every call that changes something is lost once, before and after it took effect; the
// command is repeated until it ends well, and the end is always the same.
func TestALostCallIsMadeGoodByARepetition(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n := 1; ; n++ {
			a, template := three(t)
			a.save(template, "1")
			calls, from := 0, len(a.line.ops)
			a.line.cut = func(string) (bool, bool) { calls++; return calls == n, after }
			_, _, err := a.revoke(3, nil)
			a.line.cut = nil
			if calls < n {
				if err != nil || n < 6 {
					t.Errorf("%d calls: %v", calls, err)
				}
				break
			}
			for try := 0; try < 3 && (err != nil || a.state(3) != "disabled"); try++ {
				a.pass(5 * 60 * 1e9) // a lease that was left behind runs out
				_, _, err = a.revoke(3, nil)
			}
			if err != nil || a.state(3) != "disabled" || a.value(channel) != id(2) {
				t.Fatalf("call %d lost (after it took effect: %v): %v; the image is %s, the channel holds %s", n, after, err, a.state(3), a.value(channel))
			}
			if ops := a.line.ops[from:]; slices.Index(ops, "DisableImage") < slices.Index(ops, "PutParameter") || slices.Index(ops, "DisableImage") < slices.Index(ops, "CreateTags") {
				t.Errorf("call %d lost: in the order %v", n, ops)
			}
		}
	}
}

func TestWhatMovedSinceThePlanIsAConflict(t *testing.T) {
	a, template := three(t)
	a.save(template, "1")
	in := &app.RevokeRequest{ImageRequest: *a.in(), Image: id(3), Reason: "x"}
	p, err := app.PlanRevocation(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	a.save(template, "2") // somebody sets the group back
	_, err = app.Revoke(t.Context(), in, p)
	if fault.KindOf(err).ExitCode() != 11 || a.state(3) != "available" || !strings.Contains(err.Error(), "group web launches it") {
		t.Errorf("%v, the image is %s", err, a.state(3))
	}
}
