package roots

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpenSSHClient(t *testing.T) {
	g := newRig(t)
	m := g.spec(10)
	g.start(t, m)
	at := "admin@" + m.Address.String()

	t.Run("commands run as the user, with groups and home", func(t *testing.T) {
		out, err := g.ssh(t, "ssh", at, "id -un; id -G | wc -w; pwd; echo $HOME $SHELL; hostname; test -n \"$SSH_CONNECTION\"")
		want := "admin\n1\n/home/admin\n/home/admin /bin/bash\nip-127-77-5-10\n"
		if err != nil || out != want {
			t.Errorf("got %q, %v; want %q", out, err, want)
		}
	})
	t.Run("sudo works without a password or a complaint", func(t *testing.T) {
		if out, err := g.ssh(t, "ssh", at, "sudo id -u"); err != nil || out != "0\n" {
			t.Errorf("got %q, %v", out, err)
		}
	})
	t.Run("exit codes and signals come through", func(t *testing.T) {
		if _, err := g.ssh(t, "ssh", at, "exit 7"); err == nil || err.Error() != "exit status 7" {
			t.Errorf("got %v", err)
		}
		if _, err := g.ssh(t, "ssh", at, "kill -9 $$"); err == nil || err.Error() != "exit status 255" {
			t.Errorf("the client says 255 for a signal; got %v", err)
		}
	})
	t.Run("standard input reaches the command and ends", func(t *testing.T) {
		if out, err := g.ssh(t, "ssh", at, "wc -c", "</dev/null"); err != nil || strings.TrimSpace(out) == "" {
			t.Errorf("got %q, %v", out, err)
		}
	})
	t.Run("a terminal is a terminal", func(t *testing.T) {
		if out, err := g.ssh(t, "ssh", "-tt", at, "tty; sudo id -u"); err != nil || out != "/dev/pts/0\r\n0\r\n" {
			t.Errorf("got %q, %v", out, err)
		}
	})
	t.Run("scp and sftp move files as the user", func(t *testing.T) {
		for _, how := range []string{"-O", "-s"} { // the old protocol, and sftp
			from, back := filepath.Join(g.dir, "from"), filepath.Join(g.dir, "back")
			data := strings.Repeat("payload ", 100000)
			if err := os.WriteFile(from, []byte(data), 0o640); err != nil {
				t.Fatal(err)
			}
			if out, err := g.ssh(t, "scp", how, from, at+":up"); err != nil {
				t.Fatalf("%s: %s %v", how, out, err)
			}
			if out, err := g.ssh(t, "ssh", at, "stat -c '%U %s' up; rm -f up2; cp up up2"); err != nil || out != "admin 800000\n" {
				t.Errorf("%s: got %q, %v", how, out, err)
			}
			if out, err := g.ssh(t, "scp", how, at+":up2", back); err != nil {
				t.Fatalf("%s: %s %v", how, out, err)
			}
			if got, err := os.ReadFile(back); err != nil || string(got) != data {
				t.Errorf("%s: %d bytes came back, %v", how, len(got), err)
			}
			if _, err := g.ssh(t, "scp", how, from, at+":/etc/nope"); err == nil {
				t.Errorf("%s: the user wrote to /etc", how)
			}
		}
	})
}

func TestOnlyTheMachinesUserWithItsKeyLogsIn(t *testing.T) {
	g, other := newRig(t), newRig(t)
	m := g.spec(11)
	g.start(t, m)
	for name, try := range map[string]struct {
		rig  *rig
		user string
		want bool
	}{
		"its user, its key":    {g, "admin", true},
		"its user, other key":  {other, "admin", false},
		"root, its key":        {g, "root", false},
		"other user, its key":  {g, "nobody", false},
		"unknown user, no key": {other, "eve", false},
	} {
		t.Run(name, func(t *testing.T) {
			if out, err := try.rig.ssh(t, "ssh", try.user+"@"+m.Address.String(), "true"); (err == nil) != try.want {
				t.Errorf("logged in: %v, want %v (%s)", err == nil, try.want, out)
			}
		})
	}
}
