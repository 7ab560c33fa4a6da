package spread

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/wait"
)

// Stage plans, and makes the units.
type Stage struct {
	// Cells opens a cell. It is called often and must be quick for a cell that it has
	// opened before.
	Cells  func(context.Context, Cell) (Ports, error)
	Clock  wait.Clock // for the bounds of waits
	Events event.Sink
}

// Input is what goes where.
type Input struct {
	Run string
	// Try tells one try of a run from the next: a copy that was removed must not be
	// asked for by its old token.
	Try   int
	Home  Cell // where Image is
	Image string
	// Targets are the cells in which the image is used; Home may be one of them.
	Targets []Target
	// Copy gives every account an image of its own, instead of sharing one in each Region.
	Copy bool
	// Key encrypts the images: an alias, which each cell resolves, or a key's ARN.
	Key           string
	Organizations []string // ARNs, to share with as well
	Units         []string // ARNs of organizational units, likewise
	Completion    time.Duration
	// Grant lets the plan make the grants that are missing.
	Grant bool
	// Canary is the instance type that is launched once in every target; empty: none is.
	Canary string
	// Type is the instance type of dry runs; empty: Canary's.
	Type string
}

// Target is a cell in which the image is used.
type Target struct {
	Cell
	// Role is the ARN of the role that works there for us; empty: the session's own.
	Role string `json:"role,omitempty"`
}

// principal is who works in the cell for us.
func (t Target) principal() string {
	if t.Role != "" {
		return t.Role
	}
	return "arn:aws:iam::" + t.Account + ":root"
}

// PlanSchema is the version of Plan's JSON shape.
const PlanSchema = 1

// Plan is how an image comes to its cells. Everything in it is hashed but Warnings.
type Plan struct {
	Schema   int         `json:"schema"`
	Run      string      `json:"run"`
	Home     Cell        `json:"home"`
	Image    string      `json:"image"`
	Copy     bool        `json:"copy,omitempty"`
	Grants   []GrantPlan `json:"grants,omitempty"`
	Places   []Place     `json:"places"` // those that others copy from come first
	Checks   []Check     `json:"checks"`
	Warnings []string    `json:"warnings,omitempty"`
	Hash     string      `json:"hash"`
}

// GrantPlan is a grant to make.
type GrantPlan struct {
	In    Cell   `json:"in"` // the key's
	Key   string `json:"key"`
	Grant Grant  `json:"grant"`
}

// Place is an image that is to stand in a cell.
type Place struct {
	In Cell `json:"in"` // whose account owns it
	// Image is its id when it is there already; else it is copied from From.
	Image string   `json:"image,omitempty"`
	From  Origin   `json:"from,omitzero"`
	Name  string   `json:"name"`
	Key   string   `json:"key,omitempty"` // ARN that encrypts the copy
	With  Audience `json:"with,omitzero"`
	// Readers are the accounts that may copy its snapshots.
	Readers    []string          `json:"readers,omitempty"`
	Completion time.Duration     `json:"completion,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	// After says that the first place must stand before this one is begun.
	After bool   `json:"after,omitempty"`
	Of    string `json:"of"` // the image that everything comes from
	Run   string `json:"run"`
	Try   int    `json:"try,omitempty"`

	have string // the copy that stands there already; not kept in journals
}

// Origin is what a copy is made of.
type Origin struct {
	Image  string `json:"image,omitempty"`
	Region string `json:"region,omitempty"`
}

// Check is a look at an image from inside the account that is to launch it.
type Check struct {
	Target
	Place  int    `json:"place"` // index in Places
	Arch   string `json:"arch"`
	Needs  []Need `json:"needs,omitempty"` // of keys, which are asked again
	Type   string `json:"type"`
	Canary bool   `json:"canary,omitempty"`
	Run    string `json:"run"`
}

// Need is what a principal must be able to do with a key.
type Need struct {
	Key        string   `json:"key"`
	Principal  string   `json:"principal"`
	Operations []string `json:"operations"`
}

// Tags of every copy, beside those of its source.
const (
	TagOf  = "rehydrate:copy-of"  // the image that was baked
	TagRun = "rehydrate:copy-run" // the run that copied
)

// Plan reads images and keys and decides. Its errors are of kind Denied (a key that
// somebody who will launch may not use, a role that cannot be taken on), Conflict (the
// image or a key is not usable), NotFound or Usage.
func (s *Stage) Plan(ctx context.Context, in Input) (*Plan, error) {
	if in.Image == "" || len(in.Targets) == 0 {
		return nil, fault.New(fault.Usage, "", "spread image %q: no image or no cell to bring it to", in.Image)
	}
	in.Targets = slices.Clone(in.Targets) // the caller's stay in their order
	slices.SortStableFunc(in.Targets, func(a, b Target) int {
		return cmp.Or(cmp.Compare(a.Region, b.Region), cmp.Compare(a.Account, b.Account))
	})
	home, err := s.open(ctx, in.Home)
	if err != nil {
		return nil, err
	}
	if err := s.reach(ctx, in.Targets); err != nil {
		return nil, err
	}
	source, err := home.Images.Image(ctx, in.Image)
	if err != nil {
		return nil, fmt.Errorf("look at image %s in %s: %w", in.Image, in.Home, err)
	}
	if source.State == disabled {
		return nil, fault.New(fault.Conflict, "find out who disabled it; bake a newer image (rehydrate run --force)", "spread image %s: it is disabled", in.Image)
	}
	if source.State != "available" {
		return nil, fault.New(fault.Conflict, "wait until it is available, or bake again", "spread image %s: it is %s, not available", in.Image, source.State)
	}
	p := &planner{Stage: s, in: in, source: source, keys: map[string]Key{},
		plan: &Plan{Schema: PlanSchema, Run: in.Run, Home: in.Home, Image: in.Image, Copy: in.Copy}}
	if err := p.sourceKeys(ctx, home); err != nil {
		return nil, err
	}
	if in.Copy {
		err = p.copies(ctx)
	} else {
		err = p.shares(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := p.names(ctx); err != nil {
		return nil, err
	}
	if err := p.permissions(ctx); err != nil {
		return nil, err
	}
	p.plan.Hash = p.plan.hash()
	return p.plan, nil
}

// Preflight asks, before there is an image, for what would refuse the plan of one:
// roles, keys and who may use them. in.Image is not looked at.
func (s *Stage) Preflight(ctx context.Context, in Input) error {
	in.Image, in.Targets = "", slices.Clone(in.Targets)
	if err := s.reach(ctx, in.Targets); err != nil {
		return err
	}
	p := &planner{Stage: s, in: in, keys: map[string]Key{}, plan: &Plan{}}
	plan := p.shares
	if in.Copy {
		plan = p.copies
	}
	if err := plan(ctx); err != nil {
		return err
	}
	return p.permissions(ctx)
}

// reach opens every target, so that an account whose role cannot be taken on is known
// before anything is copied.
func (s *Stage) reach(ctx context.Context, targets []Target) error {
	var errs []error
	seen := map[string]bool{}
	for _, t := range targets {
		if _, err := s.open(ctx, t.Cell); err != nil && !seen[t.Account] {
			seen[t.Account] = true
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return fault.As(errors.Join(errs...), fault.KindOf(errs[0]), fault.HintOf(errs[0]))
}

// permissions plans the grants that are missing, or refuses.
func (p *planner) permissions(ctx context.Context) error {
	lacks, doubts, err := p.lacking(ctx, p.needs)
	if err != nil {
		return err
	}
	for _, d := range doubts {
		p.plan.Warnings = append(p.plan.Warnings, "whether "+d+" holds cannot be judged from here")
	}
	if n := len(p.in.Organizations) + len(p.in.Units); n > 0 && len(p.needs) > 0 {
		p.plan.Warnings = append(p.plan.Warnings, "whether accounts of the organization that have no account block may use the keys is not known")
	}
	if len(lacks) == 0 {
		return nil
	}
	if !p.in.Grant {
		return refused(p.in.Image, lacks)
	}
	for _, l := range lacks {
		p.plan.Grants = append(p.plan.Grants, l.grant())
	}
	return nil
}

// names refuses copies whose names are taken by what is not a copy of this image.
func (p *planner) names(ctx context.Context) error {
	for n, pl := range p.plan.Places {
		if pl.Image != "" {
			continue
		}
		ports, err := p.open(ctx, pl.In)
		if err != nil {
			return err
		}
		have, err := ports.Images.Named(ctx, pl.Name)
		switch {
		case fault.KindOf(err) == fault.NotFound && err != nil:
		case err != nil:
			return fmt.Errorf("look for image %s in %s: %w", pl.Name, pl.In, err)
		case have.Tags[TagOf] != pl.Of:
			return pl.foreign(have)
		case have.State == disabled:
			return pl.disabled(have.ID)
		case have.State == "available":
			p.plan.Places[n].have = have.ID
		}
	}
	return nil
}

func (pl Place) foreign(have Image) error {
	return fault.New(fault.Conflict, "remove or rename that image", "copy %s to %s: image %s has the name %s there, and is no copy of it", pl.Of, pl.In, have.ID, pl.Name)
}

// disabled is the state of an image that somebody took out of use: a revocation, a
// retirement, or a person. It is theirs to bring back, and no copy can have its name.
const disabled = "disabled"

func (pl Place) disabled(id string) error {
	return fault.New(fault.Conflict, "find out who disabled it; bake a newer image (rehydrate run --force), or bring this one back: aws ec2 enable-image --region "+pl.In.Region+" --image-id "+id,
		"copy %s to %s: its copy %s there is disabled", pl.Of, pl.In, id)
}

func (s *Stage) open(ctx context.Context, c Cell) (Ports, error) {
	p, err := s.Cells(ctx, c)
	if err != nil {
		return p, fmt.Errorf("open %s: %w", c, err)
	}
	return p, nil
}

// Of is the image that stands in a cell, as results of the plan's places say it: by
// the index of the place.
func (p *Plan) Of(c Cell) (place int, ok bool) {
	for _, k := range p.Checks {
		if k.Cell == c {
			return k.Place, true
		}
	}
	return 0, false
}

// Stands is the id of the image of a cell that a fresh plan found there; "" for one that
// is still to be copied.
func (p *Plan) Stands(c Cell) string {
	n, ok := p.Of(c)
	if !ok {
		return ""
	}
	return cmp.Or(p.Places[n].Image, p.Places[n].have)
}

func (p *Plan) hash() string {
	q := *p
	q.Warnings, q.Hash = nil, ""
	data, err := json.Marshal(q)
	if err != nil { // no field of Plan can fail to marshal
		panic(err)
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
