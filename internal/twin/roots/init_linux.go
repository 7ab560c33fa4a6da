package roots

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/pkg/sftp"
	"golang.org/x/sys/unix"
)

// initMain is process 1 of a command's pid namespace: it starts the command, tells
// the holder of its end, and stays until the last process that the command left
// behind has ended, as on a machine that goes on running.
func initMain() int {
	syscall.CloseOnExec(fdA)
	syscall.CloseOnExec(fdB)
	out := os.NewFile(fdB, "notices")
	r, err := readRequest(os.NewFile(fdA, "request"))
	if err != nil {
		tell(out, notice{Err: fmt.Sprintf("read request: %v", err)})
		return 1
	}
	who, err := lookUpAccount(r.User)
	if err != nil {
		tell(out, notice{Err: err.Error()})
		return 1
	}
	switch r.Mode {
	case modeExec:
		err = runCommand(r, who, out)
	case modeSFTP:
		err = serveFiles(who)
	case modePut:
		err = putFile(r.Path, r.FileMode, os.Stdin)
	case modeGet:
		err = getFile(r.Path, os.Stdout)
	default:
		err = fmt.Errorf("mode %q: %w", r.Mode, errProtocol)
	}
	if err != nil {
		tell(out, notice{Err: err.Error(), Absent: errors.Is(err, fs.ErrNotExist)})
		return 1
	}
	if r.Mode != modeExec {
		tell(out, notice{Ended: true})
	}
	return 0
}

// readRequest reads a request and closes what it came from. A descriptor has one file
// only: a second one would close, once it is collected, what has the number by then.
func readRequest(in *os.File) (r request, err error) {
	defer in.Close()
	err = json.NewDecoder(in).Decode(&r)
	return r, err
}

func lookUpAccount(name string) (account, error) {
	root := account{Name: "root", Groups: []uint32{0}, Home: "/root", Shell: "/bin/sh"}
	if name == "" {
		return root, nil // an agent: it needs no passwd file
	}
	passwd, err := os.Open("/etc/passwd")
	if err != nil {
		return account{}, fmt.Errorf("look up user %q: %w", name, err)
	}
	defer passwd.Close()
	var group io.Reader = new(emptyReader)
	if f, err := os.Open("/etc/group"); err == nil {
		defer f.Close()
		group = f
	}
	return findAccount(name, passwd, group)
}

type emptyReader struct{}

func (emptyReader) Read([]byte) (int, error) { return 0, io.EOF }

// runCommand runs a command as the user and returns when nothing runs here any more.
func runCommand(r request, who account, out *os.File) error {
	path, argv := commandLine(r, who)
	path, err := findProgram(path)
	if err != nil {
		// What a shell says, so that callers see an exit code and not our own trouble.
		fmt.Fprintf(os.Stderr, "%s: not found\n", path)
		tell(out, notice{Ended: true, Exit: 127})
		return nil
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGHUP, unix.SIGINT, unix.SIGTERM)
	go watchPower(signals, out)
	dir := r.Dir
	if dir == "" {
		dir = who.Home
		if fi, err := os.Stat(dir); err != nil || !fi.IsDir() {
			dir = "/"
		}
	}
	pid, err := syscall.ForkExec(path, argv, &syscall.ProcAttr{
		Dir: dir, Env: environment(r, who), Files: []uintptr{0, 1, 2},
		Sys: &syscall.SysProcAttr{
			Setsid: true, Setctty: r.TTY, Ctty: 0,
			Credential: &syscall.Credential{Uid: who.UID, Gid: who.GID, Groups: who.Groups},
		},
	})
	if err != nil {
		return fmt.Errorf("run %s as %s in %s: %w", path, who.Name, dir, err)
	}
	// The command's output ends with the command's processes, not with us.
	for fd := range 3 {
		_ = unix.Close(fd)
	}
	for {
		var ws syscall.WaitStatus
		got, err := syscall.Wait4(-1, &ws, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return nil // ECHILD: all have ended
		}
		if got != pid {
			continue
		}
		n := notice{Ended: true, Exit: ws.ExitStatus()}
		if ws.Signaled() {
			n.Signal, n.Exit = int(ws.Signal()), 128+int(ws.Signal())
		}
		tell(out, n)
	}
}

// watchPower passes on what the power scripts ask: only root can signal process 1.
func watchPower(signals <-chan os.Signal, out *os.File) {
	for s := range signals {
		switch s {
		case unix.SIGHUP:
			tell(out, notice{Power: powerReboot})
		case unix.SIGINT:
			tell(out, notice{Power: powerOff})
		}
	}
}

func commandLine(r request, who account) (path string, argv []string) {
	shell := "/bin/sh"
	if r.Login {
		shell = who.Shell
	}
	switch {
	case len(r.Args) > 0:
		return r.Args[0], r.Args
	case r.Login && r.Script == "":
		return shell, []string{"-" + filepath.Base(shell)}
	}
	return shell, []string{filepath.Base(shell), "-c", r.Script}
}

const (
	rootPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	userPath = "/usr/local/bin:/usr/bin:/bin:/usr/games"
)

func findProgram(name string) (string, error) {
	if filepath.Base(name) != name {
		return name, unix.Access(name, unix.F_OK)
	}
	for _, dir := range filepath.SplitList(rootPath) {
		p := filepath.Join(dir, name)
		if fi, err := os.Stat(p); err == nil && fi.Mode()&0o111 != 0 && !fi.IsDir() {
			return p, nil
		}
	}
	return name, fs.ErrNotExist
}

func environment(r request, who account) []string {
	path := userPath
	if who.UID == 0 {
		path = rootPath
	}
	env := []string{"PATH=" + path, "HOME=" + who.Home, "USER=" + who.Name, "LOGNAME=" + who.Name, "SHELL=" + who.Shell}
	return append(env, r.Env...)
}

// serveFiles is the sftp subsystem, as the user.
func serveFiles(who account) error {
	groups := make([]int, len(who.Groups))
	for i, g := range who.Groups {
		groups[i] = int(g)
	}
	if err := syscall.Setgroups(groups); err != nil {
		return fmt.Errorf("take groups of %s: %w", who.Name, err)
	}
	if err := syscall.Setgid(int(who.GID)); err != nil {
		return fmt.Errorf("take group of %s: %w", who.Name, err)
	}
	if err := syscall.Setuid(int(who.UID)); err != nil {
		return fmt.Errorf("become %s: %w", who.Name, err)
	}
	s, err := sftp.NewServer(struct {
		io.Reader
		io.WriteCloser
	}{os.Stdin, os.Stdout}, sftp.WithServerWorkingDirectory(who.Home))
	if err != nil {
		return err
	}
	if err := s.Serve(); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("serve files: %w", err)
	}
	return nil
}

func putFile(path string, mode fs.FileMode, r io.Reader) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".put-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once renamed
	if _, err = io.Copy(f, r); err == nil {
		err = f.Chmod(mode.Perm())
	}
	if err2 := f.Close(); err == nil {
		err = err2
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func getFile(path string, w io.Writer) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil {
		return err
	} else if !fi.Mode().IsRegular() {
		return fmt.Errorf("read %s: not a regular file", path)
	}
	_, err = io.Copy(w, f)
	return err
}
