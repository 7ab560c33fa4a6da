// Package script runs the CLI as its users do: each script in testdata is a promise.
package script

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/goldenami/rehydrate/internal/cli"
)

// The test binary is linked as rehydrate into the scripts' PATH. It starts itself
// under that name again, as a twin.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"rehydrate": func() { os.Exit(cli.Main(os.Args)) }})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:   "testdata",
		Setup: setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":      exits,
			"grab":       grab,
			"edit":       edit,
			"twin-step":  twinStep,
			"twin-state": twinState,
			"twin-fault": twinFault,
			"aws":        fakeAWS,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// setup takes from the machine what would change an outcome, and ends the twins that
// a script has started.
func setup(e *testscript.Env) error {
	work := e.WorkDir
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		return err
	}
	e.Vars = append(e.Vars,
		"HOME="+work, "USERPROFILE="+work,
		"REHYDRATE_CACHE="+filepath.Join(work, "no-cache"),
		"AWS_EC2_METADATA_DISABLED=true", "AWS_REGION=", "AWS_PROFILE=",
		"AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_ENDPOINT_URL=",
		"HTTP_PROXY=", "HTTPS_PROXY=", "http_proxy=", "https_proxy=",
		"EXAMPLES="+examples,
		"BIN="+filepath.SplitList(os.Getenv("PATH"))[0],
	)
	e.Defer(func() { stopTwins(work) })
	return nil
}

// stopTwins ends every twin whose state lies below a folder, and waits for its end.
func stopTwins(dir string) {
	for _, pattern := range []string{"*", ".*", "*/*", "*/.*"} {
		found, _ := filepath.Glob(filepath.Join(dir, pattern, "twin", "endpoint.json")) // the pattern is well-formed
		for _, f := range found {
			stop(filepath.Dir(f))
		}
	}
}
