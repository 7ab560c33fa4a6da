package lab

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/goldenami/rehydrate/internal/record"
)

// Options describe a lab.
type Options struct {
	RootOptions
	Config string // configuration file; empty: the demo's
	World  string // world file; empty: the demo's
	Image  string // an image line of the configuration; empty: it has just one
	// Sources is the folder that the archive's address serves at first; empty: the
	// demo archive as it is when baking.
	Sources string
}

// Lab is a twin with its world, and a state folder for the command line.
type Lab struct {
	*Kit
	Options
	Dir      string // everything of this lab lies here
	State    string
	Root     string // the root that the base image is made of
	Endpoint string

	link string // what the archive's address serves: a link
}

// Start starts a twin through the command line: by a plan, which reads only. It is
// stopped at the end of the test, and then nothing of it may be left.
func (k *Kit) Start(t testing.TB, o Options) *Lab {
	t.Helper()
	if o.Config == "" {
		o.Config = filepath.Join(k.Demo, "rehydrate.hcl")
	}
	if o.World == "" {
		o.World = filepath.Join(k.Demo, "world.json")
	}
	if o.Sources == "" {
		o.Sources = filepath.Join(k.Archive(t), "state-1")
	}
	l := &Lab{Kit: k, Options: o, Root: k.Root(t, o.RootOptions), Dir: t.TempDir()}
	l.State, l.link = filepath.Join(l.Dir, "state"), filepath.Join(l.Dir, "archive")
	if err := os.Mkdir(l.State, 0o755); err != nil {
		t.Fatal(err)
	}
	l.Serve(t, o.Sources)
	t.Cleanup(func() { l.close(t) })
	l.Run(t, "plan", slices.DeleteFunc([]string{o.Image}, func(s string) bool { return s == "" })...).Want(t, 0)
	var e struct{ Endpoint string }
	l.readJSON(t, filepath.Join(l.twin(), "endpoint.json"), &e)
	l.Endpoint = e.Endpoint
	return l
}

func (l *Lab) twin() string { return filepath.Join(l.State, "twin") }

// Serve lets the archive's address serve another folder from now on.
func (l *Lab) Serve(t testing.TB, folder string) {
	t.Helper()
	fresh := l.link + ".new"
	if err := errors.Join(os.Symlink(folder, fresh), os.Rename(fresh, l.link)); err != nil {
		t.Fatal(err)
	}
}

// Result is how a command of ours ended.
type Result struct {
	Args           []string
	Stdout, Stderr string
	Code           int
}

// Want fails the test unless the command ended with the code.
func (r Result) Want(t testing.TB, code int) Result {
	t.Helper()
	if r.Code != code {
		t.Fatalf("rehydrate %v: exit code %d, want %d\n%s\n%s", r.Args, r.Code, code, r.Stdout, r.Stderr)
	}
	return r
}

// Run runs a command that works on an image line in this lab's twin; further flags
// go before the image's name, which is the last of the arguments or left out.
func (l *Lab) Run(t testing.TB, command string, args ...string) Result {
	t.Helper()
	return l.Bare(t, l.arguments(command, args)...)
}

func (l *Lab) arguments(command string, args []string) []string {
	all := []string{command, "--config", l.Config, "--state", l.State, "--twin", "--world", l.World,
		"--set", "root=" + l.Root, "--set", "archive=" + l.RootOptions.Archive, "--set", "archive_dir=" + l.link,
		"--packer", l.Packer, "--packer-plugin-amazon", l.Amazon}
	return append(all, args...)
}

// Command is what Run runs, for a test that does not wait for its end.
func (l *Lab) Command(command string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(l.Bin, "rehydrate"), l.arguments(command, args)...)
	cmd.Dir, cmd.Env = l.Dir, l.environment()
	return cmd
}

// Bare runs rehydrate with just these arguments.
func (l *Lab) Bare(t testing.TB, args ...string) Result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(l.Bin, "rehydrate"), args...)
	return l.finish(t, cmd, args)
}

func (l *Lab) finish(t testing.TB, cmd *exec.Cmd, args []string) Result {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = l.Dir, l.environment(), &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("run rehydrate %v: %v", args, err)
	}
	return Result{Args: args, Stdout: out.String(), Stderr: errs.String(), Code: cmd.ProcessState.ExitCode()}
}

// Document is the run document of a run.
func (l *Lab) Document(t testing.TB, run string) *record.Run {
	t.Helper()
	var r record.Run
	l.readJSON(t, l.Artifact(run, "run.json"), &r)
	return &r
}

// Newest is the run document of the newest run.
func (l *Lab) Newest(t testing.TB) *record.Run {
	t.Helper()
	found, err := filepath.Glob(l.Artifact("*", "run.json"))
	if err != nil || len(found) == 0 {
		t.Fatalf("there is no run: %v", err)
	}
	return l.Document(t, filepath.Base(filepath.Dir(slices.Max(found)))) // ids sort by time
}

// Artifact is the path of a file of a run.
func (l *Lab) Artifact(run, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(l.State, "artifacts", run, name)
}

// ReadArtifact reads a JSON file of a run.
func (l *Lab) ReadArtifact(t testing.TB, run, name string, into any) {
	t.Helper()
	l.readJSON(t, l.Artifact(run, name), into)
}

func (l *Lab) readJSON(t testing.TB, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
}
