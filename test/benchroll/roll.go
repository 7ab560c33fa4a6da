package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"sync"
	"time"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/awscloud/groups"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/rehearse"
	"github.com/goldenami/rehydrate/internal/wait"
	"github.com/goldenami/rehydrate/rollout"
)

// tick is the one of a run.
const tick = 15 * time.Second

// roll plans the fleet in the twin and rolls it, as a run of the command line does, with
// the journal in a folder.
func roll(ctx context.Context, j job) (*figures, error) {
	cfg, line, err := load(j.Config)
	if err != nil {
		return nil, err
	}
	clock, ok := wait.Detect(ctx, j.Endpoint)
	if !ok {
		return nil, fmt.Errorf("%s is no twin", j.Endpoint)
	}
	wire := &http.Transport{MaxIdleConnsPerHost: 256}
	calls := &counter{next: wire, calls: map[string]int{}}
	s, err := session.Open(ctx, session.Options{Region: cfg.Region, Endpoint: j.Endpoint, Key: j.Shape.account(0), Secret: "bench",
		HTTP: &http.Client{Transport: clock.Transport(calls)}})
	if err != nil {
		return nil, err
	}
	cloud := &app.Cloud{Session: s, Account: j.Shape.account(0), Region: cfg.Region, Clock: clock, Twin: j.Endpoint}
	cells := app.NewCells(cloud, cfg, "benchroll")
	stage := &rollout.Stage{Cells: batched(cells), Clock: clock, Events: event.Discard}
	f := &figures{Groups: j.Shape.groups()}
	end, err := profile(j.Profile, "plan")
	if err != nil {
		return nil, err
	}
	began, cpu := time.Now(), cpuTime()
	plan, err := stage.Plan(ctx, input(cfg, line, j.Shape))
	end()
	if err == nil {
		err = plan.Err()
	}
	if err != nil {
		return nil, err
	}
	f.PlanWall, f.PlanCPU = time.Since(began).Seconds(), (cpuTime() - cpu).Seconds()
	_, f.PlanCalls, _ = calls.take()
	if err := f.surge(ctx, stage, input(cfg, line, j.Shape), calls, j.Profile); err != nil {
		return nil, err
	}
	if err := throttle(ctx, j.Endpoint, clock); err != nil {
		return nil, err
	}
	if end, err = profile(j.Profile, "roll"); err != nil {
		return nil, err
	}
	x := &rollout.Execution{Stage: stage, Home: cells.Home(),
		Pool:   &engine.Pool{Local: &engine.Local{Journal: journal.Open(journal.NewFolder(filepath.Join(j.Dir, "journal")), "bench"), Clock: clock}, Tick: tick},
		Limits: func(string) rollout.Limits { return rollout.Limits{Concurrency: line.Ring("all").Concurrency} },
	}
	began, cpu = time.Now(), cpuTime()
	virtual := clock.Now()
	rolls, err := x.Roll(ctx, plan)
	end()
	if err != nil {
		return nil, err
	}
	f.Wall, f.CPU, f.Virtual = time.Since(began).Seconds(), (cpuTime() - cpu).Seconds(), clock.Now().Sub(virtual).Seconds()
	f.Calls, f.All, f.Throttled = calls.take()
	for _, r := range rolls {
		if r.Outcome == rollout.Done {
			f.Done++
		}
		f.OnImage += r.OnImage
	}
	return f, nil
}

// surge measures a plan in which every group may grow, so that the room of every cell is
// looked for. Nothing is rolled by it.
func (f *figures) surge(ctx context.Context, stage *rollout.Stage, in rollout.Input, calls *counter, profiled string) error {
	all, half := 100, 150
	in.Fleets[0].Refresh = rollout.Preferences{MinHealthy: &all, MaxHealthy: &half}
	end, err := profile(profiled, "surge")
	if err != nil {
		return err
	}
	began, cpu := time.Now(), cpuTime()
	plan, err := stage.Plan(ctx, in)
	end()
	if err == nil {
		err = plan.Err()
	}
	if err != nil {
		return fmt.Errorf("plan a surge: %w", err)
	}
	f.SurgeWall, f.SurgeCPU = time.Since(began).Seconds(), (cpuTime() - cpu).Seconds()
	_, f.SurgeCalls, _ = calls.take()
	if len(plan.Quotas) == 0 {
		return fmt.Errorf("a plan of a surge holds it against no quota")
	}
	return nil
}

// batched are the cells' ports with their reads put together, as a run has them.
func batched(cells *app.Cells) func(context.Context, rollout.Cell) (rollout.Ports, error) {
	var mu sync.Mutex
	made := map[rollout.Cell]rollout.Ports{}
	return func(ctx context.Context, c rollout.Cell) (rollout.Ports, error) {
		mu.Lock()
		defer mu.Unlock()
		if p, ok := made[c]; ok {
			return p, nil
		}
		p, err := cells.Rollout(ctx, c)
		if err == nil {
			p = groups.Batched(p)
			made[c] = p
		}
		return p, err
	}
}

// input is the configuration's one fleet, to the new image of every Region.
func input(cfg *config.Config, line *config.Image, s shape) rollout.Input {
	in := rollout.Input{Image: image("new", 0), Images: map[rollout.Cell]string{}, Rings: []rollout.Ring{{Name: "all", Concurrency: line.Ring("all").Concurrency}}}
	low := 90
	f := rollout.Fleet{Name: "web", Ring: "all", Tags: map[string]string{"App": "web"}, Refresh: rollout.Preferences{MinHealthy: &low}}
	for _, p := range cfg.FleetsOf(line)[0].Places() {
		c := rollout.Cell{Account: p.Account, Region: p.Region}
		f.Cells = append(f.Cells, c)
		for r := range s.Regions {
			if regions[r] == p.Region {
				in.Images[c] = image("new", r)
			}
		}
	}
	in.Fleets = []rollout.Fleet{f}
	return in
}

// throttle gives the twin token buckets.
func throttle(ctx context.Context, endpoint string, clock *wait.TwinClock) error {
	text, err := json.Marshal(rehearse.Throttles())
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, endpoint+"/_twin/faults", bytes.NewReader(text))
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: clock.Transport(http.DefaultTransport)}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<12)) // for the error
		return fmt.Errorf("give the twin token buckets: %s: %s", resp.Status, said)
	}
	return nil
}

// profile begins a CPU profile of a part, if one was asked for.
func profile(name, of string) (end func(), err error) {
	if name == "" {
		return func() {}, nil
	}
	f, err := os.Create(name + "." + of)
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	return func() { pprof.StopCPUProfile(); _ = f.Close() }, err // a profile is for looking at
}
