package wua

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/wait"
)

// shell answers scripts one after the other; the last answer again and again.
type shell struct {
	out     []string
	err     error
	scripts []string
}

func (s *shell) Run(_ context.Context, script string) ([]byte, error) {
	s.scripts = append(s.scripts, script)
	if s.err != nil {
		return nil, s.err
	}
	out := s.out[min(len(s.scripts), len(s.out))-1]
	return []byte(out), nil
}

// answered is a whole result with these rows; written by hand in the shape of the
// documented members.
func answered(rows ...string) string {
	return `{"schema":1,"search":2,"busy":false,"restartFirst":false,"rebootRequired":false,"results":[` + strings.Join(rows, ",") + `]}`
}

func row(id string, revision, download, install int, reboot bool) string {
	return fmt.Sprintf(`{"id":%q,"revision":%d,"download":%d,"downloadHResult":-2145107924,"install":%d,"installHResult":-2145124329,"rebootRequired":%t}`,
		id, revision, download, install, reboot)
}

var updates = []Update{{idA, 200}, {idB, 1}}

func TestOnlyAPlainSuccessIsOne(t *testing.T) {
	for name, c := range map[string]struct {
		out    string
		failed string // of the second update
		reboot bool
	}{
		"both":                  {answered(row(idA, 200, 2, 2, false), row(idB, 1, 2, 2, false)), "", false},
		"a restart":             {answered(row(idA, 200, 2, 2, true), row(idB, 1, 2, 2, false)), "", true},
		"not mentioned":         {answered(row(idA, 200, 2, 2, false)), "does not offer it any more", false},
		"another revision":      {answered(row(idA, 200, 2, 2, false), row(idB, 2, 2, 2, false)), "does not offer it any more", false},
		"not downloaded":        {answered(row(idA, 200, 2, 2, false), row(idB, 1, 4, 0, false)), "its download failed (0x8024402C)", false},
		"not tried":             {answered(row(idA, 200, 2, 2, false), row(idB, 1, 2, 0, false)), "its installation was not started", false},
		"failed":                {answered(row(idA, 200, 2, 2, false), row(idB, 1, 2, 4, false)), "its installation failed (0x80240017)", false},
		"succeeded with errors": {answered(row(idA, 200, 2, 2, false), row(idB, 1, 2, 3, false)), "succeeded with errors", false},
		"aborted":               {answered(row(idA, 200, 2, 2, false), row(idB, 1, 2, 5, false)), "was aborted", false},
		"unheard of":            {answered(row(idA, 200, 2, 2, false), row(idB, 1, 2, 99, false)), "not known (99)", false},
		"search failed": {
			strings.Replace(answered(row(idA, 200, 2, 2, false)), `"search":2`, `"search":3`, 1), "the search for it succeeded with errors", false,
		},
		"restart of the machine": {
			strings.Replace(answered(row(idA, 200, 2, 2, false), row(idB, 1, 2, 2, false)), `"rebootRequired":false,"results"`, `"rebootRequired":true,"results"`, 1), "", true,
		},
	} {
		sh := &shell{out: []string{c.out}}
		out, err := Installer{Shell: sh, Online: true, Clock: wait.Wall{}}.Install(t.Context(), updates)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(sh.scripts) != 1 || sh.scripts[0] != Script(true, updates) {
			t.Errorf("%s: ran %d scripts", name, len(sh.scripts))
		}
		if reason := out.Failed[updates[1]]; (reason == "") != (c.failed == "") || !strings.Contains(reason, c.failed) {
			t.Errorf("%s: %q, want %q", name, reason, c.failed)
		}
		if _, failed := out.Failed[updates[0]]; failed || out.Reboot != c.reboot {
			t.Errorf("%s: outcome %+v", name, out)
		}
	}
}

func TestAResultThatIsNoneIsAnError(t *testing.T) {
	whole := answered(row(idA, 200, 2, 2, false))
	for name, c := range map[string]struct{ out, want string }{
		"nothing":          {"", "breaks off"},
		"cut":              {whole[:60], "breaks off"},
		"list unrolled":    {`{"schema":1,"search":2,"busy":false,"restartFirst":false,"rebootRequired":false,"results":` + row(idA, 200, 2, 2, false) + `}`, "not a list"},
		"another schema":   {strings.Replace(whole, `"schema":1`, `"schema":2`, 1), "schema 2"},
		"update twice":     {answered(row(idA, 200, 2, 2, false), row(idA, 200, 2, 4, false)), "twice"},
		"id that is none":  {answered(row("all", 1, 2, 2, false)), "no GUID"},
		"refusal":          {`{"schema":1,"error":"Access is denied.","hresult":-2147024891}`, "refuses: Access is denied. (0x80070005)"},
		"restart is first": {strings.Replace(answered(), `"restartFirst":false`, `"restartFirst":true`, 1), "has to restart before"},
	} {
		out, err := Installer{Shell: &shell{out: []string{c.out}}, Clock: wait.Wall{}}.Install(t.Context(), updates)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %+v, %v, want %q", name, out, err, c.want)
		}
	}
}

func TestNothingButIdsGetsIntoTheScript(t *testing.T) {
	for _, u := range []Update{{"'); Remove-Item C:\\ -Recurse #", 1}, {idA + "\n", 1}, {"", 1}, {idA, -1}} {
		sh := &shell{}
		if _, err := (Installer{Shell: sh, Clock: wait.Wall{}}).Install(t.Context(), []Update{u}); err == nil || len(sh.scripts) > 0 {
			t.Errorf("%q was run: %v", u.ID, err)
		}
	}
	if _, err := (Installer{Shell: &shell{}, Clock: wait.Wall{}}).Install(t.Context(), []Update{{idB, 1}, {strings.ToLower(idB), 1}}); err == nil {
		t.Error("an update that stands there twice was run")
	}
}

func TestAnotherInstallationIsWaitedForAndNotForEver(t *testing.T) {
	busy := strings.Replace(answered(), `"busy":false`, `"busy":true`, 1)
	synctest.Test(t, func(t *testing.T) {
		sh := &shell{out: []string{busy, busy, answered(row(idA, 200, 2, 2, false), row(idB, 1, 2, 2, false))}}
		out, err := Installer{Shell: sh, Clock: wait.Wall{}, Limit: 5 * time.Minute}.Install(t.Context(), updates)
		if err != nil || len(out.Failed) > 0 || len(sh.scripts) != 3 {
			t.Errorf("%+v, %v after %d scripts", out, err, len(sh.scripts))
		}
		sh = &shell{out: []string{busy}}
		if _, err := (Installer{Shell: sh, Clock: wait.Wall{}, Limit: 5 * time.Minute}).Install(t.Context(), updates); fault.KindOf(err) != fault.Conflict || len(sh.scripts) != 11 {
			t.Errorf("%v after %d scripts, want Conflict", err, len(sh.scripts))
		}
	})
}

func TestManyUpdatesGoInBatchesAndAnInterruptEndsBetweenThem(t *testing.T) {
	var many []Update
	for i := range batch + 1 {
		many = append(many, Update{fmt.Sprintf("%08d-1111-4111-8111-111111111111", i), 1})
	}
	sh := &shell{out: []string{answered()}}
	out, err := Installer{Shell: sh, Clock: wait.Wall{}}.Install(t.Context(), many)
	if err != nil || len(sh.scripts) != 2 || len(out.Failed) != batch+1 {
		t.Errorf("%d scripts, %d failed, %v", len(sh.scripts), len(out.Failed), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (Installer{Shell: sh, Clock: wait.Wall{}}).Install(ctx, many); !errors.Is(err, context.Canceled) || len(sh.scripts) != 2 {
		t.Errorf("%v after %d scripts", err, len(sh.scripts))
	}
	if _, err := (Installer{Shell: &shell{err: errors.New("gone")}, Clock: wait.Wall{}}).Install(t.Context(), many); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("a shell that fails: %v", err)
	}
}

func FuzzAResultNeverInventsASuccess(f *testing.F) {
	f.Add([]byte(answered(row(idA, 200, 2, 2, false), row(idB, 1, 4, 0, true))))
	f.Add([]byte(`{"schema":1,"error":"x","hresult":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := parse(text)
		if err != nil {
			return
		}
		out := Outcome{Failed: map[Update]string{}}
		r.judge(updates, &out)
		for _, u := range updates {
			plain := false
			for _, s := range r.Results {
				plain = plain || Update{s.ID, s.Revision}.String() == u.String() && s.Install == succeeded
			}
			if _, failed := out.Failed[u]; failed == plain {
				t.Errorf("%s: failed %v, and its plain success is %v", u, failed, plain)
			}
		}
	})
}
