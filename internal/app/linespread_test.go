package app

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/publish"
)

// openSpreadLine is a line of two architectures that prod has copies of.
func openSpreadLine(t *testing.T) *twoArchs {
	t.Helper()
	there := &config.Account{Label: "prod", ID: prod, Role: "arn:aws:iam::" + prod + ":role/rehydrate", ExternalID: "golden", Regions: []string{wiretest.Region}}
	return openArchs(t, &config.Distribute{Accounts: []*config.Account{there}, Mode: config.ModeCopy})
}

// stand are what home's and prod's channels of both architectures hold, as the ages of
// the images, and prod's as the ages of those that its copies are of; "-" is nothing.
func (l *twoArchs) stand() string {
	l.Helper()
	var out []string
	for n := range l.conf.Images {
		in := l.request(n)
		stage := in.stage("")
		for _, at := range in.places(l.conf.Images[n].Channel) {
			got, err := in.holds(l.Context(), stage, at)
			if err != nil {
				l.Fatal(err)
			}
			said := "-"
			if got != "" {
				ports, err := stage.Cells(l.Context(), at.Cell)
				if err != nil {
					l.Fatal(err)
				}
				image, err := ports.Images.Image(l.Context(), got)
				if err != nil {
					l.Fatal(err)
				}
				if of := image.Tags["rehydrate:copy-of"]; of != "" {
					got = of[strings.LastIndex(of, "/")+1:]
				}
				for age := range 5 {
					if strings.HasSuffix(got, agedImage(age, n)) {
						said = fmt.Sprint(age)
					}
				}
			}
			out = append(out, said)
		}
	}
	return strings.Join(out, " ")
}

// copyFault has the copies of an image fail.
type copyFault struct{ name string }

func (f copyFault) Fault(_, _ string, _ time.Time, kind world.FaultKind, s world.Subject) (string, bool) {
	if kind != world.CopyFails || !strings.Contains(s.Name, f.name) {
		return "", false
	}
	return "as asked for", true
}

func TestALineWithAccountsMovesWholeInAllOfThem(t *testing.T) {
	l := openSpreadLine(t)
	for age := range 2 {
		_, last := l.both(age)
		if got, want := l.stand(), strings.TrimSpace(strings.Repeat(fmt.Sprint(age)+" ", 4)); got != want {
			t.Errorf("they hold %s, want %s", got, want)
		}
		if p := last.Publish; len(p.Pointers) != 2 || len(p.Line) != 2 {
			t.Errorf("%+v", p)
		}
	}
	l.correct(4)
	m, err := PlanRollback(t.Context(), l.request(0), "latest", 0)
	if err == nil {
		_, err = m.Carry(t.Context(), l.request(0))
	}
	if err != nil || l.stand() != "0 0 0 0" {
		t.Errorf("rolled back they hold %s, %v", l.stand(), err)
	}
	l.correct(4)
}

func TestACopyOfOneArchitectureThatFailsMovesNoPointerOfTheLine(t *testing.T) {
	for n, name := range []string{"x86_64", "arm64"} {
		t.Run(name, func(t *testing.T) {
			l := openSpreadLine(t)
			l.both(0)
			l.w.SetFaults(copyFault{agedImage(1, n)})
			docs := make([]*record.Run, 2)
			failed := 0
			for i := range docs {
				var err error
				if docs[i], err = l.run(i, 1, record.Pass); fault.KindOf(err) == fault.Waiting {
					continue
				}
				if failed++; err == nil || !strings.Contains(err.Error(), "no pointer was moved") {
					t.Errorf("%s: %v", docs[i].Line, err)
				}
			}
			if failed != 1 || l.stand() != "0 0 0 0" {
				t.Fatalf("%d runs failed; they hold %s", failed, l.stand())
			}
			l.correct(4)
			// The copy succeeds later: the run that failed goes on and brings the line along.
			l.w.SetFaults(nil)
			if _, err := l.goOn(n, docs[n].ID); err != nil {
				t.Fatal(err)
			}
			if got := l.stand(); got != "1 1 1 1" {
				t.Errorf("they hold %s", got)
			}
			if _, err := l.goOn(1-n, docs[1-n].ID); err != nil {
				t.Error(err)
			}
			l.correct(4)
		})
	}
}

// Both runs find that the other has offered, and move the whole line at the same time.
func TestTwoMembersThatPublishAtTheSameMomentMoveTheLineOnce(t *testing.T) {
	for round := range 3 {
		l := openSpreadLine(t)
		l.both(0)
		var ids []string
		for n := range l.conf.Images {
			l.runs++
			id := fmt.Sprintf("20260302-1200%02d-aaaaaa", l.runs)
			image, now := agedImage(1, n), l.pass(time.Minute)
			if err := l.state.Save(&record.Run{Schema: record.Schema, ID: id, Line: l.conf.Images[n].Label, Account: wiretest.Account, Region: wiretest.Region, StartedAt: now,
				Bake: &record.Bake{Image: image, CreatedAt: now}, Validate: &record.Verdict{Image: image, Outcome: record.Pass},
				Stages: []record.Stage{{Name: "bake", Outcome: "done"}, {Name: "validate", Outcome: record.Pass}}}); err != nil {
				t.Fatal(err)
			}
			l.ids[image] = id
			ids = append(ids, id)
		}
		var both sync.WaitGroup
		errs := make([]error, 2)
		for n := range ids {
			both.Go(func() { _, errs[n] = l.goOn(n, ids[n]) })
		}
		both.Wait()
		ended := 0
		for _, err := range errs {
			switch {
			case err == nil:
				ended++
			case fault.KindOf(err) != fault.Waiting:
				t.Errorf("round %d: %v", round, err)
			}
		}
		if ended == 0 { // each looked before the other had offered: --due goes on
			if _, errs[0] = l.goOn(0, ids[0]); errs[0] != nil {
				t.Error(errs[0])
			}
		}
		for n := range ids {
			if doc, err := l.goOn(n, ids[n]); err != nil || doc.Publish == nil || len(doc.Publish.Pointers) != 2 {
				t.Errorf("round %d: %+v, %v", round, doc, err)
			}
		}
		if got := l.stand(); got != "1 1 1 1" {
			t.Errorf("round %d: they hold %s", round, got)
		}
		for n := range ids {
			in := l.request(n)
			for _, at := range in.places(in.Image.Channel) {
				// The clock of this rig jumps as either run sleeps, so that one may find the
				// other's lease run out: then both write, and the same.
				h, err := in.stage("").History(t.Context(), at)
				if err != nil || len(h) > 3 || h[1].Image != h[len(h)-1].Image {
					t.Errorf("round %d: %s has %d versions, %v", round, at, len(h), err)
				}
			}
		}
		l.correct(4)
	}
}

// The process that moves the line dies at some record of it; either run goes on.
func TestALineWhoseRunDiesInTheMiddleIsMovedWholeByWhoeverGoesOn(t *testing.T) {
	if testing.Short() {
		t.Skip("many publications: left out by -short")
	}
	for at := 1; at < 60; at += 7 {
		for _, who := range []int{0, 1} {
			t.Run(fmt.Sprintf("%d_%d", at, who), func(t *testing.T) {
				l := openSpreadLine(t)
				l.both(0)
				first, err := l.run(0, 1, record.Pass)
				if fault.KindOf(err) != fault.Waiting {
					t.Fatal(err)
				}
				s := &dyingStore{Store: l.state.Store(), at: at}
				l.store = s
				last, err := l.run(1, 1, record.Pass)
				l.store = nil
				if err != nil && !errors.Is(err, errKilled) {
					t.Fatal(err)
				}
				for n, doc := range []*record.Run{first, last} {
					if n == who && err != nil {
						if _, err := l.goOn(n, doc.ID); err != nil && fault.KindOf(err) != fault.Waiting {
							t.Fatal(err)
						}
					}
				}
				for _, x := range []struct {
					n   int
					doc *record.Run
				}{{1, last}, {0, first}} {
					if _, err := l.goOn(x.n, x.doc.ID); err != nil {
						t.Errorf("%s: %v", x.doc.Line, err)
					}
				}
				if got := l.stand(); got != "1 1 1 1" {
					t.Errorf("they hold %s", got)
				}
				l.correct(4)
			})
		}
	}
}

func TestAMemberIsNotBakedForALineThatCannotMove(t *testing.T) {
	l := openSpreadLine(t)
	l.both(0)
	p := func(n int) *pipeline {
		in := l.request(n)
		return &pipeline{Request: Request{Config: in.Config, Image: in.Image, Cloud: in.Cloud}, parts: &parts{publish: in.stage("")}}
	}
	for n := range 2 {
		if err := p(n).channelReady(t.Context(), nil); err != nil {
			t.Errorf("member %d: %v", n, err)
		}
	}
	ports, err := p(1).parts.publish.Cells(t.Context(), publish.Cell{Account: wiretest.Account, Region: wiretest.Region})
	if err == nil {
		_, err = ports.Parameters.Put(t.Context(), publish.NewVersion{Name: l.conf.Images[1].Channel, Value: agedImage(4, 1), DataType: publish.DataTypeImage, Description: "ann", Overwrite: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	l.pass(time.Minute) // until it is validated
	for n := range 2 {
		if err := p(n).channelReady(t.Context(), nil); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), l.conf.Images[1].Channel+" (") || !strings.Contains(err.Error(), "by hand") {
			t.Errorf("member %d: %v", n, err)
		}
	}
}

func TestWhatMovedWithAnImageIsSaidOnceForEachChannel(t *testing.T) {
	moved := func(channel, account string) record.Pointer {
		return record.Pointer{Channel: channel, Account: account, Image: "ami-" + account, Outcome: publish.Moved}
	}
	got := movedWith(record.Publish{Line: []record.Pointer{{Channel: "/a", Outcome: publish.Held}, moved("/a", "1"), moved("/a", "2"), moved("/b", "1")}})
	if want := "; with it /a: nothing → ami-1; with it /b: nothing → ami-1"; got != want {
		t.Errorf("got %q", got)
	}
}
