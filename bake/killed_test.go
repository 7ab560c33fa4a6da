//go:build unix

package bake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// kill ends parts of a supervised Packer without warning, a moment after it has begun.
// It gives up when Packer ended by itself before, or with the test.
func kill(ctx context.Context, p process, moment time.Duration, whom string) {
	var r running
	for readJSON(filepath.Join(p.folder, processFile), &r) != nil {
		if how, err := p.exit(); how != nil || err != nil || ctx.Err() != nil {
			return // and nobody is killed: group 0 would be our own
		}
		time.Sleep(time.Millisecond)
	}
	time.Sleep(moment)
	if held, err := p.held(); !held || err != nil {
		return
	}
	switch whom {
	case "wrapper":
		_ = syscall.Kill(r.Group, syscall.SIGKILL)
	case "supervisor":
		_ = syscall.Kill(r.Supervisor, syscall.SIGKILL)
	case "group":
		_ = syscall.Kill(-r.Group, syscall.SIGKILL)
	case "everything":
		_ = syscall.Kill(r.Supervisor, syscall.SIGKILL)
		_ = syscall.Kill(-r.Group, syscall.SIGKILL)
	}
}

func TestPacker_killed_at_twenty_moments_ends_with_one_image(t *testing.T) {
	whoms := []string{"wrapper", "supervisor", "group", "everything", "run"}
	for i := range 20 {
		whom, moment := whoms[i%len(whoms)], time.Duration(i)*9*time.Millisecond
		t.Run(fmt.Sprintf("%s_after_%s", whom, moment), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, "good")
			p := process{filepath.Join(b.folder, "bake", "attempt-1")}
			started := func(int) bool {
				_, err := os.Stat(filepath.Join(p.folder, specFile))
				return err == nil
			}
			state, _ := b.advance(b.unit(), nil, started)
			kill(t.Context(), p, moment, whom)
			if whom == "run" || whom == "everything" {
				b.restart()
			}
			if out := b.finish(state); out.Outcome != OutcomeDone {
				t.Errorf("outcome %+v\n%s", out, joinLines(b.events.lines))
			}
		})
	}
}

func TestPacker_that_is_killed_every_time_fails_after_three_attempts(t *testing.T) {
	t.Parallel()
	b := newBench(t, "slow")
	b.plan.Request.Packer.Grace = 200 * time.Millisecond
	go func() {
		for n := 1; n <= attempts; n++ {
			kill(t.Context(), process{filepath.Join(b.folder, "bake", fmt.Sprintf("attempt-%d", n))}, 0, "group")
		}
	}()
	out := b.finish(nil)
	if out.Outcome != OutcomeFailed || !strings.Contains(out.Reason, "attempt 3 of 3") {
		t.Errorf("outcome %+v", out)
	}
}

// runnerEnv makes the test binary a run that starts a supervised command and dies.
const runnerEnv = "BAKE_RUNNER"

func TestSupervisor_ends_the_group_when_the_run_is_killed(t *testing.T) {
	t.Parallel()
	folder, cloud := t.TempDir(), t.TempDir()
	template := filepath.Join(folder, templateFile)
	if err := os.WriteFile(template, []byte(`{"build":{"provisioner":[{}],"post-processor":[{}]}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), runnerEnv+"="+folder, fakePackerEnv+"=slow", "BAKE_FAKE_CLOUD="+cloud)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := process{folder}
	var r running
	waitFor(t, "the supervised command to start", func() bool {
		return readJSON(filepath.Join(folder, processFile), &r) == nil && groupAlive(r.Group)
	})
	waitFor(t, "it to make something", func() bool {
		found, _ := filepath.Glob(filepath.Join(cloud, "*"))
		return len(found) > 0
	})
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	waitFor(t, "everything to end", func() bool {
		held, err := p.held()
		return err == nil && !held
	})
	how, err := p.exit()
	if err != nil || how == nil || !how.Interrupted {
		t.Errorf("exit %+v, %v", how, err)
	}
	if found, _ := filepath.Glob(filepath.Join(cloud, "*")); len(found) > 0 {
		t.Errorf("Packer got no chance to clean up: %v", found)
	}
}

// runner is a run of ours that starts a supervised command, then waits to be killed.
func runner(folder string) error {
	c, err := process{folder}.start(os.Args[0], spec{
		Command: []string{os.Args[0], "build", filepath.Join(folder, templateFile)}, Dir: folder, Grace: 2 * time.Minute,
	}, os.Environ())
	if err != nil {
		return err
	}
	<-c.ended
	return nil
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 12000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("timed out waiting for %s", what)
}

func TestSupervisor_records_how_the_command_ended(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		command []string
		want    exited
	}{
		"success":      {[]string{"true"}, exited{Code: 0}},
		"status":       {[]string{"sh", "-c", "exit 7"}, exited{Code: 7}},
		"signal":       {[]string{"sh", "-c", "kill -9 $$"}, exited{Code: -1, Signal: "killed"}},
		"not there":    {[]string{"/nonexistent/packer"}, exited{Code: -1, Error: "start /nonexistent/packer"}},
		"leaves child": {[]string{"sh", "-c", "sleep 60 & exit 0"}, exited{Code: 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := process{t.TempDir()}
			child, err := p.start(os.Args[0], spec{Command: c.command, Dir: p.folder, Grace: time.Second}, os.Environ())
			if err != nil {
				t.Fatal(err)
			}
			<-child.ended
			how, err := p.exit()
			if err != nil || how == nil {
				t.Fatalf("exit %v, %v", how, err)
			}
			if how.Code != c.want.Code || how.Signal != c.want.Signal || how.Interrupted || !strings.HasPrefix(how.Error, c.want.Error) {
				t.Errorf("got %+v, want %+v", *how, c.want)
			}
			if held, err := p.held(); held || err != nil {
				t.Errorf("something still lives (%v)", err)
			}
		})
	}
}

// Architectures are baked side by side: what one begins must not look as if another's
// Packer still lived.
func TestProcess_that_nobody_runs_is_not_held_while_others_begin(t *testing.T) {
	t.Parallel()
	p := process{t.TempDir()}
	lock, err := takeLock(filepath.Join(p.folder, lockFile))
	if err != nil {
		t.Fatal(err)
	}
	lock.Close()
	begun := make(chan error, 1)
	go func() {
		var err error
		for range 300 {
			err = errors.Join(err, exec.Command("true").Run())
		}
		begun <- err
	}()
	for looks := 0; ; looks++ {
		if held, err := p.held(); held || err != nil {
			t.Fatalf("look %d: held %v, %v", looks, held, err)
		}
		select {
		case err := <-begun:
			if err != nil || looks == 0 {
				t.Errorf("%d looks, %v", looks, err)
			}
			return
		default:
		}
	}
}

func TestResult_of_something_else_is_an_error(t *testing.T) {
	if _, err := Result(json.RawMessage(`[]`)); err == nil {
		t.Error("no error")
	}
}
