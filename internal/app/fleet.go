package app

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/goldenami/rehydrate/internal/awscloud/params"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/publish"
	"github.com/goldenami/rehydrate/rollout"
	ages "github.com/goldenami/rehydrate/rollout/freshness"
)

// FleetRequest asks about the fleets of a configuration.
type FleetRequest struct {
	Config *config.Config
	Image  *config.Image // only those that follow it; nil: all
	Cloud  *Cloud
	Events event.Sink
	// Deadlines are ages in days; empty: 14, 30, 60 and 90.
	Deadlines []int
}

// fleets reads the configuration's fleets of groups, with their images.
type fleets struct {
	FleetRequest
	cells *Cells
	stage *rollout.Stage
	of    map[string]*config.Fleet // by label
	all   []rollout.Fleet
}

func (in FleetRequest) open() *fleets {
	f := &fleets{FleetRequest: in, cells: NewCells(in.Cloud, in.Config, "fleet"), of: map[string]*config.Fleet{}}
	f.stage = &rollout.Stage{Cells: f.cells.Rollout, Clock: in.Cloud.Clock, Events: in.Events}
	for _, x := range in.Config.Fleets {
		if x.Refresh == nil || x.Image == nil || in.Image != nil && x.Image != in.Image {
			continue
		}
		fleet := fleetOf(x)
		fleet.Cells = f.cells.full(fleet.Cells)
		f.of[x.Label], f.all = x, append(f.all, fleet)
	}
	return f
}

// full gives cells their whole names; none are home.
func (c *Cells) full(cells []rollout.Cell) []rollout.Cell {
	home := c.Home()
	if len(cells) == 0 {
		return []rollout.Cell{home}
	}
	out := make([]rollout.Cell, 0, len(cells))
	for _, x := range cells {
		out = append(out, rollout.Cell{Account: or(x.Account, home.Account), Region: or(x.Region, home.Region)})
	}
	return out
}

// FleetStatus says how old the images are that the fleets run. What cannot be read is
// unknown in it, and said.
func FleetStatus(ctx context.Context, in FleetRequest) (*record.FleetStatus, error) {
	if len(in.Deadlines) == 0 {
		in.Deadlines = ages.Deadlines()
	}
	f := in.open()
	found, unread, err := f.stage.Find(ctx, f.all)
	if err != nil {
		return nil, err
	}
	s := &record.FleetStatus{Schema: record.FleetStatusSchema, At: in.Cloud.Clock.Now(), Account: in.Cloud.Account, Region: in.Cloud.Region}
	if in.Cloud.Twin != "" {
		s.Modelled = []string{"EC2, Auto Scaling and Systems Manager by the twin"}
	}
	for _, u := range unread {
		s.Unknown = append(s.Unknown, u.Text)
	}
	runs, images, unknown, err := f.running(ctx, found)
	if err != nil {
		return nil, err
	}
	s.Unknown = append(s.Unknown, unknown...)
	var sums []ages.Fleet
	for _, fleet := range f.all {
		sum := ages.Fleet{Name: fleet.Name, Line: f.of[fleet.Name].Image.Label, Ring: fleet.Ring}
		for _, u := range unread {
			if slices.Contains(fleet.Cells, u.Cell) {
				sum.Unread = append(sum.Unread, u.Cell.String())
			}
		}
		for _, g := range found {
			if g.Fleet != fleet.Name {
				continue
			}
			sum.Groups++
			for _, m := range g.Group.Instances {
				sum.Instances = append(sum.Instances, ages.Instance{Account: g.Cell.Account, Region: g.Cell.Region, Image: runs[m.ID]})
			}
		}
		sums = append(sums, sum)
	}
	for _, sum := range sums {
		s.Fleets = append(s.Fleets, ages.Of([]ages.Fleet{sum}, images[sum.Name], s.At, in.Deadlines)...)
	}
	return s, nil
}

// known are the images that fleets run, by fleet: two fleets may follow channels that
// hold different ones.
type known map[string]map[ages.Key]ages.Image

// running reads what the groups' instances run, and what is known of those images.
func (f *fleets) running(ctx context.Context, found []rollout.Found) (map[string]string, known, []string, error) {
	byCell := map[rollout.Cell][]rollout.Found{}
	for _, g := range found {
		byCell[g.Cell] = append(byCell[g.Cell], g)
	}
	runs, images := map[string]string{}, known{}
	var unknown []string
	var guard sync.Mutex
	var work errgroup.Group
	work.SetLimit(manyCells)
	for c, groups := range byCell {
		work.Go(func() error {
			some, known, missing, err := f.cell(ctx, c, groups)
			guard.Lock()
			defer guard.Unlock()
			for id, image := range some {
				runs[id] = image
			}
			for fleet, x := range known {
				if images[fleet] == nil {
					images[fleet] = map[ages.Key]ages.Image{}
				}
				for k, v := range x {
					images[fleet][k] = v
				}
			}
			unknown = append(unknown, missing...)
			return err
		})
	}
	err := work.Wait()
	slices.Sort(unknown) // fleets may lack the same channel
	return runs, images, slices.Compact(unknown), err
}

// cell reads one cell: instances, images and the histories of the channels. What fails is
// unknown; the only error is that of an ended context.
func (f *fleets) cell(ctx context.Context, c rollout.Cell, groups []rollout.Found) (runs map[string]string, images known, unknown []string, err error) {
	var ids []string
	for _, g := range groups {
		for _, m := range g.Group.Instances {
			ids = append(ids, m.ID)
		}
	}
	runs, images = map[string]string{}, known{}
	if len(ids) == 0 {
		return runs, images, nil, nil
	}
	list, err := groups[0].Ports.Instances.Describe(ctx, ids)
	if err != nil {
		return runs, images, []string{fmt.Sprintf("describe the fleets' instances in %s: %v", c, err)}, ctx.Err()
	}
	var amis []string
	for _, i := range list {
		runs[i.ID] = i.Image
		amis = append(amis, i.Image)
	}
	slices.Sort(amis)
	amis = slices.Compact(amis)
	details := map[string]rollout.ImageDetail{}
	unseen := ""
	if d, ok := groups[0].Ports.Images.(rollout.ImageDetails); ok {
		if details, err = d.Details(ctx, amis); err != nil {
			unknown, unseen = append(unknown, fmt.Sprintf("look at the fleets' images in %s: %v", c, err)), ages.StateUnknown
		}
	}
	read := once(func(channel string) ([]publish.Parameter, error) { return f.read(ctx, c, channel) })
	for _, name := range fleetsIn(groups) {
		history, ahead, err := followed(f.of[name], read)
		if err != nil {
			unknown = append(unknown, err.Error())
		}
		images[name] = map[ages.Key]ages.Image{}
		for _, id := range amis {
			x := imageAge(details[id], history, ahead, id)
			x.State, x.Untold = or(x.State, unseen), err != nil
			images[name][ages.Key{Account: c.Account, Region: c.Region, Image: id}] = x
		}
	}
	return runs, images, unknown, ctx.Err()
}

func fleetsIn(groups []rollout.Found) []string {
	var out []string
	for _, g := range groups {
		if !slices.Contains(out, g.Fleet) {
			out = append(out, g.Fleet)
		}
	}
	return out
}

// once asks for each key one time: the rings of a line all read the line's channel.
func once[V any](ask func(key string) (V, error)) func(key string) (V, error) {
	type answer struct {
		value V
		err   error
	}
	known := map[string]answer{}
	return func(key string) (V, error) {
		a, ok := known[key]
		if !ok {
			a.value, a.err = ask(key)
			known[key] = a
		}
		return a.value, a.err
	}
}

// read is the history of a channel in a cell, empty where there is none.
func (f *fleets) read(ctx context.Context, c rollout.Cell, channel string) ([]publish.Parameter, error) {
	s, err := f.cells.Session(ctx, c.Account, c.Region)
	if err != nil {
		return nil, err
	}
	list, err := params.New(s).History(ctx, channel)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return nil, fmt.Errorf("which image is current in %s: read the history of channel %s: %w", c, channel, err)
	}
	return list, nil
}

// followed is the history of the channel which a fleet follows: its ring's or, while that
// one does not exist, the line's. Beside a ring's, ahead is what the line's channel holds:
// the ring may have been rolled to it and its channel not been promoted yet.
func followed(fleet *config.Fleet, read func(channel string) ([]publish.Parameter, error)) (history []publish.Parameter, ahead string, err error) {
	line, err := read(fleet.Image.Channel)
	if ring := fleet.Image.Channels[fleet.Ring]; err == nil && ring != "" {
		history, err = read(ring)
	}
	switch n := len(line); {
	case err != nil:
		return nil, "", err
	case len(history) == 0:
		return line, "", nil
	case n > 0 && !publish.Withdrawn(line[n-1]) && !publish.Revoked(line[n-1]):
		ahead = line[n-1].Value
	}
	return history, ahead, nil
}

func imageAge(d rollout.ImageDetail, history []publish.Parameter, ahead, id string) ages.Image {
	out := ages.Image{CreatedAt: d.CreatedAt, State: d.State, Revoked: d.Tags[publish.TagRevoked] != ""}
	var versions []ages.Version
	for _, v := range history {
		versions = append(versions, ages.Version{Image: v.Value, At: v.ModifiedAt})
		out.Revoked = out.Revoked || v.Value == id && publish.Revoked(v)
	}
	if n := len(history); n > 0 && publish.Withdrawn(history[n-1]) {
		out.Unled = history[n-1].Value != id // the channel goes on holding what nobody is to run
		return out
	}
	out.SupersededSince, out.Current = ages.Superseded(versions, id)
	if out.SupersededSince.IsZero() && id == ahead { // what the ring's channel had and lost is no lead
		out.Current = true
	}
	return out
}

// FleetGroup is a group of a fleet, for a list.
type FleetGroup struct {
	Fleet     string `json:"fleet"`
	Line      string `json:"line"`
	Ring      string `json:"ring"`
	Account   string `json:"account"`
	Region    string `json:"region"`
	Group     string `json:"group"`
	Desired   int    `json:"desired"`
	InService int    `json:"inService"`
	Template  string `json:"template,omitempty"`
	Version   string `json:"version,omitempty"` // as the group has it saved
}

// FleetGroups lists the groups of the fleets, and what could not be read.
func FleetGroups(ctx context.Context, in FleetRequest) (groups []FleetGroup, unread []string, err error) {
	f := in.open()
	found, missing, err := f.stage.Find(ctx, f.all)
	if err != nil {
		return nil, nil, err
	}
	groups = []FleetGroup{}
	for _, x := range found {
		g := FleetGroup{Fleet: x.Fleet, Line: f.of[x.Fleet].Image.Label, Ring: x.Ring, Account: x.Cell.Account, Region: x.Cell.Region,
			Group: x.Group.Name, Desired: x.Group.Desired, Template: cmp.Or(x.Group.Template.Name, x.Group.Template.ID), Version: x.Group.Template.Version}
		for _, m := range x.Group.Instances {
			if m.State == rollout.InService {
				g.InService++
			}
		}
		groups = append(groups, g)
	}
	slices.SortStableFunc(groups, func(a, b FleetGroup) int { return strings.Compare(a.Fleet, b.Fleet) })
	for _, m := range missing {
		unread = append(unread, m.Text)
	}
	return groups, unread, nil
}
