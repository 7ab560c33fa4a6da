package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

// machine stands in for a Windows machine: it answers our two scripts as the Windows
// Update Agent is documented to, and its restart is a function call.
type machine struct {
	boot    time.Time
	updates []*windowsUpdate
	refuse  map[string]int // OperationResultCode of an installation that does not succeed
	lies    map[string]bool
	broken  error
	online  []bool // of every script
}

type windowsUpdate struct {
	n          int
	kb         string
	supersedes int
	installed  bool
	waits      bool
}

func (u *windowsUpdate) id() string { return fmt.Sprintf("%08d-0000-4000-8000-000000000000", u.n) }

func (m *machine) restart() {
	m.boot = m.boot.Add(30 * 24 * time.Hour)
	for _, u := range m.updates {
		if u.waits {
			u.waits, u.installed = false, true
		}
	}
}

var wantedIDs = regexp.MustCompile(`'([0-9a-f-]{36})/1'`)

func (m *machine) Run(_ context.Context, script string) ([]byte, error) {
	m.online = append(m.online, strings.HasPrefix(script, "$online = $true\n"))
	if m.broken != nil {
		return nil, m.broken
	}
	if strings.Contains(script, "$wanted = @(") {
		return m.install(script)
	}
	return m.search()
}

func (m *machine) search() ([]byte, error) {
	list := []any{}
	for _, u := range m.updates {
		old := []string{}
		if u.supersedes > 0 {
			old = append(old, (&windowsUpdate{n: u.supersedes}).id())
		}
		list = append(list, map[string]any{
			"id": u.id(), "revision": 1, "title": "Update " + u.kb, "kbs": []string{u.kb}, "bulletins": []string{}, "cves": []string{}, "bundledKbs": []string{},
			"categories": []any{
				map[string]any{"id": "0fa1201d-4330-4fa8-8ae9-b877473b6441", "type": "UpdateClassification", "name": "Security Updates", "parentType": "", "parentName": ""},
				map[string]any{"id": "", "type": "Product", "name": "Windows Server 2019", "parentType": "ProductFamily", "parentName": "Windows"},
			},
			"severity": "Critical", "changed": "2023-01-01T00:00:00Z", "supersedes": old, "installed": u.installed, "hidden": false, "downloaded": false,
			"rebootRequired": u.waits, "eulaAccepted": true, "mayAsk": false,
		})
	}
	return json.Marshal(map[string]any{
		"schema": 1, "online": m.online[len(m.online)-1], "server": 0, "services": []any{}, "result": 2, "warnings": []any{}, "updates": list, "history": []any{}, "historyError": "",
		"machine": map[string]any{
			"caption": "Microsoft Windows Server 2019", "version": "10.0.17763", "build": "17763", "buildRevision": 1, "productType": 3, "arch": "AMD64",
			"bootTime": m.boot.Format("2006-01-02T15:04:05Z"), "rebootRequired": slices.ContainsFunc(m.updates, func(u *windowsUpdate) bool { return u.waits }),
		},
	})
}

func (m *machine) install(script string) ([]byte, error) {
	rows := []any{}
	for _, found := range wantedIDs.FindAllStringSubmatch(script, -1) {
		for _, u := range m.updates {
			if u.id() != found[1] {
				continue
			}
			code := 2
			if c := m.refuse[u.kb]; c != 0 {
				code = c
			} else if !m.lies[u.kb] {
				u.waits = true
			}
			rows = append(rows, map[string]any{"id": u.id(), "revision": 1, "download": 2, "downloadHResult": 0, "install": code, "installHResult": -2145124329, "rebootRequired": u.waits})
		}
	}
	return json.Marshal(map[string]any{"schema": 1, "search": 2, "busy": false, "restartFirst": false, "rebootRequired": true, "results": rows})
}

func server() *machine {
	return &machine{boot: day.Add(-time.Hour), updates: []*windowsUpdate{
		{n: 1, kb: "100", installed: true}, {n: 2, kb: "200", supersedes: 1}, {n: 3, kb: "300"}, {n: 4, kb: "400"},
	}}
}

const windowsBaseline = `{"Name":"windows","OperatingSystem":"WINDOWS","AvailableSecurityUpdatesComplianceStatus":"NON_COMPLIANT",
 "ApprovalRules":{"PatchRules":[{"PatchFilterGroup":{"PatchFilters":[{"Key":"CLASSIFICATION","Values":["SecurityUpdates"]}]},"ApproveAfterDays":7}]},
 "RejectedPatches":["KB400"],"RejectedPatchesAction":"BLOCK"}`

func onWindows(t *testing.T, m *machine, state string, req record.NodeRequest) (*record.NodeReport, error) {
	t.Helper()
	req.Schema = record.NodeSchema
	if req.Baseline == nil {
		req.Baseline = []byte(windowsBaseline)
	}
	rep, err := runUpdates(t.Context(), m, state, req, func(string, ...any) {})
	if rep == nil && err == nil {
		t.Fatal("neither a report nor an error")
	}
	return rep, err
}

func stateOf(rep *record.NodeReport, kb string) baseline.State {
	for _, i := range rep.Evaluation.Items {
		if i.ID == kb {
			return i.State
		}
	}
	return ""
}

func TestWindowsIsScannedByItsBaseline(t *testing.T) {
	m := server()
	rep, err := onWindows(t, m, t.TempDir(), record.NodeRequest{Operation: Scan})
	if err != nil {
		t.Fatal(err)
	}
	if rep.Evaluation.Status != baseline.NonCompliant || !slices.Equal(rep.Evaluation.ToInstall, []string{"KB200", "KB300"}) || stateOf(rep, "KB400") != "" {
		t.Errorf("%s, to install %v, KB400 %s", rep.Evaluation.Status, rep.Evaluation.ToInstall, stateOf(rep, "KB400"))
	}
	if !slices.Equal(m.online, []bool{true}) {
		t.Errorf("asked the server: %v", m.online)
	}
	m.online = nil
	if _, err := onWindows(t, m, t.TempDir(), record.NodeRequest{Operation: Collect, NoRefresh: true}); err != nil || !slices.Equal(m.online, []bool{false}) {
		t.Errorf("without refreshing, asked the server: %v, %v", m.online, err)
	}
}

func TestWindowsGetsExactlyWhatIsApprovedAndARestartCompletesIt(t *testing.T) {
	m, state := server(), t.TempDir()
	rep, err := onWindows(t, m, state, record.NodeRequest{Operation: Install, RebootOption: "NoReboot"})
	if err != nil {
		t.Fatal(err)
	}
	if m.updates[3].waits || !m.updates[1].waits || !m.updates[2].waits {
		t.Error("other updates than the approved ones were installed")
	}
	for _, kb := range []string{"KB200", "KB300"} {
		if s := stateOf(rep, kb); s != baseline.StateInstalledPendingReboot {
			t.Errorf("%s is %s after an installation without a restart", kb, s)
		}
	}
	if rep.Evaluation.Status != baseline.NonCompliant || !rep.RebootNeed || rep.RebootAsked || len(rep.Changes) != 2 || rep.Changes[0].Name != "KB200" || rep.Changes[0].From != "" {
		t.Errorf("%s, reboot needed %v, asked %v, changes %+v", rep.Evaluation.Status, rep.RebootNeed, rep.RebootAsked, rep.Changes)
	}
	rep, err = onWindows(t, m, state, record.NodeRequest{Operation: Scan})
	if err != nil || stateOf(rep, "KB200") != baseline.StateInstalledPendingReboot {
		t.Errorf("the next scan: %v, KB200 is %s", err, stateOf(rep, "KB200"))
	}
	m.restart()
	rep, err = onWindows(t, m, state, record.NodeRequest{Operation: Scan})
	if err != nil || stateOf(rep, "KB200") != baseline.StateInstalled || rep.Evaluation.Status != baseline.Compliant {
		t.Errorf("after the restart: %v, KB200 is %s, %s", err, stateOf(rep, "KB200"), rep.Evaluation.Status)
	}
	rep, err = onWindows(t, m, state, record.NodeRequest{Operation: Install, RebootOption: "RebootIfNeeded"})
	if err != nil || len(rep.Changes) != 0 || rep.RebootAsked || rep.After == nil {
		t.Errorf("with nothing to do: %v, changes %v, restart asked %v", err, rep.Changes, rep.RebootAsked)
	}
}

func TestWhatOthersInstalledWaitsForItsRestartToo(t *testing.T) {
	m := server()
	m.updates[1].waits = true
	rep, err := onWindows(t, m, t.TempDir(), record.NodeRequest{Operation: Scan})
	if err != nil || stateOf(rep, "KB200") != baseline.StateInstalledPendingReboot {
		t.Errorf("%v, KB200 is %s", err, stateOf(rep, "KB200"))
	}
}

func TestARestartIsAskedForWhenSomethingChanged(t *testing.T) {
	rep, err := onWindows(t, server(), t.TempDir(), record.NodeRequest{Operation: Install, RebootOption: "RebootIfNeeded"})
	if err != nil || !rep.RebootAsked || stateOf(rep, "KB200") != baseline.StateInstalled {
		t.Errorf("%v, asked %v, KB200 is %s", err, rep.RebootAsked, stateOf(rep, "KB200"))
	}
}

func TestAnUpdateThatIsNotThereAfterwardsHasFailed(t *testing.T) {
	m := server()
	m.refuse, m.lies = map[string]int{"200": 3}, map[string]bool{"300": true}
	rep, err := onWindows(t, m, t.TempDir(), record.NodeRequest{Operation: Install})
	if fault.KindOf(err) != fault.Partial || !slices.Equal(rep.FailedItems, []string{"KB200", "KB300"}) {
		t.Fatalf("%v, failed %v", err, rep.FailedItems)
	}
	for _, i := range rep.Evaluation.Items {
		want := map[string]string{"KB200": "succeeded with errors (0x80240017)", "KB300": "a new search does not find it"}[i.ID]
		if want != "" && (i.State != baseline.StateFailed || !strings.Contains(i.Reason, want)) {
			t.Errorf("%s is %s: %q", i.ID, i.State, i.Reason)
		}
	}
	if rep.Evaluation.Status != baseline.NonCompliant || len(rep.Changes) != 0 {
		t.Errorf("%s, changes %v", rep.Evaluation.Status, rep.Changes)
	}
}

func TestWindowsRefusesWhatIsForPackages(t *testing.T) {
	m := server()
	rep, err := onWindows(t, m, t.TempDir(), record.NodeRequest{Operation: Install, Lock: &baseline.Lock{OS: baseline.Debian}})
	if fault.KindOf(err) != fault.Unsupported || !strings.Contains(err.Error(), "package lock") || fault.HintOf(err) == "" || rep != nil {
		t.Errorf("a lock: %v", err)
	}
	sources := strings.Replace(windowsBaseline, `"RejectedPatches"`, `"Sources":[{"Name":"own","Products":["*"],"Configuration":"x"}],"RejectedPatches"`, 1)
	if _, err = onWindows(t, m, t.TempDir(), record.NodeRequest{Operation: Install, Baseline: []byte(sources)}); err == nil || len(m.online) > 0 {
		t.Errorf("sources: %v after %d scripts", err, len(m.online))
	}
	a := &agent{}
	_, simulated := a.Simulate(t.Context(), nil)
	_, _, logs := a.Changelogs(t.Context(), baseline.Windows, nil, nil)
	if fault.KindOf(simulated) != fault.Unsupported || fault.KindOf(logs) != fault.Unsupported {
		t.Errorf("packages: %v, %v", simulated, logs)
	}
	if _, err := a.InstallUpdates(t.Context(), []string{"KB1"}, nil); err == nil {
		t.Error("updates were installed without a look")
	}
}

func TestAnAgentThatDoesNotAnswerIsAnErrorWithoutAVerdict(t *testing.T) {
	m := server()
	m.broken = errors.New("access is denied")
	rep, err := onWindows(t, m, t.TempDir(), record.NodeRequest{Operation: Scan})
	if !errors.Is(err, m.broken) || rep.Evaluation != nil {
		t.Errorf("%v, %+v", err, rep.Evaluation)
	}
	m = server()
	m.updates = m.updates[1:]
	if rep, err = onWindows(t, m, t.TempDir(), record.NodeRequest{Operation: Scan}); err == nil || rep.Evaluation != nil {
		t.Errorf("an empty inventory: %v, %+v", err, rep.Evaluation)
	}
}

func TestOnlyTheSystemsOwnPowerShellIsRun(t *testing.T) {
	if p, err := powershell("Windows"); err == nil {
		t.Errorf("found %s under a folder that is not absolute", p)
	}
	root := t.TempDir()
	if p, err := powershell(root); err != nil || p != filepath.Join(root, "System32", "WindowsPowerShell", "v1.0", "powershell.exe") {
		t.Errorf("%s, %v", p, err)
	}
}

func TestAFileThatRemembersForgetsAfterARestart(t *testing.T) {
	r := run{Root: Root{Memory: fileMemory(filepath.Join(t.TempDir(), "pending.json"))}}
	if err := r.Memory.Save(&baseline.Prior{Pending: []string{"a.all"}, LastNoRebootInstall: day}); err != nil {
		t.Fatal(err)
	}
	for boot, want := range map[time.Time]bool{day.Add(-time.Hour): true, day.Add(time.Hour): false, {}: true} {
		r.node.Inventory.BootTime = boot
		p, err := r.prior()
		if err != nil {
			t.Fatal(err)
		}
		if got := p.LastBoot.Before(p.LastNoRebootInstall); got != want {
			t.Errorf("booted %s: still waits is %v, want %v", boot, got, want)
		}
	}
}
