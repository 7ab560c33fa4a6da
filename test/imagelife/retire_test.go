package imagelife

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/fault"
)

func alias(name string) *ec2types.RequestLaunchTemplateData {
	return &ec2types.RequestLaunchTemplateData{ImageId: aws.String("resolve:ssm:" + name)}
}

// five has published images 1 to 5 over 140 days; 1 is disabled since long, a group
// came from it by versions of ours and is on 5 now.
func five(t *testing.T) *account {
	a := open(t)
	disabled := a.w.Clock().Now().AddDate(0, 0, -50).Format(time.RFC3339)
	for n, days := range []int{140, 70, 40, 20, 2} {
		tags := map[string]string{}
		if n == 0 {
			tags["rehydrate:disabled"] = disabled
		}
		a.add(n+1, days, tags)
		a.publish(n + 1)
		a.ran(n+1, "done")
	}
	template := a.template(9 - 4) // version 1 names image 5
	a.version(template, 1, 1)
	a.version(template, 2, 4)
	a.version(template, 3, 5)
	a.group(template, "4")
	a.must(a.ec2.DisableImage(t.Context(), &ec2.DisableImageInput{ImageId: aws.String(id(1))}))
	return a
}

// whole says whether the world is as an undisturbed retirement leaves it.
func (a *account) whole() string {
	switch {
	case a.state(1) != "gone" || a.state(2) != "disabled" || a.state(3) != "available" || a.state(4) != "available" || a.state(5) != "available":
		return "images: " + strings.Join([]string{a.state(1), a.state(2), a.state(3), a.state(4), a.state(5)}, " ")
	case a.image(3).DeprecationTime == nil || a.image(4).DeprecationTime != nil:
		return "deprecations"
	case a.snapshotsLeft() != 4:
		return "snapshots"
	case a.value("/golden/web/builds/20260101-000001-abcdef") != "" || a.value("/golden/web/builds/20260101-000002-abcdef") != id(2):
		return "builds entries"
	case a.value(channel) != id(5):
		return "the channel"
	case a.has("runs/20260101-000001-abcdef") || a.has("artifacts/20260101-000001-abcdef/bundle") || !a.has("artifacts/20260101-000001-abcdef/run.json"):
		return "what run 1 left"
	case !a.has("runs/20260101-000002-abcdef") || !a.has("artifacts/20260101-000002-abcdef/bundle"):
		return "what run 2 left"
	}
	out, err := a.ec2.DescribeLaunchTemplateVersions(a.t.Context(), &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: aws.String(a.only())})
	if err != nil || len(out.LaunchTemplateVersions) != 3 {
		return "template versions"
	}
	return ""
}

func TestRetirementTakesEachImageOneStageFurther(t *testing.T) {
	a := five(t)
	p, out, err := a.retire(nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, p.Text())
	}
	t.Log(p.Text())
	if what := a.whole(); what != "" {
		t.Errorf("%s is not as it should be\n%s", what, app.RetiredText(out))
	}
	if p, _, err := a.retire(nil); err != nil || !p.Nothing() {
		t.Errorf("a second time: %v\n%s", err, p.Text())
	}
	a.resize(3)
	if n := a.inService(); n != 3 {
		t.Errorf("%d in service", n)
	}
}

func TestWhatComesIntoUseBetweenPlanAndApplyIsKept(t *testing.T) {
	for name, use := range map[string]func(*account){
		"a template": func(a *account) {
			a.must(a.ec2.CreateLaunchTemplateVersion(t.Context(), &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: aws.String(a.only()), SourceVersion: aws.String("1"),
				LaunchTemplateData: &ec2types.RequestLaunchTemplateData{ImageId: aws.String(id(2))}}))
		},
		"an instance": func(a *account) {
			a.must(a.ec2.RunInstances(t.Context(), &ec2.RunInstancesInput{ImageId: aws.String(id(2)), MinCount: aws.Int32(1), MaxCount: aws.Int32(1), InstanceType: ec2types.InstanceTypeT3Small}))
		},
		"a parameter": func(a *account) { a.put("/somewhere/else", 2, "") },
		"a sharing": func(a *account) {
			a.must(a.ec2.ModifyImageAttribute(t.Context(), &ec2.ModifyImageAttributeInput{ImageId: aws.String(id(2)), LaunchPermission: &ec2types.LaunchPermissionModifications{
				Add: []ec2types.LaunchPermission{{UserId: aws.String("444455556666")}}}}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := five(t)
			_, out, err := a.retire(func() { use(a) })
			if fault.KindOf(err).ExitCode() != 11 || a.state(2) != "available" {
				t.Errorf("%v, image 2 is %s\n%s", err, a.state(2), app.RetiredText(out))
			}
		})
	}
}

// Every call that changes something is lost once, before and after it took effect; the
// command is repeated, and the end is always the same.
func TestALostCallOfARetirementIsMadeGoodByARepetition(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n := 1; ; n++ {
			a := five(t)
			calls := 0
			a.line.cut = func(string) (bool, bool) { calls++; return calls == n, after }
			_, _, err := a.retire(nil)
			a.line.cut = nil
			if calls < n {
				if err != nil || n < 7 {
					t.Errorf("%d calls: %v", calls, err)
				}
				break
			}
			if err == nil {
				t.Errorf("call %d was lost and nobody said so", n)
			}
			a.pass(time.Minute)
			if _, out, err := a.retire(nil); err != nil {
				t.Fatalf("call %d lost (after it took effect: %v), repeated: %v\n%s", n, after, err, app.RetiredText(out))
			}
			if what := a.whole(); what != "" {
				t.Errorf("call %d lost (after it took effect: %v): %s", n, after, what)
			}
		}
	}
}

func TestProtectionAndForeignImagesAreHonoured(t *testing.T) {
	a := five(t)
	a.must(a.ec2.EnableImageDeregistrationProtection(t.Context(), &ec2.EnableImageDeregistrationProtectionInput{ImageId: aws.String(id(1)), WithCooldown: aws.Bool(true)}))
	a.must(a.ec2.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{id(2)}, Tags: []ec2types.Tag{{Key: aws.String("rehydrate:line"), Value: aws.String("db")}}}))
	p, _, err := a.retire(nil)
	if err != nil || a.state(1) != "disabled" || a.state(2) != "available" || !strings.Contains(p.Text(), "protected from deregistration (enabled-with-cooldown)") {
		t.Errorf("%v, %s, %s\n%s", err, a.state(1), a.state(2), p.Text())
	}
}

func TestARunThatHasNotEndedKeepsItsImage(t *testing.T) {
	a := five(t)
	a.ran(1, "waiting")
	p, _, err := a.retire(nil)
	if err != nil || a.state(1) != "disabled" || !strings.Contains(p.Text(), "run 20260101-000001-abcdef works with it and has not ended") {
		t.Errorf("%v, %s\n%s", err, a.state(1), p.Text())
	}
}

func TestListingTellsWhatStandsOut(t *testing.T) {
	a := five(t)
	l, err := app.ListImages(t.Context(), a.in())
	if err != nil || len(l.Images) != 5 || l.Images[0].ID != id(5) || l.Images[0].Channels[0] != channel || l.Err() != nil {
		t.Fatalf("%v, %+v", err, l)
	}
	one, err := app.ShowImage(t.Context(), a.in(), id(5))
	if err != nil || len(one.Images[0].Uses) < 4 {
		t.Errorf("%v, %+v", err, one)
	}
	if _, err := app.ShowImage(t.Context(), a.in(), id(99)); fault.KindOf(err) != fault.NotFound {
		t.Errorf("got %v", err)
	}
}
