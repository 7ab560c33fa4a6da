package publish_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish"
)

const devChannel, prodChannel = "/golden/demo/dev", "/golden/demo/prod"

func (w *cells) promote(t *testing.T, run, from, to string, proof func(publish.Cell, string) (string, error)) error {
	t.Helper()
	s := w.stage()
	in := publish.Promotion{Run: run, Proof: proof}
	for i := range w.stores {
		in.Steps = append(in.Steps, publish.Step{Cell: threeCells[i], From: from, To: to})
	}
	p, err := s.PlanPromotion(t.Context(), in)
	if err != nil {
		return err
	}
	raw, _, err := drive(t, s, p, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = publish.Result(raw)
	return err
}

func nothing(publish.Cell, string) (string, error) { return "", nil }

func TestAPromotionTakesOnlyWhatPassedTheRingBefore(t *testing.T) {
	w := three(t, 2)
	if err := w.promote(t, "p-1", channel, devChannel, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.promote(t, "p-2", devChannel, prodChannel, nothing); fault.KindOf(err) != fault.GateSaysNo {
		t.Errorf("nothing shows that it passed: %v", err)
	}
	asked := map[string]bool{}
	seen := func(c publish.Cell, image string) (string, error) {
		asked[c.Region+" "+image] = true
		return "run r1", nil
	}
	if err := w.promote(t, "p-3", devChannel, prodChannel, seen); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]bool{"eu-west-1 ami-new-0": true, "us-east-1 ami-new-1": true}, asked); d != "" {
		t.Error(d)
	}
	for i, s := range w.stores {
		p := s.newest(prodChannel)
		e, _ := publish.ParseEnvelope(p.Description)
		if p.Value != w.held()[i] || e.BuildID() != "run-new" || e.Run != "p-3" || !e.BakedAt.Equal(t0) || e.Verdict == "" {
			t.Errorf("cell %d: %s, %+v", i, p.Value, e)
		}
	}
	if n := len(w.stores[0].versions["/golden/demo/builds/run-new"]); n != 1 {
		t.Errorf("the builds entry has %d versions", n)
	}
	if err := w.promote(t, "p-4", devChannel, prodChannel, seen); err != nil {
		t.Errorf("again: %v", err)
	}
}

func TestTheLabelPassedIsProof(t *testing.T) {
	w := three(t, 2)
	if err := w.promote(t, "p-1", channel, devChannel, nil); err != nil {
		t.Fatal(err)
	}
	var all []publish.Passing
	for i, at := range w.places(devChannel) {
		all = append(all, publish.Passing{Place: at, Image: w.held()[i]}, publish.Passing{Place: at, Image: "ami-another"})
	}
	u := w.stage().PassUnit(all)
	for range 2 { // and it may be said twice
		raw, next, err := u.Advance(t.Context(), nil)
		for ; err == nil && !next.Done; raw, next, err = u.Advance(t.Context(), raw) {
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := w.stores[1].newest(devChannel).Labels; !cmp.Equal(got, []string{"current", "passed"}) {
		t.Errorf("labels %v", got)
	}
	if err := w.promote(t, "p-2", devChannel, prodChannel, nothing); err != nil {
		t.Error(err)
	}
	// The label does not go on to what dev holds next.
	if err := w.promote(t, "p-3", channel, devChannel, nil); err != nil {
		t.Fatal(err)
	}
	in := w.input("run-late", "late", t0.AddDate(0, 0, 2))
	if _, err := w.publish(t, in, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.promote(t, "p-4", channel, devChannel, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.promote(t, "p-5", devChannel, prodChannel, nothing); fault.KindOf(err) != fault.GateSaysNo {
		t.Errorf("got %v", err)
	}
}

func TestAPromotionIsRefused(t *testing.T) {
	boom := errors.New("no history")
	for _, c := range []struct {
		name  string
		do    func(*cells)
		proof func(publish.Cell, string) (string, error)
		kind  fault.Kind
	}{
		{"from a channel that does not exist", func(w *cells) { delete(w.stores[1].versions, channel) }, nil, fault.NotFound},
		{"of what somebody wrote by hand", func(w *cells) { w.stores[0].add(channel, "ami-late-0", "") }, nil, fault.GateSaysNo},
		{"where the cells hold different builds", func(w *cells) {
			w.stores[1].add(channel, "ami-late-1", publish.Envelope{Run: "run-x", BakedAt: t0}.String())
		}, nil, fault.Conflict},
		{"of an image that is gone in one cell", func(w *cells) { delete(w.images[1], "ami-new-1") }, nil, fault.GateSaysNo},
		{"of a revoked version", func(w *cells) {
			v := w.stores[1].versions[channel]
			v[len(v)-1].Labels = []string{"revoked"}
		}, nil, fault.GateSaysNo},
		{"when the proof cannot be looked for", func(*cells) {}, func(publish.Cell, string) (string, error) { return "", boom }, fault.Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := three(t, 2)
			c.do(w)
			if err := w.promote(t, "p-1", channel, devChannel, c.proof); err == nil || fault.KindOf(err) != c.kind {
				t.Errorf("got %v, want kind %d", err, c.kind)
			}
			if len(w.log) > 0 {
				t.Errorf("wrote %v", w.log)
			}
		})
	}
}
