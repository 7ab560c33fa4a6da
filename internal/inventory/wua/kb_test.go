package wua

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/goldenami/rehydrate/baseline"
)

func id(n int) string { return fmt.Sprintf("%08d-0000-4000-8000-000000000000", n) }

// part is one update of a made-up answer.
type part struct {
	n          int
	kbs        []string
	installed  bool
	waits      bool
	supersedes []int
	date       string
}

func list[T any](s []T) []T { return append([]T{}, s...) } // never null

// answer is an answer of these updates, all security updates of the machine's product.
func answer(t rapid.TB, parts ...part) *Answer {
	t.Helper()
	w := wire{
		Schema: schema, Result: succeeded, Online: true, Services: []service{}, Warnings: []warning{}, History: []event{}, Updates: []update{},
		Machine: machine{Caption: "test", Version: "10.0.20348", Build: "20348", ProductType: 3, Arch: "AMD64", BootTime: "2024-01-01T00:00:00Z"},
	}
	for _, p := range parts {
		u := update{
			ID: id(p.n), Revision: 100 - p.n, Title: id(p.n), KBs: list(p.kbs), Bulletins: []string{}, CVEs: []string{}, BundledKBs: []string{},
			Categories: []category{
				{ID: "0fa1201d-4330-4fa8-8ae9-b877473b6441", Type: classificationType},
				{Type: productType, Name: "Microsoft Server operating system-21H2", ParentType: familyType, ParentName: "Windows"},
			},
			Severity: "Critical", Changed: "2023-01-01T00:00:00Z", Supersedes: []string{}, Installed: p.installed, RebootRequired: p.waits, EulaAccepted: true,
		}
		if p.date != "" {
			u.Changed = p.date
		}
		for _, n := range p.supersedes {
			u.Supersedes = append(u.Supersedes, id(n))
		}
		w.Updates = append(w.Updates, u)
	}
	text, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Parse(text)
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return a
}

var present = part{n: 99, kbs: []string{"1"}, installed: true}

func TestSupersedenceAndSeveralUpdatesOfAKB(t *testing.T) {
	for name, c := range map[string]struct {
		parts []part
		want  map[string]baseline.State
		ids   []int // what installing everything approved means
	}{
		"offered": {
			[]part{{n: 1, kbs: []string{"10"}}},
			map[string]baseline.State{"KB10": baseline.StateMissing}, []int{1},
		},
		"superseded by what is offered": {
			[]part{{n: 1, kbs: []string{"10"}}, {n: 2, kbs: []string{"20"}, supersedes: []int{1}}},
			map[string]baseline.State{"KB20": baseline.StateMissing}, []int{2},
		},
		"superseded by what is installed": {
			[]part{{n: 1, kbs: []string{"10"}}, {n: 2, kbs: []string{"20"}, installed: true, supersedes: []int{1}}},
			map[string]baseline.State{"KB10": baseline.StateNotApplicable, "KB20": baseline.StateInstalled}, nil,
		},
		"superseded by what waits for a restart": {
			[]part{{n: 1, kbs: []string{"10"}}, {n: 2, kbs: []string{"20"}, waits: true, supersedes: []int{1}}},
			map[string]baseline.State{"KB10": baseline.StateNotApplicable, "KB20": baseline.StateInstalled}, nil,
		},
		"superseded by an update without a KB": {
			[]part{{n: 1, kbs: []string{"10"}}, {n: 2, supersedes: []int{1}}},
			map[string]baseline.State{"KB10": baseline.StateMissing}, []int{1},
		},
		"monthly tool: last month's is installed, this month's is not": {
			[]part{{n: 1, kbs: []string{"10"}, installed: true}, {n: 2, kbs: []string{"10"}, supersedes: []int{1}}},
			map[string]baseline.State{"KB10": baseline.StateMissing}, []int{2},
		},
		"monthly tool: this month's is installed": {
			[]part{{n: 1, kbs: []string{"10"}}, {n: 2, kbs: []string{"10"}, installed: true, supersedes: []int{1}}},
			map[string]baseline.State{"KB10": baseline.StateInstalled}, nil,
		},
		"two updates of one KB, one installed": {
			[]part{{n: 1, kbs: []string{"10"}, installed: true}, {n: 2, kbs: []string{"10"}}},
			map[string]baseline.State{"KB10": baseline.StateMissing}, []int{2},
		},
		"two updates of one KB, one of them superseded": {
			[]part{{n: 1, kbs: []string{"10"}}, {n: 2, kbs: []string{"10"}}, {n: 3, kbs: []string{"30"}, supersedes: []int{1}}},
			map[string]baseline.State{"KB10": baseline.StateMissing, "KB30": baseline.StateMissing}, []int{2, 3},
		},
		"one update with two KBs": {
			[]part{{n: 1, kbs: []string{"10", "11"}}},
			map[string]baseline.State{"KB10": baseline.StateMissing, "KB11": baseline.StateMissing}, []int{1},
		},
	} {
		a := answer(t, append(c.parts, present)...)
		n, _, err := a.Node()
		if err != nil {
			t.Fatal(err)
		}
		got, todo := states(t, defaultBaseline(t), n)
		c.want["KB1"] = baseline.StateInstalled
		for kb, s := range c.want {
			if got[kb] != s {
				t.Errorf("%s: %s is %q, want %q", name, kb, got[kb], s)
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: states %v", name, got)
		}
		chosen, _, why := a.Choose(todo, nil)
		var ids []string
		for _, n := range c.ids {
			ids = append(ids, id(n))
		}
		var have []string
		for _, i := range chosen {
			have = append(have, i.ID)
		}
		if slices.Sort(have); !slices.Equal(have, ids) || len(why) != 0 {
			t.Errorf("%s: chosen %v, want %v; left out: %v", name, have, ids, why)
		}
	}
}

// The numbers of revisions of different updates say nothing about their order.
func TestTheNewestUpdateOfAKBDatesIt(t *testing.T) {
	a := answer(t, present, part{n: 1, kbs: []string{"10"}, date: "2023-01-01T00:00:00Z"}, part{n: 2, kbs: []string{"10"}, date: "2024-01-31T00:00:00Z"})
	n, _, err := a.Node()
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := states(t, defaultBaseline(t), n); got["KB10"] != baseline.StateAvailableSecurityUpdate {
		t.Errorf("KB10 is %s although its newest update is younger than seven days", got["KB10"])
	}
}

func TestWhatCannotBeInstalledUnattendedIsLeftOutWithTheReason(t *testing.T) {
	a := answer(t, present, part{n: 1, kbs: []string{"10", "11"}}, part{n: 2, kbs: []string{"20"}}, part{n: 3, kbs: []string{"30"}})
	a.Updates[2].EulaAccepted = false
	a.Updates[3].MayAsk = true
	chosen, of, why := a.Choose([]string{"KB10", "KB20", "KB30", "KB40", "KB1"}, []string{"KB11"})
	if len(chosen) != 0 || len(of) != 0 {
		t.Errorf("chosen %v", chosen)
	}
	for kb, want := range map[string]string{
		"KB10": "carries KB11", "KB20": "licence", "KB30": "ask for input", "KB40": "does not offer", "KB1": "does not offer",
	} {
		if !strings.Contains(why[kb], want) {
			t.Errorf("%s: %q, want %q", kb, why[kb], want)
		}
	}
	chosen, of, _ = a.Choose([]string{"KB10", "KB11"}, nil)
	if len(chosen) != 1 || !slices.Equal(of[chosen[0]], []string{"KB10", "KB11"}) {
		t.Errorf("chosen %v for %v", chosen, of)
	}
}

func TestACircleOfSupersedenceIsAnError(t *testing.T) {
	for n, edges := range [][][]int{{{0}}, {{1}, {0}}, {{1}, {2}, {0}}, {{}, {2}, {1}}} {
		if circle(edges) < 0 {
			t.Errorf("case %d: not found", n)
		}
	}
	if i := circle([][]int{{1, 2}, {2}, {}}); i >= 0 {
		t.Errorf("%d is in no circle", i)
	}
}

// Whatever the updates are: if anything is neither there nor superseded, something is
// missing under a baseline that approves it, and what is missing can be chosen.
func TestNothingVanishesFromTheCatalogue(t *testing.T) {
	all := &baseline.Baseline{Name: "all", OperatingSystem: baseline.Windows, ApprovalRules: &baseline.PatchRuleGroup{
		PatchRules: []baseline.PatchRule{{PatchFilterGroup: &baseline.PatchFilterGroup{PatchFilters: []baseline.PatchFilter{
			{Key: "PRODUCT", Values: []string{"*"}},
		}}, ApproveAfterDays: new(int)}},
	}}
	rapid.Check(t, func(t *rapid.T) {
		parts := []part{present}
		for n := range rapid.IntRange(1, 8).Draw(t, "updates") {
			p := part{n: n, installed: rapid.Bool().Draw(t, "installed"), waits: rapid.Bool().Draw(t, "waits")}
			for _, kb := range rapid.SliceOfNDistinct(rapid.IntRange(2, 5), 0, 2, rapid.ID[int]).Draw(t, "kbs") {
				p.kbs = append(p.kbs, fmt.Sprint(kb))
			}
			for old := range n {
				if rapid.IntRange(0, 2).Draw(t, "over") == 0 {
					p.supersedes = append(p.supersedes, old)
				}
			}
			parts = append(parts, p)
		}
		a := answer(t, parts...)
		n, _, err := a.Node()
		if err != nil {
			t.Fatal(err)
		}
		r, err := baseline.Evaluate(all, n, day, baseline.Options{})
		if err != nil {
			t.Fatal(err)
		}
		chosen, _, why := a.Choose(r.ToInstall, nil)
		if len(why) > 0 {
			t.Errorf("missing, but not to be had: %v", why)
		}
		for _, p := range parts {
			superseded := slices.ContainsFunc(parts, func(o part) bool { return len(o.kbs) > 0 && slices.Contains(o.supersedes, p.n) })
			want := len(p.kbs) > 0 && !p.installed && !p.waits && !superseded
			have := slices.ContainsFunc(chosen, func(i Identity) bool { return i.ID == id(p.n) })
			if want != have {
				t.Errorf("update %d: chosen %v, want %v", p.n, have, want)
			}
		}
	})
}

func FuzzAnAnswerIsNeverMisread(f *testing.F) {
	f.Add(recorded(f))
	f.Add([]byte(`{"schema":1,"error":"x","hresult":-1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := Parse(text)
		if err != nil {
			return
		}
		n, _, err := a.Node()
		if err != nil {
			return
		}
		if n.Inventory.OS != baseline.Windows || n.Inventory.Product == "" || len(n.Inventory.Installed) == 0 {
			t.Errorf("inventory %+v", n.Inventory)
		}
		for _, u := range n.Available.Updates {
			if chosen, _, why := a.Choose([]string{u.KB}, nil); u.Installed && len(chosen)+len(why) != 1 {
				t.Errorf("%s: chosen %v, left out %v", u.KB, chosen, why)
			} else if u.Installed && len(chosen) > 0 {
				t.Errorf("%s counts as installed, and %v is still to be installed", u.KB, chosen)
			}
		}
		if _, err := baseline.Evaluate(&baseline.Baseline{Name: "none", OperatingSystem: baseline.Windows}, n, day, baseline.Options{}); err != nil {
			t.Error(err)
		}
	})
}
