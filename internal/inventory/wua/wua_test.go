package wua

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/baseline/predefined"
	"github.com/goldenami/rehydrate/internal/fault"
)

// recorded is written by hand in the shape of the documented members: no machine with
// Windows was at hand to record one.
func recorded(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "server2022.json"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var day = time.Date(2024, 2, 1, 12, 0, 0, 0, time.UTC)

func parsed(t testing.TB, text []byte) (*Answer, baseline.Node, []string) {
	t.Helper()
	a, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	n, remarks, err := a.Node()
	if err != nil {
		t.Fatal(err)
	}
	return a, n, remarks
}

// states are the states of every KB under b, and the KBs to install.
func states(t testing.TB, b *baseline.Baseline, n baseline.Node) (map[string]baseline.State, []string) {
	t.Helper()
	r, err := baseline.Evaluate(b, n, day, baseline.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]baseline.State{}
	for _, i := range r.Items {
		m[i.ID] = i.State
	}
	return m, r.ToInstall
}

// defaultBaseline is AWS's own for Windows: critical and important updates of the system.
func defaultBaseline(t testing.TB) *baseline.Baseline {
	t.Helper()
	b, err := predefined.Default(baseline.Windows)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAMachineIsReadAsTheEvaluationWantsIt(t *testing.T) {
	_, n, remarks := parsed(t, recorded(t))
	inv := n.Inventory
	if inv.OS != baseline.Windows || inv.Product != "WindowsServer2022" || inv.Arch != "amd64" || inv.Kernel != "10.0.20348.2159" ||
		!inv.BootTime.Equal(time.Date(2024, 1, 3, 2, 11, 40, 0, time.UTC)) {
		t.Errorf("inventory %+v", inv)
	}
	var have []string
	for _, p := range inv.Installed {
		have = append(have, p.Name)
	}
	// What waits for a restart only is there.
	if !slices.Equal(have, []string{"KB5032336", "KB5033118", "KB890830"}) {
		t.Errorf("installed: %v", have)
	}
	by := map[string][]baseline.Update{}
	for _, u := range n.Available.Updates {
		by[u.KB] = append(by[u.KB], u)
	}
	u := by["KB5034129"][0]
	want := baseline.Update{
		KB: "KB5034129", Title: "2024-01 Cumulative Update for Microsoft server operating system version 21H2 (KB5034129)",
		Product: "WindowsServer2022", ProductFamily: "Windows", PatchSet: "OS", Classification: "SecurityUpdates", MSRCSeverity: "Critical",
		Revision: 201, ReleaseDate: time.Date(2024, 1, 9, 18, 0, 0, 0, time.UTC),
		Supersedes: []string{"KB5033118"}, BundledKBs: []string{"KB5033912", "KB5034129"}, CVEs: []string{"CVE-2024-20674"},
	}
	got, _ := json.Marshal(u)
	wanted, _ := json.Marshal(want)
	if !bytes.Equal(got, wanted) {
		t.Errorf("got  %s\nwant %s", got, wanted)
	}
	if u := by["KB5033118"][0]; !u.InstalledTime.Equal(time.Date(2023, 12, 14, 3, 0, 0, 0, time.UTC)) {
		t.Errorf("the last successful installation was at %s", u.InstalledTime)
	}
	if len(by["KB890830"]) != 2 || by["KB5032336"][0].Bulletin != "MS23-101" || by["KB5002537"][0].PatchSet != "APPLICATION" {
		t.Errorf("updates %+v", by)
	}
	for _, want := range []string{"KB5002537 (Security Update for Microsoft Office 2016 (KB5002537)) is hidden", "1 updates have no KB id", "other Microsoft products"} {
		if !slices.ContainsFunc(remarks, func(r string) bool { return strings.Contains(r, want) }) {
			t.Errorf("no remark says %q: %q", want, remarks)
		}
	}
}

func TestTheDefaultBaselineJudgesTheMachine(t *testing.T) {
	_, n, _ := parsed(t, recorded(t))
	got, todo := states(t, defaultBaseline(t), n)
	want := map[string]baseline.State{
		"KB5034129": baseline.StateMissing, "KB5032336": baseline.StateInstalled,
		"KB890830": baseline.StateInstalledOther, "KB5002537": baseline.StateAvailableSecurityUpdate,
	}
	for kb, s := range want {
		if got[kb] != s {
			t.Errorf("%s is %s, want %s", kb, got[kb], s)
		}
	}
	if len(got) != len(want) || !slices.Equal(todo, []string{"KB5034129"}) {
		t.Errorf("states %v, to install %v", got, todo)
	}
}

func TestTheAgentsOwnRestartsAreKnown(t *testing.T) {
	a, _, _ := parsed(t, recorded(t))
	if !slices.Equal(a.Waiting(), []string{"KB5032336"}) || !a.RebootRequired() {
		t.Errorf("waiting %v, reboot %v", a.Waiting(), a.RebootRequired())
	}
	a, _, _ = parsed(t, bytes.ReplaceAll(recorded(t), []byte(`"rebootRequired":true,"eula`), []byte(`"rebootRequired":false,"eula`)))
	if len(a.Waiting()) != 0 || a.RebootRequired() {
		t.Errorf("waiting %v, reboot %v", a.Waiting(), a.RebootRequired())
	}
}

func TestAnAnswerThatIsNoCompleteOneIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		old, new, want string
		kind           fault.Kind
	}{
		"unfinished search":    {`"result":2`, `"result":3`, "succeeded with errors", fault.Failed},
		"failed search":        {`"result":2`, `"result":4`, "failed", fault.Failed},
		"unheard-of result":    {`"result":2`, `"result":77`, "unknown (77)", fault.Failed},
		"another schema":       {`{"schema":1`, `{"schema":2`, "schema 2", fault.Failed},
		"no updates at all":    {`"updates":[`, `"updates":[],"x":[`, "unknown key", fault.Failed},
		"update without state": {`"installed":true,`, ``, `no key "installed"`, fault.Failed},
		"id that is no id":     {`0A000001-0000-4000-8000-000000000001`, `'; Remove-Item`, "no GUID", fault.Failed},
		"id twice":             {`0A000002-0000-4000-8000-000000000002`, `0A000001-0000-4000-8000-000000000001`, "twice", fault.Failed},
		"KB that is none":      {`["890830"]`, `["KB 890830"]`, "no KB id", fault.Failed},
		"date that is none":    {`2023-12-12T18:00:00Z`, `12.12.2023`, "changed", fault.Failed},
		"no boot time":         {`2024-01-03T02:11:40Z`, ``, "bootTime", fault.Failed},
		"superseding nonsense": {`0a0000ff-0000-4000-8000-0000000000ff`, `all`, "no GUID", fault.Failed},
		"superseding itself":   {`0a0000ff-0000-4000-8000-0000000000ff`, `0A000002-0000-4000-8000-000000000002`, "supersedes itself", fault.Failed},
		"client":               {`"productType":3`, `"productType":1`, "Windows client", fault.Unsupported},
		"unknown build":        {`"build":"20348"`, `"build":"99999"`, "no product", fault.Unsupported},
		"no architecture":      {`"AMD64"`, `""`, "architecture", fault.Failed},
	} {
		text := bytes.Replace(recorded(t), []byte(c.old), []byte(c.new), 1)
		if bytes.Equal(text, recorded(t)) {
			t.Fatalf("%s: nothing was replaced", name)
		}
		a, err := Parse(text)
		if err == nil {
			_, _, err = a.Node()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v (kind %d), want %q", name, err, fault.KindOf(err), c.want)
		}
	}
}

func TestNothingInstalledIsNeverAnAnswer(t *testing.T) {
	text := bytes.ReplaceAll(recorded(t), []byte(`"installed":true`), []byte(`"installed":false`))
	text = bytes.ReplaceAll(text, []byte(`"rebootRequired":true`), []byte(`"rebootRequired":false`))
	a, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if n, _, err := a.Node(); err == nil || fault.HintOf(err) == "" {
		t.Errorf("Node = %+v, %v", n, err)
	}
}

func TestTheScriptsOwnErrorIsReported(t *testing.T) {
	_, err := Parse([]byte(`{"schema":1,"error":"The RPC server is unavailable.\r\n","hresult":-2147023174}`))
	if err == nil || err.Error() != "ask the Windows Update Agent: The RPC server is unavailable. (0x800706BA)" {
		t.Errorf("got %v", err)
	}
	for _, text := range []string{`{"schema":1,"error":"x"}`, `{"schema":1,"error":1,"hresult":0}`, ``, `null`, `#< CLIXML`} {
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

type shell struct {
	out    []byte
	err    error
	script string
}

func (s *shell) Run(_ context.Context, script string) ([]byte, error) {
	s.script = script
	return s.out, s.err
}

func TestReadAsksByTheScript(t *testing.T) {
	s := &shell{out: recorded(t)}
	if _, err := Read(t.Context(), s, true); err != nil || s.script != Script(true) {
		t.Errorf("Read: %v", err)
	}
	refused := errors.New("no such program")
	if _, err := Read(t.Context(), &shell{err: refused}, true); !errors.Is(err, refused) {
		t.Errorf("Read: %v", err)
	}
}

func TestAnAnswerFromMemoryIsRemarkedOn(t *testing.T) {
	_, _, remarks := parsed(t, bytes.Replace(recorded(t), []byte(`"online":true`), []byte(`"online":false`), 1))
	if !strings.Contains(strings.Join(remarks, "\n"), "answered from memory") {
		t.Errorf("remarks %q", remarks)
	}
}
