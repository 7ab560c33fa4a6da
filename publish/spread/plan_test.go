package spread

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/fault"
)

func TestAPlanSaysWhatGoesWhere(t *testing.T) {
	c := cloudWithKeys(false)
	in := input(func(in *Input) { in.Key, in.Grant, in.Completion = "alias/golden", true, 30*time.Minute })
	p, err := c.stage().Plan(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Places) != 2 || len(p.Checks) != 6 || len(p.Grants) != 10 || p.Hash == "" {
		t.Fatalf("%+v", p)
	}
	for n, region := range []string{"eu-west-1", "us-east-1"} {
		pl := p.Places[n]
		tags := map[string]string{"rehydrate:line": "web", TagOf: "ami-baked", TagRun: "run-1"}
		if pl.In != (Cell{homeAccount, region}) || !strings.HasPrefix(pl.Name, "web-1-") || pl.Completion != 30*time.Minute || cmp.Diff(tags, pl.Tags) != "" ||
			!slices.Equal(pl.Readers, []string{otherA, otherB}) || pl.Key == "" {
			t.Errorf("%+v", pl)
		}
		for _, target := range six() {
			if at, ok := p.Of(target.Cell); ok != true || target.Region == region && at != n {
				t.Errorf("%s gets place %d", target.Cell, at)
			}
		}
	}
	again, err := c.stage().Plan(t.Context(), in)
	if err != nil || again.Hash != p.Hash || len(c.calls) > 0 {
		t.Errorf("planned again %v, %v; %d calls changed something", again.Hash == p.Hash, err, len(c.calls))
	}
}

func TestAPlanKnowsTheCopiesThatStand(t *testing.T) {
	c := cloudWithKeys(true)
	in := input(func(in *Input) { in.Key, in.Grant = "alias/golden", true })
	order := slices.Clone(in.Targets)
	p, err := c.stage().Plan(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(order, in.Targets) {
		t.Errorf("the caller's targets are in another order: %v", in.Targets)
	}
	stands := func(p *Plan) string {
		return p.Stands(Cell{otherA, "eu-west-1"}) + "|" + p.Stands(Cell{otherB, "us-east-1"}) + "|" + p.Stands(Cell{"999999999999", "us-east-1"})
	}
	if got := stands(p); got != "||" {
		t.Errorf("before there are copies: %s", got)
	}
	for n, state := range []string{"available", "pending"} {
		c.pending = 9
		c.add(p.Places[n].In, Image{ID: "ami-copy-" + state, Name: p.Places[n].Name, State: state, Tags: p.Places[n].Tags})
	}
	again, err := c.stage().Plan(t.Context(), in)
	if err != nil || again.Hash != p.Hash {
		t.Fatalf("%v; the hash is another: %v", err, again)
	}
	if got := stands(again); got != "ami-copy-available||" {
		t.Error(got)
	}
	shared, err := c.stage().Plan(t.Context(), input(func(in *Input) { in.Targets = in.Targets[:1] }))
	if err != nil || shared.Stands(shared.Checks[0].Cell) != "ami-baked" {
		t.Errorf("%+v, %v", shared, err)
	}
}

func TestAnImageThatCannotGoThereIsRefusedInThePlan(t *testing.T) {
	sealed := func(managed bool) func(*cloud) {
		return func(c *cloud) {
			arn := "arn:aws:kms:eu-west-1:111111111111:key/own"
			c.keys[arn] = Key{ARN: arn, State: Enabled, Symmetric: true, Managed: managed}
			c.policies[arn] = `{"Statement":[]}`
			c.images[homeCell]["ami-baked"].Disks = []Disk{{Snapshot: "snap-1", Encrypted: true, Key: arn}}
		}
	}
	for name, x := range map[string]struct {
		world func(*cloud)
		in    func(*Input)
		kind  fault.Kind
		says  string
	}{
		"nothing to spread":         {nil, func(in *Input) { in.Image = "" }, fault.Usage, "no image"},
		"nobody":                    {nil, func(in *Input) { in.Targets = nil }, fault.Usage, "no cell"},
		"no such image":             {nil, func(in *Input) { in.Image = "ami-x" }, fault.NotFound, "ami-x"},
		"not available":             {func(c *cloud) { c.images[homeCell]["ami-baked"].State = "disabled" }, nil, fault.Conflict, "it is disabled"},
		"no such key":               {nil, func(in *Input) { in.Key = "alias/none" }, fault.NotFound, "alias/none"},
		"a key of another Region":   {nil, func(in *Input) { in.Key = "arn:aws:kms:ap-south-1:111111111111:key/x" }, fault.Usage, "is one of ap-south-1"},
		"AWS's own key":             {sealed(true), nil, fault.Usage, "cannot be shared"},
		"a key nobody else may use": {sealed(false), func(in *Input) { in.Targets = []Target{{Cell: Cell{otherA, "eu-west-1"}}} }, fault.Denied, "AWSServiceRoleForAutoScaling may not DescribeKey, CreateGrant, Decrypt, ReEncryptFrom"},
		"one key for two Regions":   {sealed(false), nil, fault.Usage, "cannot be shared"},
		"a name that is taken":      {func(c *cloud) { c.add(Cell{homeAccount, "us-east-1"}, Image{ID: "ami-f", Name: "web-1"}) }, nil, fault.Conflict, "ami-f has the name web-1"},
		"a copy that is disabled": {func(c *cloud) {
			c.add(Cell{homeAccount, "us-east-1"}, Image{ID: "ami-d", Name: "web-1", State: "disabled", Tags: map[string]string{TagOf: "ami-baked"}})
		}, nil, fault.Conflict, "its copy ami-d there is disabled"},
		"a signing key": {func(c *cloud) {
			arn := c.key(homeCell)
			k := c.keys[arn]
			k.Symmetric = false
			c.keys[arn] = k
		}, func(in *Input) { in.Key = "alias/golden" }, fault.Usage, "symmetric keys only"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud()
			if x.world != nil {
				x.world(c)
			}
			_, err := c.stage().Plan(t.Context(), input(x.in))
			if fault.KindOf(err) != x.kind || err == nil || !strings.Contains(err.Error(), x.says) {
				t.Errorf("kind %d: %v", fault.KindOf(err), err)
			}
		})
	}
}

func TestACopyThatNeverComesIsGivenUpAndRemoved(t *testing.T) {
	c := newCloud()
	c.pending = 1 << 20
	plan, err := c.stage().Plan(t.Context(), input(func(in *Input) { in.Targets = in.Targets[1:2] }))
	if err != nil {
		t.Fatal(err)
	}
	begun := c.now
	err = newProcess(c).all(c.stage(), plan)
	if fault.KindOf(err) != fault.Failed || !strings.Contains(err.Error(), "still pending after 6h") || !strings.Contains(err.Error(), "it was removed") {
		t.Errorf("got %v", err)
	}
	if n := len(c.images[Cell{homeAccount, "us-east-1"}]); n > 0 {
		t.Errorf("%d images are left", n)
	}
	if took := c.now.Sub(begun); took < 2*copyLimit || took > 2*copyLimit+time.Hour {
		t.Errorf("it took %s", took)
	}
}

func TestWhatAnotherAccountCannotLaunchIsIncorrect(t *testing.T) {
	at := Target{Cell: Cell{otherA, "eu-west-1"}}
	for name, x := range map[string]struct {
		image Image
		says  string
		next  string
	}{
		"not there":    {Image{ID: "ami-other"}, "does not see it", "launchPermission --region eu-west-1 --image-id ami-1; the account must be named there, or be in an organization or unit"},
		"disabled":     {Image{ID: "ami-1", State: "disabled"}, "it is disabled there", ""},
		"blocked":      {Image{ID: "ami-1", State: "available", Blocked: true}, "Allowed AMIs", "have account " + otherA + " allow images of "},
		"another arch": {Image{ID: "ami-1", State: "available", Arch: "arm64"}, "of architecture arm64", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud()
			c.add(at.Cell, x.image)
			check := Check{Target: at, Arch: "x86_64", Type: "t3.micro"}
			p := newProcess(c)
			if err := p.run("check", c.stage().CheckUnit(check, "ami-1")); err != nil {
				t.Fatal(err)
			}
			seen, err := CheckResult(check, "ami-1", p.states["check"])
			if err == nil || seen.Verified || !strings.Contains(err.Error(), x.says) || seen.Text != err.Error() || !strings.Contains(fault.HintOf(err), x.next) {
				t.Errorf("%+v, %v, next: %s", seen, err, fault.HintOf(err))
			}
		})
	}
}

// Somebody took it out of use, as a revocation does: it did not fail.
func TestACopyThatIsDisabledIsNeitherRemovedNorMadeAgain(t *testing.T) {
	c := newCloud()
	at := Cell{homeAccount, "us-east-1"}
	plan, err := c.stage().Plan(t.Context(), input(func(in *Input) { in.Targets = in.Targets[1:2] }))
	if err != nil {
		t.Fatal(err)
	}
	c.add(at, Image{ID: "ami-d", Name: "web-1", State: "disabled", Tags: map[string]string{TagOf: "ami-baked"}}) // since the plan
	err = newProcess(c).all(c.stage(), plan)
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "its copy ami-d there is disabled") {
		t.Errorf("got %v", err)
	}
	if len(c.calls) > 0 || c.images[at]["ami-d"] == nil {
		t.Errorf("calls %v, images %v", c.calls, c.images[at])
	}
}

func TestAFailedImageThatIsNotOursIsLeftWhereItIs(t *testing.T) {
	c := newCloud()
	at := Cell{homeAccount, "us-east-1"}
	c.add(at, Image{ID: "ami-f", Name: "web-1", State: "failed"})
	pl := Place{In: at, Name: "web-1", Of: "ami-baked", From: Origin{"ami-baked", "eu-west-1"}}
	p := newProcess(c)
	if err := p.run("place", c.stage().PlaceUnit(pl)); err != nil {
		t.Fatal(err)
	}
	if r, err := PlaceResult(pl, p.states["place"]); fault.KindOf(err) != fault.Conflict || r.Outcome != "refused" || len(c.calls) > 0 {
		t.Errorf("%+v, %v, calls %v", r, err, c.calls)
	}
}

func TestAPreflightRefusesWhatAPlanWouldBeforeThereIsAnImage(t *testing.T) {
	shut := func(c *cloud) *Stage {
		s := c.stage()
		open := s.Cells
		s.Cells = func(ctx context.Context, at Cell) (Ports, error) {
			if at.Account == otherB {
				return Ports{}, fault.New(fault.Denied, "trust us", "take on role")
			}
			return open(ctx, at)
		}
		return s
	}
	for name, x := range map[string]struct {
		in   func(*Input)
		shut bool
		kind fault.Kind
		says string
	}{
		"nothing is missing":  {nil, false, fault.Failed, ""},
		"grants will be made": {func(in *Input) { in.Key, in.Grant = "alias/golden", true }, false, fault.Failed, ""},
		"also for copies":     {func(in *Input) { in.Key, in.Grant, in.Copy = "alias/golden", true, true }, false, fault.Failed, ""},
		"a grant":             {func(in *Input) { in.Key = "alias/golden" }, false, fault.Denied, "an image could not be launched where it is to go: "},
		"a grant for a copy":  {func(in *Input) { in.Key, in.Copy = "alias/golden", true }, false, fault.Denied, autoScaling(otherB) + " may not"},
		"a key":               {func(in *Input) { in.Key = "alias/none" }, false, fault.NotFound, "alias/none"},
		"a role":              {nil, true, fault.Denied, "open " + otherB + "/eu-west-1: take on role"},
	} {
		t.Run(name, func(t *testing.T) {
			c := cloudWithKeys(true)
			s := c.stage()
			if x.shut {
				s = shut(c)
			}
			err := s.Preflight(t.Context(), input(x.in))
			if x.says == "" && err != nil || x.says != "" && (fault.KindOf(err) != x.kind || !strings.Contains(err.Error(), x.says) || fault.HintOf(err) == "" && x.kind == fault.Denied) {
				t.Errorf("got %v; %s", err, fault.HintOf(err))
			}
			if len(c.calls) > 0 {
				t.Errorf("it made %v", c.calls)
			}
		})
	}
}
