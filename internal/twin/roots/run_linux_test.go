package roots

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/backing"
)

func TestRunIsTheAgents(t *testing.T) {
	g := newRig(t)
	m := g.spec(30)
	g.start(t, m)
	run := func(t *testing.T, c backing.Command) (int, string, string) {
		t.Helper()
		var out, errs safeBuffer
		c.Stdout, c.Stderr = &out, &errs
		code, err := g.Run(t.Context(), m.ID, c)
		if err != nil {
			t.Fatal(err)
		}
		return code, out.String(), errs.String()
	}
	t.Run("as root, in root's home, streams apart", func(t *testing.T) {
		code, out, errs := run(t, backing.Command{Script: "id -u; pwd; echo $HOME; echo oops >&2; exit 3"})
		if code != 3 || out != "0\n/root\n/root\n" || errs != "oops\n" {
			t.Errorf("got %d %q %q", code, out, errs)
		}
	})
	t.Run("as another user, elsewhere, with an environment", func(t *testing.T) {
		code, out, _ := run(t, backing.Command{User: "admin", Dir: "/var", Env: []string{"A=b c"}, Args: []string{"sh", "-c", "id -un; pwd; echo $A"}})
		if code != 0 || out != "admin\n/var\nb c\n" {
			t.Errorf("got %d %q", code, out)
		}
	})
	t.Run("input is copied to its end", func(t *testing.T) {
		code, out, _ := run(t, backing.Command{Script: "sha256sum | cut -c1-8; wc -c </dev/null", Stdin: bytes.NewReader(make([]byte, 1<<20))})
		if code != 0 || out != "30e14955\n0\n" {
			t.Errorf("got %d %q", code, out)
		}
	})
	t.Run("a signal is 128 and its number", func(t *testing.T) {
		if code, _, _ := run(t, backing.Command{Script: "kill -TERM $$"}); code != 143 {
			t.Errorf("got %d", code)
		}
	})
	t.Run("a missing program is 127, as a shell says", func(t *testing.T) {
		for _, a := range []string{"no-such-thing", "/no/such/thing"} {
			if code, _, errs := run(t, backing.Command{Args: []string{a}}); code != 127 || !strings.Contains(errs, "not found") {
				t.Errorf("got %d %q", code, errs)
			}
		}
	})
	t.Run("an unknown user is an error", func(t *testing.T) {
		if _, err := g.Run(t.Context(), m.ID, backing.Command{User: "eve", Script: "true"}); err == nil || !strings.Contains(err.Error(), "eve") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the end of the context kills everything", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, err := g.Run(ctx, m.ID, backing.Command{Script: "sleep 600 & sleep 600", Stdout: io.Discard})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 5*time.Minute {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
	})
	t.Run("what is left in the background goes on, and sees the same files", func(t *testing.T) {
		run(t, backing.Command{Script: "(sleep 0.2; echo late >/run/late) >/dev/null 2>&1 &"})
		eventually(t, "the late file", func() bool {
			code, out, _ := run(t, backing.Command{Script: "cat /run/late 2>/dev/null"})
			return code == 0 && out == "late\n"
		})
	})
	t.Run("many at a time", func(t *testing.T) {
		var wg sync.WaitGroup
		for range 12 {
			wg.Go(func() {
				var out safeBuffer
				if code, err := g.Run(t.Context(), m.ID, backing.Command{Script: "head -c 300000 /dev/zero | wc -c", Stdout: &out}); err != nil || code != 0 || out.String() != "300000\n" {
					t.Errorf("got %d %v %q", code, err, out.String())
				}
			})
		}
		wg.Wait()
	})
	t.Run("nothing to run is refused", func(t *testing.T) {
		if _, err := g.Run(t.Context(), m.ID, backing.Command{}); !errors.Is(err, errNoCommand) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAMachineSaysWhenItWorks(t *testing.T) {
	g := newRig(t)
	m := g.spec(35)
	g.start(t, m)
	wait := func(want bool) {
		t.Helper()
		select {
		case got := <-g.busy:
			if got != want {
				t.Fatalf("busy: %v, want %v", got, want)
			}
		case <-time.After(2 * time.Minute):
			t.Fatalf("never heard that busy is %v", want)
		}
	}
	if out, err := g.ssh(t, "ssh", "admin@"+m.Address.String(), "sleep 0.1"); err != nil {
		t.Fatal(out, err)
	}
	wait(true)
	wait(false)
	g.sh(t, m.ID, "sleep 600 >/dev/null 2>&1 &") // what is left behind is no work
	wait(true)
	wait(false)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _, _ = g.Run(ctx, m.ID, backing.Command{Script: "sleep 600"}) }() // cut off
	wait(true)
	if err := g.Stop(t.Context(), m.ID); err != nil {
		t.Fatal(err)
	}
	wait(false)
	if len(g.busy) > 0 {
		t.Errorf("told of more: %v", <-g.busy)
	}
}

func TestPutAndGet(t *testing.T) {
	g := newRig(t)
	m := g.spec(31)
	g.start(t, m)
	data := strings.Repeat("0123456789", 100000)
	if err := g.Put(t.Context(), m.ID, "/opt/new/dir/file", 0o750, strings.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	if out := g.sh(t, m.ID, "stat -c '%a %U %s' /opt/new/dir/file; ls -A /opt/new/dir"); out != "750 root 1000000\nfile\n" {
		t.Errorf("got %q", out)
	}
	var back bytes.Buffer
	if err := g.Get(t.Context(), m.ID, "/opt/new/dir/file", &back); err != nil || back.String() != data {
		t.Errorf("%d bytes came back, %v", back.Len(), err)
	}
	if err := g.Get(t.Context(), m.ID, "/no/such", io.Discard); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if err := g.Get(t.Context(), m.ID, "/etc", io.Discard); err == nil {
		t.Error("a folder was read as a file")
	}
	broken := io.MultiReader(strings.NewReader("half"), errReader{})
	if err := g.Put(t.Context(), m.ID, "/opt/half", 0o644, broken); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("half a file: %v", err)
	}
	if code, _ := g.try(t, m.ID, "test -e /opt/half"); code == 0 {
		t.Error("half a file was put in place")
	}
	if err := g.Get(t.Context(), "i-none", "/etc/passwd", io.Discard); !errors.Is(err, backing.ErrNotRunning) {
		t.Errorf("unknown machine: %v", err)
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("cut off") }

func TestPower(t *testing.T) {
	g := newRig(t)
	m := g.spec(32)
	if err := g.Reboot(t.Context(), m.ID); !errors.Is(err, backing.ErrNotRunning) {
		t.Errorf("reboot of an unknown machine: %v", err)
	}
	g.start(t, m)
	const boot = "cat /proc/sys/kernel/random/boot_id; awk '/btime/{print $2}' /proc/stat"
	first := g.sh(t, m.ID, boot+"; touch /run/gone /etc/stays")
	g.start(t, m) // does nothing
	if again := g.sh(t, m.ID, boot); again != first {
		t.Errorf("a second start booted again")
	}
	time.Sleep(time.Second) // boot times are whole seconds
	if err := g.Reboot(t.Context(), m.ID); err != nil {
		t.Fatal(err)
	}
	second := g.sh(t, m.ID, boot)
	if strings.Split(second, "\n")[0] == strings.Split(first, "\n")[0] || strings.Split(second, "\n")[1] <= strings.Split(first, "\n")[1] {
		t.Errorf("after a reboot: %q, before: %q", second, first)
	}
	g.sh(t, m.ID, "test -e /etc/stays && ! test -e /run/gone")

	t.Run("a reboot from inside cuts the connection and is told", func(t *testing.T) {
		// As Packer provisioners do it: from the background, after the command's end.
		if out, err := g.ssh(t, "ssh", "admin@"+m.Address.String(), "nohup sudo sh -c 'sleep 0.3; reboot' >/dev/null 2>&1 &"); err != nil {
			t.Fatalf("%s %v", out, err)
		}
		if e := <-g.events; e.ID != m.ID || e.Change != backing.Rebooted {
			t.Errorf("told of %+v", e)
		}
		if third := g.sh(t, m.ID, boot); third == second {
			t.Error("it did not boot again")
		}
	})
	t.Run("a user without sudo cannot reboot", func(t *testing.T) {
		if code, _ := g.try(t, m.ID, "su -s /bin/sh nobody -c /usr/local/sbin/reboot"); code == 0 {
			t.Error("it could")
		}
	})
	t.Run("a command that reboots is interrupted", func(t *testing.T) {
		if _, err := g.Run(t.Context(), m.ID, backing.Command{Script: "shutdown -r now"}); !errors.Is(err, backing.ErrInterrupted) {
			t.Errorf("got %v", err)
		}
		if e := <-g.events; e.Change != backing.Rebooted {
			t.Errorf("told of %+v", e)
		}
	})
	t.Run("power off is told, and start starts it", func(t *testing.T) {
		if _, err := g.Run(t.Context(), m.ID, backing.Command{Script: "poweroff"}); !errors.Is(err, backing.ErrInterrupted) {
			t.Errorf("got %v", err)
		}
		if e := <-g.events; e.Change != backing.PoweredOff {
			t.Errorf("told of %+v", e)
		}
		g.start(t, m)
		g.sh(t, m.ID, "test -e /etc/stays")
	})
	t.Run("stop interrupts and is not told", func(t *testing.T) {
		got, out := make(chan error, 1), &safeBuffer{}
		go func() {
			_, err := g.Run(t.Context(), m.ID, backing.Command{Script: "echo runs; exec sleep 600", Stdout: out})
			got <- err
		}()
		eventually(t, "the command", func() bool { return out.String() == "runs\n" })
		if err := g.Stop(t.Context(), m.ID); err != nil {
			t.Fatal(err)
		}
		if err := <-got; !errors.Is(err, backing.ErrInterrupted) {
			t.Errorf("got %v", err)
		}
		if _, err := g.Run(t.Context(), m.ID, backing.Command{Script: "true"}); !errors.Is(err, backing.ErrNotRunning) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("destroy removes the folder", func(t *testing.T) {
		if err := g.Destroy(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(m.Dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the folder is there: %v", err)
		}
	})
	if len(g.events) > 0 {
		t.Errorf("told of more: %+v", <-g.events)
	}
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	g := newRig(t)
	m := g.spec(33)
	g.start(t, m)
	for name, change := range map[string]func(*backing.Machine){
		"address already in use":  func(b *backing.Machine) { b.Address = m.Address },
		"read authorized key 0":   func(b *backing.Machine) { b.AuthorizedKeys = []string{"junk"} },
		"image has no layers":     func(b *backing.Machine) { b.Image = backing.Image{} },
		"/no/such/layer":          func(b *backing.Machine) { b.Image.Layers = []string{"/no/such/layer"} },
		"not an absolute path":    func(b *backing.Machine) { b.Dir = "relative" },
		"cannot assign requested": func(b *backing.Machine) { b.Address = netip.MustParseAddr("192.0.2.1") },
	} {
		t.Run(name, func(t *testing.T) {
			bad := g.spec(34)
			change(&bad)
			if err := g.Start(t.Context(), bad); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("got %v", err)
			}
		})
	}
	g.start(t, g.spec(34)) // none of that is in the way
}
