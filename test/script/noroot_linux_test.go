package script

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestWithoutRoot runs the program as nobody: a world of real roots is refused with
// what to do instead, and the modelled one runs.
func TestWithoutRoot(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "noroot-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stopTwins(dir)
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	program := filepath.Join(dir, "rehydrate")
	if err := linkSelf(program); err != nil {
		t.Fatal(err)
	}
	work := filepath.Join(dir, "work")
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(work, 0o777), os.Chmod(work, 0o777)); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (code int, out string) {
		t.Helper()
		var b bytes.Buffer
		c := exec.Command(program, args...)
		c.Dir, c.Stdout, c.Stderr = work, &b, &b
		c.Env = []string{"HOME=" + work, "PATH=/nonexistent", "REHYDRATE_CACHE=" + filepath.Join(work, "none"), "AWS_EC2_METADATA_DISABLED=true"}
		if os.Geteuid() == 0 {
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		var exit *exec.ExitError
		if err := c.Run(); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return c.ProcessState.ExitCode(), b.String()
	}
	if code, out := run("init", "--modelled"); code != 0 {
		t.Fatalf("init: %d: %s", code, out)
	}
	world := filepath.Join(work, "world.json")
	text, err := os.ReadFile(world)
	if err != nil {
		t.Fatal(err)
	}
	real := bytes.Replace(text, []byte(`"modelledFile": "image.json"`), []byte(`"root": "."`), 1)
	if err := os.WriteFile(filepath.Join(work, "real.json"), real, 0o644); err != nil {
		t.Fatal(err)
	}
	code, out := run("plan", "--twin", "--world", "real.json")
	if code != 2 || !strings.Contains(out, "image base of real.json is a real root: real roots need root") || !strings.Contains(out, "next: run as root on Linux, or take a world of package data") {
		t.Errorf("a world of real roots: exit code %d\n%s", code, out)
	}
	if _, err := os.Stat(filepath.Join(work, ".rehydrate")); err == nil {
		t.Error("a twin was begun all the same")
	}
	if code, out := run("run", "--twin", "--modelled"); code != 0 || !strings.Contains(out, ": done\n") {
		t.Errorf("the modelled world: exit code %d\n%s", code, out)
	}
}

func linkSelf(to string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if os.Link(self, to) == nil {
		return nil
	}
	from, err := os.Open(self)
	if err != nil {
		return err
	}
	defer from.Close()
	f, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Close())
}
