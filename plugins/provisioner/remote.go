package provisioner

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	packersdk "github.com/hashicorp/packer-plugin-sdk/packer"
	"github.com/hashicorp/packer-plugin-sdk/template/interpolate"
)

// remote is the instance, as far as a provisioner reaches it.
type remote struct {
	comm packersdk.Communicator
	ui   packersdk.Ui
	cfg  *Config
	// user is "uid:gid" of the login user.
	user string
}

// exitError is a remote command that ended with a status other than 0.
type exitError struct {
	status int
	last   string // the last line of its standard error
}

func (e *exitError) Error() string {
	if e.status == packersdk.CmdDisconnect {
		return "the connection was lost"
	}
	if e.last == "" {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return fmt.Sprintf("exit status %d: %s", e.status, e.last)
}

// run runs a shell command as the login user and returns its standard output.
// Lines of standard error go to show, if there is one.
func (r *remote) run(ctx context.Context, command string, show func(string)) (string, error) {
	var out bytes.Buffer
	lines := &lineWriter{show: show}
	cmd := &packersdk.RemoteCmd{Command: command, Stdout: &out, Stderr: lines}
	if err := r.comm.Start(ctx, cmd); err != nil {
		return "", fmt.Errorf("start a command on the instance: %w", err)
	}
	// Wait knows no context: a phase that has run out of time is left behind, and the
	// builder's own cleanup ends the instance.
	ended := make(chan int, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case status := <-ended:
		lines.flush()
		if status != 0 {
			return out.String(), &exitError{status, lines.last}
		}
		return out.String(), nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// asRoot runs a command as root. script is a shell script of ours, without
// single quotes.
func (r *remote) asRoot(ctx context.Context, script string, show func(string)) (string, error) {
	command := "sh -c '" + script + "'"
	switch {
	case r.cfg.ExecuteCommand != "":
		ic := r.cfg.ctx
		ic.Data = struct{ Command string }{command}
		rendered, err := interpolate.Render(r.cfg.ExecuteCommand, &ic)
		if err != nil {
			return "", fmt.Errorf("render execute_command: %w", err)
		}
		command = rendered
	case !strings.HasPrefix(r.user, "0:"):
		command = "sudo -n " + command
	}
	return r.run(ctx, command, show)
}

// open finds out who we are, makes the private remote folder and puts the node
// binary there.
func (r *remote) open(ctx context.Context) error {
	id, err := r.run(ctx, "id -u; id -g", nil)
	if err != nil {
		return fmt.Errorf("ask who the login user is: %w", err)
	}
	f := strings.Fields(id)
	if len(f) != 2 || !digits(f[0]) || !digits(f[1]) {
		return fmt.Errorf("ask who the login user is: the answer %q is not two numbers", strings.TrimSpace(id))
	}
	r.user = f[0] + ":" + f[1]
	// No -p: somebody else's folder of that name must not be taken over.
	if _, err := r.run(ctx, "mkdir -m 0700 "+r.cfg.RemoteDir, nil); err != nil {
		return fmt.Errorf("make %s on the instance: %w", r.cfg.RemoteDir, err)
	}
	if err := r.uploadFile(r.path("rehydrate-node"), r.cfg.NodeBinary); err != nil {
		return err
	}
	if _, err := r.run(ctx, "chmod 0700 "+r.path("rehydrate-node"), nil); err != nil {
		return fmt.Errorf("make rehydrate-node executable on the instance: %w", err)
	}
	return nil
}

// close removes the remote folder.
func (r *remote) close(ctx context.Context) error {
	if r.user == "" { // open did not get that far
		return nil
	}
	if _, err := r.asRoot(ctx, "rm -rf "+r.cfg.RemoteDir, nil); err != nil {
		return fmt.Errorf("remove %s on the instance: %w", r.cfg.RemoteDir, err)
	}
	return nil
}

// own gives what root made in the remote folder to the login user, so that it can
// be downloaded.
func (r *remote) own(ctx context.Context) error {
	if strings.HasPrefix(r.user, "0:") {
		return nil
	}
	_, err := r.asRoot(ctx, "chown -R "+r.user+" "+r.cfg.RemoteDir, nil)
	return err
}

func (r *remote) path(name string) string { return r.cfg.RemoteDir + "/" + name }

func (r *remote) uploadFile(to, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := r.upload(to, f); err != nil {
		return fmt.Errorf("upload %s: %w", from, err)
	}
	return nil
}

func (r *remote) upload(to string, from io.Reader) error { return r.comm.Upload(to, from, nil) }

func (r *remote) download(from string) ([]byte, error) {
	var b bytes.Buffer
	if err := r.comm.Download(from, &b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// lineWriter hands on whole lines and remembers the last one that is not empty.
type lineWriter struct {
	show func(string)
	part []byte
	last string
}

// Write never fails. A line longer than 64 KiB is cut into several.
func (w *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			break
		}
		w.part = append(w.part, p[:i]...)
		w.flush()
		p = p[i+1:]
	}
	w.part = append(w.part, p...)
	if len(w.part) > 64<<10 {
		w.flush()
	}
	return n, nil
}

func (w *lineWriter) flush() {
	line := strings.TrimRight(string(w.part), "\r\n\t ")
	w.part = w.part[:0]
	if line == "" {
		return
	}
	w.last = line
	if w.show != nil {
		w.show(line)
	}
}
