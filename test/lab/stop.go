package lab

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// stopLimit is how long a twin may take to end.
const stopLimit = time.Minute

// stop ends the twin by its state folder. The test's own context is over by then.
func (l *Lab) stop(t testing.TB) Result {
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	args := []string{"twin", "stop", "--state", l.twin()}
	return l.finish(t, exec.CommandContext(ctx, filepath.Join(l.Bin, "rehydrate"), args...), args)
}

// tell shows the logs of a lab whose test has failed.
func (l *Lab) tell(t testing.TB) {
	for _, pattern := range []string{filepath.Join(l.twin(), "twin.log"), l.Artifact("*", "bake/*/packer.log")} {
		found, _ := filepath.Glob(pattern) // a fixed pattern has no error
		for _, f := range found {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Logf("%s: %v", f, err)
				continue
			}
			t.Logf("%s:\n%s", f, text[max(0, len(text)-logLimit):])
		}
	}
}

// logLimit is how much of a log is shown, in bytes from its end.
const logLimit = 8 << 10
