package roots

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// handshakeTime bounds a login, as sshd's LoginGraceTime does.
const handshakeTime = 30 * time.Second

var errRefused = errors.New("this user and key may not log in here")

// listenSSH opens the machine's own address. The returned function serves it.
func (h *holder) listenSSH() (serve func(), err error) {
	var keys [][]byte
	for i, line := range h.config.Keys {
		k, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			return nil, fmt.Errorf("read authorized key %d: %w", i, err)
		}
		keys = append(keys, k.Marshal())
	}
	signer, err := ownHostKey(filepath.Join(h.config.Dir, hostKey))
	if err != nil {
		return nil, fmt.Errorf("host key: %w", err)
	}
	sc := &ssh.ServerConfig{
		ServerVersion: "SSH-2.0-rehydrate-twin",
		PublicKeyCallback: func(c ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
			if c.User() != h.config.User {
				return nil, errRefused
			}
			for _, ok := range keys {
				if bytes.Equal(ok, k.Marshal()) {
					return nil, nil
				}
			}
			return nil, errRefused
		},
	}
	sc.AddHostKey(signer)
	l, err := net.Listen("tcp", h.config.Listen)
	if errors.Is(err, unix.EADDRINUSE) {
		return nil, fmt.Errorf("listen for ssh on %s: %w (an SSH server that listens on every address takes it too)", h.config.Listen, unix.EADDRINUSE)
	}
	if err != nil {
		return nil, fmt.Errorf("listen for ssh: %w", err)
	}
	return func() {
		for {
			c, err := l.Accept()
			if err != nil {
				fmt.Fprintln(h.log, "ssh: accept:", err)
				<-time.After(100 * time.Millisecond) // out of descriptors, most likely
				continue
			}
			go h.serveSSH(c, sc)
		}
	}, nil
}

// ownHostKey reads or makes the machine's key. It is the machine's and not the
// image's, so every machine has another.
func ownHostKey(file string) (ssh.Signer, error) {
	b, err := os.ReadFile(file)
	if err == nil {
		return ssh.ParsePrivateKey(b)
	}
	if !os.IsNotExist(err) {
		return nil, err
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, err
	}
	return ssh.NewSignerFromKey(key)
}

func (h *holder) serveSSH(c net.Conn, sc *ssh.ServerConfig) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(handshakeTime)) // cannot fail on an open connection
	conn, channels, requests, err := ssh.NewServerConn(c, sc)
	if err != nil {
		return // a stranger, or a port check
	}
	_ = c.SetDeadline(time.Time{})
	defer func() { _ = conn.Close() }() // whoever is there is gone
	go ssh.DiscardRequests(requests)
	for nc := range channels {
		if nc.ChannelType() != "session" {
			_ = nc.Reject(ssh.UnknownChannelType, "only sessions") // the peer is gone
			continue
		}
		ch, reqs, err := nc.Accept()
		if err != nil {
			return
		}
		s := &session{h: h, ch: ch, user: conn.User(), env: sessionEnv(c)}
		go s.serve(reqs)
	}
}

func sessionEnv(c net.Conn) []string {
	from, to := c.RemoteAddr().(*net.TCPAddr), c.LocalAddr().(*net.TCPAddr)
	return []string{
		fmt.Sprintf("SSH_CLIENT=%s %d %d", from.IP, from.Port, to.Port),
		fmt.Sprintf("SSH_CONNECTION=%s %d %s %d", from.IP, from.Port, to.IP, to.Port),
	}
}

// session is one channel: at most one command (RFC 4254 §6.5).
type session struct {
	h       *holder
	ch      ssh.Channel
	user    string
	env     []string
	tty     *terminal
	started bool
}

func (s *session) serve(reqs <-chan *ssh.Request) {
	for r := range reqs {
		ok := s.handle(r)
		if r.WantReply {
			_ = r.Reply(ok, nil) // the peer is gone
		}
	}
	if !s.started {
		_ = s.ch.Close()
	}
}

func (s *session) handle(r *ssh.Request) bool {
	switch r.Type {
	case "env":
		var e struct{ Name, Value string }
		// What Debian's sshd_config accepts.
		if ssh.Unmarshal(r.Payload, &e) != nil || e.Name != "LANG" && !strings.HasPrefix(e.Name, "LC_") {
			return false
		}
		s.env = append(s.env, e.Name+"="+e.Value)
		return true
	case "pty-req":
		return s.openTerminal(r.Payload)
	case "window-change":
		return s.resizeTerminal(r.Payload)
	case "exec":
		var e struct{ Command string }
		if ssh.Unmarshal(r.Payload, &e) != nil || e.Command == "" {
			return false
		}
		return s.start(request{Mode: modeExec, Login: true, Script: e.Command})
	case "shell":
		return s.start(request{Mode: modeExec, Login: true})
	case "subsystem":
		var e struct{ Name string }
		if ssh.Unmarshal(r.Payload, &e) != nil || e.Name != "sftp" {
			return false
		}
		return s.start(request{Mode: modeSFTP})
	}
	return false
}

func (s *session) start(r request) bool {
	if s.started {
		return false
	}
	s.started = true
	r.User, r.Env = s.user, s.env
	p, output, err := s.spawn(r)
	if err != nil {
		fmt.Fprintln(s.h.log, "ssh:", err)
		_ = s.ch.Close()
		return false
	}
	go s.finish(p, output)
	return true
}

// spawn starts the process and copies its streams; output is done when all of the
// output has been sent.
func (s *session) spawn(r request) (p *process, output *sync.WaitGroup, err error) {
	output = new(sync.WaitGroup)
	if s.tty != nil && r.Mode == modeExec {
		r.TTY = true
		r.Env = append(r.Env, "TERM="+s.tty.kind)
		p, err = s.h.spawn(r, s.tty.slave, s.tty.slave, s.tty.slave)
		closeAll(s.tty.slave)
		if err == nil {
			output.Go(func() { _, _ = io.Copy(s.ch, s.tty.master) }) // ends with EIO
			go func() { _, _ = io.Copy(s.tty.master, s.ch) }()
		}
		return p, output, err
	}
	var f [6]*os.File // in, out, err: read and write ends
	for i := 0; i < 6; i += 2 {
		if f[i], f[i+1], err = os.Pipe(); err != nil {
			closeAll(f[:]...)
			return nil, nil, err
		}
	}
	p, err = s.h.spawn(r, f[0], f[3], f[5])
	closeAll(f[0], f[3], f[5])
	if err != nil {
		closeAll(f[1], f[2], f[4])
		return nil, nil, err
	}
	go func() { _, _ = io.Copy(f[1], s.ch); closeAll(f[1]) }()
	// An error is a peer that is gone: closing makes the command see it as well.
	output.Go(func() { _, _ = io.Copy(s.ch, f[2]); closeAll(f[2]) })
	output.Go(func() { _, _ = io.Copy(s.ch.Stderr(), f[4]); closeAll(f[4]) })
	return p, output, nil
}

// finish closes the channel as sshd does: when the command has ended and so has its
// output, which a process left behind may keep open.
func (s *session) finish(p *process, output *sync.WaitGroup) {
	end := p.wait()
	output.Wait()
	if end.Err != "" {
		fmt.Fprintf(s.ch.Stderr(), "%s\r\n", end.Err)
		end.Exit = 255
	}
	// Errors below: the peer is gone.
	if end.Signal != 0 {
		name := strings.TrimPrefix(unix.SignalName(unix.Signal(end.Signal)), "SIG")
		_, _ = s.ch.SendRequest("exit-signal", false, ssh.Marshal(struct {
			Signal  string
			Core    bool
			Message string
			Lang    string
		}{Signal: name}))
	} else {
		_, _ = s.ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(end.Exit)}))
	}
	_ = s.ch.Close()
	if s.tty != nil {
		closeAll(s.tty.master)
	}
}
