// Package curl reads repository metadata over HTTP by the curl of the machine itself.
// It is for rehydrate-node, which an HTTP and TLS client of its own would make a fifth
// larger: every system whose package manager is yum has curl.
package curl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os/exec"
	"strings"
)

// maxSize bounds an answer, in bytes, as stated or as read.
const maxSize = 1 << 30

// Fetch returns the Fetch of reading.Options that runs the named program, curl, until
// ctx ends. What is not there gives fs.ErrNotExist; an answer that breaks off is an
// error where it breaks off, not a shorter file.
func Fetch(ctx context.Context, program string) func(address string) (io.ReadCloser, error) {
	return func(address string) (io.ReadCloser, error) {
		u, err := url.Parse(address)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return nil, errors.New("fetch: the address is none of http or https")
		}
		ctx, stop := context.WithCancel(ctx)
		// The address may hold a password: it goes in by standard input, where the list
		// of processes does not show it.
		cmd := exec.CommandContext(ctx, program, "--disable", "--config", "-", "--no-buffer", "--fail", "--silent", "--show-error", "--location", "--max-redirs", "5",
			"--proto", "=http,https", "--proto-redir", "=http,https", "--connect-timeout", "30", "--speed-time", "60", "--speed-limit", "1",
			"--max-filesize", fmt.Sprint(maxSize))
		cmd.Stdin = strings.NewReader("url = \"" + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(u.String()) + "\"\n")
		b := &body{cmd: cmd, stop: stop, what: u.Path + " from " + u.Host, left: maxSize}
		cmd.Stderr = &b.said
		if b.out, err = cmd.StdoutPipe(); err == nil {
			err = cmd.Start()
		}
		if err != nil {
			stop()
			return nil, fmt.Errorf("fetch %s: %w", b.what, err)
		}
		// The first bytes, or the end, tell whether there is anything.
		first := make([]byte, 1)
		switch n, err := b.Read(first); {
		case n == 0 && !errors.Is(err, io.EOF):
			return nil, errors.Join(err, b.Close())
		case n > 0:
			b.first = first
		}
		return b, nil
	}
}

// body is curl's standard output; its end is only believed when curl ended well.
type body struct {
	cmd   *exec.Cmd
	stop  func()
	out   io.Reader
	said  bytes.Buffer
	what  string
	first []byte
	left  int64
	end   error // once the output has ended
}

func (b *body) Read(p []byte) (int, error) {
	if len(b.first) > 0 && len(p) > 0 {
		n := copy(p, b.first)
		b.first = b.first[n:]
		return n, nil
	}
	if b.end != nil {
		return 0, b.end
	}
	n, err := b.out.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("fetch %s: it has more than %d bytes", b.what, maxSize)
	}
	if err != nil {
		b.end = b.ended()
		err = b.end
	}
	return n, err
}

// ended waits for curl and says how it ended.
func (b *body) ended() error {
	err := b.cmd.Wait()
	if err == nil {
		return io.EOF
	}
	said := strings.TrimSpace(b.said.String())
	// 22 is an HTTP status of 400 and above ("EXIT CODES", curl(1)); the message ends
	// with the status.
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 22 && (strings.HasSuffix(said, " 404") || strings.HasSuffix(said, " 410")) {
		err = fs.ErrNotExist
	} else if said != "" {
		err = errors.New(said)
	}
	return fmt.Errorf("fetch %s: %w", b.what, err)
}

// Close ends curl where it has not ended.
func (b *body) Close() error {
	b.stop()
	if b.end == nil {
		_ = b.cmd.Wait() // it was ended here
		b.end = fs.ErrClosed
	}
	return nil
}
