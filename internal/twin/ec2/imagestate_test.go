package ec2_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

const (
	org  = "arn:aws:organizations::123456789012:organization/o-abcdefghij"
	unit = "arn:aws:organizations::123456789012:ou/o-abcdefghij/ou-ab12-11111111"
)

func TestADisabledImageIsNotLaunchedNorSharedNorListed(t *testing.T) {
	b := newBench(t)
	id := b.golden("golden-1")
	instance := b.run(func(in *sdk.RunInstancesInput) { in.ImageId = &id })
	share := &sdk.ModifyImageAttributeInput{ImageId: &id, UserIds: []string{foreign}, OrganizationArns: []string{org}}
	must[*sdk.ModifyImageAttributeOutput](t)(b.api.ModifyImageAttribute(ctx, share))
	disable := &sdk.DisableImageInput{ImageId: &id}
	_, err := b.foreign.DisableImage(ctx, disable)
	wantCode(t, err, "AuthFailure")
	for range 2 { // to disable it again is no error
		if out := must[*sdk.DisableImageOutput](t)(b.api.DisableImage(ctx, disable)); !*out.Return {
			t.Error("disable says false")
		}
	}
	list := func(edit func(*sdk.DescribeImagesInput)) []types.Image {
		in := &sdk.DescribeImagesInput{Owners: []string{"self"}}
		edit(in)
		return must[*sdk.DescribeImagesOutput](t)(b.api.DescribeImages(ctx, in)).Images
	}
	if got := list(func(*sdk.DescribeImagesInput) {}); len(got) != 0 {
		t.Errorf("listed: %v", names(got))
	}
	if got := list(func(in *sdk.DescribeImagesInput) { in.IncludeDisabled = aws.Bool(true) }); len(got) != 1 || got[0].State != types.ImageStateDisabled || *got[0].Public {
		t.Errorf("with IncludeDisabled: %+v", got)
	}
	_, err = b.api.RunInstances(ctx, runInput(func(in *sdk.RunInstancesInput) { in.ImageId = &id }))
	wantCode(t, err, "InvalidAMIID.Unavailable")
	_, err = b.api.CopyImage(ctx, copyInput(id, nil), there)
	wantCode(t, err, "InvalidAMIID.Unavailable")
	_, err = b.api.ModifyImageAttribute(ctx, share)
	wantCode(t, err, "IncorrectState")
	_, err = b.foreign.RunInstances(ctx, runInput(func(in *sdk.RunInstancesInput) { in.ImageId = &id }))
	wantCode(t, err, "InvalidAMIID.NotFound")
	snap := list(func(in *sdk.DescribeImagesInput) { in.IncludeDisabled = aws.Bool(true) })[0].BlockDeviceMappings[0].Ebs.SnapshotId
	_, err = b.api.DeleteSnapshot(ctx, &sdk.DeleteSnapshotInput{SnapshotId: snap})
	wantCode(t, err, "InvalidSnapshot.InUse")
	if i := b.instance(instance); i.State.Name == types.InstanceStateNameTerminated {
		t.Error("an instance of the image has ended")
	}

	must[*sdk.EnableImageOutput](t)(b.api.EnableImage(ctx, &sdk.EnableImageInput{ImageId: &id}))
	must[*sdk.EnableImageOutput](t)(b.api.EnableImage(ctx, &sdk.EnableImageInput{ImageId: &id}))
	b.run(func(in *sdk.RunInstancesInput) { in.ImageId = &id })
	attr := must[*sdk.DescribeImageAttributeOutput](t)(b.api.DescribeImageAttribute(ctx, &sdk.DescribeImageAttributeInput{ImageId: &id, Attribute: "launchPermission"}))
	if len(attr.LaunchPermissions) != 0 {
		t.Errorf("shares came back: %+v", attr.LaunchPermissions)
	}
	pending := b.createImage(b.running(), "golden-2")
	_, err = b.api.DisableImage(ctx, &sdk.DisableImageInput{ImageId: &pending})
	wantCode(t, err, "IncorrectState")
	_, err = b.api.EnableImage(ctx, &sdk.EnableImageInput{ImageId: &pending})
	wantCode(t, err, "IncorrectState")
	_, err = b.api.EnableImage(ctx, &sdk.EnableImageInput{ImageId: aws.String("ami-0123456789abcdef0")})
	wantCode(t, err, "InvalidAMIID.NotFound")
}

func TestADeprecatedImageIsHiddenFromOthersOnly(t *testing.T) {
	b := newBench(t)
	id := b.golden("golden-1")
	must[*sdk.ModifyImageAttributeOutput](t)(b.api.ModifyImageAttribute(ctx, &sdk.ModifyImageAttributeInput{ImageId: &id, UserIds: []string{foreign}}))
	at := b.w.Clock().Now().Add(24*time.Hour + 40*time.Second)
	deprecate := func(c *sdk.Client, at time.Time, id string) error {
		_, err := c.EnableImageDeprecation(ctx, &sdk.EnableImageDeprecationInput{ImageId: &id, DeprecateAt: &at})
		return err
	}
	if err := deprecate(b.api, at, id); err != nil {
		t.Fatal(err)
	}
	seen := func(c *sdk.Client, in *sdk.DescribeImagesInput) bool {
		return len(must[*sdk.DescribeImagesOutput](t)(c.DescribeImages(ctx, in)).Images) > 0
	}
	all := &sdk.DescribeImagesInput{Owners: []string{wiretest.Account}}
	if got := *b.image(id).DeprecationTime; got != at.Add(20*time.Second).UTC().Format("2006-01-02T15:04:05.000Z") {
		t.Errorf("deprecation time %s of %s", got, at)
	}
	if !seen(b.foreign, all) {
		t.Error("hidden before its time")
	}
	b.pass(25 * time.Hour)
	for name, c := range map[string]struct {
		client *sdk.Client
		in     *sdk.DescribeImagesInput
		want   bool
	}{
		"the owner":                 {b.api, all, true},
		"another account":           {b.foreign, all, false},
		"another account by id":     {b.foreign, &sdk.DescribeImagesInput{ImageIds: []string{id}}, true},
		"another account that asks": {b.foreign, &sdk.DescribeImagesInput{Owners: []string{wiretest.Account}, IncludeDeprecated: aws.Bool(true)}, true},
	} {
		if seen(c.client, c.in) != c.want {
			t.Errorf("%s: seen %t", name, !c.want)
		}
	}
	must[*sdk.RunInstancesOutput](t)(b.foreign.RunInstances(ctx, runInput(func(in *sdk.RunInstancesInput) { in.ImageId = &id })))
	disable := &sdk.DisableImageDeprecationInput{ImageId: &id}
	_, err := b.foreign.DisableImageDeprecation(ctx, disable)
	wantCode(t, err, "AuthFailure")
	must[*sdk.DisableImageDeprecationOutput](t)(b.api.DisableImageDeprecation(ctx, disable))
	if !seen(b.foreign, all) {
		t.Error("hidden after its deprecation was taken back")
	}
	wantCode(t, deprecate(b.api, b.w.Clock().Now().Add(-time.Minute), id), "InvalidParameterValue")
	wantCode(t, deprecate(b.api, b.w.Clock().Now().AddDate(11, 0, 0), id), "InvalidParameterValue")
	wantCode(t, deprecate(b.foreign, b.w.Clock().Now().AddDate(3, 0, 0), base), "InvalidParameterValue") // public: two years
	wantCode(t, deprecate(b.api, b.w.Clock().Now().Add(time.Hour), "ami-0123456789abcdef0"), "InvalidAMIID.NotFound")
}

func TestProtectionKeepsAnImageAndCoolsDown(t *testing.T) {
	b := newBench(t)
	id := b.golden("golden-1")
	protect := func(cool bool) {
		out := must[*sdk.EnableImageDeregistrationProtectionOutput](t)(b.api.EnableImageDeregistrationProtection(ctx,
			&sdk.EnableImageDeregistrationProtectionInput{ImageId: &id, WithCooldown: &cool}))
		if *out.Return != "true" {
			t.Errorf("return %s", *out.Return)
		}
	}
	off := &sdk.DisableImageDeregistrationProtectionInput{ImageId: &id}
	deregister := func() error {
		_, err := b.api.DeregisterImage(ctx, &sdk.DeregisterImageInput{ImageId: &id, DryRun: aws.Bool(true)})
		return err
	}
	wantCode(t, deregister(), "DryRunOperation")
	protect(false)
	if got := *b.image(id).DeregistrationProtection; got != "enabled-without-cooldown" {
		t.Errorf("protection %q", got)
	}
	wantCode(t, deregister(), "OperationNotPermitted")
	must[*sdk.DisableImageDeregistrationProtectionOutput](t)(b.api.DisableImageDeregistrationProtection(ctx, off))
	wantCode(t, deregister(), "DryRunOperation")
	protect(true)
	if got := *b.image(id).DeregistrationProtection; got != "enabled-with-cooldown" {
		t.Errorf("protection %q", got)
	}
	must[*sdk.DisableImageDeregistrationProtectionOutput](t)(b.api.DisableImageDeregistrationProtection(ctx, off))
	b.pass(23 * time.Hour)
	wantCode(t, deregister(), "OperationNotPermitted")
	b.pass(time.Hour)
	wantCode(t, deregister(), "DryRunOperation")
	_, err := b.foreign.DisableImageDeregistrationProtection(ctx, off)
	wantCode(t, err, "InvalidAMIID.NotFound")
	_, err = b.foreign.EnableImageDeregistrationProtection(ctx, &sdk.EnableImageDeregistrationProtectionInput{ImageId: &id})
	wantCode(t, err, "InvalidAMIID.NotFound")
}

func TestAnOrganizationGivesItsAccountsTheImage(t *testing.T) {
	b := newBench(t)
	id := b.golden("golden-1")
	if err := b.do("-", func(tx *world.Tx) error { return b.s.Join(tx, foreign, org, unit) }); err != nil {
		t.Fatal(err)
	}
	if err := b.do("-", func(tx *world.Tx) error { return b.s.Join(tx, foreign, "arn:aws:iam::1:root") }); err == nil {
		t.Error("an account joined something that is no organization")
	}
	launch := func(c *sdk.Client) error {
		_, err := c.RunInstances(ctx, runInput(func(in *sdk.RunInstancesInput) { in.ImageId = &id }))
		return err
	}
	permission := func(arn string) types.LaunchPermission {
		if arn == org {
			return types.LaunchPermission{OrganizationArn: &arn}
		}
		return types.LaunchPermission{OrganizationalUnitArn: &arn}
	}
	for _, arn := range []string{org, unit} {
		wantCode(t, launch(b.foreign), "InvalidAMIID.NotFound")
		must[*sdk.ModifyImageAttributeOutput](t)(b.api.ModifyImageAttribute(ctx, &sdk.ModifyImageAttributeInput{
			ImageId: &id, LaunchPermission: &types.LaunchPermissionModifications{Add: []types.LaunchPermission{permission(arn)}}}))
		if err := launch(b.foreign); err != nil {
			t.Errorf("shared with %s: %v", arn, err)
		}
		attr := must[*sdk.DescribeImageAttributeOutput](t)(b.api.DescribeImageAttribute(ctx, &sdk.DescribeImageAttributeInput{ImageId: &id, Attribute: "launchPermission"}))
		p := attr.LaunchPermissions
		if len(p) != 1 || aws.ToString(p[0].OrganizationArn)+aws.ToString(p[0].OrganizationalUnitArn) != arn {
			t.Errorf("permissions: %+v", p)
		}
		if got := must[*sdk.DescribeImagesOutput](t)(b.foreign.DescribeImages(ctx, &sdk.DescribeImagesInput{ExecutableUsers: []string{"self"}})).Images; len(got) != 1 {
			t.Errorf("shared with me: %v", names(got))
		}
		must[*sdk.ModifyImageAttributeOutput](t)(b.api.ModifyImageAttribute(ctx, &sdk.ModifyImageAttributeInput{
			ImageId: &id, OperationType: types.OperationTypeRemove, OrganizationArns: flat(arn, org), OrganizationalUnitArns: flat(arn, unit)}))
	}
	wantCode(t, launch(b.foreign), "InvalidAMIID.NotFound")
	_, err := b.api.ModifyImageAttribute(ctx, &sdk.ModifyImageAttributeInput{ImageId: &id, OrganizationArns: []string{"arn:aws:organizations::1:organization/o-1"}})
	wantCode(t, err, "InvalidAMIAttributeItemValue")
}

// flat is a list of arn if that is what was asked for.
func flat(arn, kind string) []string {
	if arn == kind {
		return []string{arn}
	}
	return nil
}

func TestAttributesAreReset(t *testing.T) {
	b := newBench(t)
	id := b.golden("golden-1")
	snap := b.image(id).BlockDeviceMappings[0].Ebs.SnapshotId
	must[*sdk.ModifyImageAttributeOutput](t)(b.api.ModifyImageAttribute(ctx, &sdk.ModifyImageAttributeInput{ImageId: &id, UserIds: []string{foreign}, OrganizationArns: []string{org}}))
	must[*sdk.ModifySnapshotAttributeOutput](t)(b.api.ModifySnapshotAttribute(ctx, &sdk.ModifySnapshotAttributeInput{SnapshotId: snap, UserIds: []string{foreign}, GroupNames: []string{"all"}}))
	volume := func() []types.CreateVolumePermission {
		return must[*sdk.DescribeSnapshotAttributeOutput](t)(b.api.DescribeSnapshotAttribute(ctx, &sdk.DescribeSnapshotAttributeInput{
			SnapshotId: snap, Attribute: types.SnapshotAttributeNameCreateVolumePermission})).CreateVolumePermissions
	}
	if p := volume(); len(p) != 2 || p[0].Group != types.PermissionGroupAll || *p[1].UserId != foreign {
		t.Errorf("volume permissions: %+v", p)
	}
	reset := &sdk.ResetImageAttributeInput{ImageId: &id, Attribute: types.ResetImageAttributeNameLaunchPermission}
	_, err := b.foreign.ResetImageAttribute(ctx, reset)
	wantCode(t, err, "AuthFailure")
	must[*sdk.ResetImageAttributeOutput](t)(b.api.ResetImageAttribute(ctx, reset))
	if p := must[*sdk.DescribeImageAttributeOutput](t)(b.api.DescribeImageAttribute(ctx, &sdk.DescribeImageAttributeInput{ImageId: &id, Attribute: "launchPermission"})).LaunchPermissions; len(p) != 0 {
		t.Errorf("launch permissions left: %+v", p)
	}
	again := &sdk.ResetSnapshotAttributeInput{SnapshotId: snap, Attribute: types.SnapshotAttributeNameCreateVolumePermission}
	_, err = b.foreign.ResetSnapshotAttribute(ctx, again)
	wantCode(t, err, "UnauthorizedOperation")
	must[*sdk.ResetSnapshotAttributeOutput](t)(b.api.ResetSnapshotAttribute(ctx, again))
	if p := volume(); len(p) != 0 {
		t.Errorf("volume permissions left: %+v", p)
	}
	_, err = b.foreign.DescribeSnapshotAttribute(ctx, &sdk.DescribeSnapshotAttributeInput{SnapshotId: snap, Attribute: types.SnapshotAttributeNameCreateVolumePermission})
	wantCode(t, err, "InvalidSnapshot.NotFound")
	_, err = b.api.ResetSnapshotAttribute(ctx, &sdk.ResetSnapshotAttributeInput{SnapshotId: snap, Attribute: types.SnapshotAttributeNameProductCodes})
	wantCode(t, err, "InvalidParameterValue")
}
