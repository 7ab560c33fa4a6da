package baseline

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

func kb(id string, age int, change ...func(*Update)) Update {
	u := Update{KB: id, Product: "WindowsServer2022", Classification: "SecurityUpdates", MSRCSeverity: "Critical", ReleaseDate: day0.AddDate(0, 0, -age)}
	for _, f := range change {
		f(&u)
	}
	return u
}

func isInstalled(u *Update) { u.Installed = true }

func supersedes(ids ...string) func(*Update) {
	return func(u *Update) { u.Supersedes = ids }
}

func windowsNode(updates ...Update) Node {
	return Node{
		Inventory: Inventory{OS: Windows, Product: "WindowsServer2022"},
		Available: Available{Updates: updates},
	}
}

func windowsStates(t *testing.T, b *Baseline, updates ...Update) string {
	t.Helper()
	r, err := Evaluate(b, windowsNode(updates...), day0, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, it := range r.Items {
		out = append(out, it.ID+" "+string(it.State))
	}
	return strings.Join(out, ", ")
}

func TestWindowsStates(t *testing.T) { // §4
	b := withRules(Windows, rule(7, filter("CLASSIFICATION", "SecurityUpdates", "CriticalUpdates"), filter("MSRC_SEVERITY", "Critical", "Unspecified")))
	b.ApprovedPatches, b.RejectedPatches = []string{"MS10-048", "kb900"}, []string{"KB666", "MS11-111"}
	for name, c := range map[string]struct {
		updates []Update
		want    string
	}{
		"missing":                               {[]Update{kb("KB1", 8)}, "KB1 Missing"},
		"exactly seven days":                    {[]Update{kb("KB1", 7)}, "KB1 AvailableSecurityUpdate"},
		"without a KB id":                       {[]Update{kb("", 8), kb("KB1", 8)}, "KB1 Missing"},
		"without a KB id supersedes nothing":    {[]Update{kb("", 8, supersedes("KB1")), kb("KB1", 8)}, "KB1 Missing"},
		"no release date is 1970":               {[]Update{kb("KB1", 0, func(u *Update) { u.ReleaseDate = time.Time{} })}, "KB1 Missing"},
		"absent severity is Unspecified":        {[]Update{kb("KB1", 8, func(u *Update) { u.MSRCSeverity = "" })}, "KB1 Missing"},
		"approved by bulletin":                  {[]Update{kb("KB1", 0, func(u *Update) { u.Bulletin, u.Classification = "ms10-048", "Tools" })}, "KB1 Missing"},
		"approved by KB in another case":        {[]Update{kb("KB900", 0)}, "KB900 Missing"},
		"rejected and not installed":            {[]Update{kb("KB666", 8)}, ""},
		"rejected and installed":                {[]Update{kb("KB666", 8, isInstalled)}, "KB666 InstalledOther"},
		"rejected by bulletin":                  {[]Update{kb("KB1", 8, func(u *Update) { u.Bulletin = "MS11-111" })}, ""},
		"not approved and installed":            {[]Update{kb("KB1", 1, isInstalled)}, "KB1 InstalledOther"},
		"superseded":                            {[]Update{kb("KB1", 30), kb("KB2", 8, supersedes("KB1"))}, "KB2 Missing"},
		"superseded though installed":           {[]Update{kb("KB1", 30, isInstalled), kb("KB2", 8, supersedes("kb1"))}, "KB2 Missing"},
		"superseded by a rejected one":          {[]Update{kb("KB1", 30), kb("KB666", 8, supersedes("KB1"))}, ""},
		"superseded by itself":                  {[]Update{kb("KB1", 30, supersedes("KB1"))}, "KB1 Missing"},
		"successor installed":                   {[]Update{kb("KB1", 30), kb("KB2", 8, supersedes("KB1"), isInstalled)}, "KB1 NotApplicable, KB2 Installed"},
		"successor installed, not approved":     {[]Update{kb("KB1", 30, func(u *Update) { u.Classification = "Tools" }), kb("KB2", 8, supersedes("KB1"), isInstalled)}, "KB2 Installed"},
		"not applicable and not approved":       {[]Update{kb("KB1", 1, func(u *Update) { u.NotApplicable = true })}, ""},
		"application update under an OS rule":   {[]Update{kb("KB1", 8, func(u *Update) { u.PatchSet = "APPLICATION" })}, "KB1 AvailableSecurityUpdate"},
		"any revision approves, the last dates": {[]Update{kb("KB1", 90, func(u *Update) { u.Revision = 1 }), kb("KB1", 8, func(u *Update) { u.Revision, u.Classification = 2, "Tools" })}, "KB1 Missing"},
		"a fresh last revision waits":           {[]Update{kb("KB1", 90, func(u *Update) { u.Revision = 1 }), kb("KB1", 2, func(u *Update) { u.Revision = 2 })}, "KB1 AvailableSecurityUpdate"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := windowsStates(t, b, c.updates...); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	b.RejectedPatchesAction = Block
	if got := windowsStates(t, b, kb("KB666", 8, isInstalled)); got != "KB666 InstalledRejected" {
		t.Errorf("BLOCK: got %s", got)
	}
}

func TestPatchSetsAndFamilies(t *testing.T) {
	office := kb("KB1", 8, func(u *Update) { u.Product, u.ProductFamily, u.PatchSet = "Office 2016", "Office", "APPLICATION" })
	for name, c := range map[string]struct {
		filters []PatchFilter
		want    string
	}{
		"an OS rule by default": {nil, "KB1 AvailableSecurityUpdate"},
		"both sets":             {[]PatchFilter{filter("PATCH_SET", "OS", "APPLICATION")}, "KB1 Missing"},
		"all sets":              {[]PatchFilter{filter("PATCH_SET", "*")}, "KB1 Missing"},
		"its family":            {[]PatchFilter{filter("PATCH_SET", "APPLICATION"), filter("PRODUCT_FAMILY", "office")}, "KB1 Missing"},
		"another family":        {[]PatchFilter{filter("PATCH_SET", "APPLICATION"), filter("PRODUCT_FAMILY", "Exchange")}, "KB1 AvailableSecurityUpdate"},
		"its id":                {[]PatchFilter{filter("PATCH_SET", "APPLICATION"), filter("PATCH_ID", "kb1")}, "KB1 Missing"},
	} {
		if got := windowsStates(t, withRules(Windows, rule(7, c.filters...)), office); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestUnreportedNotApplicableBeyondTheLimit(t *testing.T) { // §16.8
	b := withRules(Windows, rule(7))
	no := func(u *Update) { u.NotApplicable = true }
	n := windowsNode(kb("KB1", 8, no), kb("KB2", 8, no), kb("KB3", 8, no), kb("KB4", 8))
	r, err := Evaluate(b, n, day0, Options{NotApplicableLimit: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Items) != 2 || r.Counts.NotApplicableCount != 3 || r.Counts.UnreportedNotApplicableCount != 2 {
		t.Errorf("%d items, %+v", len(r.Items), r.Counts)
	}
}

func TestWindowsOverrideNarrowsWhatTheBaselineApproves(t *testing.T) { // §6.5
	b := withRules(Windows, rule(7))
	list := &InstallOverrideList{Patches: []OverridePatch{{ID: "kb1"}, {ID: "KB9"}}}
	n := windowsNode(kb("KB1", 8), kb("KB2", 8), kb("KB9", 1))
	r, err := EvaluateRun(b, n, Run{Operation: OperationInstall, Override: list}, day0, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, it := range r.Items {
		got = append(got, string(it.State))
	}
	if !slices.Equal(r.ToInstall, []string{"KB1"}) || !slices.Equal(got, []string{"Failed", "Missing", "AvailableSecurityUpdate"}) {
		t.Errorf("to install %v, states %v", r.ToInstall, got)
	}
}

func TestEffectivePatchesCarryApprovalDates(t *testing.T) { // §16.8: release + days × 86400 s
	b := withRules(Windows, rule(10), rule(5))
	b.ApprovedPatches, b.RejectedPatches = []string{"KB3"}, []string{"KB4"}
	got, err := EffectivePatches(b, "WindowsServer2022", []Update{
		kb("KB1", 8), kb("KB2", 1), kb("KB3", 1), kb("KB4", 8), kb("KB0", 90), kb("KB5", 8, supersedes("KB0")),
	}, day0, Options{})
	if err != nil {
		t.Fatal(err)
	}
	states, dates := map[string]string{}, map[string]int{}
	for _, e := range got {
		states[e.KB] = e.Status
		if !e.ApprovalDate.IsZero() {
			dates[e.KB] = int(e.ApprovalDate.Sub(day0).Hours() / 24)
		}
	}
	if want := map[string]string{"KB1": "APPROVED", "KB2": "PENDING_APPROVAL", "KB3": "EXPLICIT_APPROVED", "KB4": "EXPLICIT_REJECTED", "KB5": "APPROVED"}; !maps.Equal(states, want) {
		t.Errorf("got %v", states)
	}
	if want := map[string]int{"KB1": -3, "KB2": 4, "KB5": -3}; !maps.Equal(dates, want) {
		t.Errorf("got %v", dates)
	}
}
