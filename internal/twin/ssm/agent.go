package ssm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

const (
	// What GetCommandInvocation returns of outputs (API reference).
	maxStdout = 24000
	maxStderr = 8000
	// maxOutput is how much of an output is kept for S3.
	maxOutput = 64 << 20
	// rebootCode is the exit code by which a script asks for a reboot and to be run
	// again ("Rebooting managed node from scripts", user guide).
	rebootCode = 194
	maxReboots = 10
)

// job is one invocation that the agent works on.
type job struct {
	s       *Service
	p       place
	c       command
	folder  string // where relative paths begin
	fetched map[string]object
	closing func() bool // the twin is ending
	brought bool        // the patch program is on the node
}

// object is a downloaded file of a modelled instance, by its path there.
type object struct{ bucket, key string }

// outcome is how a step ended.
type outcome struct {
	status         types.CommandInvocationStatus
	detail         string
	code           int
	stdout, stderr []byte
}

func failed(code int, format string, args ...any) outcome {
	return outcome{types.CommandInvocationStatusFailed, "Failed", code, nil, fmt.Appendf(nil, format+"\n", args...)}
}

// Resume takes up again the commands that the end of the process interrupted: like the
// real agent after a restart, it runs a step that had not ended once more. Call it
// once, when the world has been started.
func (s *Service) Resume() error {
	return s.w.Do("-", "-", func(tx *world.Tx) error {
		for _, p := range underway(tx).All() {
			tx.Event("command.resumed", map[string]any{"command": p.Command, "instance": p.Instance})
			tx.Go("command "+p.Command+" on "+p.Instance, func(ctx context.Context) { s.run(ctx, p) })
		}
		return nil
	})
}

// run works through a command's steps on one node.
func (s *Service) run(ctx context.Context, p place) {
	key, twin := invocationKey(p.Command, p.Instance), ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	s.running[key] = cancel
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.running, key)
		s.mu.Unlock()
	}()
	// The world's context ends when the twin does; ours also when the command is
	// cancelled.
	j := &job{s: s, p: p, fetched: map[string]object{}, closing: func() bool { return twin.Err() != nil }}
	var i invocation
	found := false
	err := s.w.Do(p.Account, p.Region, func(tx *world.Tx) error {
		i, found = invocations(tx).Get(key)
		j.c, _ = commands(tx).Get(p.Command)
		return nil
	})
	if err != nil || !found || i.done() {
		return
	}
	if i.Status == types.CommandInvocationStatusCancelling {
		cancel()
	}
	// The agent's own folder ("orchestration" folder of SSM Agent).
	j.folder = path.Join("/var/lib/amazon/ssm", p.Instance, "document/orchestration", p.Command, "downloads")
	status, detail := j.steps(ctx)
	if j.closing() {
		return // Resume goes on
	}
	_ = s.w.Do(p.Account, p.Region, func(tx *world.Tx) error { // an error here is a full disk; Resume runs it again
		i, ok := invocations(tx).Get(key)
		if !ok || i.done() {
			return nil
		}
		i.Status, i.Detail = status, detail
		s.end(tx, i)
		return nil
	})
}

// steps runs the steps in order and says how the invocation ended. A step that fails
// does not keep the following ones from running unless it has onFailure: exit
// ("onFailure", command document plugin reference).
func (j *job) steps(ctx context.Context) (types.CommandInvocationStatus, string) {
	startErr := j.s.EC2.EnsureStarted(ctx, j.p.Instance)
	status, detail := types.CommandInvocationStatusSuccess, "Success"
	exit := false
	for n, st := range j.c.Content.MainSteps {
		if exit && !truth(j.text(st, "finallyStep")) {
			continue
		}
		if !j.record(n, func(r *stepResult, now time.Time) {
			r.Status, r.Detail, r.Began = types.CommandInvocationStatusInProgress, "InProgress", now
		}) {
			continue // ended before the twin was started again
		}
		o, bad := j.sabotaged(st)
		switch {
		case startErr != nil:
			o = failed(1, "%v", startErr)
		case bad:
		case st.skipped():
			o = outcome{types.CommandInvocationStatusSuccess, "Success", 0, []byte("Step execution skipped due to unsatisfied preconditions\n"), nil}
		case j.c.Document == runPatchBaseline:
			o = j.patch(ctx)
		case st.Action == pluginDownload:
			o = j.download(ctx, st)
		case j.s.Machines.IsModelled(j.p.Instance):
			o = j.modelled(ctx, st)
		default:
			o = j.shell(ctx, st)
		}
		if j.closing() {
			return status, detail
		}
		if ctx.Err() != nil {
			o = outcome{types.CommandInvocationStatusCancelled, "Cancelled", -1, o.stdout, o.stderr}
		}
		j.upload(st, o)
		j.record(n, func(r *stepResult, now time.Time) {
			r.Status, r.Detail, r.Code, r.Ended = o.status, o.detail, int32(o.code), now
			r.Stdout, r.Stderr = cut(o.stdout, maxStdout), cut(o.stderr, maxStderr)
		})
		if o.status == types.CommandInvocationStatusSuccess {
			if truth(j.text(st, "isEnd")) {
				exit = true
			}
			continue
		}
		switch j.text(st, "onFailure") {
		case "exit":
			exit = true
		case "successAndExit":
			exit = true
			continue
		}
		if status == types.CommandInvocationStatusSuccess {
			status, detail = o.status, o.detail
		}
		if o.status == types.CommandInvocationStatusCancelled {
			return o.status, o.detail
		}
	}
	return status, detail
}

func truth(s string) bool { return strings.EqualFold(s, "true") }

// text is an input that is one string.
func (j *job) text(st step, name string) string {
	return strings.Join(input(st.Inputs[name], j.c.Bound, j.c.Content.lists), "\n")
}

// record changes the result of step n unless it has ended; false says it had.
func (j *job) record(n int, f func(*stepResult, time.Time)) bool {
	open := false
	_ = j.s.w.Do(j.p.Account, j.p.Region, func(tx *world.Tx) error { // an error here is a full disk; Resume runs it again
		key := invocationKey(j.p.Command, j.p.Instance)
		i, ok := invocations(tx).Get(key)
		if !ok || !i.Steps[n].Ended.IsZero() {
			return nil
		}
		open = true
		i.Steps = append([]stepResult(nil), i.Steps...)
		f(&i.Steps[n], tx.Now)
		invocations(tx).Put(key, i)
		return nil
	})
	return open
}

// shell runs a script as root. A script's own time limit is the wall's, for in a real
// root everything sees wall time.
func (j *job) shell(ctx context.Context, st step) outcome {
	limit := 3600 * time.Second
	if n, err := strconv.Atoi(j.text(st, "timeoutSeconds")); err == nil && n > 0 {
		limit = time.Duration(n) * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c := backing.Command{
		Script: j.text(st, "runCommand"), Dir: j.text(st, "workingDirectory"),
		Env: []string{"AWS_SSM_INSTANCE_ID=" + j.p.Instance, "AWS_SSM_REGION_NAME=" + j.p.Region},
	}
	if c.Dir == "" {
		c.Dir = j.folder
		if _, err := j.s.Machines.Run(ctx, j.p.Instance, backing.Command{Args: []string{"mkdir", "-p", j.folder}, Dir: "/"}); err != nil {
			return failed(1, "make the working folder: %v", err)
		}
	}
	var out, errs bounded
	c.Stdout, c.Stderr = &out, &errs
	for reboots := 0; ; reboots++ {
		code, err := j.s.Machines.Run(ctx, j.p.Instance, c)
		switch {
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			return outcome{types.CommandInvocationStatusTimedOut, "ExecutionTimedOut", 137, out.Bytes(), errs.Bytes()}
		case err != nil:
			return outcome{types.CommandInvocationStatusFailed, "Failed", 1, out.Bytes(), append(errs.Bytes(), err.Error()...)}
		case code == rebootCode && reboots < maxReboots:
			if err := j.s.Machines.Reboot(ctx, j.p.Instance); err != nil {
				return failed(1, "reboot: %v", err)
			}
			continue
		case code != 0:
			fmt.Fprintf(&errs, "failed to run commands: exit status %d", code)
			return outcome{types.CommandInvocationStatusFailed, "Failed", code, out.Bytes(), errs.Bytes()}
		}
		return outcome{types.CommandInvocationStatusSuccess, "Success", 0, out.Bytes(), errs.Bytes()}
	}
}

// bounded keeps the beginning of an output.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if room := maxOutput - b.Len(); room < len(p) {
		b.Buffer.Write(p[:max(room, 0)])
		return len(p), nil
	}
	return b.Buffer.Write(p)
}

// cut is the beginning of an output as the API returns it.
func cut(p []byte, n int) string {
	const mark = "\n--output truncated--"
	text := strings.ToValidUTF8(string(p), "\uFFFD")
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n-len(mark)], "") + mark
}
