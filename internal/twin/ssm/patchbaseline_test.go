package ssm

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	s3sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// baseline makes a Debian baseline that approves every security update.
func (r *rig) baseline(edit func(*sdk.CreatePatchBaselineInput)) string {
	r.t.Helper()
	out, err := r.c.CreatePatchBaseline(r.t.Context(), debianBaseline(edit))
	if err != nil {
		r.t.Fatal(err)
	}
	return *out.BaselineId
}

func debianBaseline(edit func(*sdk.CreatePatchBaselineInput)) *sdk.CreatePatchBaselineInput {
	in := &sdk.CreatePatchBaselineInput{Name: aws.String("web"), OperatingSystem: types.OperatingSystemDebian, ApprovalRules: &types.PatchRuleGroup{PatchRules: []types.PatchRule{
		{PatchFilterGroup: &types.PatchFilterGroup{PatchFilters: []types.PatchFilter{{Key: types.PatchFilterKeyPriority, Values: []string{"*"}}}}, ComplianceLevel: types.PatchComplianceLevelHigh},
	}}}
	if edit != nil {
		edit(in)
	}
	return in
}

// as is a client of another account.
func (r *rig) as(account string) *sdk.Client {
	cfg := wiretest.Client(r.t, r.w, r.s.Wire())
	cfg.Credentials = wiretest.Key(account)
	return sdk.NewFromConfig(cfg)
}

// terminate ends an instance as EC2 does.
func (r *rig) terminate(n int) {
	r.t.Helper()
	if err := r.w.Do(r.account(), wiretest.Region, func(tx *world.Tx) error {
		r.ec2.instances[n].State = "terminated"
		r.ec2.on(tx, r.ec2.instances[n].ID, "terminated")
		return nil
	}); err != nil {
		r.t.Fatal(err)
	}
}

func TestABaselineComesBackAsItWasMade(t *testing.T) {
	r := newRig(t)
	id := r.baseline(func(in *sdk.CreatePatchBaselineInput) {
		in.Description, in.RejectedPatches = aws.String("d"), []string{"nginx*"}
		in.GlobalFilters = &types.PatchFilterGroup{PatchFilters: []types.PatchFilter{{Key: types.PatchFilterKeyProduct, Values: []string{"Debian12"}}}}
		in.Sources = []types.PatchSource{{Name: aws.String("ours"), Products: []string{"*"}, Configuration: aws.String("deb http://archive.test stable main")}}
		in.Tags = []types.Tag{{Key: aws.String("team"), Value: aws.String("web")}}
	})
	got, err := r.c.GetPatchBaseline(t.Context(), &sdk.GetPatchBaselineInput{BaselineId: &id})
	if err != nil {
		t.Fatal(err)
	}
	rule := got.ApprovalRules.PatchRules[0]
	if !strings.HasPrefix(id, "pb-") || len(id) != 20 || *got.Name != "web" || *got.Description != "d" || got.OperatingSystem != types.OperatingSystemDebian ||
		rule.ComplianceLevel != types.PatchComplianceLevelHigh || *rule.EnableNonSecurity || rule.ApproveAfterDays != nil || rule.PatchFilterGroup.PatchFilters[0].Values[0] != "*" ||
		got.GlobalFilters.PatchFilters[0].Key != types.PatchFilterKeyProduct || !slices.Equal(got.RejectedPatches, []string{"nginx*"}) || got.RejectedPatchesAction != types.PatchActionAllowAsDependency ||
		got.ApprovedPatchesComplianceLevel != types.PatchComplianceLevelUnspecified || *got.ApprovedPatchesEnableNonSecurity || *got.Sources[0].Name != "ours" || !got.CreatedDate.Equal(wiretest.Start) {
		t.Errorf("%s: %+v", id, got)
	}
	tags, err := r.c.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceId: &id, ResourceType: types.ResourceTypeForTaggingPatchBaseline})
	if err != nil || len(tags.TagList) != 1 {
		t.Errorf("%+v %v", tags, err)
	}
}

func TestATokenMakesOneBaseline(t *testing.T) {
	r := newRig(t)
	token := func(in *sdk.CreatePatchBaselineInput) { in.ClientToken = aws.String("t1") }
	if a, b := r.baseline(token), r.baseline(token); a != b {
		t.Errorf("%s and %s", a, b)
	}
	_, err := r.c.CreatePatchBaseline(t.Context(), debianBaseline(func(in *sdk.CreatePatchBaselineInput) { token(in); in.Name = aws.String("other") }))
	if code(err) != "IdempotentParameterMismatch" {
		t.Error(err)
	}
}

func TestBadBaselinesAreRefused(t *testing.T) {
	r := newRig(t)
	for name, edit := range map[string]func(*sdk.CreatePatchBaselineInput){
		"short name":          func(in *sdk.CreatePatchBaselineInput) { in.Name = aws.String("x") },
		"a key of another OS": func(in *sdk.CreatePatchBaselineInput) { in.OperatingSystem = types.OperatingSystemSuse },
		"too many days": func(in *sdk.CreatePatchBaselineInput) {
			in.ApprovalRules.PatchRules[0].ApproveAfterDays = aws.Int32(361)
		},
		"not a date": func(in *sdk.CreatePatchBaselineInput) {
			in.ApprovalRules.PatchRules[0].ApproveUntilDate = aws.String("2026-13-01")
		},
		"the word All": func(in *sdk.CreatePatchBaselineInput) {
			in.ApprovalRules.PatchRules[0].PatchFilterGroup.PatchFilters[0].Values = []string{"All"}
		},
		"51 patches": func(in *sdk.CreatePatchBaselineInput) {
			in.ApprovedPatches = make([]string, 51)
			for i := range in.ApprovedPatches {
				in.ApprovedPatches[i] = "a"
			}
		},
		"neither days nor date": func(in *sdk.CreatePatchBaselineInput) {
			in.OperatingSystem = types.OperatingSystemAmazonLinux2
			in.ApprovalRules.PatchRules[0].PatchFilterGroup.PatchFilters[0].Key = types.PatchFilterKeyProduct
		},
	} {
		if _, err := r.c.CreatePatchBaseline(t.Context(), debianBaseline(edit)); code(err) != "ValidationException" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n := range maxBaselines {
		r.baseline(func(in *sdk.CreatePatchBaselineInput) { in.Name = aws.String(fmt.Sprintf("web-%d", n)) })
	}
	if _, err := r.c.CreatePatchBaseline(t.Context(), debianBaseline(nil)); code(err) != "ResourceLimitExceededException" {
		t.Error(err)
	}
}

func TestUpdateKeepsWhatItDoesNotNameUnlessItReplaces(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	id := r.baseline(func(in *sdk.CreatePatchBaselineInput) {
		in.Description = aws.String("d")
		in.RejectedPatches = []string{"a"}
	})
	out, err := r.c.UpdatePatchBaseline(ctx, &sdk.UpdatePatchBaselineInput{BaselineId: &id, RejectedPatches: []string{}, ApprovedPatches: []string{"b"}})
	if err != nil || *out.Description != "d" || len(out.RejectedPatches) != 0 || len(out.ApprovedPatches) != 1 || len(out.ApprovalRules.PatchRules) != 1 {
		t.Fatalf("%+v %v", out, err)
	}
	if _, err := r.c.UpdatePatchBaseline(ctx, &sdk.UpdatePatchBaselineInput{BaselineId: &id, Replace: aws.Bool(true)}); code(err) != "ValidationException" {
		t.Errorf("replaced without a name: %v", err)
	}
	out, err = r.c.UpdatePatchBaseline(ctx, &sdk.UpdatePatchBaselineInput{BaselineId: &id, Replace: aws.Bool(true), Name: aws.String("new")})
	if err != nil || *out.Name != "new" || out.Description != nil || len(out.ApprovedPatches) != 0 || len(out.ApprovalRules.PatchRules) != 0 || out.OperatingSystem != types.OperatingSystemDebian {
		t.Fatalf("%+v %v", out, err)
	}
	for name, target := range map[string]string{"AWS's own": debianDefault, "unknown": "pb-00000000000000000"} {
		if _, err := r.c.UpdatePatchBaseline(ctx, &sdk.UpdatePatchBaselineInput{BaselineId: &target, Name: aws.String("new")}); code(err) != "DoesNotExistException" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBaselinesOfOthersAreNotThere(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	id := r.baseline(nil)
	if _, err := r.as("444455556666").GetPatchBaseline(ctx, &sdk.GetPatchBaselineInput{BaselineId: &id}); code(err) != "DoesNotExistException" {
		t.Errorf("another account reads it: %v", err)
	}
	for want, target := range map[string]string{"DoesNotExistException": "arn:aws:ssm:eu-west-1:444455556666:patchbaseline/" + id, "InvalidResourceId": "not-the-id-of-a-baseline"} {
		if _, err := r.c.GetPatchBaseline(ctx, &sdk.GetPatchBaselineInput{BaselineId: &target}); code(err) != want {
			t.Errorf("%s: %v", target, err)
		}
		if _, err := r.c.RegisterDefaultPatchBaseline(ctx, &sdk.RegisterDefaultPatchBaselineInput{BaselineId: &target}); code(err) != want {
			t.Errorf("%s: %v", target, err)
		}
	}
}

func TestTheListHasAWSsBaselinesAndOurs(t *testing.T) {
	r := newRig(t)
	id := r.baseline(nil)
	list := func(filters ...string) (out []string) {
		in := &sdk.DescribePatchBaselinesInput{MaxResults: aws.Int32(5)}
		for _, f := range filters {
			k, v, _ := strings.Cut(f, "=")
			in.Filters = append(in.Filters, types.PatchOrchestratorFilter{Key: &k, Values: []string{v}})
		}
		p := sdk.NewDescribePatchBaselinesPaginator(r.c, in)
		for p.HasMorePages() {
			page, err := p.NextPage(t.Context())
			if err != nil {
				return []string{code(err)}
			}
			for _, b := range page.BaselineIdentities {
				out = append(out, fmt.Sprintf("%s %v", *b.BaselineId, b.DefaultBaseline))
			}
		}
		return out
	}
	if got := list(); len(got) != 18 {
		t.Errorf("%d baselines: %v", len(got), got)
	}
	if got := list("OWNER=Self"); !slices.Equal(got, []string{id + " false"}) {
		t.Error(got)
	}
	if got := list("OWNER=AWS", "OPERATING_SYSTEM=DEBIAN"); !slices.Equal(got, []string{debianDefault + " true"}) {
		t.Error(got)
	}
	if got := list("NAME_PREFIX=AWS-Windows"); len(got) != 2 {
		t.Error(got)
	}
	if got := list("PRODUCT=x"); !slices.Equal(got, []string{"ValidationException"}) {
		t.Error(got)
	}
}

func TestEveryShippedBaselineCanBeRead(t *testing.T) {
	r := newRig(t)
	for _, region := range []string{"eu-west-1", "us-east-1", "xx-new-1"} {
		all, err := shippedBaselines(region)
		if err != nil || len(all) != 17 {
			t.Fatalf("%s: %d %v", region, len(all), err)
		}
		seen := map[string]bool{}
		for _, b := range all {
			if seen[b.ID] || !strings.HasPrefix(b.ID, "arn:aws:ssm:"+region+":") {
				t.Errorf("%s: %s", region, b.ID)
			}
			seen[b.ID] = true
			if region != wiretest.Region {
				continue
			}
			if got, err := r.c.GetPatchBaseline(t.Context(), &sdk.GetPatchBaselineInput{BaselineId: &b.ID}); err != nil || *got.Name != b.Policy.Name {
				t.Errorf("%s: %v", b.ID, err)
			}
		}
	}
}

func TestADefaultCanBeChangedAndPutBack(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	id := r.baseline(nil)
	is := func(want string) {
		t.Helper()
		out, err := r.c.GetDefaultPatchBaseline(ctx, &sdk.GetDefaultPatchBaselineInput{OperatingSystem: types.OperatingSystemDebian})
		if err != nil || *out.BaselineId != want {
			t.Errorf("%+v %v", out, err)
		}
	}
	is(debianDefault)
	for _, b := range []string{id, debianDefault, id} {
		if _, err := r.c.RegisterDefaultPatchBaseline(ctx, &sdk.RegisterDefaultPatchBaselineInput{BaselineId: &b}); err != nil {
			t.Fatal(err)
		}
		is(b)
	}
	if _, err := r.c.DeletePatchBaseline(ctx, &sdk.DeletePatchBaselineInput{BaselineId: &id}); code(err) != "ResourceInUseException" {
		t.Errorf("the default was deleted: %v", err)
	}
	if out, err := r.c.GetDefaultPatchBaseline(ctx, &sdk.GetDefaultPatchBaselineInput{}); err != nil || out.OperatingSystem != types.OperatingSystemWindows || !strings.Contains(*out.BaselineId, "pb-03814a120a12d075c") {
		t.Errorf("Windows: %+v %v", out, err)
	}
}

func TestAGroupHasOneBaselineOfAnOperatingSystem(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	id, other := r.baseline(nil), r.baseline(func(in *sdk.CreatePatchBaselineInput) { in.Name = aws.String("other") })
	register := func(b, group string) error {
		_, err := r.c.RegisterPatchBaselineForPatchGroup(ctx, &sdk.RegisterPatchBaselineForPatchGroupInput{BaselineId: &b, PatchGroup: &group})
		return err
	}
	if err := register(id, "db"); err != nil {
		t.Fatal(err)
	}
	if err := register(id, "db"); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if err := register(other, "db"); code(err) != "AlreadyExistsException" {
		t.Errorf("a second one: %v", err)
	}
	if err := register("pb-00000000000000000", "db"); code(err) != "DoesNotExistException" {
		t.Error(err)
	}
	for os, want := range map[types.OperatingSystem]string{types.OperatingSystemDebian: id, types.OperatingSystemUbuntu: "arn:aws:ssm:eu-west-1:845259048710:patchbaseline/pb-002c5697b5ce036d0"} {
		out, err := r.c.GetPatchBaselineForPatchGroup(ctx, &sdk.GetPatchBaselineForPatchGroupInput{PatchGroup: aws.String("db"), OperatingSystem: os})
		if err != nil || *out.BaselineId != want {
			t.Errorf("%s: %+v %v", os, out, err)
		}
	}
	groups, err := r.c.DescribePatchGroups(ctx, &sdk.DescribePatchGroupsInput{Filters: []types.PatchOrchestratorFilter{{Key: aws.String("NAME_PREFIX"), Values: []string{"d"}}}})
	if err != nil || len(groups.Mappings) != 1 || *groups.Mappings[0].BaselineIdentity.BaselineId != id {
		t.Errorf("%+v %v", groups, err)
	}
	if got, err := r.c.GetPatchBaseline(ctx, &sdk.GetPatchBaselineInput{BaselineId: &id}); err != nil || !slices.Equal(got.PatchGroups, []string{"db"}) {
		t.Errorf("%v %v", got.PatchGroups, err)
	}
	if _, err := r.c.DeletePatchBaseline(ctx, &sdk.DeletePatchBaselineInput{BaselineId: &id}); code(err) != "ResourceInUseException" {
		t.Errorf("deleted while registered: %v", err)
	}
	if _, err := r.c.DeregisterPatchBaselineForPatchGroup(ctx, &sdk.DeregisterPatchBaselineForPatchGroupInput{BaselineId: &other, PatchGroup: aws.String("db")}); code(err) != "DoesNotExistException" {
		t.Error(err)
	}
	if _, err := r.c.DeregisterPatchBaselineForPatchGroup(ctx, &sdk.DeregisterPatchBaselineForPatchGroupInput{BaselineId: &id, PatchGroup: aws.String("db")}); err != nil {
		t.Error(err)
	}
	for range 2 { // gone, and gone again
		if out, err := r.c.DeletePatchBaseline(ctx, &sdk.DeletePatchBaselineInput{BaselineId: &id}); err != nil || *out.BaselineId != id {
			t.Error(err)
		}
	}
	for n := range maxGroups {
		if err := register(other, fmt.Sprintf("g%d", n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := register(other, "one-more"); code(err) != "ResourceLimitExceededException" {
		t.Error(err)
	}
}

func TestASnapshotIsAFileOfTheBaseline(t *testing.T) {
	r := newPatchRig(t, nil)
	const id = "11111111-2222-3333-4444-555555555555"
	get := func(instance string) (*sdk.GetDeployablePatchSnapshotForInstanceOutput, error) {
		return r.c.GetDeployablePatchSnapshotForInstance(t.Context(), &sdk.GetDeployablePatchSnapshotForInstanceInput{InstanceId: &instance, SnapshotId: aws.String(id)})
	}
	if _, err := get("i-00000000"); code(err) != "UnsupportedOperatingSystem" {
		t.Errorf("no agent has reported, yet: %v", err)
	}
	r.patch("Scan", "SnapshotId="+id)
	out, err := get("i-00000000")
	if err != nil || *out.Product != "Debian12" || *out.SnapshotId != id {
		t.Fatalf("%+v %v", out, err)
	}
	bucket, key, err := location(*out.SnapshotDownloadUrl)
	if err != nil {
		t.Fatal(err)
	}
	object, err := r.s3.GetObject(t.Context(), &s3sdk.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(object.Body)
	if err != nil {
		t.Fatal(err)
	}
	snap, err := baseline.ParseSnapshot(text)
	if err != nil || snap.PatchGroup != "db" || snap.Baseline.BaselineID != debianDefault || snap.Baseline.AccountID != wiretest.Account || !json.Valid(text) {
		t.Errorf("%+v %v", snap, err)
	}
}
