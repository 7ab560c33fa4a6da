package crash

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/test/lab"
)

// fullEnv asks for every moment with every victim; without it a few are taken.
const fullEnv = "REHYDRATE_CRASH"

// inPacker are twenty moments of a bake: when its log says something, or when a part
// of the time has passed that an undisturbed Packer took.
var inPacker = []struct {
	line string
	part float64
}{
	{part: 0},
	{line: "Creating temporary keypair"},
	{line: "Creating temporary security group"},
	{line: "Launching a source AWS instance"},
	{line: "Instance ID"},
	{line: "Waiting for SSH to become available"},
	{part: 0.25},
	{line: "Connected to SSH"},
	{line: "rehydrate-node: Install"},
	{line: "install demo-tool"},
	{line: "Unpacking demo-tool"},
	{part: 0.5},
	{line: "bundle:"},
	{line: "Stopping the source instance"},
	{line: "Creating AMI"},
	{part: 0.7},
	{line: "Waiting for AMI to become ready"},
	{line: "Adding tags to AMI"},
	{line: "Terminating the source AWS instance"},
	{line: "Running post-processor"},
}

// victims are who is killed.
var victims = []struct {
	name string
	kill func(b *bake, t *testing.T)
}{
	{"wrapper", (*bake).killWrapper},
	{"cli", (*bake).killCLI},
	{"cli_and_twin", (*bake).killCLIAndTwin},
	{"all_but_twin", (*bake).killAll},
}

// some are the moments of an ordinary test run, by victim.
var some = map[string][]int{"wrapper": {8, 15}, "cli": {3, 17}, "cli_and_twin": {7, 14}}

func TestCrash_of_a_real_Packer_leaves_one_image_and_nothing_else(t *testing.T) {
	t.Parallel()
	full := os.Getenv(fullEnv) == "full"
	k := lab.Open(t)
	l := k.Start(t, lab.Options{RootOptions: lab.RootOptions{Archive: "127.83.0.1:8080", OwnOnly: true}})
	begun := time.Now()
	took := min(undisturbed(t, l), undisturbed(t, l)) // the first one is slow: nothing is cached
	var kills, late counter
	for _, v := range victims {
		for n, m := range inPacker {
			if !full && !slices.Contains(some[v.name], n) {
				continue
			}
			name := strings.ReplaceAll(m.line, " ", "_")
			if name == "" {
				name = fmt.Sprintf("part_%.2f", m.part)
			}
			t.Run(v.name+"/"+name, func(t *testing.T) {
				before := l.Resources(t)
				b := startBake(t, l)
				if b.reach(t, m.line, time.Duration(m.part*float64(took))) {
					v.kill(b, t)
					kills.add()
				} else {
					late.add()
				}
				killed := time.Now()
				b.finish(t)
				b.check(t, before)
				t.Logf("ended %s after the kill", time.Since(killed).Round(100*time.Millisecond))
			})
		}
	}
	if !t.Failed() {
		t.Logf("%d kills (%d came too late) in bakes of %s, all ended with one image and nothing left (%s)",
			kills.n, late.n, took.Round(100*time.Millisecond), time.Since(begun).Round(time.Second))
	}
}

// undisturbed bakes once and says how long Packer took.
func undisturbed(t *testing.T, l *lab.Lab) time.Duration {
	t.Helper()
	before := l.Resources(t)
	b := startBake(t, l)
	begun := time.Now()
	for !b.packerEnded() && time.Since(begun) < commandLimit {
		time.Sleep(time.Millisecond)
	}
	took := time.Since(begun)
	b.finish(t)
	b.check(t, before)
	return took
}

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

// check says what a bake may leave: its image, complete, with a snapshot, and nothing
// else; then it removes these, and all must be as before.
func (b *bake) check(t *testing.T, before []string) {
	t.Helper()
	doc := b.Document(t, b.run)
	if doc.Bake == nil || doc.Bake.Image == "" || doc.Outcome != "done" {
		t.Fatalf("outcome %s %s, bake %+v\n%s", doc.Outcome, doc.Message, doc.Bake, b.p.said())
	}
	named := b.own(t, doc)
	for _, left := range b.tagged(t, doc) {
		if !slices.Contains(named, left[strings.Index(left, " ")+1:]) {
			t.Errorf("%s has the run's tag and is no named result", left)
		}
	}
	b.local(t)
	b.remove(t, named)
	after := b.Resources(t)
	for _, r := range after {
		if !slices.Contains(before, r) {
			t.Errorf("left behind: %s", r)
		}
	}
	for _, r := range before {
		if !slices.Contains(after, r) {
			t.Errorf("gone: %s", r)
		}
	}
}

// local looks for what a bake may leave on this machine: processes and mounts.
func (b *bake) local(t *testing.T) {
	t.Helper()
	var left []string
	for limit := time.Now().Add(5 * time.Second); time.Now().Before(limit); time.Sleep(20 * time.Millisecond) {
		if left = b.lives(); len(left) == 0 {
			break
		}
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for m := range strings.Lines(string(mounts)) {
		if strings.Contains(m, b.Dir) {
			left = append(left, "mount "+m)
		}
	}
	for _, l := range left {
		t.Errorf("left on this machine: %s", l)
	}
}

// lives are the processes of Packer, of its plugins, and of whoever watches them.
func (b *bake) lives() (out []string) {
	found, _ := filepath.Glob("/proc/[0-9]*/cmdline") // a fixed pattern has no error
	for _, f := range found {
		text, _ := os.ReadFile(f) // it has ended
		line := strings.ReplaceAll(string(text), "\x00", " ")
		if strings.Contains(line, filepath.Dir(b.attempt)) || strings.Contains(line, b.Plugins) {
			out = append(out, line)
		}
	}
	return out
}
