package crash

import (
	"flag"
	"os"
	"runtime/debug"
	"testing"

	"github.com/goldenami/rehydrate/internal/app"
)

// sideBySide is how many worlds live at the same time: they mostly wait.
const sideBySide = "8"

func TestMain(m *testing.M) {
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
