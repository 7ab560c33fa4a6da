package ec2_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	sdkkms "github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/kms"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// ebsActions are what AWS's own examples of key policies give for EBS.
const ebsActions = `"kms:Encrypt","kms:Decrypt","kms:ReEncrypt*","kms:GenerateDataKey*","kms:DescribeKey","kms:CreateGrant"`

func role(account string) string {
	return "arn:aws:iam::" + account + ":role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
}

// key makes a key of the account's own in a region whose policy also lets principals
// use it for EBS.
func (b *bench) key(region string, principals ...string) string {
	b.t.Helper()
	more := ""
	if len(principals) > 0 {
		more = fmt.Sprintf(`,{"Effect":"Allow","Principal":{"AWS":["%s"]},"Action":[%s],"Resource":"*"}`, strings.Join(principals, `","`), ebsActions)
	}
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":"kms:*","Resource":"*"}%s]}`, wiretest.Account, more)
	var arn string
	err := b.w.Do(wiretest.Account, region, func(tx *world.Tx) error {
		out, err := kms.New().CreateKey(tx, &sdkkms.CreateKeyInput{Policy: &policy})
		if err == nil {
			arn = *out.KeyMetadata.Arn
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return arn
}

// grant gives a principal what EBS needs of a key.
func (b *bench) grant(key, principal string) {
	b.t.Helper()
	err := b.do(wiretest.Account, func(tx *world.Tx) error {
		_, err := kms.New().CreateGrant(tx, &sdkkms.CreateGrantInput{KeyId: &key, GranteePrincipal: &principal, Operations: []kmstypes.GrantOperation{
			kmstypes.GrantOperationDecrypt, kmstypes.GrantOperationReEncryptFrom, kmstypes.GrantOperationReEncryptTo,
			kmstypes.GrantOperationGenerateDataKeyWithoutPlaintext, kmstypes.GrantOperationDescribeKey, kmstypes.GrantOperationCreateGrant}})
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// sealed is an available image that is encrypted with a key.
func (b *bench) sealed(key string) string {
	b.t.Helper()
	out := must[*sdk.CopyImageOutput](b.t)(b.api.CopyImage(ctx, copyInput(base, func(in *sdk.CopyImageInput) {
		in.Encrypted, in.KmsKeyId, in.Name, in.ClientToken = aws.Bool(true), &key, aws.String("sealed with "+key[len(key)-8:]), aws.String(key[len(key)-36:])
	})))
	b.pass(time.Hour)
	if i := b.image(*out.ImageId); i.State != types.ImageStateAvailable {
		b.t.Fatalf("the encrypted image is %s: %+v", i.State, i.StateReason)
	}
	return *out.ImageId
}

// launched is what became of an instance that an account's principal launched.
func (b *bench) launched(account string, spec ec2.LaunchSpec) ec2.Instance {
	b.t.Helper()
	var i ec2.Instance
	get := func(id string) {
		_ = b.do(account, func(tx *world.Tx) error { i, _ = b.s.InstanceByID(tx, id); return nil })
	}
	err := b.do(account, func(tx *world.Tx) error {
		spec.Type, spec.Eager = "t3.micro", true
		id, err := b.s.Launch(tx, spec)
		i.ID = id
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	if get(i.ID); i.State != "pending" {
		b.t.Errorf("launched as %s", i.State)
	}
	b.pass(2 * time.Minute)
	get(i.ID)
	return i
}

func TestALaunchWithoutTheKeyEndsInClientInternalError(t *testing.T) {
	b := newBench(t)
	own, named := b.key(wiretest.Region), b.key(wiretest.Region, role(wiretest.Account))
	bare, good := b.sealed(own), b.sealed(named)
	granted := b.key(wiretest.Region)
	b.grant(granted, role(wiretest.Account))
	byGrant := b.sealed(granted)
	for name, c := range map[string]struct {
		image, by, want string
	}{
		"a person with the default policy":        {bare, "", "running"},
		"Auto Scaling with the default policy":    {bare, "autoscaling", "terminated"},
		"Auto Scaling that the policy names":      {good, "autoscaling", "running"},
		"Auto Scaling with a grant":               {byGrant, "autoscaling", "running"},
		"Auto Scaling with an unencrypted image":  {base, "autoscaling", "running"},
		"a person with the key of Auto Scaling's": {good, "", "running"},
	} {
		i := b.launched(wiretest.Account, ec2.LaunchSpec{Image: c.image, By: c.by})
		if i.State != c.want {
			t.Errorf("%s: %s, want %s", name, i.State, c.want)
		}
		if c.want == "running" {
			continue
		}
		sent := b.instance(i.ID)
		if *sent.StateReason.Code != "Client.InternalError" || *sent.StateReason.Message != "Client.InternalError: Client error on launch" ||
			len(sent.BlockDeviceMappings) != 0 || b.b.count("start "+i.ID) != 0 {
			t.Errorf("%s: %+v, calls %v", name, sent.StateReason, b.b.calls)
		}
	}
	v := b.volumeOf(b.run(func(in *sdk.RunInstancesInput) { in.ImageId = &bare }))
	if !*v.Encrypted || *v.KmsKeyId != own {
		t.Errorf("volume: %+v", v)
	}
}

func (b *bench) volumeOf(instance string) types.Volume {
	b.t.Helper()
	return must[*sdk.DescribeVolumesOutput](b.t)(b.api.DescribeVolumes(ctx, &sdk.DescribeVolumesInput{
		Filters: []types.Filter{{Name: aws.String("attachment.instance-id"), Values: []string{instance}}}})).Volumes[0]
}

func TestAnotherAccountNeedsTheKeyOfASharedImage(t *testing.T) {
	b := newBench(t)
	account := "arn:aws:iam::" + foreign + ":root"
	closed, open, both := b.key(wiretest.Region), b.key(wiretest.Region, account), b.key(wiretest.Region, account, role(foreign))
	for name, c := range map[string]struct{ key, by, want string }{
		"without the key":                          {closed, "", "terminated"},
		"with the key":                             {open, "", "running"},
		"its Auto Scaling, with the account's":     {open, "autoscaling", "terminated"},
		"its Auto Scaling, with a key of its own":  {both, "autoscaling", "running"},
		"a person, with Auto Scaling's in it, too": {both, "", "running"},
	} {
		id := b.sealedOnce(c.key)
		must[*sdk.ModifyImageAttributeOutput](t)(b.api.ModifyImageAttribute(ctx, &sdk.ModifyImageAttributeInput{ImageId: &id, UserIds: []string{foreign}}))
		i := b.launched(foreign, ec2.LaunchSpec{Image: id, By: c.by})
		if i.State != c.want {
			t.Errorf("%s: %s, want %s", name, i.State, c.want)
		}
	}
}

func (b *bench) sealedOnce(key string) string {
	b.t.Helper()
	name := "sealed with " + key[len(key)-8:]
	got := must[*sdk.DescribeImagesOutput](b.t)(b.api.DescribeImages(ctx, &sdk.DescribeImagesInput{
		Owners: []string{"self"}, Filters: []types.Filter{{Name: aws.String("name"), Values: []string{name}}}})).Images
	if len(got) > 0 {
		return *got[0].ImageId
	}
	return b.sealed(key)
}

func TestADisabledKeyEndsALaunch(t *testing.T) {
	b := newBench(t)
	key := b.key(wiretest.Region)
	id := b.sealed(key)
	err := b.do(wiretest.Account, func(tx *world.Tx) error {
		_, err := kms.New().DisableKey(tx, &sdkkms.DisableKeyInput{KeyId: &key})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if i := b.launched(wiretest.Account, ec2.LaunchSpec{Image: id}); i.State != "terminated" || i.Reason.Code != "Client.InvalidKMSKey.InvalidState" {
		t.Errorf("instance is %s: %+v", i.State, i.Reason)
	}
}

func TestACopyOfAnEncryptedImageNeedsBothKeys(t *testing.T) {
	b := newBench(t)
	account := "arn:aws:iam::" + foreign + ":root"
	closed, open := b.key(wiretest.Region), b.key(wiretest.Region, account)
	mine, alien := b.key(elsewhere, account), b.key(elsewhere)
	share := func(key string) string {
		id := b.sealedOnce(key)
		must[*sdk.ModifyImageAttributeOutput](t)(b.api.ModifyImageAttribute(ctx, &sdk.ModifyImageAttributeInput{ImageId: &id, UserIds: []string{foreign}}))
		must[*sdk.ModifySnapshotAttributeOutput](t)(b.api.ModifySnapshotAttribute(ctx, &sdk.ModifySnapshotAttributeInput{
			SnapshotId: b.image(id).BlockDeviceMappings[0].Ebs.SnapshotId, UserIds: []string{foreign}}))
		return id
	}
	for name, c := range map[string]struct {
		source, target string
		want           types.ImageState
	}{
		"both keys":             {open, mine, types.ImageStateAvailable},
		"no source key":         {closed, mine, types.ImageStateFailed},
		"no target key":         {open, alien, types.ImageStateFailed},
		"no such key":           {open, "alias/none", types.ImageStateFailed},
		"its own default key":   {open, "", types.ImageStateAvailable},
		"a key of other region": {open, open, types.ImageStateFailed},
	} {
		in := copyInput(share(c.source), func(in *sdk.CopyImageInput) {
			in.Name, in.ClientToken = &name, nil
			if c.target != "" {
				in.Encrypted, in.KmsKeyId = aws.Bool(true), &c.target
			}
		})
		id := *must[*sdk.CopyImageOutput](t)(b.foreign.CopyImage(ctx, in, there)).ImageId
		b.pass(time.Hour)
		i := must[*sdk.DescribeImagesOutput](t)(b.foreign.DescribeImages(ctx, &sdk.DescribeImagesInput{ImageIds: []string{id}}, there)).Images[0]
		n := must[*sdk.DescribeSnapshotsOutput](t)(b.foreign.DescribeSnapshots(ctx, &sdk.DescribeSnapshotsInput{
			SnapshotIds: []string{*i.BlockDeviceMappings[0].Ebs.SnapshotId}}, there)).Snapshots[0]
		if i.State != c.want || c.want == types.ImageStateFailed && *n.StateMessage != "Given key ID is not accessible" {
			t.Errorf("%s: %s, %v", name, i.State, aws.ToString(n.StateMessage))
		}
		if c.want == types.ImageStateAvailable && (!*n.Encrypted || c.target != "" && *n.KmsKeyId != c.target || !strings.Contains(*n.KmsKeyId, elsewhere)) {
			t.Errorf("%s: snapshot encrypted %t with %v", name, *n.Encrypted, *n.KmsKeyId)
		}
	}
	_, err := b.api.CopyImage(ctx, copyInput(b.sealedOnce(open), func(in *sdk.CopyImageInput) { in.Encrypted = aws.Bool(false) }), there)
	wantCode(t, err, "InvalidRequest")
}

func TestWhatIsEncryptedWithTheManagedKeyCannotBeShared(t *testing.T) {
	b := newBench(t)
	id := *must[*sdk.CopyImageOutput](t)(b.api.CopyImage(ctx, copyInput(base, func(in *sdk.CopyImageInput) { in.Encrypted = aws.Bool(true) }))).ImageId
	b.pass(time.Hour)
	snap := b.image(id).BlockDeviceMappings[0].Ebs.SnapshotId
	managed := *must[*sdk.GetEbsDefaultKmsKeyIdOutput](t)(b.api.GetEbsDefaultKmsKeyId(ctx, &sdk.GetEbsDefaultKmsKeyIdInput{})).KmsKeyId
	n := must[*sdk.DescribeSnapshotsOutput](t)(b.api.DescribeSnapshots(ctx, &sdk.DescribeSnapshotsInput{SnapshotIds: []string{*snap}})).Snapshots[0]
	if *n.KmsKeyId != managed {
		t.Errorf("encrypted with %s, the account's key is %s", *n.KmsKeyId, managed)
	}
	_, err := b.api.ModifyImageAttribute(ctx, &sdk.ModifyImageAttributeInput{ImageId: &id, UserIds: []string{foreign}})
	wantCode(t, err, "InvalidParameter")
	_, err = b.api.ModifyImageAttribute(ctx, &sdk.ModifyImageAttributeInput{ImageId: &id, OrganizationArns: []string{org}})
	wantCode(t, err, "InvalidParameter")
	_, err = b.api.ModifySnapshotAttribute(ctx, &sdk.ModifySnapshotAttributeInput{SnapshotId: snap, UserIds: []string{foreign}})
	wantCode(t, err, "InvalidParameter")
	sealed := b.sealed(b.key(wiretest.Region))
	_, err = b.api.ModifyImageAttribute(ctx, &sdk.ModifyImageAttributeInput{ImageId: &sealed, UserGroups: []string{"all"}})
	wantCode(t, err, "OperationNotPermitted")
	if i := b.launched(wiretest.Account, ec2.LaunchSpec{Image: id, By: "autoscaling"}); i.State != "running" {
		t.Errorf("Auto Scaling with the managed key: %s", i.State)
	}
}

func TestEncryptionByDefaultReachesVolumesAndCopies(t *testing.T) {
	b := newBench(t)
	get := func(c *sdk.Client) bool {
		return *must[*sdk.GetEbsEncryptionByDefaultOutput](t)(c.GetEbsEncryptionByDefault(ctx, &sdk.GetEbsEncryptionByDefaultInput{})).EbsEncryptionByDefault
	}
	before := b.volumeOf(b.run(nil))
	must[*sdk.EnableEbsEncryptionByDefaultOutput](t)(b.api.EnableEbsEncryptionByDefault(ctx, &sdk.EnableEbsEncryptionByDefaultInput{}))
	if !get(b.api) || get(b.foreign) {
		t.Errorf("set for this account %t, for the other %t", get(b.api), get(b.foreign))
	}
	managed := *must[*sdk.GetEbsDefaultKmsKeyIdOutput](t)(b.api.GetEbsDefaultKmsKeyId(ctx, &sdk.GetEbsDefaultKmsKeyIdInput{})).KmsKeyId
	if after := b.volumeOf(b.run(nil)); *before.Encrypted || !*after.Encrypted || *after.KmsKeyId != managed {
		t.Errorf("before %+v, after %+v", before, after)
	}
	id := *must[*sdk.CopyImageOutput](t)(b.api.CopyImage(ctx, copyInput(base, nil))).ImageId
	if d := b.image(id).BlockDeviceMappings[0].Ebs; !*d.Encrypted {
		t.Error("the copy is not encrypted")
	}
	key := b.key(wiretest.Region)
	chosen := b.volumeOf(b.run(func(in *sdk.RunInstancesInput) {
		in.BlockDeviceMappings = []types.BlockDeviceMapping{{DeviceName: aws.String("/dev/xvda"), Ebs: &types.EbsBlockDevice{Encrypted: aws.Bool(true), KmsKeyId: &key}}}
	}))
	if *chosen.KmsKeyId != key {
		t.Errorf("with a key of one's own: %s", *chosen.KmsKeyId)
	}
	_, err := b.foreign.RunInstances(ctx, runInput(func(in *sdk.RunInstancesInput) {
		in.BlockDeviceMappings = []types.BlockDeviceMapping{{DeviceName: aws.String("/dev/xvda"), Ebs: &types.EbsBlockDevice{KmsKeyId: &key}}}
	}))
	wantCode(t, err, "InvalidParameterDependency")
}
