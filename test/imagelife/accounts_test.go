package imagelife

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
)

const prod = "222222222222"

// twoAccounts is three's account with a second one, whose group launches the image that
// is shared with it.
func twoAccounts(t *testing.T) (home, other *account, template string) {
	home, mine := three(t)
	home.save(mine, "1")
	home.addAccount()
	for n := 1; n <= 3; n++ {
		home.must(home.ec2.ModifyImageAttribute(t.Context(), &ec2.ModifyImageAttributeInput{ImageId: aws.String(id(n)), LaunchPermission: &ec2types.LaunchPermissionModifications{
			Add: []ec2types.LaunchPermission{{UserId: aws.String(prod)}}}}))
	}
	there := *home
	other = &there
	cfg := home.sdk
	cfg.Credentials = wiretest.Key(prod)
	other.ec2, other.asg, other.ssm = ec2.NewFromConfig(cfg), autoscaling.NewFromConfig(cfg), ssm.NewFromConfig(cfg)
	other.put(channel, 3, "20260101-000003-abcdef")
	template = other.template(2)
	other.version(template, 1, 3)
	other.group(template, "2")
	return home, other, template
}

// addAccount writes the second account into the configuration.
func (a *account) addAccount() {
	a.t.Helper()
	var err error
	if a.cfg, err = config.Parse("rehydrate.hcl", []byte(configuration+`
account "prod" {
  id      = "`+prod+`"
  role    = "rehydrate"
  regions = ["eu-west-1"]
}
`)); err != nil {
		a.t.Fatal(err)
	}
}

func TestAGroupInAnotherAccountKeepsASharedImage(t *testing.T) {
	home, other, template := twoAccounts(t)
	// Its channel has gone from 2 to 3 as well; 3, 2, 3 would say that 2 was rolled back.
	_, err := other.ssm.DeleteParameter(t.Context(), &ssm.DeleteParameterInput{Name: aws.String(channel)})
	other.must(nil, err)
	other.put(channel, 2, "20260101-000002-abcdef")
	other.put(channel, 3, "20260101-000003-abcdef")
	p, out, err := home.revoke(3, nil)
	if fault.KindOf(err).ExitCode() != 3 || home.state(3) != "available" || !strings.Contains(p.Text(), prod+"/eu-west-1: group web launches it") {
		t.Fatalf("%v, %+v\n%s", err, out, p.Text())
	}
	for _, a := range []*account{home, other} {
		if got := a.value(channel); got != id(2) {
			t.Errorf("the channel holds %s", got)
		}
	}
	other.save(template, "1")
	if _, _, err := home.revoke(3, nil); err != nil || home.state(3) != "disabled" {
		t.Errorf("repeated: %v, the image is %s", err, home.state(3))
	}
	other.resize(3) // from image 2, which is still shared
	if n := other.inService(); n != 3 {
		t.Errorf("%d in service", n)
	}
}

func TestAnAccountThatCannotBeOpenedKeepsEverything(t *testing.T) {
	home, _, _ := twoAccounts(t)
	home.line.cut = func(op string) (bool, bool) { return op == "AssumeRole", false }
	p, _, err := home.revoke(3, nil)
	if fault.KindOf(err).ExitCode() != 3 || home.state(3) != "available" || len(p.Unknown) == 0 {
		t.Errorf("%v\n%s", err, p.Text())
	}
	if p, _, err := home.revoke(3, func(r *app.RevokeRequest) { r.Force = true }); err != nil || home.state(3) != "disabled" {
		t.Errorf("forced: %v\n%s", err, p.Text())
	}
	a := five(t)
	a.addAccount()
	a.line.cut = func(op string) (bool, bool) { return op == "AssumeRole", false }
	r, _, err := a.retire(nil)
	if err != nil || !r.Nothing() || len(r.Unknown) == 0 || a.state(1) != "disabled" {
		t.Errorf("%v\n%s", err, r.Text())
	}
	if l, err := app.ListImages(t.Context(), a.in()); err != nil || fault.KindOf(l.Err()).ExitCode() != 3 || len(l.Images) != 5 {
		t.Errorf("%v, %+v", err, l)
	}
}

func TestUseInAnotherAccountKeepsAnImageFromRetirement(t *testing.T) {
	home, other, _ := twoAccounts(t)
	home.pass(100 * 24 * time.Hour) // all are old now
	home.add(4, 1, nil)             // and this one is new, so that 3 is not kept as the newest
	home.put(channel, 1, "")        // by hand, so that 2 and 3 are no channel's in home
	home.put(channel, 1, "")
	p, _, err := home.retire(nil)
	i := strings.Index(p.Text(), id(3))
	if err != nil || i < 0 || home.state(3) != "available" || !strings.Contains(p.Text(), prod+"/eu-west-1: group web launches it") {
		t.Errorf("%v\n%s", err, p.Text())
	}
	other.resize(3)
	if n := other.inService(); n != 3 {
		t.Errorf("%d in service", n)
	}
}
