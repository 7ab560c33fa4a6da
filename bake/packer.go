package bake

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/internal/wait"
)

// KindPacker and KindRunCommand are the units' kinds.
const (
	KindPacker     = "bake.packer"
	KindRunCommand = "bake.run-command"
)

const watchEvery = time.Second

// Packer is the unit that carries out a plan by driving Packer, which is external
// work: its own calls to AWS are outside our idempotence, so whatever is found of an
// earlier attempt is first ended, then adopted or removed.
func (s *Stage) Packer(p Plan) unit.Unit {
	r := packerRun{run{s, p}}
	return unit.Func(KindPacker, r.advance)
}

type packerRun struct{ run }

func (r packerRun) advance(ctx context.Context, s *State) (unit.Next, error) {
	switch s.Step {
	case stepBegin:
		return r.begin(s)
	case stepStart:
		return r.start(ctx, s)
	case stepWatch:
		return r.watch(ctx, s)
	case stepSalvage:
		return r.salvage(ctx, s)
	}
	return r.finish(ctx, s, true)
}

func (r packerRun) begin(s *State) (unit.Next, error) {
	if r.plan.Skip {
		r.skipped(s, r.plan.Reason)
		return r.enter(s, stepEnd, 0)
	}
	if err := canSupervise(); err != nil {
		return unit.Next{}, err
	}
	var m [16]byte
	if _, err := rand.Read(m[:]); err != nil {
		return unit.Next{}, fmt.Errorf("make a marker: %w", err)
	}
	s.Marker, s.Attempt, s.StartedAt = hex.EncodeToString(m[:]), 1, r.Clock.Now()
	r.emit(event.Started, "baking %s from %s", r.plan.ImageName, r.plan.Source.ID)
	return r.enter(s, stepStart, 0)
}

// start starts Packer under its supervisor.
func (r packerRun) start(ctx context.Context, s *State) (unit.Next, error) {
	p := process{r.folder(s)}
	if _, err := os.Stat(filepath.Join(p.folder, specFile)); err == nil {
		// A process of ours got here and did not live to record it.
		if err := r.stop(ctx, p); err != nil {
			return unit.Next{}, err
		}
		s.Settle = true
		return r.enter(s, stepSalvage, appearLimit)
	}
	env, err := r.prepare(ctx, s)
	if err != nil {
		return unit.Next{}, err
	}
	self := r.Self
	if self == "" {
		if self, err = os.Executable(); err != nil {
			return unit.Next{}, fmt.Errorf("find this program, to supervise Packer: %w", err)
		}
	}
	template := filepath.Join(p.folder, templateFile)
	if t := r.plan.Request.Packer.Template; t != "" {
		if template, err = filepath.Abs(t); err != nil {
			return unit.Next{}, err
		}
	}
	command := []string{r.plan.Request.Packer.Path, "build", "-color=false", "-timestamp-ui", template}
	c, err := p.start(self, spec{Command: command, Dir: p.folder, Grace: r.grace()}, env)
	if err != nil {
		return unit.Next{}, err
	}
	r.children.add(p.folder, c)
	r.emit(event.Progress, "started Packer (%s), log in %s", s.Builder, filepath.Join(p.folder, logFile))
	next, err := r.enter(s, stepWatch, 0)
	// A real process takes real time, whatever clock AWS goes by.
	s.Until = wait.Wall{}.Now().Add(r.plan.Request.timeout())
	return next, err
}

func (r packerRun) grace() time.Duration {
	if g := r.plan.Request.Packer.Grace; g > 0 {
		return g
	}
	return 2 * time.Minute
}

// prepare writes an attempt's files and returns Packer's environment.
func (r packerRun) prepare(ctx context.Context, s *State) ([]string, error) {
	in, folder := r.plan.Request, r.folder(s)
	settings := filepath.Join(in.Folder, "bake", "packer-config")
	if in.Packer.PluginFolder == "" {
		in.Packer.PluginFolder = filepath.Join(in.Folder, "bake", "plugins")
	}
	for _, dir := range []string{folder, settings} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	version, err := in.Packer.version(ctx, settings)
	if err != nil {
		return nil, err
	}
	plugins, err := in.Packer.installPlugins(ctx, settings)
	if err != nil {
		return nil, err
	}
	s.Builder = "packer " + version + ", " + strings.Join(plugins, ", ")
	files := map[string]any{baselineFile: in.Baseline, optionsFile: in.Options}
	if in.Lock != nil {
		files[pinnedFile] = in.Lock
	}
	if len(in.FirstSeen) > 0 {
		files[seenFile] = in.FirstSeen
	}
	for name, v := range files {
		if err := writeJSON(filepath.Join(folder, name), v); err != nil {
			return nil, err
		}
	}
	env := in.Packer.environment(settings)
	if in.Packer.Template != "" {
		vars, err := r.plan.variables(folder, s.Marker)
		return append(env, vars...), err
	}
	t, err := r.plan.template(folder, s.Marker)
	if err != nil {
		return nil, err
	}
	return env, writeFile(filepath.Join(folder, templateFile), t)
}

// watch looks whether Packer has ended.
func (r packerRun) watch(ctx context.Context, s *State) (unit.Next, error) {
	p := process{r.folder(s)}
	c := r.children.get(p.folder)
	if c != nil {
		c.tail(p.folder, func(line string) { r.emit(event.Output, "%s", line) })
	}
	how, err := p.exit()
	if err != nil {
		return unit.Next{}, err
	}
	late := wait.Wall{}.Now().After(s.Until)
	if how == nil && c.lives() && !late {
		return unit.AgainOnWall(watchEvery), nil
	}
	// It has ended, or its supervisor has, or another process of ours started it.
	if err := r.stop(ctx, p); err != nil {
		return unit.Next{}, err
	}
	if how, err = p.exit(); err != nil {
		return unit.Next{}, err
	}
	switch {
	case late:
		return r.fail(s, "Packer did not end within %s", r.plan.Request.timeout())
	case how == nil || how.Interrupted || how.Signal != "":
		s.Settle = true
		return r.enter(s, stepSalvage, appearLimit)
	case how.Error != "":
		return r.fail(s, "run Packer: %s", how.Error)
	case how.Code != 0:
		return r.failed(s, how)
	}
	return r.enter(s, stepSalvage, appearLimit)
}

// stop ends what lives of a process and forgets it as a child.
func (r packerRun) stop(ctx context.Context, p process) error {
	r.children.drop(p.folder)
	return p.end(ctx, r.grace())
}

// failed tells a build that had nothing to do from one that failed.
func (r packerRun) failed(s *State, how *exited) (unit.Next, error) {
	var report record.NodeReport
	err := readJSON(filepath.Join(r.folder(s), reportFile), &report)
	switch {
	case err == nil && report.Skipped:
		r.skipped(s, "the lock would be identical ("+r.plan.SkipIdentity+")")
		return r.reap(s, stepEnd)
	case err == nil && report.Error != "":
		return r.fail(s, "patching the build instance failed: %s", report.Error)
	case err != nil && !errors.Is(err, fs.ErrNotExist) && !isSyntax(err):
		return unit.Next{}, err
	}
	return r.fail(s, "Packer failed (exit %d): %s", how.Code, errorLine(filepath.Join(r.folder(s), logFile)))
}

func isSyntax(err error) bool {
	var syntax *json.SyntaxError
	return errors.As(err, &syntax)
}

// salvage looks for the image once Packer has ended. Packer asks for an image only
// after the provisioner has succeeded, so one that is there together with what the
// provisioner brought back is good, however Packer ended.
func (r packerRun) salvage(ctx context.Context, s *State) (unit.Next, error) {
	how, err := process{r.folder(s)}.exit()
	if err != nil {
		return unit.Next{}, err
	}
	succeeded := how != nil && how.Code == 0 && !how.Interrupted
	bad := func(format string, args ...any) (unit.Next, error) {
		if succeeded {
			return r.fail(s, "Packer reported success, but "+format, args...)
		}
		return r.again(s, stepStart, "Packer was ended early and "+format, args...)
	}
	found, err := r.named(ctx)
	if err != nil {
		return unit.Next{}, err
	}
	if len(found) == 0 {
		return bad("there is no image %s", r.plan.ImageName)
	}
	if _, err := readOutputs(r.folder(s), true); err != nil {
		return bad("what it was to bring back is not whole: %v", err)
	}
	switch image := found[0]; {
	case image.State == ImageAvailable:
		s.Image = image.ID
		r.emit(event.Found, "image %s is available", image.ID)
		return r.reap(s, stepTag)
	case image.State == ImagePending && !r.late(s):
		return unit.Again(imageEvery), nil
	default:
		return bad("image %s is %s", image.ID, image.State)
	}
}
