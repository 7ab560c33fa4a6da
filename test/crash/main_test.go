package crash

import (
	"flag"
	"os"
	"runtime/debug"
	"testing"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/cli"
)

// cliEnv makes this test's binary the command line: it is the same code, and the twin
// that it starts is the same binary again.
const cliEnv = "REHYDRATE_CRASH_CLI"

// sideBySide is how many worlds live at the same time: they mostly wait.
const sideBySide = "8"

func TestMain(m *testing.M) {
	if os.Getenv(cliEnv) != "" {
		os.Exit(cli.Main(os.Args))
	}
	if app.MaybeChild(os.Args) {
		return
	}
	flag.Parse()
	debug.SetGCPercent(400) // many small worlds: time matters more than memory
	if err := flag.Set("test.parallel", sideBySide); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
