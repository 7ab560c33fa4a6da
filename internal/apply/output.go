package apply

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/wait"
)

// run runs cmd as c says and returns its output and error output.
func run(cmd *exec.Cmd, c Command) (out []byte, errs string, err error) {
	if c.Whole {
		return runWhole(cmd, c)
	}
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	if c.Line != nil {
		read, write := io.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			lines := bufio.NewScanner(read)
			for lines.Scan() {
				if l := strings.TrimSpace(lines.Text()); l != "" {
					c.Line(l)
				}
			}
			_, _ = io.Copy(io.Discard, read) // an over-long line must not block the command
		}()
		cmd.Stdout = io.MultiWriter(&o, write)
		defer func() { _ = write.Close(); <-done }() // of a pipe: never fails
	}
	err = cmd.Run()
	return o.Bytes(), e.String(), err
}

// runWhole runs cmd apart from this process: its output goes to files, because a
// pipe would break with this process and the command with the pipe.
func runWhole(cmd *exec.Cmd, c Command) (out []byte, errs string, err error) {
	apart(cmd)
	o, err := scratch()
	if err != nil {
		return nil, "", err
	}
	defer o.Close()
	e, err := scratch()
	if err != nil {
		return nil, "", err
	}
	defer e.Close()
	cmd.Stdout, cmd.Stderr = o, e
	if err := cmd.Start(); err != nil {
		return nil, "", err
	}
	ended, told := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(told)
		tell(o, c.Line, ended)
	}()
	err = cmd.Wait()
	close(ended)
	<-told
	out, readErr := whole(o)
	text, readErr2 := whole(e)
	return out, string(text), errors.Join(err, readErr, readErr2)
}

// scratch is a file without a name, where the system lets an open file lose its own.
func scratch() (*os.File, error) {
	f, err := os.CreateTemp("", "rehydrate-output-")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(f.Name()) // elsewhere the folder for temporary files keeps it
	return f, nil
}

func whole(f *os.File) ([]byte, error) {
	return io.ReadAll(io.NewSectionReader(f, 0, math.MaxInt64))
}

// tell hands over the lines of f as they come, until ended is closed.
func tell(f *os.File, line func(string), ended <-chan struct{}) {
	if line == nil {
		return
	}
	var at int64
	var rest []byte
	more := func() {
		for {
			part := make([]byte, 32<<10)
			n, err := f.ReadAt(part, at)
			at += int64(n)
			rest = append(rest, part[:n]...)
			if err != nil || n == 0 {
				break // for now
			}
		}
		for {
			i := bytes.IndexByte(rest, '\n')
			if i < 0 {
				return
			}
			if l := strings.TrimSpace(string(rest[:i])); l != "" {
				line(l)
			}
			rest = rest[i+1:]
		}
	}
	// Progress for people: it ends with the command, and how it ends is of no interest.
	_ = wait.Poll(context.Background(), wait.Wall{}, "output", 200*time.Millisecond, math.MaxInt64, func(context.Context) (bool, error) {
		more()
		select {
		case <-ended:
			return true, nil
		default:
			return false, nil
		}
	})
	more()
	if l := strings.TrimSpace(string(rest)); l != "" {
		line(l)
	}
}
