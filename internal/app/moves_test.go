package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/awscloud/params"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/publish"
)

// dyingStore is a journal whose process dies at its n-th record, before or after it was
// written: nothing more is written then.
type dyingStore struct {
	journal.Store
	at    int
	after bool
	n     int
}

var errKilled = errors.New("killed")

func (s *dyingStore) Create(ctx context.Context, key string, body []byte) error {
	s.n++
	if s.at > 0 && (s.n > s.at || s.n == s.at && !s.after) {
		return errKilled
	}
	err := s.Store.Create(ctx, key, body)
	if err == nil && s.n == s.at {
		return errKilled
	}
	return err
}

// promotable is a line of which the newest image has passed the ring dev.
func promotable(t *testing.T) ChannelRequest {
	t.Helper()
	in := channels(t)
	published(t, in, 0)
	m, err := PlanPromotion(t.Context(), in, "latest", "dev")
	if err == nil {
		_, err = m.Carry(t.Context(), in)
	}
	if err != nil {
		t.Fatal(err)
	}
	rolledRing(t, in, published(t, in, 1), "dev", "done")
	return in
}

type cutMove struct {
	plan func(*testing.T, ChannelRequest) (*Move, error)
	word string
	age  int
}

// moving are the moves that are cut off in the tests, and what dev and latest hold after.
var moving = map[string]cutMove{
	"promotion": {func(t *testing.T, in ChannelRequest) (*Move, error) {
		return PlanPromotion(t.Context(), in, "latest", "dev")
	}, "dev", 1},
	"rollback": {func(t *testing.T, in ChannelRequest) (*Move, error) {
		return PlanRollback(t.Context(), in, "latest", 0)
	}, "latest", 0},
}

func TestAMoveThatIsCutOffAtAnyRecordIsGoneOnWithOrAskedForAgain(t *testing.T) {
	stride := 10 // all of them take minutes
	switch {
	case os.Getenv("REQUIRE_ALL") == "1":
		stride = 1
	case testing.Short():
		stride = 23
	}
	for name, m := range moving {
		whole := &dyingStore{}
		m.cut(t, whole, "resumed")
		for at := 1; at <= whole.n; at++ {
			for _, how := range []string{"resumed", "asked again"} {
				if at%stride != 1 && at != whole.n {
					continue
				}
				for _, after := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s_%d_%t_%s", name, at, after, how), func(t *testing.T) {
						m.cut(t, &dyingStore{at: at, after: after}, how)
					})
				}
			}
		}
	}
}

// cut makes the move with a process that dies, goes on with it or asks for it again, and
// looks at what stands.
func (m cutMove) cut(t *testing.T, s *dyingStore, how string) {
	in := promotable(t)
	plan, err := m.plan(t, in)
	if err != nil {
		t.Fatal(err)
	}
	s.Store, in.store = in.State.Store(), s
	unlabelled := false // it died in what is not the move's to fail of
	in.Events = event.Func(func(e event.Event) {
		unlabelled = unlabelled || strings.Contains(e.Text, "labelled as passed") && strings.Contains(e.Text, errKilled.Error())
	})
	if _, err = plan.Carry(t.Context(), in); s.at > 0 && !errors.Is(err, errKilled) && !unlabelled || s.at == 0 && err != nil {
		t.Fatal(err)
	}
	in.store, in.Events = nil, event.Discard
	doc, err := in.State.Load(plan.Run)
	if err != nil || doc.Kind != plan.Kind {
		t.Fatalf("%+v, %v", doc, err)
	}
	free(t, in)
	if s.at > 0 && how == "resumed" {
		doc, err = ResumeMove(t.Context(), in, plan.Run)
		if strings.Contains(fault.HintOf(err), "ask for it again") {
			how = "asked again" // the plan had not come into the journal: nothing has begun
		}
	}
	if how == "asked again" {
		if plan, err = m.plan(t, in); err == nil {
			if _, err = plan.Carry(t.Context(), in); err == nil {
				doc, err = in.State.Load(plan.Run)
			}
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if doc.Outcome != "done" && doc.Outcome != "nothing-to-do" || len(doc.Publish.Pointers) != 2 || len(doc.Stages) != 1 {
		t.Errorf("%+v", doc)
	}
	for n, at := range in.places(must(in.channel(m.word))) {
		if now, err := in.holds(t.Context(), in.stage(""), at); err != nil || now != agedImage(m.age, n) {
			t.Errorf("%s holds %s, %v", at, now, err)
		}
	}
	if got := labelled(t, in, "dev"); m.word == "dev" && len(got) != 2 {
		t.Errorf("labelled as passed in %v", got)
	}
	all, err := VerifyChannels(t.Context(), in, "")
	if err != nil || Verified(all) != nil {
		t.Errorf("%+v, %v", all, err)
	}
	free(t, in)
}

// Else the channel would go two images back.
func TestARollbackThatWasCutOffIsFoundBehindOneOfAnotherChannel(t *testing.T) {
	in := promotable(t)
	if _, err := promote(t, in, "latest", "dev"); err != nil {
		t.Fatal(err)
	}
	cut, err := PlanRollback(t.Context(), in, "latest", 0)
	if err != nil {
		t.Fatal(err)
	}
	dying := in
	dying.store = &dyingStore{Store: in.State.Store(), at: 12, after: true}
	if _, err := cut.Carry(t.Context(), dying); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	other, err := PlanRollback(t.Context(), in, "dev", 0)
	if err == nil {
		_, err = other.Carry(t.Context(), in)
	}
	if err != nil || other.Run == cut.Run {
		t.Fatal(err)
	}
	again, err := PlanRollback(t.Context(), in, "latest", 0)
	if err != nil || again.Run != cut.Run {
		t.Fatalf("%+v, %v", again, err)
	}
	if _, err := again.Carry(t.Context(), in); err != nil {
		t.Error(err)
	}
	for n, at := range in.places(in.Image.Channel) {
		if now, err := in.holds(t.Context(), in.stage(""), at); err != nil || now != agedImage(0, n) {
			t.Errorf("%s holds %s, %v", at, now, err)
		}
	}
}

func must(name, _ string, err error) string {
	if err != nil {
		panic(err)
	}
	return name
}

// free fails the test if somebody has the lease.
func free(t *testing.T, in ChannelRequest) {
	t.Helper()
	p, err := params.New(in.Cloud.Session).Get(t.Context(), publish.LeaseName(in.Image.Channel))
	if err != nil && fault.KindOf(err) != fault.NotFound || strings.Contains(p.Value, `"owner":"2`) {
		t.Errorf("the lease: %s, %v", p.Value, err)
	}
}

func TestAnInterruptedMoveGivesItsLeaseBackAndIsListed(t *testing.T) {
	in := promotable(t)
	ctx, stop := context.WithCancel(t.Context())
	in.Events = event.Func(func(e event.Event) {
		if strings.HasPrefix(e.Text, "moved ") {
			stop()
		}
	})
	m, err := PlanPromotion(t.Context(), in, "latest", "dev")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Carry(ctx, in); fault.KindOf(err) != fault.Interrupted {
		t.Fatal(err)
	}
	free(t, in)
	doc, err := in.State.Load(m.Run)
	if err != nil || doc.Outcome != "interrupted" || doc.Kind != record.KindPromote || !strings.HasPrefix(doc.Message, "interrupted; `rehydrate run --resume "+m.Run) || strings.Contains(doc.Message, "context canceled") {
		t.Errorf("%+v, %v", doc, err)
	}
	in.Events = event.Discard
	before := in.Cloud.Clock.Now()
	if doc, err = ResumeMove(t.Context(), in, m.Run); err != nil || doc.Outcome != "done" {
		t.Errorf("%+v, %v", doc, err)
	}
	if took := in.Cloud.Clock.Now().Sub(before); took > 90*time.Second {
		t.Errorf("going on took %s: somebody was waited for", took)
	}
	// One that has ended says the same again, and changes nothing.
	if doc, err = ResumeMove(t.Context(), in, m.Run); err != nil || doc.Outcome != "done" {
		t.Errorf("%+v, %v", doc, err)
	}
}

func TestAMoveIsNoRunOfThePipeline(t *testing.T) {
	in := promotable(t)
	all, err := in.State.History()
	if err != nil || len(all) != 3 {
		t.Fatalf("%d runs, %v", len(all), err)
	}
	newest, err := in.State.Newest("web", func(*record.Run) bool { return true })
	if err != nil || newest.Kind != "" {
		t.Errorf("%+v, %v", newest, err)
	}
	if newest, err = in.State.Load(""); err != nil || newest.Kind != "" {
		t.Errorf("%+v, %v", newest, err)
	}
	for _, r := range all {
		if r.Kind == "" {
			_, err = ResumeMove(t.Context(), in, r.ID)
		} else {
			_, err = Run(t.Context(), Request{Config: in.Config, Image: in.Image, State: in.State, Cloud: in.Cloud, Events: event.Discard, Run: r.ID, From: "roll"})
		}
		if fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: %v", r.ID, err)
		}
	}
}

func TestAMoveIsNotGoneOnWithFromAnotherAccount(t *testing.T) {
	in := promotable(t)
	m, err := PlanRollback(t.Context(), in, "latest", 0)
	if err == nil {
		_, err = m.Carry(t.Context(), in)
	}
	if err != nil {
		t.Fatal(err)
	}
	in.Cloud.Account = prod
	if _, err := ResumeMove(t.Context(), in, m.Run); fault.KindOf(err) != fault.Usage {
		t.Error(err)
	}
}
