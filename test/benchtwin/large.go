package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/twin"
)

// large loads the world, opens it again as after a kill, and rolls it.
func (b *bench) large(s shape, dir string) error {
	began, cpu := time.Now(), cpuTime()
	file, err := s.file()
	if err != nil {
		return err
	}
	t, _, err := open(filepath.Join(dir, "twin"), s, file)
	if err != nil {
		return err
	}
	took := time.Since(began)
	b.bar("load from a world file", spent(took, cpuTime()-cpu), "< 3s", of(took, loadBar))
	b.memory("memory after the load", true)
	if err := t.Close(); err != nil {
		return err
	}
	t = nil
	runtime.GC()
	began, cpu = time.Now(), cpuTime()
	t, c, err := open(filepath.Join(dir, "twin"), s, nil)
	if err != nil {
		return err
	}
	took = time.Since(began)
	b.bar("load from a state folder", spent(took, cpuTime()-cpu), "< 3s", of(took, loadBar))
	if b.only == "" {
		err = b.roll(s, t, c)
	}
	return errors.Join(err, t.Close())
}

func (b *bench) roll(s shape, t *twin.Twin, c *checks) error {
	began, cpu := time.Now(), cpuTime()
	virtual, err := roll(b.ctx, t, c)
	took := time.Since(began)
	for _, bad := range c.broken {
		fmt.Fprintf(b.out, "  ! %s\n", bad)
	}
	if err != nil {
		return err
	}
	if c.wrong > 0 {
		return fmt.Errorf("%d invariants were broken", c.wrong)
	}
	b.bar("rolling refresh of all groups", spent(took, cpuTime()-cpu), "< 1m0s", of(took, rollBar))
	b.note("virtual time", "%s", virtual.Round(time.Second))
	total := 0
	for _, n := range c.transitions {
		total += n
	}
	b.note("transitions", "%d events, of which %d instance states", total, c.transitions["ec2.instance.state"])
	for _, kind := range slices.Sorted(maps.Keys(c.transitions)) {
		b.note("  "+kind, "%d", c.transitions[kind])
	}
	b.note("capacities checked", "%d, none below a minimum or floor or above a ceiling", c.checked)
	b.note("refreshes ended", "%v, each with one template version", c.finished)
	b.memory("memory after the roll", false)
	groups, instances, err := sample(b.ctx, t, s)
	if err != nil {
		return fmt.Errorf("the end over the wire: %w", err)
	}
	b.note("read over the wire", "%d groups and %d instances, all on version 2", groups, instances)
	return nil
}

// spent shows a time and what of the CPUs it took, for the machine may be busy.
func spent(wall, cpu time.Duration) string {
	return fmt.Sprintf("%s (%s of CPU)", wall.Round(10*time.Millisecond), cpu.Round(10*time.Millisecond))
}

// memory prints what the process has resident, now and at most so far.
func (b *bench) memory(what string, barred bool) {
	if b.heap != "" {
		if f, err := os.Create(b.heap); err == nil {
			_ = errors.Join(pprof.WriteHeapProfile(f), f.Close()) // a profile is for looking at
		}
		b.heap = ""
	}
	now, peak := resident()
	figure := fmt.Sprintf("%d MB, peak %d MB", now>>20, peak>>20)
	if peak == 0 { // not Linux
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = int64(m.Sys) //nolint:gosec // far below the limit
		figure = fmt.Sprintf("%d MB from the system", peak>>20)
	}
	if !barred {
		b.note(what, "%s (no bar: what has been terminated is kept for an hour)", figure)
		return
	}
	b.bar(what, figure, "< 1024 MB", float64(peak)/memoryBar)
}

// resident reads what Linux says of this process, in bytes.
func resident() (now, peak int64) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		kb, _ := strconv.ParseInt(f[1], 10, 64) // 0 shows
		switch f[0] {
		case "VmRSS:":
			now = kb << 10
		case "VmHWM:":
			peak = kb << 10
		}
	}
	return now, peak
}
