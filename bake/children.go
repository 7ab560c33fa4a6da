package bake

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// children are the supervisors that this process started, by folder. They are the
// only thing of a bake that lives in memory, and losing it is harmless.
type children struct {
	mu sync.Mutex
	by map[string]*child
}

func (c *children) add(folder string, one *child) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = map[string]*child{}
	}
	c.by[folder] = one
}

func (c *children) get(folder string) *child {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.by[folder]
}

// drop tells a supervisor to end and forgets it.
func (c *children) drop(folder string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if one := c.by[folder]; one != nil {
		one.alive.Close()
		delete(c.by, folder)
	}
}

// Close ends every Packer that this stage started and still runs, and waits until
// they have cleaned up after themselves or their grace is over. A run that is
// interrupted calls it before it exits.
func (s *Stage) Close(ctx context.Context, grace time.Duration) error {
	s.children.mu.Lock()
	var folders []string
	for f := range s.children.by {
		folders = append(folders, f)
	}
	s.children.mu.Unlock()
	var errs []error
	for _, f := range folders {
		s.children.drop(f)
		errs = append(errs, process{f}.end(ctx, grace))
	}
	return errors.Join(errs...)
}

// lives says whether the supervisor runs; a child of another process does not.
func (c *child) lives() bool {
	if c == nil {
		return false
	}
	select {
	case <-c.ended:
		return false
	default:
		return true
	}
}

// tail hands on the whole lines of the log that came since the last call.
func (c *child) tail(folder string, line func(string)) {
	f, err := os.Open(filepath.Join(folder, logFile))
	if err != nil {
		return // not there yet
	}
	defer f.Close()
	if _, err := f.Seek(c.read, io.SeekStart); err != nil {
		return
	}
	in := bufio.NewReader(f)
	for {
		text, err := in.ReadString('\n')
		if err != nil {
			return // the rest of the line comes with the next call
		}
		c.read += int64(len(text))
		if text = strings.TrimSpace(text); text != "" {
			line(text)
		}
	}
}

var buildError = regexp.MustCompile(`errored after [^:]*: (.+)$`)

// errorLine finds why Packer failed in the end of its log.
func errorLine(log string) string {
	f, err := os.Open(log)
	if err != nil {
		return "there is no log"
	}
	defer f.Close()
	const window = 64 << 10
	if st, err := f.Stat(); err == nil && st.Size() > window {
		_, _ = f.Seek(-window, io.SeekEnd)
	}
	b, err := io.ReadAll(io.LimitReader(f, window))
	if err != nil {
		return "the log cannot be read: " + err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	for _, l := range lines {
		if m := buildError.FindStringSubmatch(strings.TrimSpace(l)); m != nil {
			return m[1]
		}
	}
	for _, l := range lines {
		if i := strings.Index(l, "Error: "); i >= 0 {
			return strings.TrimSpace(l[i+len("Error: "):])
		}
	}
	if last := lastLine(string(b)); last != "" {
		return last
	}
	return "the log is empty"
}
