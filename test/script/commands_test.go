package script

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/twin"
)

// stopLimit is how long a twin may take to end.
const stopLimit = 2 * time.Minute

func stop(dir string) {
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	if err := app.StopTwin(ctx, dir); err != nil {
		fmt.Fprintf(os.Stderr, "stop the twin of %s: %v\n", dir, err)
	}
}

// exits CODE ARGS... runs rehydrate and wants this exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: exits CODE ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec("rehydrate", args[1:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("rehydrate %s: exit code %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// grab VAR PATTERN [FILE] keeps what the pattern's first group finds in a file, or
// in the last output.
func grab(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: grab VAR PATTERN [FILE]")
	}
	file := "stdout"
	if len(args) == 3 {
		file = args[2]
	}
	m := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile(file))
	if len(m) < 2 {
		ts.Fatalf("%s finds nothing in %s", args[1], file)
	}
	ts.Setenv(args[0], m[1])
}

// edit FILE OLD NEW replaces a text that must be there.
func edit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edit FILE OLD NEW")
	}
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(text, args[1], args[2])), 0o600))
}

// endpoint is that of the twin of .rehydrate in the script's folder.
func endpoint(ts *testscript.TestScript) string {
	e, ok := twin.Find(ts.MkAbs(".rehydrate/twin"))
	if !ok {
		ts.Fatalf("no twin runs here")
	}
	return e
}

func admin(ts *testscript.TestScript, method, path, body string) string {
	req, err := http.NewRequest(method, endpoint(ts)+"/_twin/"+path, strings.NewReader(body))
	ts.Check(err)
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if resp.StatusCode != http.StatusOK {
		ts.Fatalf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	return string(text)
}

// twin-step DURATION lets virtual time pass.
func twinStep(ts *testscript.TestScript, _ bool, args []string) {
	admin(ts, http.MethodPost, "clock/step?by="+args[0], "")
}

// twin-state FILE writes down every resource of the twin with its values, but for
// times of the twin's own doing.
func twinState(ts *testscript.TestScript, _ bool, args []string) {
	var rows map[string]map[string]json.RawMessage
	ts.Check(json.Unmarshal([]byte(admin(ts, http.MethodGet, "state?values=true", "")), &rows))
	text, err := json.MarshalIndent(rows, "", " ")
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o600))
}

// twin-fault FILE sets the twin's fault plan.
func twinFault(ts *testscript.TestScript, _ bool, args []string) {
	admin(ts, http.MethodPost, "faults", ts.ReadFile(args[0]))
}

// aws begins an endpoint that is no twin and knows nothing but who we are.
func fakeAWS(ts *testscript.TestScript, _ bool, _ []string) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); strings.Contains(string(body), "GetCallerIdentity") {
			fmt.Fprint(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>444455556666</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
			return
		}
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized.</Message></Error></Errors></Response>`)
	}))
	ts.Defer(s.Close)
	ts.Setenv("AWS_ENDPOINT_URL", s.URL)
	ts.Setenv("AWS_ACCESS_KEY_ID", "a")
	ts.Setenv("AWS_SECRET_ACCESS_KEY", "b")
}
