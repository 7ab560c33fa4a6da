package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/goldenami/rehydrate/internal/app"
)

// roleEnv tells this program which part of the measurement it is.
const roleEnv = "REHYDRATE_BENCHROLL_ROLE"

// job is what a part gets on its standard input.
type job struct {
	World, Config, Dir, Endpoint string
	Shape                        shape
	Profile                      string
}

// figures are what a part writes to its standard output.
type figures struct {
	PlanWall, PlanCPU float64 // seconds
	PlanCalls         int
	SurgeWall         float64 // seconds of a plan in which every group may grow
	SurgeCPU          float64
	SurgeCalls        int
	Wall, CPU         float64 // seconds of the roll, or of the rehearsal
	Virtual           float64 // seconds
	Peak              int64   // bytes resident at most
	Calls             map[string]int
	All, Throttled    int
	Groups, Done      int
	OnImage           int
	Outcome           string
	Lowest, Desired   int
}

// maybePart runs a part and says whether this process is one.
func maybePart() bool {
	role := os.Getenv(roleEnv)
	if role == "" {
		return false
	}
	var j job
	err := json.NewDecoder(os.Stdin).Decode(&j)
	if err == nil {
		var f *figures
		switch role {
		case "twin":
			err = app.ServeTwin(context.Background(), app.TwinOptions{Dir: j.Dir, World: app.World{File: j.World}, Listen: "127.0.0.1:0", Seed: 1,
				Ready: func(at string) { fmt.Println(at) }})
		case "roll":
			f, err = roll(context.Background(), j)
		case "rehearse":
			f, err = rehearsal(context.Background(), j)
		default:
			err = fmt.Errorf("unknown part %q", role)
		}
		if f != nil {
			f.Peak = peak()
			err = errors.Join(err, json.NewEncoder(os.Stdout).Encode(f))
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "benchroll %s: %v\n", role, err)
		os.Exit(1)
	}
	return true
}

// part prepares a part as a process of its own.
func part(ctx context.Context, role string, j job) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), roleEnv+"="+role, "AWS_EC2_METADATA_DISABLED=true")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(text), os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd, nil
}

// run runs a part to its end.
func run(ctx context.Context, role string, j job) (*figures, error) {
	cmd, err := part(ctx, role, j)
	if err != nil {
		return nil, err
	}
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("the part that does %s: %w", role, err)
	}
	var f figures
	return &f, json.Unmarshal(out, &f)
}

// peak is the most that this process had resident, as Linux says it; 0 elsewhere.
func peak() int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmHWM:" {
			kb, _ := strconv.ParseInt(f[1], 10, 64) // 0 shows
			return kb << 10
		}
	}
	return 0
}
