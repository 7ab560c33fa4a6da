package retire

import (
	"errors"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/publish/usage"
)

func TestThePlanSaysWhyForEveryImage(t *testing.T) {
	w := standard()
	w.set(1, func(i *usage.Image) { i.Snapshots = append(i.Snapshots, "snap-strange") })
	p := w.plan(t, input())
	text := p.Text()
	for _, want := range []string{"retire images of web: 5 looked at, 4 to act on", "deregister  " + id(1), "with builds-entry", "stays", "no use in 1 cell", "10 days old; deprecated from 2026-06-21 on", "remove", "journal, bundle"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	var b strings.Builder
	if err := p.Markdown(&b); err != nil || strings.Count(b.String(), "\n| ") < 7 || !strings.Contains(b.String(), "| disable | "+id(2)) {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestHostileNamesDoNotBreakTheReport(t *testing.T) {
	w := standard()
	w.hook = func(call string) error {
		if call == "groups" {
			return errors.New("a|b\n<script>")
		}
		return nil
	}
	var b strings.Builder
	if err := w.plan(t, input()).Markdown(&b); err != nil || strings.Contains(b.String(), "<script>") || !strings.Contains(b.String(), `a\|b`) {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestThePlanNamesWhatEarlierCallsLeft(t *testing.T) {
	w := standard()
	delete(w.images, id(1))
	w.snaps["snap-1"] = Snapshot{ID: "snap-1", Tags: map[string]string{usage.TagLine: line, TagRetired: id(1)}}
	p := w.plan(t, input())
	if !strings.Contains(p.Text(), "left by "+id(1)+", which is gone") || p.Count() != 4 {
		t.Errorf("%d\n%s", p.Count(), p.Text())
	}
	var b strings.Builder
	if err := p.Markdown(&b); err != nil || !strings.Contains(b.String(), "| delete | snap-1 | ") {
		t.Errorf("%v\n%s", err, b.String())
	}
	w.hook = func(call string) error { return map[string]error{"own": errors.New("no answer")}[call] }
	if text := w.plan(t, input()).Text(); !strings.Contains(text, "unknown: list the images") || !strings.Contains(text, "nothing to do") {
		t.Errorf("%s", text)
	}
}
