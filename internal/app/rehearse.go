package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/rehearse"
	"github.com/goldenami/rehydrate/internal/twin/replica"
	"github.com/goldenami/rehydrate/internal/twin/worldfile"
	"github.com/goldenami/rehydrate/internal/wait"
	"github.com/goldenami/rehydrate/rollout"
)

// RehearseRequest asks for a rehearsal.
type RehearseRequest struct {
	Config *config.Config
	Line   *config.Image
	// Cloud is where the fleet is read; nil with File.
	Cloud *Cloud
	// File is a world file or a saved fleet that stands for the real one; World.Set are
	// values of a world file.
	File World
	Save string // write the fleet that was read to this file
	To   string // image to roll to; empty: a stand-in for the next one
	// Presets and Faults (a file in the twin's format) are what goes wrong.
	Presets []string
	Faults  string
	// ApproveAfter is how long after it is asked for an approval is given.
	ApproveAfter time.Duration
	Start        time.Time // of the copy's time; zero: when the fleet was read
	Seed         int64
	Events       event.Sink // of the roll in the copy
}

// Rehearse copies the fleets of an image line into a twin in this process and rolls them
// there. The original is read only.
func Rehearse(ctx context.Context, in RehearseRequest) (*rehearse.Report, error) {
	o := rehearse.Options{Line: in.Line.Label, Image: in.To, Start: in.Start, Seed: in.Seed, Allowed: map[string]int{}, Gates: gateNames(in.Line)}
	if err := in.faults(&o); err != nil {
		return nil, err
	}
	o.Input = rollInput(in.Config, in.Line, in.To)
	if len(o.Input.Fleets) == 0 {
		return nil, fault.New(fault.Usage, "add a fleet block with asg_tags or asg_names", "rehearse: no fleet of groups follows image %s", in.Line.Label)
	}
	for _, r := range o.Input.Rings {
		o.Allowed[r.Name] = in.Line.Ring(r.Name).MaxFailures
	}
	var err error
	if o.Fleet, err = in.fleet(ctx, o.Input); err != nil {
		return nil, err
	}
	if in.Save != "" {
		text, err := o.Fleet.Save()
		if err == nil {
			err = os.WriteFile(in.Save, text, 0o600)
		}
		if err != nil {
			return nil, fmt.Errorf("save the fleet: %w", err)
		}
	}
	o.Roll = rollCopy(in)
	return rehearse.Run(ctx, o)
}

func (in RehearseRequest) faults(o *rehearse.Options) error {
	for _, text := range in.Presets {
		p, err := rehearse.ParsePreset(text)
		if err != nil {
			return err
		}
		o.Presets = append(o.Presets, p)
	}
	if in.Faults == "" {
		return nil
	}
	text, err := os.ReadFile(in.Faults)
	if err != nil {
		return fault.As(fmt.Errorf("read fault plan: %w", err), fault.Usage, "")
	}
	o.RulesFile = in.Faults
	if o.Rules, err = rehearse.ParseFaults(text); err != nil {
		return fmt.Errorf("read fault plan %s: %w", in.Faults, err)
	}
	return nil
}

// fleet reads the fleet from the file or, without one, from the cloud.
func (in RehearseRequest) fleet(ctx context.Context, what rollout.Input) (*rehearse.Fleet, error) {
	if in.File.File == "" {
		cells := NewCells(in.Cloud, in.Config, "rehearsal")
		f, err := rehearse.Reader{Cells: cells.Rollout, Home: cells.Home(), Now: in.Cloud.Clock.Now, To: in.To}.Read(ctx, what)
		if err != nil {
			return nil, err
		}
		f.Source = fmt.Sprintf("account %s, region %s", in.Cloud.Account, in.Cloud.Region)
		if in.Cloud.Twin != "" {
			f.Source += ", modelled by the twin at " + in.Cloud.Twin
		}
		return f, nil
	}
	text, err := readLimited(in.File.File, maxWorldFile)
	if err != nil {
		return nil, fault.As(fmt.Errorf("read the fleet: %w", err), fault.Usage, "`rehydrate rehearse --save FILE` writes one")
	}
	if rehearse.IsFleet(text) {
		f, err := rehearse.ParseFleet(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", in.File.File, err)
		}
		f.Source = fmt.Sprintf("%s (of %s)", in.File.File, f.Source)
		if in.To != "" {
			f.Unlooked(in.To)
		}
		return f, nil
	}
	world, err := readWorld(in.File)
	if err != nil {
		return nil, err
	}
	return fleetOfWorld(ctx, world, in, what)
}

// maxWorldFile bounds what is read of a file that stands for a fleet.
const maxWorldFile = 256 << 20

func readLimited(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("%s is larger than %d MB", name, limit>>20)
	}
	return text, nil
}

// fleetOfWorld loads a world file into a twin and reads the fleet from there, as from
// AWS.
func fleetOfWorld(ctx context.Context, w *worldfile.File, in RehearseRequest, what rollout.Input) (_ *rehearse.Fleet, err error) {
	r, err := replica.OpenFile(w, in.Seed)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	home := rollout.Cell{Account: w.Account, Region: w.Region}
	cells, err := cellsOf(ctx, r.Client(rehearse.Client), r.Clock(rehearse.Client), home, places(what, home))
	if err != nil {
		return nil, err
	}
	f, err := rehearse.Reader{Cells: cells.Rollout, Home: home, Now: r.World().Clock().Now, To: in.To}.Read(ctx, what)
	if err != nil {
		return nil, err
	}
	f.Source = "world file " + in.File.File
	return f, nil
}

// places are the cells of an input.
func places(in rollout.Input, home rollout.Cell) []rollout.Cell {
	out := []rollout.Cell{home}
	for _, f := range in.Fleets {
		for _, c := range f.Cells {
			out = append(out, rollout.Cell{Account: or(c.Account, home.Account), Region: or(c.Region, home.Region)})
		}
	}
	return out
}

// cellsOf are the cells of a twin in this process: its access keys are the accounts.
func cellsOf(ctx context.Context, client *http.Client, clock wait.Clock, home rollout.Cell, all []rollout.Cell) (*Cells, error) {
	open := func(c rollout.Cell) (*session.Session, error) {
		return session.Open(ctx, session.Options{Region: c.Region, Endpoint: "http://127.0.0.1", HTTP: client, Key: c.Account, Secret: "rehearsal"})
	}
	first, err := open(home)
	if err != nil {
		return nil, err
	}
	cells := NewCells(&Cloud{Session: first, Account: home.Account, Region: home.Region, Clock: clock}, nil, "rehearsal")
	for _, c := range all {
		if c.Account == home.Account || cells.accounts[c.Account] != nil {
			continue
		}
		s, err := open(c)
		if err != nil {
			return nil, err
		}
		cells.accounts[c.Account] = &config.Account{Label: c.Account, ID: c.Account, Role: "the twin's own"}
		cells.roles[c.Account] = &taken{session: s}
	}
	return cells, nil
}

// ParseStart reads when a rehearsal's time begins.
func ParseStart(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, fault.New(fault.Usage, "write it as 2026-03-01T22:00:00Z", "--start %q is no time", text)
	}
	return at, nil
}
