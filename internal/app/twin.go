package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/twin/roots"
	"github.com/goldenami/rehydrate/internal/wait"
)

// World is what a new twin begins with.
type World struct {
	File string
	Set  []string // NAME=VALUE
}

// Twin is a running twin.
type Twin struct {
	Endpoint string
	How      string // found running (and why it is kept, if it is of another build), or started
}

// keptWords are How of a twin that should be replaced and must not be.
const keptWords = "found running; it is of another build of this program, kept because others are at work there"

// startLimit is how long a twin may take to answer: its world may hold many
// instances.
const startLimit = 60 * time.Second

// EnsureTwin finds the twin of a state folder, or starts one as a process of its
// own, which outlives this one.
func EnsureTwin(ctx context.Context, dir string, w World) (Twin, error) {
	if e, ok := twin.Find(dir); ok {
		if !stale(dir) {
			return Twin{Endpoint: e, How: "found running"}, nil
		}
		// Another build of this program serves the world: its state goes over, but not from
		// under those who work there.
		others, err := twin.AtWork(ctx, e)
		switch {
		case err != nil:
			return Twin{}, fault.As(fmt.Errorf("see who is at work at the twin of another build: %w", err), fault.Failed, "`rehydrate twin stop` ends it; its state stays")
		case len(others) > 0:
			return Twin{Endpoint: e, How: keptWords}, nil
		}
		if err := StopTwin(ctx, dir); err != nil {
			return Twin{}, err
		}
	}
	// A wrong world is said here, not in the log of a process that ended.
	if err := checkWorld(w, dir); err != nil {
		return Twin{}, fmt.Errorf("start the twin: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return Twin{}, fmt.Errorf("find this program, to start the twin: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Twin{}, fmt.Errorf("start the twin: %w", err)
	}
	logName := filepath.Join(dir, "twin.log")
	log, err := os.OpenFile(logName, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return Twin{}, fmt.Errorf("start the twin: %w", err)
	}
	defer log.Close()
	args := []string{"twin", "serve", "--listen", "127.0.0.1:0", "--state", dir, "--idle", twinIdle.String()}
	if w.File != "" {
		args = append(args, "--world", w.File)
	}
	for _, s := range w.Set {
		args = append(args, "--set", s)
	}
	cmd := exec.Command(self, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), builtEnv+"="+built())
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return Twin{}, fmt.Errorf("start the twin: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	endpoint := ""
	err = wait.Poll(ctx, wait.Wall{}, "the twin to answer", 50*time.Millisecond, startLimit, func(context.Context) (bool, error) {
		select {
		case err := <-ended:
			return false, errors.Join(errors.New("the twin ended at once"), err)
		default:
		}
		var ok bool
		endpoint, ok = twin.Find(dir)
		return ok, nil
	})
	if err != nil {
		return Twin{}, fault.As(fmt.Errorf("start the twin: %w%s", err, tail(logName)), fault.KindOf(err), "see "+logName)
	}
	return Twin{Endpoint: endpoint, How: "started"}, nil
}

// checkWorld finds what is wrong with a new twin's world: its file, or images that
// are real roots where this system or user cannot have any.
func checkWorld(w World, dir string) error {
	if w.File == "" && len(w.Set) == 0 {
		return nil
	}
	f, err := readWorld(w)
	if err != nil {
		return err
	}
	for _, i := range f.Images {
		if i.Root == "" {
			continue
		}
		for _, err := os.Stat(dir); err != nil && dir != filepath.Dir(dir); _, err = os.Stat(dir) {
			dir = filepath.Dir(dir) // where it will be made
		}
		if err := roots.Check(dir); err != nil {
			return fault.As(fmt.Errorf("image %s of %s is a real root: %w", i.Key, w.File, err), fault.Usage,
				"run as root on Linux, or take a world of package data and --modelled: `rehydrate init --modelled` writes one")
		}
		return nil
	}
	return nil
}

// twinIdle is how long a twin that was started for a run stays without a request;
// its state stays for ever.
const twinIdle = 30 * time.Minute

// stale says whether the twin of the folder was started for a run by another build
// of this program. One that somebody serves by hand is taken as it is.
func stale(dir string) bool {
	was, err := os.ReadFile(filepath.Join(dir, builtName))
	return err == nil && string(was) != built()
}

const (
	builtName = "program"              // in the twin's folder
	builtEnv  = "REHYDRATE_TWIN_BUILD" // set for a twin that a run starts
)

// noteBuild keeps which program a run started the twin with; a twin that is served
// by hand has no such note.
func noteBuild(dir string) error {
	name := filepath.Join(dir, builtName)
	if b := os.Getenv(builtEnv); b != "" {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		return os.WriteFile(name, []byte(b), 0o600)
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return err
	}
	return nil // a folder that is none is found when it is opened
}

// built tells one build of this program from another.
func built() string {
	self, err := os.Executable()
	if err != nil {
		return ""
	}
	st, err := os.Stat(self)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s %d %s\n", self, st.Size(), st.ModTime().UTC().Format(time.RFC3339Nano))
}

// tail is the last line of a log, for an error message.
func tail(name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return ": " + lines[len(lines)-1]
}
