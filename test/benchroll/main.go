package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// The bars.
const (
	planBar     = 5.0       // seconds
	memoryBar   = 300 << 20 // bytes
	callsBar    = 0.1       // for each replaced instance
	throttleBar = 1.0       // percent
	rehearseBar = 60.0      // seconds
)

func main() {
	if maybePart() {
		return
	}
	var s shape
	flag.IntVar(&s.Accounts, "accounts", 20, "accounts")
	flag.IntVar(&s.Regions, "regions", 4, "regions of each, at most 4")
	flag.IntVar(&s.Groups, "groups", 10, "groups in each region")
	flag.IntVar(&s.Instances, "instances", 50, "instances of each group")
	bars := flag.Bool("bars", true, "a missed bar is a failure")
	profile := flag.String("cpuprofile", "", "write CPU profiles to `FILE`.plan, FILE.surge, FILE.roll and FILE.rehearse")
	flag.Parse()
	if flag.NArg() > 0 || s.Regions < 1 || s.Regions > len(regions) || s.Accounts < 1 || s.Groups < 1 || s.Instances < 1 {
		fmt.Fprintln(os.Stderr, "benchroll: numbers from 1, at most 4 regions, no arguments")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	b := &bench{out: os.Stdout, profile: *profile}
	err := b.run(ctx, s)
	stop()
	if err == nil && *bars && len(b.missed) > 0 {
		err = errors.New("missed: " + strings.Join(b.missed, ", "))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "benchroll: %v\n", err)
		os.Exit(1)
	}
}

// bench prints what it measures.
type bench struct {
	out     io.Writer
	profile string
	missed  []string
}

func (b *bench) bar(what, figure, bar string, met bool) {
	verdict := "ok"
	if !met {
		verdict = "MISSED"
		b.missed = append(b.missed, what)
	}
	fmt.Fprintf(b.out, "%-42s %-32s %-12s %s\n", what, figure, bar, verdict)
}

func (b *bench) note(what, format string, args ...any) {
	fmt.Fprintf(b.out, "%-42s %s\n", what, fmt.Sprintf(format, args...))
}

// load says how many others wanted the machine, where that can be told: more than it has
// CPUs makes every time longer. A miss under load is a miss.
func (b *bench) load(when string) {
	text, err := os.ReadFile("/proc/loadavg")
	f := strings.Fields(string(text))
	if err != nil || len(f) == 0 {
		return
	}
	note := ""
	if n, err := strconv.ParseFloat(f[0], 64); err == nil && n > float64(runtime.NumCPU()) {
		note = ": others are at work here, and times in seconds are too long"
	}
	b.note("load "+when, "%s in the last minute%s", f[0], note)
}

func (b *bench) run(ctx context.Context, s shape) (err error) {
	b.note("machine", "%d CPUs", runtime.NumCPU())
	b.load("at the beginning")
	b.note("fleet", "%s, modelled", s)
	dir, err := os.MkdirTemp("", "benchroll")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	j := job{Shape: s, Dir: dir, Profile: b.profile}
	if j.World, j.Config, err = s.write(dir); err != nil {
		return err
	}
	f, err := b.rolled(ctx, j)
	if err != nil {
		return err
	}
	b.rollFigures(s, f)
	if f.Done != s.groups() || f.OnImage != s.all() {
		return fmt.Errorf("%d of %d groups are done, %d of %d instances run the new image", f.Done, s.groups(), f.OnImage, s.all())
	}
	b.load("before the rehearsal")
	if f, err = run(ctx, "rehearse", j); err != nil {
		return err
	}
	b.load("at the end")
	b.bar("rehearsal", fmt.Sprintf("%.1f s (%.1f s of CPU)", f.Wall, f.CPU), "< 60 s", f.Wall < rehearseBar)
	b.note("  of", "%d groups, %s in %.0f s of virtual time, %d of %d in service at the lowest, peak %d MB", f.Groups, f.Outcome, f.Virtual, f.Lowest, f.Desired, f.Peak>>20)
	if f.Outcome != "done" || f.OnImage < s.all() {
		return fmt.Errorf("the rehearsal ended %s with %d instances replaced", f.Outcome, f.OnImage)
	}
	return nil
}

// rolled serves the fleet and rolls it, in two processes.
func (b *bench) rolled(ctx context.Context, j job) (*figures, error) {
	served, stop := context.WithCancel(ctx)
	defer stop()
	t := j
	t.Dir = filepath.Join(j.Dir, "twin")
	twin, err := part(served, "twin", t)
	if err != nil {
		return nil, err
	}
	out, err := twin.StdoutPipe()
	if err == nil {
		err = twin.Start()
	}
	if err != nil {
		return nil, err
	}
	defer func() {
		stop()
		_ = twin.Wait() // it was told to end
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("the twin did not say where it is: %w", err)
	}
	j.Endpoint = strings.TrimSpace(line)
	return run(ctx, "roll", j)
}

func (b *bench) rollFigures(s shape, f *figures) {
	b.bar("plan", fmt.Sprintf("%.2f s (%.2f s of CPU)", f.PlanWall, f.PlanCPU), "< 5 s", f.PlanWall < planBar)
	b.note("  of", "%d groups by %d calls", f.Groups, f.PlanCalls)
	b.bar("plan of a surge", fmt.Sprintf("%.2f s (%.2f s of CPU)", f.SurgeWall, f.SurgeCPU), "< 5 s", f.SurgeWall < planBar)
	b.note("  by", "%d calls", f.SurgeCalls)
	b.note("roll", "%.1f s (%.1f s of CPU), %.0f s of virtual time, %d groups done, %d at a time", f.Wall, f.CPU, f.Virtual, f.Done, together)
	if f.Peak > 0 {
		b.bar("memory of the process that planned and rolled", fmt.Sprintf("%d MB at most", f.Peak>>20), "< 300 MB", f.Peak < memoryBar)
	}
	each := float64(f.All) / float64(s.all())
	b.bar("calls for each replaced instance", fmt.Sprintf("%.3f (%d calls)", each, f.All), "≤ 0.1", each <= callsBar)
	for _, op := range slices.SortedFunc(maps.Keys(f.Calls), func(x, y string) int { return cmp.Or(f.Calls[y]-f.Calls[x], cmp.Compare(x, y)) }) {
		b.note("  "+op, "%d", f.Calls[op])
	}
	percent := 100 * float64(f.Throttled) / float64(max(f.All, 1))
	b.bar("calls that token buckets refused", fmt.Sprintf("%.2f %% (%d)", percent, f.Throttled), "< 1 %", percent < throttleBar)
}
