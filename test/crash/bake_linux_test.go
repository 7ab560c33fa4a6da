package crash

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/test/lab"
)

// bake is one run that bakes in a lab.
type bake struct {
	*lab.Lab
	run     string
	attempt string // folder of its first attempt
	p       *process
}

// startBake starts a run and waits until its Packer runs.
func startBake(t *testing.T, l *lab.Lab) *bake {
	t.Helper()
	old, _ := filepath.Glob(l.Artifact("*", "run.json")) // a fixed pattern has no error
	b := &bake{Lab: l, p: start(t, l.Command("run", "--until", "bake", "--force"))}
	for end := time.Now().Add(commandLimit); time.Now().Before(end); time.Sleep(time.Millisecond) {
		now, _ := filepath.Glob(l.Artifact("*", "run.json"))
		if len(now) > len(old) {
			b.run = filepath.Base(filepath.Dir(slices.Max(now))) // ids sort by time
			b.attempt = l.Artifact(b.run, "bake/attempt-1")
			if _, err := os.Stat(filepath.Join(b.attempt, "process.json")); err == nil {
				return b
			}
		}
		select {
		case <-b.p.ended:
			t.Fatalf("the run ended before Packer began:\n%s", b.p.said())
		default:
		}
	}
	t.Fatalf("Packer has not begun within %s:\n%s", commandLimit, b.p.said())
	return nil
}

// reach waits for a line of Packer's log, or without one for a time to pass; false
// means that Packer had ended before.
func (b *bake) reach(t *testing.T, line string, after time.Duration) bool {
	t.Helper()
	begun := time.Now()
	for time.Since(begun) < commandLimit {
		log, _ := os.ReadFile(filepath.Join(b.attempt, "packer.log")) // not there yet
		if line == "" && time.Since(begun) >= after || line != "" && strings.Contains(string(log), line) {
			return !b.packerEnded()
		}
		if b.packerEnded() {
			return false
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("Packer did not come to %q within %s", line, commandLimit)
	return false
}

func (b *bake) packerEnded() bool {
	_, err := os.Stat(filepath.Join(b.attempt, "exit.json"))
	return err == nil
}

// processes reads who runs Packer: the leader of its process group is its wrapper.
func (b *bake) processes(t *testing.T) (wrapper, supervisor int) {
	t.Helper()
	var r struct{ Group, Supervisor int }
	b.ReadArtifact(t, b.run, "bake/attempt-1/process.json", &r)
	return r.Group, r.Supervisor
}

func (b *bake) killWrapper(t *testing.T) {
	wrapper, _ := b.processes(t)
	end(wrapper)
}

func (b *bake) killCLI(*testing.T) { b.p.kill() }

func (b *bake) killCLIAndTwin(t *testing.T) {
	b.p.kill()
	killTwinOf(t, filepath.Join(b.State, "twin"))
}

// killAll kills everything of ours and of Packer's in one blow, so that nobody is left
// to clean up.
func (b *bake) killAll(t *testing.T) {
	wrapper, supervisor := b.processes(t)
	b.p.kill()
	end(supervisor)
	end(-wrapper)
}

// end kills a process, or a process group if negative, which may have ended.
func end(pid int) { _ = syscall.Kill(pid, syscall.SIGKILL) }

// finish waits for the command and resumes its run, which starts the twin again if
// that was killed.
func (b *bake) finish(t *testing.T) {
	t.Helper()
	code, signal := b.p.code(t), b.p.cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled()
	if code != 0 && !signal {
		t.Fatalf("exit code %d:\n%s", code, b.p.said())
	}
	first := b.p.said()
	b.p = start(t, b.Command("run", "--resume", b.run, "--until", "bake"))
	if code := b.p.code(t); code != 0 {
		t.Fatalf("resume: exit code %d:\n%s\n%s", code, first, b.p.said())
	}
	b.Endpoint, _ = twinOf(t, filepath.Join(b.State, "twin"))
}
