package main

import (
	"context"
	"time"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/event"
)

// rehearsal rehearses the fleet of the world file, as `rehydrate rehearse --from` does.
func rehearsal(ctx context.Context, j job) (*figures, error) {
	cfg, line, err := load(j.Config)
	if err != nil {
		return nil, err
	}
	began, cpu := time.Now(), cpuTime()
	end, err := profile(j.Profile, "rehearse")
	if err != nil {
		return nil, err
	}
	r, err := app.Rehearse(ctx, app.RehearseRequest{Config: cfg, Line: line, File: app.World{File: j.World}, Seed: 1, Events: event.Discard})
	end()
	if err != nil {
		return nil, err
	}
	f := &figures{Wall: time.Since(began).Seconds(), CPU: (cpuTime() - cpu).Seconds(), Virtual: r.Seconds, Outcome: r.Outcome, OnImage: r.Replaced,
		All: r.Requests, Calls: r.Calls, Groups: len(r.Groups), Lowest: r.All.Lowest, Desired: r.All.Desired}
	return f, nil
}
