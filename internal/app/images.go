package app

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/goldenami/rehydrate/internal/awscloud/lifecycle"
	"github.com/goldenami/rehydrate/internal/awscloud/params"
	"github.com/goldenami/rehydrate/internal/awscloud/uses"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/publish/retire"
	"github.com/goldenami/rehydrate/publish/revoke"
	"github.com/goldenami/rehydrate/publish/usage"
)

// ImageRequest asks about, or acts on, the images of a configuration's lines.
type ImageRequest struct {
	Config *config.Config
	State  State
	Cloud  *Cloud
	Events event.Sink

	run   string // the journal's; set by begin
	cells *imageCells
}

// begin gives the request a run and its way into the cells.
func (in *ImageRequest) begin() error {
	if in.run != "" {
		return nil
	}
	run, err := NewRunID(time.Now())
	if err != nil {
		return err
	}
	in.run, in.cells = run, &imageCells{open: NewCells(in.Cloud, in.Config, run), known: map[usage.Cell]imagePorts{}}
	in.Events = event.Stamp(in.Events, run, in.Cloud.Clock.Now)
	return nil
}

// heard has the configuration's targets told what is done to images; the function that
// it returns tells them how that ended. What keeps them from being told is said, and
// keeps nothing from being done.
func (in *ImageRequest) heard(what string) (end func(error)) {
	local := in.Events
	l, err := listen(in.Config, in.Cloud, local, in.run)
	if err != nil {
		local.Emit(event.Event{Stage: "notify", Unit: "notify", Kind: event.Warned, Text: "nobody is told: " + err.Error()})
		return func(error) {}
	}
	in.Events = l.events
	return func(err error) {
		in.Events = local
		l.tell(in.run, fmt.Sprintf("%s (run %s)", what, in.run), outcomeFor(err), err)
		l.end()
	}
}

// everywhere is every account's Region that the configuration names, the session's own
// first: wherever an image may be used.
func (in *ImageRequest) everywhere() []usage.Cell {
	out := []usage.Cell{{Account: in.Cloud.Account, Region: in.Cloud.Region}}
	for _, a := range in.Config.Accounts {
		for _, r := range a.Regions {
			if c := (usage.Cell{Account: a.ID, Region: r}); !slices.Contains(out, c) {
				out = append(out, c)
			}
		}
	}
	return out
}

// imageCells opens cells once each.
type imageCells struct {
	open  *Cells
	known map[usage.Cell]imagePorts
}

type imagePorts struct {
	uses       usage.Ports
	images     lifecycle.Images
	parameters lifecycle.Parameters
	labels     params.Parameters
}

func (c *imageCells) at(ctx context.Context, at usage.Cell) (imagePorts, error) {
	if p, ok := c.known[at]; ok {
		return p, nil
	}
	s, err := c.open.Session(ctx, at.Account, at.Region)
	if err != nil {
		return imagePorts{}, err
	}
	p := imagePorts{uses.New(s), lifecycle.New(s), lifecycle.NewParameters(s), params.New(s)}
	c.known[at] = p
	return p, nil
}

func (c *imageCells) retire(ctx context.Context, at usage.Cell) (retire.Ports, error) {
	p, err := c.at(ctx, at)
	return retire.Ports{Uses: p.uses, Images: p.images, Removal: p.images, Leftovers: p.images, Builds: p.parameters}, err
}

func (c *imageCells) revoke(ctx context.Context, at usage.Cell) (revoke.Ports, error) {
	p, err := c.at(ctx, at)
	return revoke.Ports{Uses: p.uses, Images: p.images, Marks: p.images, Labels: p.labels}, err
}

// runner runs units with a journal of the request's own.
func (in *ImageRequest) runner() func(context.Context, string, unit.Unit) (json.RawMessage, error) {
	local := &engine.Local{Journal: journal.Open(in.State.Store(), in.run), Clock: in.Cloud.Clock}
	return local.Run
}

// channelsOf are every channel of a line, the one that publish moves first.
func channelsOf(i *config.Image) []string {
	out := []string{i.Channel}
	for _, word := range i.ChannelWords() {
		if name, _, ok := i.ChannelNamed(word); ok && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}
