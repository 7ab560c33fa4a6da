package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"time"
)

// The bars, as issue and documentation state them.
const (
	loadBar    = 3 * time.Second
	memoryBar  = 1 << 30 // bytes
	rollBar    = 60 * time.Second
	pageBar    = 15 * time.Millisecond
	requestBar = 10000 // a second
)

func main() {
	var s shape
	flag.IntVar(&s.accounts, "accounts", 20, "accounts")
	flag.IntVar(&s.regions, "regions", 4, "regions of each, at most 4")
	flag.IntVar(&s.groups, "groups", 10, "groups in each region")
	flag.IntVar(&s.instances, "instances", 50, "instances of each group")
	only := flag.String("only", "", "measure only `WHAT`: load, page or requests")
	bars := flag.Bool("bars", true, "a missed bar is a failure")
	profile := flag.String("cpuprofile", "", "write a CPU profile to `FILE`")
	heap := flag.String("memprofile", "", "write a heap profile after the load to `FILE`")
	flag.Parse()
	if flag.NArg() > 0 || !slices.Contains([]string{"", "load", "page", "requests"}, *only) || s.regions < 1 || s.regions > 4 || s.accounts < 1 || s.groups < 1 || s.instances < 1 {
		fmt.Fprintln(os.Stderr, "benchtwin: numbers from 1, at most 4 regions, no arguments")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	b := &bench{ctx: ctx, out: os.Stdout, profile: *profile, heap: *heap, only: *only}
	err := b.run(s)
	stop()
	if err == nil && *bars && len(b.missed) > 0 {
		err = errors.New("missed: " + strings.Join(b.missed, ", "))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "benchtwin: %v\n", err)
		os.Exit(1)
	}
}

// bench prints what it measures.
type bench struct {
	ctx           context.Context
	out           io.Writer
	profile, heap string
	only          string
	missed        []string
}

// bar prints a figure beside what it should be, how much of that it is (at most 1.00 is
// met), and the machine's load, for a time of a busy machine says little.
func (b *bench) bar(what, figure, bar string, ratio float64) {
	verdict := "met"
	if ratio > 1 {
		verdict = "MISSED"
		b.missed = append(b.missed, what)
	}
	fmt.Fprintf(b.out, "%-42s %-28s %-10s %.2f of it, %s (load %s)\n", what, figure, bar, ratio, verdict, load())
}

// of is how much of a bar a time is.
func of(took, bar time.Duration) float64 { return float64(took) / float64(bar) }

func (b *bench) note(what, format string, args ...any) {
	fmt.Fprintf(b.out, "%-42s %s\n", what, fmt.Sprintf(format, args...))
}

func (b *bench) run(s shape) (err error) {
	b.note("machine", "%d CPUs, GOMAXPROCS %d, load %s", runtime.NumCPU(), runtime.GOMAXPROCS(0), load())
	b.note("world", "%s", s)
	dir, err := os.MkdirTemp("", "benchtwin")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	end, err := b.cpu()
	if err != nil {
		return err
	}
	return errors.Join(b.parts(s, dir), end())
}

// parts measures all that was asked for, the smallest world first: a heap of 40,000
// instances would make the collector part of every page.
func (b *bench) parts(s shape, dir string) error {
	for _, part := range []struct {
		name string
		run  func() error
	}{{"page", b.page}, {"requests", b.requests}, {"load", func() error { return b.large(s, dir) }}} {
		if b.only != "" && b.only != part.name {
			continue
		}
		if err := part.run(); err != nil {
			return err
		}
		runtime.GC() // what one part leaves is no load of the next
	}
	return nil
}

// cpu begins the CPU profile, if one was asked for.
func (b *bench) cpu() (end func() error, err error) {
	if b.profile == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(b.profile)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error { pprof.StopCPUProfile(); return f.Close() }, nil
}

// load is the machine's load average, as the system tells it.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:min(1, len(strings.Fields(string(text))))], " ")
}
