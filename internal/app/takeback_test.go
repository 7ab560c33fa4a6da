package app

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/bake"
	"github.com/goldenami/rehydrate/internal/awscloud/groups"
	"github.com/goldenami/rehydrate/internal/awscloud/images"
	"github.com/goldenami/rehydrate/internal/awscloud/instances"
	"github.com/goldenami/rehydrate/internal/awscloud/params"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/wait"
	"github.com/goldenami/rehydrate/publish"
)

const (
	exampleLine     = "/golden/web/latest"
	exampleDev      = "/golden/web/dev"
	exampleModelled = "../../examples/modelled"
)

// rolling is the modelled example in a twin, whose groups run base.
type rolling struct {
	Request
	t    *testing.T
	base string

	mu   sync.Mutex
	said []string
	when *regexp.Regexp // an event that says so has do done, once
	do   func()
}

func newRolling(t *testing.T) *rolling {
	t.Helper()
	cfg, err := config.Load(filepath.Join(exampleModelled, "rehydrate.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	r := &rolling{t: t}
	r.Config, r.Image, r.Modelled = cfg, cfg.Images[0], true
	r.Image.Channels = map[string]string{"dev": exampleDev}
	if r.State, err = OpenState(filepath.Join(t.TempDir(), "state")); err != nil {
		t.Fatal(err)
	}
	r.Cloud = serve(t, cfg)
	r.Events = event.Func(r.emit)
	base, err := images.New(r.Cloud.Session).Find(t.Context(), bake.ImageFilter{Name: "debian-12-modelled-*", Owners: []string{"136693071363"}})
	if err != nil || len(base) != 1 {
		t.Fatalf("%+v, %v", base, err)
	}
	r.base = base[0].ID
	return r
}

// serve starts a twin with the configuration's world, and opens it.
func serve(t *testing.T, cfg *config.Config) *Cloud {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- ServeTwin(ctx, TwinOptions{Dir: t.TempDir(), World: World{File: cfg.Twin.World}, Listen: "127.0.0.1:0", Seed: 1, Ready: func(at string) { ready <- at }})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the twin: %v", err)
		}
	})
	var at string
	select {
	case at = <-ready:
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	clock, ok := wait.Detect(t.Context(), at)
	if !ok {
		t.Fatalf("%s does not answer as a twin", at)
	}
	t.Cleanup(clock.Close)
	wire := &http.Transport{}
	t.Cleanup(wire.CloseIdleConnections)
	s, err := session.Open(t.Context(), session.Options{Region: "eu-west-1", Endpoint: at, Key: "twin", Secret: "twin", HTTP: &http.Client{Transport: clock.Transport(wire)}})
	if err != nil {
		t.Fatal(err)
	}
	c := &Cloud{Session: s, Region: s.Region(), Clock: clock, Twin: at}
	if c.Account, err = s.Account(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

func (r *rolling) emit(e event.Event) {
	r.mu.Lock()
	r.said = append(r.said, e.Text)
	do := r.do
	if r.when == nil || !r.when.MatchString(e.Text) {
		do = nil
	} else {
		r.when, r.do = nil, nil
	}
	r.mu.Unlock()
	r.t.Logf("%s %s %s", e.Time.Format("15:04:05"), e.Kind, e.Text)
	if do != nil {
		do()
	}
}

func (r *rolling) heard(text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Contains(strings.Join(r.said, "\n"), text)
}

// pullAt has the andon say rollback once an event says so.
func (r *rolling) pullAt(event string) {
	r.when, r.do = regexp.MustCompile(event), func() { r.pull(OrderRollback) }
}

func (r *rolling) pull(order string) {
	r.t.Helper()
	if _, err := PullAndon(r.t.Context(), r.Request, order, "ana", "errors"); err != nil {
		r.t.Error(err)
	}
}

// put publishes an image that the gate is said to have passed.
func (r *rolling) put(channel, image string) {
	r.t.Helper()
	in := ChannelRequest{Config: r.Config, Image: r.Image, State: r.State, Cloud: r.Cloud, Events: r.Events}
	run, err := NewRunID(r.Cloud.Clock.Now())
	if err != nil {
		r.t.Fatal(err)
	}
	p, err := in.stage(run).Plan(r.t.Context(), publish.Input{Run: run, Channel: channel, Image: image,
		Verdict: &record.Verdict{Image: image, Outcome: record.Pass}, Bake: &record.Bake{CreatedAt: r.Cloud.Clock.Now()}})
	if err == nil {
		_, err = (&Move{Run: run, Kind: record.KindPromote, Plan: p}).Carry(r.t.Context(), in)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// run runs the pipeline as far as the roll, and fails unless it ends as wanted.
func (r *rolling) run(want fault.Kind) *record.Run {
	r.t.Helper()
	in := r.Request
	in.Until = "roll"
	doc, err := Run(r.t.Context(), in)
	if err == nil && want != fault.Failed || err != nil && fault.KindOf(err) != want || doc == nil {
		r.t.Fatalf("%+v, %v", doc, err)
	}
	return doc
}

// holds are the images of a channel's versions, oldest first.
func (r *rolling) versions(channel string) []string {
	r.t.Helper()
	all, err := params.New(r.Cloud.Session).History(r.t.Context(), channel)
	if err != nil {
		r.t.Fatal(err)
	}
	out := []string{}
	for _, p := range all {
		out = append(out, p.Value)
	}
	return out
}

// wants fails unless every group runs the image.
func (r *rolling) wants(image string) {
	r.t.Helper()
	g, _, _ := groups.New(r.Cloud.Session)
	described, _, _ := instances.New(r.Cloud.Session)
	all, err := g.Find(r.t.Context(), []string{"web-dev", "web-prod"}, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	got := map[string]int{}
	for _, x := range all {
		var ids []string
		for _, i := range x.Instances {
			ids = append(ids, i.ID)
		}
		list, err := described.Describe(r.t.Context(), ids)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, i := range list {
			got[i.Image]++
		}
	}
	if d := cmp.Diff(map[string]int{image: 8}, got); d != "" {
		r.t.Error(d)
	}
}

// stuckStore has a write fail whose key contains word, once.
type stuckStore struct {
	journal.Store
	word string
	met  bool
}

func (s *stuckStore) Create(ctx context.Context, key string, body []byte) error {
	if !s.met && strings.Contains(key, s.word) {
		s.met = true
		return errors.New("no room")
	}
	return s.Store.Create(ctx, key, body)
}

func TestARollTakenBackByTheAndonTakesTheChannelsBackAndStaysSo(t *testing.T) {
	r := newRolling(t)
	r.put(exampleLine, r.base)
	r.pullAt("started instance refresh .* of web-prod")
	doc := r.run(fault.RolledBack)
	r.wants(r.base)
	if d := cmp.Diff([]string{r.base, doc.Publish.Image, r.base}, r.versions(exampleLine)); d != "" {
		t.Error(d)
	}
	if s := doc.Stages[len(doc.Stages)-1]; s.Outcome != "rolled-back" || !strings.Contains(s.Text, exampleLine+" is back on "+r.base+" (version 3)") {
		t.Errorf("%+v", s)
	}
	// Another process goes on with the run, after somebody has resumed rolls.
	r.pull(OrderRun)
	r.Run = doc.ID
	again := r.run(fault.RolledBack)
	r.wants(r.base)
	if n := len(r.versions(exampleLine)); n != 3 || again.Outcome != "rolled-back" {
		t.Errorf("%d versions, %s", n, again.Outcome)
	}
}

func TestARollTakenBackByAGateTakesTheChannelsBack(t *testing.T) {
	r := newRolling(t)
	r.put(exampleLine, r.base)
	r.put(exampleDev, r.base)
	r.Image.RingBlocks = append(r.Image.RingBlocks, &config.Ring{Name: "dev", Soak: time.Minute,
		Checks: []config.HealthCheck{{Name: "home", Command: []string{"false"}, Timeout: time.Second, Every: time.Minute, Failures: 1}}})
	doc := r.run(fault.RolledBack)
	r.wants(r.base)
	if d := cmp.Diff([]string{r.base, doc.Publish.Image, r.base}, r.versions(exampleLine)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{r.base}, r.versions(exampleDev)); d != "" {
		t.Error("a channel that did not hold the image was moved", d)
	}
}

func TestAChannelThatNothingPrecedesStaysWithAWarning(t *testing.T) {
	r := newRolling(t)
	r.pullAt("started instance refresh .* of web-dev")
	doc := r.run(fault.RolledBack)
	r.wants(r.base)
	if d := cmp.Diff([]string{doc.Publish.Image}, r.versions(exampleLine)); d != "" {
		t.Error(d)
	}
	if !r.heard("channel "+exampleLine) || !r.heard("stays where it is") || !strings.Contains(doc.Stages[len(doc.Stages)-1].Text, "there is no version to go back to") {
		t.Errorf("nobody was told: %+v", doc.Stages)
	}
	if !r.heard("whoever reads it still gets " + doc.Publish.Image) {
		t.Error("nobody was told that the channel goes on holding the image")
	}
}

func TestTheNextRunDoesNotRollAgainWhatWasTakenBackWithNothingBeforeIt(t *testing.T) {
	r := newRolling(t)
	r.pullAt("started instance refresh .* of web-dev")
	bad := r.run(fault.RolledBack).Publish.Image
	r.pull(OrderRun)
	o, err := MakePlan(t.Context(), r.Request)
	if err != nil || o.Err() == nil || fault.KindOf(o.Err()) != fault.Conflict || !strings.Contains(o.Refused, "a roll took it back") {
		t.Errorf("the plan does not say so: %+v, %v", o, err)
	}
	// Another machine's nightly run, and a run that began before and comes to roll now.
	doc := r.run(fault.Conflict)
	if !strings.Contains(doc.Message, "a roll took it back, and nothing preceded it (version 1)") || doc.Roll != nil {
		t.Errorf("%s, rolled %v", doc.Message, doc.Roll)
	}
	r.wants(r.base)
	// A newer image goes over it, and is rolled.
	r.Force = true
	good := r.run(fault.Failed)
	r.wants(good.Publish.Image)
	if d := cmp.Diff([]string{bad, good.Publish.Image}, r.versions(exampleLine)); d != "" {
		t.Error(d)
	}
}

func TestAChannelThatCannotGoBackNowKeepsNoGroupAndGoesBackOnResume(t *testing.T) {
	r := newRolling(t)
	r.put(exampleLine, r.base)
	r.pullAt("started instance refresh .* of web-dev")
	r.Store = &stuckStore{Store: r.State.Store(), word: takeBackStem + "/1/"}
	doc := r.run(fault.Halted)
	r.wants(r.base)
	if d := cmp.Diff([]string{r.base, doc.Publish.Image}, r.versions(exampleLine)); d != "" {
		t.Error(d)
	}
	r.Run = doc.ID
	r.pull(OrderRun)
	r.run(fault.RolledBack)
	if d := cmp.Diff([]string{r.base, doc.Publish.Image, r.base}, r.versions(exampleLine)); d != "" {
		t.Error(d)
	}
}

func TestARollTakenBackAfterSuccessTakesTheChannelsThatHoldItsImageBack(t *testing.T) {
	r := newRolling(t)
	r.put(exampleLine, r.base)
	r.put(exampleDev, r.base)
	begun := time.Now()
	doc := r.run(fault.Failed)
	stage := doc.Stages[len(doc.Stages)-1]
	if took := time.Duration(stage.WallMS) * time.Millisecond; took < 10*time.Millisecond || took > time.Since(begun) {
		t.Errorf("the roll says that it took %s", took)
	}
	r.Run = doc.ID
	if again := r.run(fault.Failed); again.Stages[len(again.Stages)-1].WallMS != stage.WallMS {
		t.Errorf("when nothing is left to do it took %+v", again.Stages)
	}
	image := doc.Publish.Image
	r.wants(image)
	r.put(exampleDev, image)
	back, err := RollBack(t.Context(), r.Request, "asked for", false)
	if err != nil || back.Outcome != "rolled-back" {
		t.Fatalf("%+v, %v", back, err)
	}
	r.wants(r.base)
	for _, c := range []string{exampleLine, exampleDev} {
		if d := cmp.Diff([]string{r.base, image, r.base}, r.versions(c)); d != "" {
			t.Error(c, d)
		}
	}
}

func TestARollTakenBackOfTheFirstVersionOfAChannelTakesTheGroupsBack(t *testing.T) {
	if testing.Short() {
		t.Skip("two whole runs: left out by -short")
	}
	for _, keep := range []bool{false, true} {
		r := newRolling(t)
		doc := r.run(fault.Failed)
		if back, err := RollBack(t.Context(), r.Request, "asked for", keep); err != nil || back.Outcome != "rolled-back" {
			t.Fatalf("%+v, %v", back, err)
		}
		r.wants(r.base)
		if d := cmp.Diff([]string{doc.Publish.Image}, r.versions(exampleLine)); d != "" {
			t.Error(d)
		}
		if r.heard("stays where it is") == keep {
			t.Error("the channel was told of, or not")
		}
		r.Run = doc.ID // nothing is brought forward by a run that was taken back
		r.run(fault.RolledBack)
		r.wants(r.base)
	}
}

func TestAChannelThatStaysIsToldOnceForAllItsPlaces(t *testing.T) {
	in := channels(t)
	doc := published(t, in, 0)
	back, err := in.plansBack(t.Context(), "back-1", doc.Publish, nil)
	if err != nil || len(back.Taken) != 2 || len(back.Stay) != 1 || len(back.Plans) != 0 {
		t.Fatalf("%+v, %v", back, err)
	}
	for _, want := range []string{back.Taken[0].Cell.String(), back.Taken[1].Cell.String(), ": there is no version to go back to. A", agedImage(0, 0) + " and " + agedImage(0, 1)} {
		if !strings.Contains(back.Stay[0], want) {
			t.Errorf("nothing says %q: %s", want, back.Stay[0])
		}
	}
}
