package retire

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/wait"
	"github.com/goldenami/rehydrate/publish/usage"
)

// Stage plans and carries out retirement.
type Stage struct {
	// Cells opens a cell, which may mean assuming a role.
	Cells   func(ctx context.Context, c usage.Cell) (Ports, error)
	Journal Journal
	Archive Archive // nil: what runs left outside EC2 stays
	Clock   wait.Clock
	Events  event.Sink
}

// Input is what to retire.
type Input struct {
	Line     string       `json:"line"`
	Cells    []usage.Cell `json:"cells"`    // every account's Region that holds or uses its images
	Channels []string     `json:"channels"` // every pointer of the line
	// Sources are images that the configuration names itself, with the words for it.
	Sources map[string]string `json:"sources,omitempty"`
	Policy  Policy            `json:"policy"`
}

// Action is what becomes of an image.
type Action string

// The actions, in the order in which an image goes through them.
const (
	Keep       Action = "keep"
	Deprecate  Action = "deprecate"
	Disable    Action = "disable"
	Deregister Action = "deregister"
)

// PlanSchema is the version of Plan's JSON shape.
const PlanSchema = 1

// Plan is what would happen to each image of the line.
type Plan struct {
	Schema int       `json:"schema"`
	Input  Input     `json:"input"`
	At     time.Time `json:"at"`
	Items  []Item    `json:"items"` // newest image first, cell by cell
	// Leftovers are snapshots of images that are gone: an earlier retirement ended
	// between an image and its snapshots.
	Leftovers []Leftover `json:"leftovers,omitempty"`
	Runs      []RunItem  `json:"runs,omitempty"`
	// Unknown is what could not be read; while there is any, everything is kept.
	Unknown []string `json:"unknown,omitempty"`
	Looked  string   `json:"looked"` // what the proof rests on
	Hash    string   `json:"hash"`   // of the decisions

	census *usage.Census // what it rests on, for a last look
}

// Item is one image in one cell.
type Item struct {
	Cell      usage.Cell `json:"cell"`
	Image     string     `json:"image"`
	Name      string     `json:"name,omitempty"`
	State     string     `json:"state"`
	Run       string     `json:"run,omitempty"`
	CreatedAt time.Time  `json:"createdAt"`
	Action    Action     `json:"action"`
	// Why is the proof for which it goes, or the reason for which it is kept.
	Why  string      `json:"why"`
	Uses []usage.Use `json:"uses,omitempty"`
	With []Part      `json:"with,omitempty"` // goes with it, in this order around it
	// Stays are parts that are left although the image goes, each with the reason.
	Stays []string `json:"stays,omitempty"`
}

// PartKind is the sort of a Part.
type PartKind string

// The kinds of parts, in the order in which they go; the image goes before its
// snapshots.
const (
	PartVersion  PartKind = "launch-template-version"
	PartBuild    PartKind = "builds-entry"
	PartSnapshot PartKind = "snapshot"
)

// Part is something that goes with an image.
type Part struct {
	Kind   PartKind   `json:"kind"`
	Cell   usage.Cell `json:"cell"`
	ID     string     `json:"id"` // a template's id, a parameter's name, a snapshot's id
	Number int64      `json:"number,omitempty"`
}

func (p Part) String() string {
	if p.Kind == PartVersion {
		return fmt.Sprintf("version %d of %s", p.Number, p.ID)
	}
	return p.ID
}

// Leftover is a snapshot whose image is gone.
type Leftover struct {
	Cell     usage.Cell `json:"cell"`
	Snapshot string     `json:"snapshot"`
	Image    string     `json:"image"`
}

// RunItem is a run whose images are gone, or go with this plan.
type RunItem struct {
	Run   string   `json:"run"`
	Image string   `json:"image"`
	Parts []string `json:"parts"`
}

// Doing are the items with which something happens.
func (p *Plan) Doing() []Item {
	var out []Item
	for _, i := range p.Items {
		if i.Action != Keep {
			out = append(out, i)
		}
	}
	return out
}

// Count is on how many things the plan acts: images, snapshots that images left, and runs.
func (p *Plan) Count() int { return len(p.Doing()) + len(p.Leftovers) + len(p.Runs) }

// Nothing says that the plan changes nothing.
func (p *Plan) Nothing() bool { return p.Count() == 0 }

// item finds an image's item.
func (p *Plan) item(at usage.Cell, image string) (Item, bool) {
	for _, i := range p.Items {
		if i.Cell == at && i.Image == image {
			return i, true
		}
	}
	return Item{}, false
}

// Plan reads everything and decides. It changes nothing.
func (s *Stage) Plan(ctx context.Context, in Input) (*Plan, error) {
	if in.Line == "" || len(in.Cells) == 0 {
		return nil, fault.New(fault.Usage, "", "retire: no image line, or no account and Region")
	}
	if err := in.Policy.Check(); err != nil {
		return nil, err
	}
	f := &facts{Stage: s, in: in, now: s.Clock.Now(), ports: map[usage.Cell]Ports{}, own: map[usage.Cell][]usage.Image{},
		uses: map[string][]usage.Use{}, builds: map[string][]Part{}, snapshots: map[usage.Cell]map[string]Snapshot{}}
	if err := f.read(ctx); err != nil {
		return nil, err
	}
	p := &Plan{Schema: PlanSchema, Input: in, At: f.now, Items: []Item{}} // no null in its JSON
	f.decide(ctx, p)
	p.Unknown = f.unknown
	p.Looked, p.census = f.census.Looked.String(), f.census
	if len(p.Unknown) > 0 {
		p.keepAll()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.Hash = p.hash()
	return p, nil
}

// keepAll takes every action back: what could not be read may use any image.
func (p *Plan) keepAll() {
	for n := range p.Items {
		i := &p.Items[n]
		if i.Action != Keep {
			i.Why = fmt.Sprintf("would be %s, but it is not known that nobody uses it: %s", i.Action.done(), p.Unknown[0])
			i.Action, i.With, i.Stays = Keep, nil, nil
		}
	}
	p.Leftovers, p.Runs = nil, nil
}

func (a Action) done() string {
	return map[Action]string{Keep: "kept", Deprecate: "deprecated", Disable: "disabled", Deregister: "deregistered"}[a]
}

// hash covers what is decided, not the words for it.
func (p *Plan) hash() string {
	type decision struct {
		Cell   usage.Cell
		Image  string
		Action Action
		With   []Part
	}
	var all []decision
	for _, i := range p.Doing() {
		all = append(all, decision{i.Cell, i.Image, i.Action, i.With})
	}
	data, err := json.Marshal(struct {
		Input     Input
		Items     []decision
		Leftovers []Leftover
		Runs      []RunItem
	}{p.Input, all, p.Leftovers, p.Runs})
	if err != nil { // none of it can fail to marshal
		panic(err)
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
