package app

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/publish"
	"github.com/goldenami/rehydrate/publish/revoke"
)

// What a revocation says; commands show it.
type (
	// Revocation is the plan of one.
	Revocation = revoke.Plan
	// Revoked is what one did.
	Revoked = revoke.Result
)

// RevokeRequest asks for an image to be revoked.
type RevokeRequest struct {
	ImageRequest
	Image  string
	Reason string
	// Within is how long after the first revocation something may run on it; 0: as the call
	// before said, or a week.
	Within time.Duration
	Force  bool
}

func (in *RevokeRequest) stage() *revoke.Stage {
	return &revoke.Stage{Cells: in.cells.revoke, Pointers: &channelsBack{in: in}, Clock: in.Cloud.Clock, Events: in.Events}
}

// PlanRevocation reads everything and changes nothing.
func PlanRevocation(ctx context.Context, in *RevokeRequest) (*Revocation, error) {
	if err := in.begin(); err != nil {
		return nil, err
	}
	ask := revoke.Input{Image: in.Image, Reason: in.Reason, Cells: in.everywhere(), Within: in.Within, Force: in.Force}
	for _, i := range in.Config.Images {
		for _, name := range channelsOf(i) {
			ask.Channels = append(ask.Channels, revoke.Channel{Line: i.Label, Arch: archOf(i), Name: name})
		}
	}
	p, err := in.stage().Plan(ctx, ask)
	if err != nil {
		return nil, err
	}
	all, err := in.State.History()
	if err != nil {
		p.Notes = append(p.Notes, fmt.Sprintf("which runs work with it is not known: %v", err))
	}
	for _, r := range all {
		if sameWorld(r, in.Cloud) && !ended(r) && slices.ContainsFunc(p.Images, func(m revoke.Member) bool { return slices.Contains(imagesOf(r), m.Image) }) {
			p.Notes = append(p.Notes, fmt.Sprintf("run %s of %s works with it and has not ended: it must not go on", r.ID, r.Line))
		}
	}
	return p, nil
}

// Revoke carries a plan out, recorded in a journal of its own. Asked for again, it goes
// on where it ended.
func Revoke(ctx context.Context, in *RevokeRequest, p *Revocation) (*Revoked, error) {
	if err := in.begin(); err != nil {
		return nil, err
	}
	end := in.heard("revocation of " + p.Input.Image)
	out, err := in.stage().Apply(ctx, p, in.runner())
	end(err)
	return out, err
}

// channelsBack moves channels back by publish's own guarded move.
type channelsBack struct {
	in *RevokeRequest
	n  int // how many moves this run has made: each publication has an id of its own
}

func (c *channelsBack) stage() *publish.Stage {
	return &publish.Stage{Cells: c.in.cells.open.Publish, Clock: c.in.Cloud.Clock, Events: c.in.Events}
}

// Back implements revoke.Pointers.
func (c *channelsBack) Back(ctx context.Context, moves []revoke.Move) (unit.Unit, error) {
	c.n++
	r := publish.Rollback{Run: fmt.Sprintf("%s-%d", c.in.run, c.n), To: moves[0].ToVersion}
	for _, m := range moves {
		r.Places = append(r.Places, publish.Place{Cell: publish.Cell(m.Cell), Arch: m.Arch, Channel: m.Channel})
	}
	p, err := c.stage().PlanRollback(ctx, r)
	if err != nil {
		return nil, err
	}
	for n, m := range p.Moves {
		if want := moves[n]; m.Nothing && m.Image == want.To {
			continue // somebody was faster
		} else if m.Image != want.To || m.From != want.From || m.Version != want.Version {
			return nil, fault.New(fault.Conflict, "plan again", "move %s in %s back: since the plan it went from version %d (%s) to version %d (%s)",
				m.Channel, want.Cell, want.Version, want.From, m.Version, m.From)
		}
	}
	return c.stage().Unit(p), nil
}

// Err implements revoke.Pointers.
func (c *channelsBack) Err(state json.RawMessage) error {
	_, err := publish.Result(state)
	return err
}

// sameWorld says that a run was made on what the session is open to: AWS, or the twin.
func sameWorld(r *record.Run, c *Cloud) bool { return (r.Twin == "") == (c.Twin == "") }

// ended says that a run will not go on by itself, nor when its time comes.
func ended(r *record.Run) bool {
	return !r.Going && r.Outcome != "" && r.Outcome != "waiting" && r.Outcome != "interrupted"
}

// imagesOf are the images that a run works with.
func imagesOf(r *record.Run) []string {
	var out []string
	add := func(ids ...string) {
		for _, id := range ids {
			if strings.HasPrefix(id, "ami-") && !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	if r.Bake != nil {
		add(r.Bake.Image, r.Bake.SourceImage)
	}
	if r.Publish != nil {
		add(r.Publish.Image, r.Publish.From)
		for _, p := range r.Publish.Pointers {
			add(p.Image)
		}
	}
	for _, g := range r.Roll {
		add(g.From, g.To)
	}
	return out
}
