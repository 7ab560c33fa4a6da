package app

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/s3"
	"github.com/goldenami/rehydrate/internal/twin/ssm"
	"github.com/goldenami/rehydrate/internal/twin/sts"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/publish"
)

// channels is an image line with ring channels, in the session's account and in prod,
// whose role is taken on, in a twin.
func channels(t *testing.T) ChannelRequest {
	t.Helper()
	w := wiretest.World(t)
	router := &backing.Router{}
	compute := ec2.New(w, router, t.TempDir())
	systems := ssm.New(w, ssm.Ports{EC2: compute, Machines: router, Objects: s3.New(t.TempDir())})
	cfg := wiretest.Client(t, w, compute.Wire(), systems.Wire(), sts.New())
	w.Start()
	err := w.Do("-", "-", func(tx *world.Tx) error {
		sts.DeclareRole(tx, sts.Role{Account: prod, Name: "rehydrate", Trusts: []sts.Trust{{Principal: wiretest.Account, ExternalID: "golden"}}})
		return nil
	})
	for n, account := range []string{wiretest.Account, prod} {
		for age := range 3 {
			if err == nil {
				err = w.Do(account, wiretest.Region, func(tx *world.Tx) error {
					_, err := compute.AddImage(tx, ec2.Image{ID: agedImage(age, n), Name: agedImage(age, n)}, backing.Image{Layers: []string{"/nowhere"}})
					return err
				})
			}
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	there := &config.Account{Label: "prod", ID: prod, Role: "arn:aws:iam::" + prod + ":role/rehydrate", ExternalID: "golden", Regions: []string{wiretest.Region}}
	image := &config.Image{Label: "web", Channel: "/golden/web/latest", Rings: []string{"dev", "qa", "prod"},
		Channels:   map[string]string{"dev": "/golden/web/dev", "prod": "/golden/web/prod"},
		Distribute: &config.Distribute{Accounts: []*config.Account{there}}}
	state, err := OpenState(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return ChannelRequest{Config: &config.Config{Accounts: []*config.Account{there}, Images: []*config.Image{image}}, Image: image, State: state, Events: event.Discard,
		Cloud: &Cloud{Session: session.Of(cfg), Account: wiretest.Account, Region: wiretest.Region, Clock: twinTime{w}}}
}

func agedImage(age, cell int) string { return fmt.Sprintf("ami-0000000000000%02d%02d", age, cell) }

// published publishes the image of an age to every cell and keeps the run document.
func published(t *testing.T, in ChannelRequest, age int) *record.Run {
	t.Helper()
	run := fmt.Sprintf("20260301-12000%d-aaaaaa", age)
	want := publish.Input{Run: run, Judged: []publish.Judged{{Image: agedImage(age, 0), Verdict: &record.Verdict{Image: agedImage(age, 0), Outcome: record.Pass},
		Bake: &record.Bake{CreatedAt: wiretest.Start.Add(time.Duration(age) * time.Hour)}}}}
	for n, at := range in.places(in.Image.Channel) {
		want.Pointers = append(want.Pointers, publish.Pointer{Cell: at.Cell, Channel: at.Channel, Image: agedImage(age, n), Of: agedImage(age, 0)})
	}
	p, err := in.stage(run).Plan(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	out, err := (&Move{Run: run, Kind: record.KindPromote, Plan: p}).Carry(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	doc := &record.Run{Schema: record.Schema, ID: run, Line: "web", Account: in.Cloud.Account, Region: in.Cloud.Region, Publish: &out}
	if err := in.State.Save(doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// rolled notes in a run document how a ring was rolled in both cells.
func rolledRing(t *testing.T, in ChannelRequest, doc *record.Run, ring, outcome string) {
	t.Helper()
	for _, p := range doc.Publish.Pointers {
		doc.Roll = append(doc.Roll, record.Roll{Ring: ring, Account: p.Account, Region: p.Region, Group: "g-" + p.Account, To: p.Image, Outcome: outcome})
	}
	doc.Stages = []record.Stage{{Name: "roll", Outcome: outcome}}
	if err := in.State.Save(doc); err != nil {
		t.Fatal(err)
	}
}

func TestChannels_a_ring_that_still_soaks_has_not_passed(t *testing.T) {
	c := publish.Cell{Account: prod, Region: "eu-west-1"}
	rings := []string{"dev", "qa"}
	group := func(ring, outcome string) record.Roll { return record.Roll{Ring: ring, To: "ami-1", Outcome: outcome} }
	for name, x := range map[string]struct {
		run    record.Run
		rolled bool
		well   bool
	}{
		"every group is done, the rest is not":    {record.Run{Stages: []record.Stage{{Name: "roll", Outcome: "waiting"}}, Roll: []record.Roll{group("dev", "done")}}, true, false},
		"a later ring was begun":                  {record.Run{Roll: []record.Roll{group("dev", "done"), group("qa", "")}}, true, true},
		"the roll is done":                        {record.Run{Stages: []record.Stage{{Name: "roll", Outcome: "done"}}, Roll: []record.Roll{group("dev", "done")}}, true, true},
		"a group failed":                          {record.Run{Stages: []record.Stage{{Name: "roll", Outcome: "done"}}, Roll: []record.Roll{group("dev", "done"), group("dev", "halted")}}, true, false},
		"it was rolled back with the later ring":  {record.Run{Roll: []record.Roll{group("dev", "rolled-back"), group("qa", "rolled-back")}}, true, false},
		"only another ring was rolled":            {record.Run{Roll: []record.Roll{group("qa", "done")}}, false, false},
		"to another image":                        {record.Run{Roll: []record.Roll{{Ring: "dev", To: "ami-2", Outcome: "done"}}}, false, false},
		"in another account, of this publication": {record.Run{Publish: &record.Publish{Pointers: []record.Pointer{{Image: "ami-1"}}}, Stages: []record.Stage{{Name: "roll", Outcome: "done"}}, Roll: []record.Roll{{Ring: "dev", Account: "1", To: "ami-2", Outcome: "done"}}}, true, true},
	} {
		if rolled, well := passedRing(&x.run, rings, "dev", c, "ami-1"); rolled != x.rolled || rolled && well != x.well {
			t.Errorf("%s: rolled %t, well %t", name, rolled, well)
		}
	}
}

func promote(t *testing.T, in ChannelRequest, from, to string) (record.Publish, error) {
	t.Helper()
	m, err := PlanPromotion(t.Context(), in, from, to)
	if err != nil {
		return record.Publish{}, err
	}
	return m.Carry(t.Context(), in)
}

func TestChannels_are_promoted_ring_by_ring_in_every_account(t *testing.T) {
	in := channels(t)
	doc := published(t, in, 0)
	for name, c := range map[string]struct {
		from, to string
		kind     fault.Kind
		says     string
	}{
		"past a ring":          {"latest", "prod", fault.GateSaysNo, "nothing shows that version 1"},
		"from a ring too far":  {"dev", "prod", fault.GateSaysNo, "only what /golden/web/latest holds may go there"},
		"to the line's own":    {"dev", "latest", fault.Usage, "the channel of no ring"},
		"to what there is not": {"dev", "stage", fault.Usage, `no channel "stage"; it has: latest, dev, prod`},
	} {
		if _, err := promote(t, in, c.from, c.to); fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	out, err := promote(t, in, "latest", "dev")
	if err != nil || len(out.Pointers) != 2 || out.Pointers[1].Account != prod || out.Pointers[1].Image != agedImage(0, 1) {
		t.Fatalf("%+v, %v", out, err)
	}
	// qa has no channel of its own: what passed it is promoted from latest.
	rolledRing(t, in, doc, "qa", "failed")
	if _, err := promote(t, in, "latest", "prod"); fault.KindOf(err) != fault.GateSaysNo {
		t.Errorf("qa failed: %v", err)
	}
	doc.Roll = nil
	rolledRing(t, in, doc, "dev", "failed") // another ring's
	rolledRing(t, in, doc, "qa", "done")
	if out, err = promote(t, in, "latest", "/golden/web/prod"); err != nil || out.Pointers[0].Outcome != publish.Moved {
		t.Errorf("%+v, %v", out, err)
	}
	if out, err = promote(t, in, "latest", "prod"); err != nil || !out.Skipped {
		t.Errorf("again: %+v, %v", out, err)
	}
	all, err := VerifyChannels(t.Context(), in, "")
	if err != nil || Verified(all) != nil || len(all) != 6 {
		t.Errorf("%d, %v, %v", len(all), err, Verified(all))
	}
}

// AWS answers a write before it has validated the value, and shows the old one until then.
func TestChannels_are_not_called_correct_while_a_run_is_publishing(t *testing.T) {
	in := channels(t)
	published(t, in, 0)
	var during []ChannelFinding
	in.Events = event.Func(func(e event.Event) {
		if strings.HasPrefix(e.Text, "moved ") && during == nil {
			quiet := in
			quiet.Events = event.Discard
			var err error
			if during, err = VerifyChannels(t.Context(), quiet, ""); err != nil {
				t.Error(err)
			}
		}
	})
	published(t, in, 1)
	if len(during) != 2 {
		t.Fatalf("%+v", during)
	}
	for _, f := range during {
		if f.State == publish.Correct {
			t.Errorf("%+v", f)
		}
	}
	if why := strings.Join(during[0].Why, "; "); !strings.Contains(why, "is publishing (its lease lasts until") {
		t.Error(why)
	}
	all, err := VerifyChannels(t.Context(), in, "")
	if err != nil || Verified(all) != nil {
		t.Errorf("%+v, %v", all, err)
	}
}

// What one run proved, a later run of the same image can refute.
func TestChannels_the_newest_word_about_a_ring_counts(t *testing.T) {
	in := channels(t)
	doc := published(t, in, 0)
	rolledRing(t, in, doc, "qa", "done")
	later := *doc
	later.ID, later.Roll = "20260302-120000-bbbbbb", nil
	rolledRing(t, in, &later, "qa", "rolled-back")
	if _, err := promote(t, in, "latest", "prod"); fault.KindOf(err) != fault.GateSaysNo {
		t.Errorf("got %v", err)
	}
	modelled := later
	modelled.ID, modelled.Roll, modelled.Twin = "20260303-120000-cccccc", nil, "http://127.0.0.1:1"
	rolledRing(t, in, &modelled, "qa", "done")
	if _, err := promote(t, in, "latest", "prod"); fault.KindOf(err) != fault.GateSaysNo {
		t.Errorf("what the twin modelled proves nothing: %v", err)
	}
}

func TestChannels_are_rolled_back_and_verified_in_every_account(t *testing.T) {
	in := channels(t)
	for age := range 3 {
		published(t, in, age)
	}
	m, err := PlanRollback(t.Context(), in, "latest", 0)
	if err != nil {
		t.Fatal(err)
	}
	out, err := m.Carry(t.Context(), in)
	if err != nil || out.Pointers[0].Image != agedImage(1, 0) || out.Pointers[1].Image != agedImage(1, 1) || out.Pointers[1].Version != 4 {
		t.Fatalf("%+v, %v", out, err)
	}
	h, err := ChannelHistory(t.Context(), in, "latest")
	if err != nil || len(h) != 8 || h[3].Envelope.Generation != 1 || h[7].Account != prod {
		t.Errorf("%d entries, %v", len(h), err)
	}
	if _, err := ChannelHistory(t.Context(), in, "dev"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a channel that does not exist: %v", err)
	}
	// With what a run published, and with what stands elsewhere.
	all, err := VerifyChannels(t.Context(), in, "20260301-120002-aaaaaa")
	if err != nil || len(all) != 2 || all[0].State != publish.Incorrect || all[1].Expected != agedImage(2, 1) {
		t.Errorf("%d findings, %v", len(all), err)
	}
	if all, err = VerifyChannels(t.Context(), in, ""); err != nil || Verified(all) != nil {
		t.Errorf("%v, %v", err, Verified(all))
	}
	in.Config.Accounts[0].ExternalID = "wrong"
	if all, err = VerifyChannels(t.Context(), in, ""); err != nil || all[1].State != publish.Unreachable || fault.KindOf(Verified(all)) != fault.Partial {
		t.Errorf("an account that cannot be opened: %v", err)
	}
	if h, err = ChannelHistory(t.Context(), in, "latest"); len(h) != 4 || h[3].Account != in.Cloud.Account || fault.KindOf(err) != fault.Partial || !strings.Contains(err.Error(), prod) {
		t.Errorf("the history of what can be read: %d entries, %v", len(h), err)
	}
	for _, f := range all { // nothing was promoted anywhere, as far as it can be seen
		if f.State == publish.Missing {
			t.Errorf("%s in %s is said to be missing", f.Channel, f.Account)
		}
	}
	if _, err := VerifyChannels(t.Context(), in, "20260301-120009-aaaaaa"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("no such run: %v", err)
	}
}
