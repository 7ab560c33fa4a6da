package crash

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// asking is a world of machines apart in which ring prod asks the change board, with a
// run of the machine first that waits for it.
func asking(t *testing.T) (a *apart, run string) {
	t.Helper()
	if testing.Short() {
		t.Skip("processes of their own: left out by -short")
	}
	a = newApart(t)
	text, err := os.ReadFile(a.config)
	if err != nil {
		t.Fatal(err)
	}
	const rings = `rings         = ["dev", "prod"]`
	if !bytes.Contains(text, []byte(rings)) {
		t.Fatalf("%s does not say %s", a.config, rings)
	}
	text = bytes.Replace(text, []byte(rings), []byte(rings+"\n  ring \"prod\" {\n    approval = \"change board\"\n  }\n"), 1)
	if err := os.WriteFile(a.config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	p := a.on(t, "first", "run", "--modelled", line)
	if p.code(t) != 15 || !strings.Contains(p.said(), "waits for approval of ring prod by change board") {
		t.Fatalf("exit code %d:\n%s", p.code(t), p.said())
	}
	found := regexp.MustCompile(`rehydrate run --resume ([0-9a-f-]+)`).FindStringSubmatch(p.said())
	if found == nil {
		t.Fatalf("no run is named:\n%s", p.said())
	}
	// The machine and its folder are gone; what waits is in the bucket.
	if err := os.RemoveAll(filepath.Join(a.dir, "first")); err != nil {
		t.Fatal(err)
	}
	return a, found[1]
}

func TestApproval_with_the_journal_in_S3_is_given_once_by_whoever_is_first_and_read_elsewhere(t *testing.T) {
	t.Parallel()
	a, run := asking(t)
	answers := map[string]*process{}
	for i := range 4 {
		by := fmt.Sprintf("member-%d", i)
		answers[by] = a.on(t, by, "approve", "--by", by, "--comment", "CHG-1", run)
	}
	first := ""
	for by, p := range answers {
		switch code := p.code(t); {
		case code == 0 && first == "":
			first = by
		case code != 11 || !strings.Contains(p.said(), "is approved by member-"):
			t.Errorf("%s: exit code %d:\n%s", by, code, p.said())
		}
	}
	if first == "" {
		t.Fatal("nobody's answer was taken")
	}
	p := a.on(t, "late", "refuse", "--by", "late", run)
	if p.code(t) != 11 || !strings.Contains(p.said(), "is approved by "+first) {
		t.Errorf("who refuses later: exit code %d:\n%s", p.code(t), p.said())
	}
	p = a.on(t, "second", "run", "--modelled", "--resume", "--due", line)
	if p.code(t) != 0 || !strings.Contains(p.said(), "ring prod is approved by "+first) || !strings.Contains(p.said(), "(CHG-1)") {
		t.Fatalf("exit code %d:\n%s", p.code(t), p.said())
	}
	a.once(t)
	p = a.on(t, "late", "approve", "--by", "late", run)
	if code := p.code(t); code == 0 {
		t.Errorf("an approval of a run that has ended was taken:\n%s", p.said())
	}
}

func TestRefusal_with_the_journal_in_S3_ends_the_run_elsewhere_and_its_ring_does_not_move(t *testing.T) {
	t.Parallel()
	a, run := asking(t)
	p := a.on(t, "board", "refuse", "--by", "ann", "--comment", "not this week", run)
	if p.code(t) != 0 {
		t.Fatalf("exit code %d:\n%s", p.code(t), p.said())
	}
	p = a.on(t, "second", "run", "--modelled", "--resume", run, line)
	if p.code(t) != 10 || !strings.Contains(p.said(), "ring prod is refused by ann") || !strings.Contains(p.said(), "(not this week)") || strings.Contains(p.said(), "of web-prod to template") {
		t.Errorf("exit code %d:\n%s", p.code(t), p.said())
	}
}
