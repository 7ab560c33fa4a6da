// Command archive builds the demo's own small signed apt archive, in two states:
//
//	go run ./examples/demo/archive -out DIR
//
//	DIR/state-1     the archive at bake time
//	DIR/state-2     the archive after it has moved on: a newer demo-tool, the baked one gone
//	DIR/installed   the older package files that the demo's machines start with
//	DIR/key         public.gpg for /etc/apt/keyrings, and the throw-away secret key
//
// Approval, delay and rejection are deterministic with it, whatever Debian's own
// archive holds today. A result that is younger than a day is left alone; only the
// package with the delay depends on the date at all.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// fresh is how long a built archive serves.
const fresh = 24 * time.Hour

// format changes whenever what is built changes.
const format = "3"

// settled is when everything but the delayed package was made, so that a rebuilt
// archive has the same bytes and a lock over it stays the same.
var settled = time.Date(2026, 1, 12, 9, 30, 0, 0, time.UTC)

func main() {
	out := flag.String("out", "", "folder to build in")
	state := flag.Int("state", 0, "print the folder of this state (1 or 2) instead of the root folder")
	flag.Parse()
	if *out == "" || flag.NArg() > 0 || *state < 0 || *state > 2 {
		fmt.Fprintln(os.Stderr, "usage: archive -out DIR [-state 1|2]")
		os.Exit(2)
	}
	dir, err := filepath.Abs(*out)
	if err == nil {
		err = build(dir, time.Now().UTC())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "archive:", err)
		os.Exit(1)
	}
	if *state > 0 {
		dir = filepath.Join(dir, fmt.Sprintf("state-%d", *state))
	}
	fmt.Println(dir)
}

// build makes the archive in dir unless a fresh one is there.
func build(dir string, now time.Time) error {
	for _, tool := range []string{"dpkg", "dpkg-deb", "apt-ftparchive", "gpg", "gpgconf"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%s is not installed: apt-get install dpkg apt-utils gnupg", tool)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	lock := flock.New(filepath.Join(dir, ".lock"))
	if err := lock.Lock(); err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }() // it ends with the process in any case
	stamp := filepath.Join(dir, "built")
	if text, err := os.ReadFile(stamp); err == nil {
		was, at, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
		t, err := time.Parse(time.RFC3339, at)
		if err == nil && was == format && now.Sub(t) < fresh && !t.After(now) {
			return nil
		}
	}
	work, err := os.MkdirTemp(dir, ".work-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	arch, err := run("", nil, "dpkg", "--print-architecture")
	if err != nil {
		return err
	}
	b := builder{work: work, arch: strings.TrimSpace(arch)}
	if err := b.signer(filepath.Join(dir, "key")); err != nil {
		return err
	}
	defer b.close()
	if err := b.states(now); err != nil {
		return err
	}
	_ = os.Remove(stamp) // from here until it is written again nothing counts as built
	for _, name := range []string{"state-1", "state-2", "installed"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(work, name), filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return os.WriteFile(stamp, []byte(format+" "+now.Format(time.RFC3339)+"\n"), 0o644)
}

// run runs a tool and returns its standard output.
func run(dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), append(env, "LC_ALL=C.UTF-8")...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(errs.String()))
	}
	return string(out), nil
}
