package crash

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// moments of a roll, as the command line tells them.
var moments = []struct{ name, line string }{
	{"template", `made template version 2`},
	{"dev_started", `started instance refresh \S+ of web-dev`},
	{"dev_half", `web-dev: InProgress`},
	{"dev_done", `web-dev: done`},
	{"soak", `ring dev soaks`},
	{"prod_started", `started instance refresh \S+ of web-prod`},
	{"prod_half", `web-prod: InProgress`},
	{"prod_done", `web-prod: done`},
}

// crashes are who dies, and how it goes on: kill returns the command that ends the run.
var crashes = []struct {
	whom string
	kill func(*testing.T, *world, *process) *process
	only string // moment; empty: all
}{
	{"lost_twin", loseTwin, "soak"}, // tries for a minute, so it begins first
	{"cli", killCLI, ""},
	{"twin", killTwin, ""},
	{"both", killBoth, ""},
}

func TestCrash_in_the_middle_of_a_roll_replaces_every_instance_once(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("processes of their own: left out by -short")
	}
	undisturbed := newWorld(t)
	undisturbed.run(t, "", nil)
	want := standing(undisturbed.Resources(t))
	var ended counter
	t.Run("roll", func(t *testing.T) {
		for _, c := range crashes {
			for _, m := range moments {
				if c.only != "" && c.only != m.name {
					continue
				}
				t.Run(c.whom+"_at_"+m.name, func(t *testing.T) {
					t.Parallel()
					w := newProcesses(t)
					p := w.pipeline(t)
					if !p.until(t, regexp.MustCompile(m.line)) {
						t.Fatalf("the run ended before %q:\n%s", m.line, p.said())
					}
					if p = c.kill(t, w, p); p.code(t) != 0 {
						t.Fatalf("exit code %d:\n%s", p.code(t), p.said())
					}
					w.Endpoint, _ = twinOf(t, w.state.Twin())
					w.facts(t).check(t)
					if diff := cmp.Diff(want, standing(w.Resources(t))); diff != "" {
						t.Errorf("the account differs (-undisturbed +crashed):\n%s", diff)
					}
					if r, err := w.state.Load(w.only(t)); err != nil || r.Outcome != "done" {
						t.Errorf("outcome %+v, %v", r, err)
					}
					ended.add()
				})
			}
		}
	})
	if !t.Failed() {
		t.Logf("%d crashes in a roll, all ended the same", ended.n)
	}
}

// killCLI kills the command line's process group and resumes its run.
func killCLI(t *testing.T, w *world, p *process) *process {
	p.kill()
	p.code(t)
	return w.pipeline(t, "--resume", w.only(t))
}

// killTwin kills the twin and starts it again where it was: the command line goes on.
func killTwin(t *testing.T, w *world, p *process) *process {
	at := killTwinOf(t, w.state.Twin())
	w.rehydrate(t, "twin", "serve", "--state", w.state.Twin(), "--listen", strings.TrimPrefix(at, "http://"))
	return p
}

// killBoth kills both and resumes the run, which starts the twin again.
func killBoth(t *testing.T, w *world, p *process) *process {
	p.kill()
	killTwinOf(t, w.state.Twin())
	p.code(t)
	return w.pipeline(t, "--resume", w.only(t))
}

// loseTwin kills the twin, and leaves the command line to find out that it does not
// come back; the resumed run starts it again.
func loseTwin(t *testing.T, w *world, p *process) *process {
	killTwinOf(t, w.state.Twin())
	if code := p.code(t); code != 1 || !strings.Contains(p.said(), "connection refused") || !strings.Contains(p.said(), "next: ") {
		t.Errorf("exit code %d of a run without its twin, want 1, the reason and what to do:\n%s", code, p.said())
	}
	return w.pipeline(t, "--resume", w.only(t))
}
