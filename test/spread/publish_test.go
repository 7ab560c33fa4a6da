package spread

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

func TestThreeAccountsInTwoRegionsPublishAndRoll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{distribute: `kms_key = "alias/golden"`})
	w.keys(t)
	doc, said, err := w.run(t, "", "", nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	w.published(t, doc.Bake.Image)
	for _, a := range accounts {
		for _, r := range regions {
			if n := w.runs(t, a, r); n[w.pointer(t, a, r)] != perCell || len(n) != 1 {
				t.Errorf("%s/%s runs %v", a, r, n)
			}
		}
	}
	if s := doc.Spread; len(s.Images) != 2 || len(s.Seen) != 6 || len(s.Grants) != 0 {
		t.Errorf("recorded %+v", s)
	}
	for _, s := range doc.Spread.Seen {
		if !s.Verified || s.Image != w.pointer(t, s.Account, s.Region) {
			t.Errorf("recorded %+v", s)
		}
	}
	w.encrypted(t)
}

// published says that every pointer holds the shared image of its Region.
func (w *universe) published(t testing.TB, baked string) {
	t.Helper()
	for _, r := range regions {
		want := w.pointer(t, home, r)
		if want == "" || want == baked {
			t.Errorf("home's pointer in %s holds %q", r, want)
		}
		for _, a := range accounts {
			if got := w.pointer(t, a, r); got != want {
				t.Errorf("%s/%s holds %q, want %q", a, r, got, want)
			}
		}
	}
}

// encrypted says that the images that home's pointers hold are encrypted with the
// Region's own key, and say what they are copies of.
func (w *universe) encrypted(t testing.TB) {
	t.Helper()
	for _, r := range regions {
		cfg := w.aws(home, r)
		key, err := kms.NewFromConfig(cfg).DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: alias()})
		if err != nil {
			t.Fatal(err)
		}
		image := w.owned(t, home, r)[w.pointer(t, home, r)]
		snap, err := ec2.NewFromConfig(cfg).DescribeSnapshots(t.Context(), &ec2.DescribeSnapshotsInput{SnapshotIds: []string{*image.BlockDeviceMappings[0].Ebs.SnapshotId}})
		if err != nil {
			t.Fatal(err)
		}
		if s := snap.Snapshots[0]; !*s.Encrypted || *s.KmsKeyId != *key.KeyMetadata.Arn {
			t.Errorf("in %s the snapshot is encrypted: %t, with %s", r, *s.Encrypted, *s.KmsKeyId)
		}
	}
}

// unpublished says that the run ended with an error of a kind which says all of says,
// and that no pointer exists.
func (w *universe) unpublished(t testing.TB, err error, kind fault.Kind, says ...string) {
	t.Helper()
	if fault.KindOf(err) != kind {
		t.Errorf("kind %d, want %d: %v", fault.KindOf(err), kind, err)
	}
	for _, want := range says {
		if err == nil || !strings.Contains(err.Error()+"\n"+fault.HintOf(err), want) {
			t.Errorf("%v\n%s\ndoes not say %q", err, fault.HintOf(err), want)
		}
	}
	if have := w.pointers(t); len(have) > 0 {
		t.Errorf("there are pointers: %v", have)
	}
}

// copiesOf counts home's copies in all Regions, whatever became of them.
func (w *universe) copies(t testing.TB) (n int) {
	t.Helper()
	for _, r := range regions {
		for _, i := range w.owned(t, home, r) {
			for _, tag := range i.Tags {
				if *tag.Key == "rehydrate:copy-of" {
					n++
				}
			}
		}
	}
	return n
}

func TestAMissingGrantIsFoundBeforeAnythingIsCopied(t *testing.T) {
	t.Parallel()
	all := []string{groupsRole(home), root(stage), groupsRole(stage), root(prod), groupsRole(prod)}
	for name, missing := range map[string]string{
		"of Auto Scaling in a consumer's account":    groupsRole(prod),
		"of Auto Scaling in the owner's account":     groupsRole(home),
		"of the consumer's account and its role":     root(prod),
		"of Auto Scaling, which the account has not": groupsRole(stage),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, options{distribute: `kms_key = "alias/golden"`})
			w.key(t, home, here, all...)
			var some []string
			for _, p := range all {
				if p != missing {
					some = append(some, p)
				}
			}
			arn := w.key(t, home, there, some...)
			if o := w.plan(t); fault.KindOf(o.Err()) != fault.Denied || o.Refused != o.Err().Error() || !o.Pending() || len(o.Places) != 6 {
				t.Errorf("the plan says %v (%q) of %v", o.Err(), o.Refused, o.Places)
			}
			_, _, err := w.run(t, "", "publish", nil)
			who := missing
			if missing == root(prod) {
				who = "arn:aws:iam::" + prod + ":role/rehydrate"
			}
			w.unpublished(t, err, fault.Denied, who+" may not", arn, `"Sid":"RehydrateUse"`, `"AWS":["`+who+`"]`, `"kms:GrantIsForAWSResource":"true"`)
			if n := w.copies(t); n > 0 {
				t.Errorf("%d copies were made", n)
			}
		})
	}
}

func TestGrantsThatAreMissingAreMadeWhereThePlanMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{distribute: "kms_key = \"alias/golden\"\nservice_roles = \"grant\""})
	for _, r := range regions {
		w.key(t, home, r)
	}
	doc, said, err := w.run(t, "", "", nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	w.published(t, doc.Bake.Image)
	for _, a := range accounts { // it runs, so that Auto Scaling could use the keys
		for _, r := range regions {
			if n := w.runs(t, a, r); n[w.pointer(t, a, r)] != perCell {
				t.Errorf("%s/%s runs %v", a, r, n)
			}
		}
	}
	// In each Region: Auto Scaling of three accounts, and the roles of two.
	if n := len(doc.Spread.Grants); n != 10 {
		t.Errorf("%d grants were made: %+v", n, doc.Spread.Grants)
	}
}

// Scenario 16 of the facts.
func TestACopyThatFailsInOneRegionMovesNoPointerAnywhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{distribute: `kms_key = "alias/golden"`})
	w.keys(t)
	w.faults(t, twin.Rule{Fails: world.CopyFails, Region: there, Times: -1})
	doc, said, err := w.run(t, "", "publish", nil)
	w.unpublished(t, err, fault.Failed, "copy "+doc.Bake.Image+" to "+home+"/"+there, "it was removed", "no pointer was moved", "copies that stand: "+home+"/"+here, "--resume "+doc.ID)
	if n := w.copies(t); n != 1 {
		t.Errorf("%d copies stand, want the one that did not fail\n%s", n, said)
	}
	if got := strings.Count(said.String(), "removed the failed copy"); got != 2 {
		t.Errorf("%d failed copies were removed, want both attempts", got)
	}
	stands := doc.Spread.Images[0].Image
	// The same run again, once AWS copies again: what stands is adopted.
	w.faults(t)
	doc, said, err = w.run(t, doc.ID, "publish", nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	w.published(t, doc.Bake.Image)
	if s := doc.Spread.Images; s[0].Image != stands || !s[0].Adopted || s[1].Adopted || w.copies(t) != 2 {
		t.Errorf("recorded %+v; %d copies stand", s, w.copies(t))
	}
}

func TestACopyThatFailsOnceIsMadeAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{distribute: `kms_key = "alias/golden"`})
	w.keys(t)
	w.faults(t, twin.Rule{Fails: world.CopyFails, Region: there})
	doc, said, err := w.run(t, "", "publish", nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	w.published(t, doc.Bake.Image)
	if n := w.copies(t); n != 2 {
		t.Errorf("%d copies stand\n%s", n, said)
	}
}

func TestARoleThatCannotBeTakenOnIsSaidBeforeAnythingIsCopied(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{trusts: map[string]string{prod: "another-id"}})
	_, _, err := w.run(t, "", "publish", nil)
	w.unpublished(t, err, fault.Denied, "take on role arn:aws:iam::"+prod+":role/rehydrate", "sts:AssumeRole", "external id")
	if n := w.copies(t); n > 0 {
		t.Errorf("%d copies were made", n)
	}
}

func TestImagesAreSharedThroughOrganizationsAndUnits(t *testing.T) {
	t.Parallel()
	members := map[string][]string{home: {org}, stage: {org}, prod: {org, unit}}
	w := newWorld(t, options{distribute: `organizations = ["` + org + `"]`, members: members})
	doc, said, err := w.run(t, "", "publish", nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	for _, a := range accounts {
		if w.pointer(t, a, here) != doc.Bake.Image { // nothing to encrypt: the image itself
			t.Errorf("%s holds %s", a, w.pointer(t, a, here))
		}
	}
	// Who is not in the unit does not see it, and then nobody's pointer moves.
	w = newWorld(t, options{distribute: `units = ["` + unit + `"]`, members: members})
	_, _, err = w.run(t, "", "publish", nil)
	w.unpublished(t, err, fault.NotFound, "in "+stage+"/"+here+": the account does not see it", "no pointer was moved")
	if hint := fault.HintOf(err); !strings.Contains(hint, "organization or unit that is; then `rehydrate run --resume ") {
		t.Errorf("next: %s", hint)
	}
}

func TestEveryAccountCanHaveCopiesOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{distribute: "mode = \"copy\"\nkms_key = \"alias/golden\"\ncompletion = \"15m\""})
	for _, a := range accounts {
		for _, r := range regions {
			w.key(t, a, r, groupsRole(a))
		}
	}
	doc, said, err := w.run(t, "", "", nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	seen := map[string]bool{doc.Bake.Image: true}
	for _, a := range accounts {
		for _, r := range regions {
			id := w.pointer(t, a, r)
			if _, own := w.owned(t, a, r)[id]; !own || seen[id] {
				t.Errorf("%s/%s holds %q, which is not its own", a, r, id)
			}
			seen[id] = true
			if n := w.runs(t, a, r); n[id] != perCell {
				t.Errorf("%s/%s runs %v", a, r, n)
			}
		}
	}
}
