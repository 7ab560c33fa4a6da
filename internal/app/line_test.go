package app

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/awscloud/lifecycle"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/journal"
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

// twoArchs is a line of two architectures in a twin, whose runs begin where they publish.
type twoArchs struct {
	*testing.T
	w     *world.World
	aws   *session.Session
	conf  *config.Config
	state State
	runs  int
	ids   map[string]string // image to the run that baked it
	onSay func(string)
	store journal.Store // nil: the state folder's
}

func openTwoArchs(t *testing.T) *twoArchs {
	t.Helper()
	return openArchs(t, nil)
}

// openArchs is a line that is distributed, or nil.
func openArchs(t *testing.T, to *config.Distribute) *twoArchs {
	t.Helper()
	w := wiretest.World(t)
	router := &backing.Router{}
	compute := ec2.New(w, router, t.TempDir())
	systems := ssm.New(w, ssm.Ports{EC2: compute, Machines: router, Objects: s3.New(t.TempDir())})
	l := &twoArchs{T: t, w: w, aws: session.Of(wiretest.Client(t, w, compute.Wire(), systems.Wire(), sts.New())), conf: &config.Config{}, ids: map[string]string{}}
	w.Start()
	for n, arch := range []string{"x86_64", "arm64"} {
		folder := "/golden/web/" + arch + "/"
		l.conf.Images = append(l.conf.Images, &config.Image{Label: "web-" + arch, Line: "web", Architecture: arch, Channel: folder + "latest",
			Rings: []string{"dev"}, Channels: map[string]string{"dev": folder + "dev"}, Distribute: to})
		for age := range 5 {
			err := w.Do(wiretest.Account, wiretest.Region, func(tx *world.Tx) error {
				_, err := compute.AddImage(tx, ec2.Image{ID: agedImage(age, n), Name: agedImage(age, n)}, backing.Image{Layers: []string{"/nowhere"}})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	err := w.Do("-", "-", func(tx *world.Tx) error {
		sts.DeclareRole(tx, sts.Role{Account: prod, Name: "rehydrate", Trusts: []sts.Trust{{Principal: wiretest.Account, ExternalID: "golden"}}})
		return nil
	})
	if to != nil {
		l.conf.Accounts = to.Accounts
	}
	if err == nil {
		l.state, err = OpenState(t.TempDir())
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *twoArchs) cloud() *Cloud {
	return &Cloud{Session: l.aws, Account: wiretest.Account, Region: wiretest.Region, Clock: twinTime{l.w}}
}

// Emit implements event.Sink.
func (l *twoArchs) Emit(e event.Event) {
	if l.onSay != nil {
		l.onSay(e.Text)
	}
}

// run is a run of one architecture that has baked the image of an age and has this
// verdict of it; an image that was baked before is one that there was nothing to bake
// for. It goes on with publishing.
func (l *twoArchs) run(n, age int, verdict string) (*record.Run, error) {
	l.Helper()
	l.runs++
	id := fmt.Sprintf("20260301-1200%02d-aaaaaa", l.runs)
	image := agedImage(age, n)
	now := l.pass(time.Minute)
	doc := &record.Run{Schema: record.Schema, ID: id, Line: l.conf.Images[n].Label, Account: wiretest.Account, Region: wiretest.Region, StartedAt: now,
		Bake:     &record.Bake{Image: image, CreatedAt: now, Skipped: l.ids[image] != ""},
		Validate: &record.Verdict{Image: image, Outcome: verdict},
		Stages:   []record.Stage{{Name: "bake", Outcome: "done"}, {Name: "validate", Outcome: verdict, Text: "3 packages"}}}
	if l.ids[image] == "" {
		l.ids[image] = id
	}
	if err := l.state.Save(doc); err != nil {
		l.Fatal(err)
	}
	if verdict != record.Pass {
		return doc, nil // the run ended there
	}
	return l.goOn(n, id)
}

// pass lets time pass.
func (l *twoArchs) pass(d time.Duration) time.Time {
	l.w.Clock().StepTo(l.w.Clock().Now().Add(d))
	return l.w.Clock().Now()
}

func (l *twoArchs) goOn(n int, id string) (*record.Run, error) {
	l.Helper()
	doc, err := Run(l.Context(), Request{Config: l.conf, Image: l.conf.Images[n], State: l.state, Cloud: l.cloud(), Events: l, Run: id, From: "publish", Until: "publish", Store: l.store})
	if doc == nil {
		l.Fatal(err)
	}
	return doc, err
}

// both publishes the images of an age of both architectures.
func (l *twoArchs) both(age int) (waited, moved *record.Run) {
	l.Helper()
	waited, err := l.run(0, age, record.Pass)
	if fault.KindOf(err) != fault.Waiting {
		l.Fatalf("the first one: %v", err)
	}
	if moved, err = l.run(1, age, record.Pass); err != nil {
		l.Fatal(err)
	}
	l.hold("latest", age, age)
	return waited, moved
}

func (l *twoArchs) request(n int) ChannelRequest {
	return ChannelRequest{Config: l.conf, Image: l.conf.Images[n], State: l.state, Cloud: l.cloud(), Events: event.Discard}
}

// hold fails the test unless the channels hold the images of these ages; -1 is none.
func (l *twoArchs) hold(word string, ages ...int) {
	l.Helper()
	for n, age := range ages {
		in := l.request(n)
		name, _, err := in.channel(word)
		if err != nil {
			l.Fatal(err)
		}
		want := ""
		if age >= 0 {
			want = agedImage(age, n)
		}
		if got, err := in.holds(l.Context(), in.stage(""), publish.Place{Channel: name}); err != nil || got != want {
			l.Errorf("%s holds %q, want %q, %v", name, got, want, err)
		}
	}
}

func (l *twoArchs) correct(findings int) {
	l.Helper()
	all, err := VerifyChannels(l.Context(), l.request(0), "")
	if err != nil || Verified(all) != nil || len(all) != findings {
		l.Errorf("%+v, %v", all, err)
	}
}

func TestALineWaitsForItsLastArchitectureAndThenMovesWhole(t *testing.T) {
	l := openTwoArchs(t)
	first, err := l.run(0, 0, record.Pass)
	if fault.KindOf(err).ExitCode() != 15 || !strings.Contains(err.Error(), "waits for web-arm64 (it has no run)") || fault.HintOf(err) == "" {
		t.Fatalf("got %v", err)
	}
	if first.Outcome != "waiting" || first.Due.IsZero() || first.Due.After(l.w.Clock().Now()) || first.Publish != nil {
		t.Errorf("%s, due %s, %+v", first.Outcome, first.Due, first.Publish)
	}
	l.hold("latest", -1, -1)
	if _, err := l.goOn(0, first.ID); fault.KindOf(err) != fault.Waiting {
		t.Errorf("it does not wait any more: %v", err)
	}
	last, err := l.run(1, 0, record.Pass)
	if err != nil || last.Outcome != "done" {
		t.Fatalf("%s, %v", last.Outcome, err)
	}
	l.hold("latest", 0, 0)
	p := last.Publish
	if p.Image != agedImage(0, 1) || len(p.Pointers) != 1 || len(p.Line) != 1 || p.Line[0].Image != agedImage(0, 0) || p.Line[0].Arch != "x86_64" || p.Line[0].Outcome != publish.Moved {
		t.Errorf("%+v", p)
	}
	if !strings.Contains(last.Stages[2].Text, "with it /golden/web/x86_64/latest: nothing → "+agedImage(0, 0)) {
		t.Error(last.Stages[2].Text)
	}
	// The run that waited goes on, and to its own fleets.
	first, err = l.goOn(0, first.ID)
	if err != nil || first.Stages[2].Outcome != "nothing-to-do" || !first.Due.IsZero() {
		t.Fatalf("%+v, %v", first, err)
	}
	if p := first.Publish; p.Image != agedImage(0, 0) || p.Channel != "/golden/web/x86_64/latest" || len(p.Pointers) != 1 || len(p.Line) != 1 || p.Line[0].Image != agedImage(0, 1) {
		t.Errorf("%+v", p)
	}
	l.hold("latest", 0, 0)
	l.correct(2)
	found, err := VerifyChannels(t.Context(), l.request(0), last.ID)
	if err != nil || len(found) != 2 || found[0].Expected != agedImage(0, 0) || found[1].Expected != agedImage(0, 1) {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestALineDoesNotMoveWhenOneOfItsImagesHasNotPassed(t *testing.T) {
	for _, verdict := range []string{record.Fail, record.Unknown} {
		l := openTwoArchs(t)
		l.both(0)
		if _, err := l.run(1, 1, verdict); err != nil {
			t.Fatal(err)
		}
		first, err := l.run(0, 1, record.Pass)
		if fault.KindOf(err) != fault.Waiting || !strings.Contains(err.Error(), "validate "+verdict) {
			t.Errorf("%s: got %v", verdict, err)
		}
		l.hold("latest", 0, 0)
		if _, err := l.run(1, 2, record.Pass); err != nil { // mended
			t.Errorf("%s: %v", verdict, err)
		}
		l.hold("latest", 1, 2)
		if first, err = l.goOn(0, first.ID); err != nil || first.Publish.Image != agedImage(1, 0) {
			t.Errorf("%s: %v", verdict, err)
		}
	}
}

func TestALineDoesNotMoveByWhatWasOfferedBeforeItMovedLast(t *testing.T) {
	l := openTwoArchs(t)
	l.both(0)
	if _, err := l.run(0, 1, record.Pass); fault.KindOf(err) != fault.Waiting || !strings.Contains(err.Error(), "from before the line was last moved") {
		t.Errorf("got %v", err)
	}
	l.hold("latest", 0, 0)
	// A newer run takes the place of one that waits; the older one is then late.
	waits, _ := l.state.Load("")
	if _, err := l.run(0, 2, record.Pass); fault.KindOf(err) != fault.Waiting {
		t.Errorf("got %v", err)
	}
	if _, err := l.run(1, 1, record.Pass); err != nil {
		t.Fatal(err)
	}
	l.hold("latest", 2, 1)
	if _, err := l.goOn(0, waits.ID); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a run that is late: %v", err)
	}
	l.hold("latest", 2, 1)
}

func TestAnArchitectureWithNothingToBakeComesAlong(t *testing.T) {
	l := openTwoArchs(t)
	l.both(0)
	// First the one with nothing to do, then the one with a new image.
	same, err := l.run(1, 0, record.Pass)
	if err != nil || same.Stages[2].Outcome != "nothing-to-do" {
		t.Fatalf("%+v, %v", same, err)
	}
	if _, err := l.run(0, 1, record.Pass); err != nil {
		t.Fatal(err)
	}
	l.hold("latest", 1, 0)
	// And the other way round: the last one to come moves what waits.
	if _, err := l.run(0, 2, record.Pass); fault.KindOf(err) != fault.Waiting {
		t.Errorf("got %v", err)
	}
	l.hold("latest", 1, 0)
	same, err = l.run(1, 0, record.Pass)
	if err != nil || same.Stages[2].Outcome != "done" || !same.Publish.Skipped || len(same.Publish.Line) != 1 || same.Publish.Line[0].Outcome != publish.Moved {
		t.Errorf("%+v, %v", same, err)
	}
	l.hold("latest", 2, 0)
	l.correct(2)
}

func TestALineIsPutBackWholeWhenOnePointerCannotMove(t *testing.T) {
	l := openTwoArchs(t)
	l.both(0)
	first, err := l.run(0, 1, record.Pass)
	if fault.KindOf(err) != fault.Waiting {
		t.Fatal(err)
	}
	images := lifecycle.New(l.aws)
	l.onSay = func(text string) { // x86_64 is moved after arm64
		if strings.Contains(text, "/golden/web/arm64/latest") {
			l.onSay = nil
			if err := images.Deregister(l.Context(), agedImage(1, 0)); err != nil {
				t.Error(err)
			}
		}
	}
	last, err := l.run(1, 1, record.Pass)
	if fault.KindOf(err) != fault.Failed || !strings.Contains(err.Error(), "the channels that had moved were put back") {
		t.Fatalf("got %v", err)
	}
	l.hold("latest", 0, 0)
	if p := last.Publish; p.Pointers[0].Outcome != publish.PutBack || p.Line[0].Outcome != publish.Refused {
		t.Errorf("%+v", p)
	}
	if first, err = l.goOn(0, first.ID); err == nil {
		t.Errorf("an image that is gone is published: %+v", first.Publish)
	}
	l.hold("latest", 0, 0)
}

func TestALineIsPromotedAndRolledBackWhole(t *testing.T) {
	l := openTwoArchs(t)
	l.both(0)
	l.both(1)
	if _, err := l.run(1, 1, record.Pass); err != nil { // nothing new
		t.Fatal(err)
	}
	if _, err := l.run(0, 2, record.Pass); err != nil {
		t.Fatal(err)
	}
	l.hold("latest", 2, 1)
	l.pass(time.Minute)
	out, err := promote(t, l.request(1), "latest", "dev")
	if err != nil || len(out.Pointers) != 2 {
		t.Fatalf("%+v, %v", out, err)
	}
	l.hold("dev", 2, 1)
	l.correct(4)
	back := func(n int, word string) {
		t.Helper()
		l.pass(time.Minute)
		m, err := PlanRollback(t.Context(), l.request(n), word, 0)
		if err == nil {
			_, err = m.Carry(t.Context(), l.request(n))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	back(0, "latest") // arm64 stood on 1 already, and stays there
	l.hold("latest", 1, 1)
	back(1, "latest")
	l.hold("latest", 0, 0)
	l.hold("dev", 2, 1) // another channel
	l.correct(4)
	if _, err := PlanRollback(t.Context(), l.request(0), "latest", 0); fault.KindOf(err) != fault.NotFound {
		t.Errorf("there is nothing more to go back to: %v", err)
	}
}

func TestARollThatIsTakenBackTakesTheLineBack(t *testing.T) {
	l := openTwoArchs(t)
	l.both(0)
	first, last := l.both(1)
	first, err := l.goOn(0, first.ID)
	if err != nil {
		t.Fatal(err)
	}
	for n, doc := range []*record.Run{first, last} {
		back, err := l.request(n).plansBack(t.Context(), "back-1", doc.Publish, []string{"dev"})
		if err != nil || len(back.Stay) != 0 || len(back.Plans) != 1 || len(back.Plans[0].Moves) != 2 {
			t.Fatalf("%+v, %v", back, err)
		}
		for i, want := range []string{agedImage(0, 1), agedImage(0, 0)} { // arm64, x86_64
			if m := back.Plans[0].Moves[i]; m.Image != want || m.Nothing {
				t.Errorf("%d: %+v", n, m)
			}
		}
	}
	// When the image's own channel has been moved on, the others stay where they are.
	if _, err := l.run(1, 1, record.Pass); err != nil {
		t.Fatal(err)
	}
	if _, err := l.run(0, 2, record.Pass); err != nil {
		t.Fatal(err)
	}
	back, err := l.request(0).plansBack(t.Context(), "back-2", first.Publish, nil)
	if err != nil || len(back.Plans) != 0 || len(back.Stay) != 1 {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestTheFirstPublicationOfALineIsWithdrawnWhole(t *testing.T) {
	l := openTwoArchs(t)
	_, last := l.both(0)
	back, err := l.request(1).plansBack(t.Context(), "back-1", last.Publish, nil)
	if err != nil || len(back.Plans) != 0 || len(back.Taken) != 2 || len(back.Stay) != 2 {
		t.Fatalf("%+v, %v", back, err)
	}
}
