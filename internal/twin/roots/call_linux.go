package roots

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/goldenami/rehydrate/internal/twin/backing"
)

// Run implements backing.Backing.
func (r *Roots) Run(ctx context.Context, id string, c backing.Command) (int, error) {
	if c.Script == "" && len(c.Args) == 0 {
		return 0, fmt.Errorf("run in machine %s: %w", id, errNoCommand)
	}
	q := request{Mode: modeExec, User: c.User, Script: c.Script, Args: c.Args, Env: c.Env, Dir: c.Dir}
	n, err := r.call(ctx, id, q, c.Stdin, c.Stdout, c.Stderr)
	if err != nil {
		return 0, fmt.Errorf("run in machine %s: %w", id, err)
	}
	return n.Exit, nil
}

// Put implements backing.Backing.
func (r *Roots) Put(ctx context.Context, id, path string, mode fs.FileMode, in io.Reader) error {
	if _, err := r.call(ctx, id, request{Mode: modePut, Path: path, FileMode: mode}, in, nil, nil); err != nil {
		return fmt.Errorf("put %s in machine %s: %w", path, id, err)
	}
	return nil
}

// Get implements backing.Backing.
func (r *Roots) Get(ctx context.Context, id, path string, w io.Writer) error {
	if _, err := r.call(ctx, id, request{Mode: modeGet, Path: path}, nil, w, nil); err != nil {
		return fmt.Errorf("get %s from machine %s: %w", path, id, err)
	}
	return nil
}

// call runs one request and waits for its end and that of its output.
func (r *Roots) call(ctx context.Context, id string, q request, stdin io.Reader, stdout, stderr io.Writer) (notice, error) {
	if err := ctx.Err(); err != nil {
		return notice{}, err
	}
	run, err := r.running(id)
	if err != nil {
		return notice{}, err
	}
	s, err := openStreams(stdin, stdout, stderr)
	if err != nil {
		return notice{}, err
	}
	defer s.closeOurs()
	ours, theirs, err := socketPair(unix.SOCK_STREAM)
	if err != nil {
		s.closeTheirs()
		return notice{}, err
	}
	conv, err := unixConn(ours)
	if err != nil {
		closeAll(theirs)
		s.closeTheirs()
		return notice{}, err
	}
	defer func() { _ = conv.Close() }() // nothing is left to write
	err = run.hand(append([]*os.File{theirs}, s.theirs[:]...))
	closeAll(theirs)
	s.closeTheirs()
	if err != nil {
		return notice{}, errors.Join(backing.ErrInterrupted, err)
	}
	kill := func() { _, _ = conv.Write([]byte{killByte}) } // fails if it has ended
	stop := context.AfterFunc(ctx, kill)
	defer stop()
	if err := json.NewEncoder(conv).Encode(q); err != nil {
		return notice{}, errors.Join(backing.ErrInterrupted, err)
	}
	copied := s.copy(kill)
	var n notice
	err = json.NewDecoder(conv).Decode(&n)
	copied.Wait()
	switch {
	case ctx.Err() != nil && (err != nil || n.Signal != 0):
		return notice{}, ctx.Err()
	case s.failure() != nil:
		return notice{}, fmt.Errorf("copy streams: %w", s.failure())
	case err != nil:
		return notice{}, backing.ErrInterrupted
	case n.Absent:
		return notice{}, fmt.Errorf("%s: %w", n.Err, fs.ErrNotExist)
	case n.Err != "":
		return notice{}, errors.New(n.Err)
	case q.Mode != modeExec && n.Exit != 0:
		return notice{}, fmt.Errorf("the machine's helper process was killed: %w", backing.ErrInterrupted)
	}
	return n, nil
}

// hand passes one call's descriptors to the holder.
func (r *running) hand(files []*os.File) error {
	fds := make([]int, len(files))
	for i, f := range files {
		fds[i] = int(f.Fd())
	}
	r.send.Lock()
	defer r.send.Unlock()
	_, _, err := r.control.WriteMsgUnix([]byte{'c'}, unix.UnixRights(fds...), nil)
	return err
}

// streams are the pipes of one call.
type streams struct {
	in     io.Reader
	out    [2]io.Writer
	ours   [3]*os.File // nil where nothing is copied
	theirs [3]*os.File
	mu     sync.Mutex
	err    error
}

func openStreams(in io.Reader, stdout, stderr io.Writer) (*streams, error) {
	s := &streams{in: in, out: [2]io.Writer{stdout, stderr}}
	var err error
	for i := range 3 {
		switch {
		case i == 0 && in != nil:
			s.theirs[i], s.ours[i], err = os.Pipe()
		case i > 0 && s.out[i-1] != nil:
			s.ours[i], s.theirs[i], err = os.Pipe()
		default:
			s.theirs[i], err = os.OpenFile(os.DevNull, os.O_RDWR, 0)
		}
		if err != nil {
			s.closeTheirs()
			s.closeOurs()
			return nil, err
		}
	}
	return s, nil
}

func (s *streams) closeTheirs() { closeAll(s.theirs[:]...) }
func (s *streams) closeOurs()   { closeAll(s.ours[:]...) }

// copy starts copying; the group is done when both outputs have ended. When the
// input cannot be read, abort is called and the input is left open, so that a file
// that is being written does not look complete.
func (s *streams) copy(abort func()) *sync.WaitGroup {
	if w := s.ours[0]; w != nil {
		go func() {
			in := &watchedReader{r: s.in}
			_, _ = io.Copy(w, in) // a command need not read its input
			if in.err != nil {
				s.fail(in.err)
				abort()
				return
			}
			closeAll(w)
		}()
	}
	g := new(sync.WaitGroup)
	for i, w := range s.out {
		if w == nil {
			continue
		}
		g.Go(func() {
			if _, err := io.Copy(w, s.ours[i+1]); err != nil {
				s.fail(err)
				closeAll(s.ours[i+1]) // the command sees a closed pipe
			}
		})
	}
	return g
}

func (s *streams) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = errors.Join(s.err, err)
}

func (s *streams) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// watchedReader keeps the error of a reader, which io.Copy mixes with the writer's.
type watchedReader struct {
	r   io.Reader
	err error
}

func (w *watchedReader) Read(b []byte) (int, error) {
	n, err := w.r.Read(b)
	if err != nil && err != io.EOF {
		w.err = err
	}
	return n, err
}
