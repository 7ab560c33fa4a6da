package publish

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/wait"
)

// Stage plans and moves channels.
type Stage struct {
	// Cells opens a cell; the zero Cell is the session's own. It is called often.
	Cells  func(context.Context, Cell) (Ports, error)
	Clock  wait.Clock // for the lease and for MovedAt; it does not order versions
	Events event.Sink
}

// One is Stage.Cells for a single cell, whatever it is called.
func One(p Parameters, i Images) func(context.Context, Cell) (Ports, error) {
	return func(context.Context, Cell) (Ports, error) { return Ports{p, i}, nil }
}

// PlanSchema is the version of Plan's JSON shape.
const PlanSchema = 2

// Plan is the move of one or several pointers, all or none. Everything in it but
// Warnings is hashed.
type Plan struct {
	Schema   int      `json:"schema"`
	Run      string   `json:"run"`
	Moves    []Move   `json:"moves"`
	Warnings []string `json:"warnings,omitempty"`
	Hash     string   `json:"hash"`
}

// Move is one pointer's.
type Move struct {
	Cell
	Arch     string   `json:"arch,omitempty"`
	Channel  string   `json:"channel"`
	Build    string   `json:"build"` // full name of the builds entry
	Image    string   `json:"image"`
	Envelope Envelope `json:"envelope"`
	// From and Version are the pointer now; "" and 0 when it does not exist.
	From    string `json:"from,omitempty"`
	Version int64  `json:"version"`
	Older   bool   `json:"older,omitempty"` // an older build goes over a newer one, on request
	// Nothing says that the pointer holds Image already.
	Nothing bool `json:"nothing,omitempty"`
	// Restore says that the image was withdrawn (LabelWithdrawn) and is to stand after all.
	Restore bool `json:"restore,omitempty"`
}

// Nothing says that every pointer holds its image already.
func (p *Plan) Nothing() bool {
	for _, m := range p.Moves {
		if !m.Nothing || m.Restore {
			return false
		}
	}
	return true
}

// Plan reads every pointer and decides. Its errors are of kind GateSaysNo (no passing
// verdict for an image), Conflict (a pointer holds a newer build), NotFound (no such
// image) or Usage. One pointer that cannot move refuses the plan.
func (s *Stage) Plan(ctx context.Context, in Input) (*Plan, error) {
	in = in.spread()
	in.Pointers = slices.Clone(in.Pointers)
	if err := in.check(); err != nil {
		return nil, err
	}
	// The lease lies beside the first pointer: whoever moves a line takes the same one.
	slices.SortStableFunc(in.Pointers, func(a, b Pointer) int { return strings.Compare(a.Arch, b.Arch) })
	p := &Plan{Schema: PlanSchema, Run: in.Run}
	var generation int64
	var now [][]Parameter
	for _, ptr := range in.Pointers {
		if err := in.judged(ptr).judgement(where(ptr.Cell, ptr.Channel)); err != nil {
			return nil, err
		}
		held, err := s.held(ctx, ptr, in.Run)
		if err != nil {
			return nil, err
		}
		now = append(now, held)
		e, _ := ParseEnvelope(last(held).Description)
		generation = max(generation, e.Generation)
	}
	if in.NewGeneration {
		generation++
	}
	older := false
	for i, ptr := range in.Pointers {
		m, err := s.move(ctx, in, ptr, now[i], now[in.first(ptr.Arch)], generation, p)
		if err != nil {
			return nil, err
		}
		older = older || m.Older
		p.Moves = append(p.Moves, m)
	}
	if older && !in.NewGeneration {
		for i := range p.Moves {
			p.Moves[i].Envelope.Generation = generation + 1
		}
	}
	p.Hash = p.hash()
	return p, nil
}

// held are the pointer's versions. What this run wrote already (it was interrupted and
// plans again) is the move itself, not what the pointer was before.
func (s *Stage) held(ctx context.Context, ptr Pointer, run string) ([]Parameter, error) {
	_, history, err := s.read(ctx, ptr.Cell, ptr.Channel)
	if err != nil {
		return nil, err
	}
	for n := len(history); n > 0 && ours(history[n-1], run); n-- {
		history = history[:n-1]
	}
	return history, nil
}

func (s *Stage) open(ctx context.Context, c Cell) (Ports, error) {
	ports, err := s.Cells(ctx, c)
	if err != nil {
		return Ports{}, fmt.Errorf("open %s: %w", orNone(c.String()), err)
	}
	return ports, nil
}

// read opens a cell and reads the history of a channel there.
func (s *Stage) read(ctx context.Context, c Cell, channel string) (Ports, []Parameter, error) {
	ports, err := s.open(ctx, c)
	if err != nil {
		return ports, nil, err
	}
	history, err := historyOf(ctx, ports, c, channel)
	return ports, history, err
}

func historyOf(ctx context.Context, ports Ports, c Cell, channel string) ([]Parameter, error) {
	history, err := ports.Parameters.History(ctx, channel)
	if err != nil {
		return nil, fmt.Errorf("read the history of channel %s: %w", where(c, channel), err)
	}
	return owned(history), nil
}

func (s *Stage) move(ctx context.Context, in Input, ptr Pointer, history, home []Parameter, generation int64, p *Plan) (Move, error) {
	now := last(history)
	m := Move{Cell: ptr.Cell, Arch: ptr.Arch, Channel: ptr.Channel, Image: ptr.Image, From: now.Value, Version: now.Version,
		Envelope: Envelope{Run: in.Run, Generation: generation}}
	build := cmp.Or(ptr.Build, in.Build)
	m.Build = path.Join(path.Dir(ptr.Channel), "builds", build)
	if build != in.Run {
		m.Envelope.Build = build
	}
	ports, err := s.open(ctx, m.Cell)
	if err != nil {
		return m, err
	}
	if err := channelType(now); err != nil {
		return m, fmt.Errorf("publish %s to %s: %w", m.Image, where(m.Cell, m.Channel), err)
	}
	if !in.AllowOlder {
		if err := stays(ctx, ports, &m, history, home); err != nil {
			return m, err
		}
	} else if withdrawnFrom(history, m.Image).Version > 0 {
		m.Restore = true
	}
	if m.From == m.Image {
		m.Nothing = true
		_, err := available(ctx, ports, m.Image, m.Cell)
		return m, err
	}
	j := in.judged(ptr)
	if j.Verdict == nil && j.Known == nil {
		return m, fault.New(fault.GateSaysNo, "run rehydrate validate on the image first",
			"publish %s to %s: the image has no verdict", m.Image, where(m.Cell, m.Channel))
	}
	image, err := available(ctx, ports, m.Image, m.Cell)
	if err != nil {
		return m, err
	}
	m.Envelope.BakedAt = image.CreatedAt
	m.Envelope.Verdict = VerdictDigest(j.Verdict)
	if b := j.Bake; b != nil {
		m.Envelope.Lock = b.LockDigest
		if !b.CreatedAt.IsZero() {
			m.Envelope.BakedAt = b.CreatedAt
		}
	}
	if k := j.Known; k != nil {
		m.Envelope.Lock, m.Envelope.Verdict = k.Lock, k.Verdict
		if !k.BakedAt.IsZero() {
			m.Envelope.BakedAt = k.BakedAt
		}
	}
	if !in.AllowOlder {
		if err := overByHand(m.Channel, history, home); err != nil {
			return m, fmt.Errorf("publish %s to %s: %w", m.Image, where(m.Cell, m.Channel), err)
		}
	}
	return m, s.order(ctx, &m, ports, history, in.AllowOlder, p)
}

func available(ctx context.Context, ports Ports, id string, c Cell) (Image, error) {
	image, err := ports.Images.Image(ctx, id)
	if err != nil {
		return Image{}, fmt.Errorf("look at image %s: %w", where(c, id), err)
	}
	if image.State != "available" {
		return Image{}, fault.New(fault.Conflict, "wait until it is available, or bake again",
			"publish %s: the image is %s, not available", where(c, id), image.State)
	}
	if image.Tags[TagRevoked] != "" {
		return Image{}, fault.New(fault.GateSaysNo, "bake again", "publish %s: the image was revoked at %s", where(c, id), image.Tags[TagRevoked])
	}
	return image, nil
}

// order refuses a silent downgrade: what was baked later must not be covered by what
// was baked earlier, nor by what a rollback took back.
func (s *Stage) order(ctx context.Context, m *Move, ports Ports, history []Parameter, allow bool, p *Plan) error {
	now := last(history)
	if now.Version == 0 {
		return nil
	}
	held, known, err := rankOf(ctx, ports, now, m.Envelope.Generation)
	if err != nil {
		return err
	}
	held.generation = m.Envelope.Generation // we are about to write over it, in its own generation or a later one
	switch {
	case !known:
		p.Warnings = append(p.Warnings, fmt.Sprintf(
			"how old %s in %s is cannot be known: it has no envelope and no longer exists as an image", now.Value, where(m.Cell, m.Channel)))
	case m.Envelope.rank().compare(held) >= 0:
	case allow:
		m.Older = true
	default:
		return fault.New(fault.Conflict, hintOlder,
			"publish %s (baked %s) to %s: it holds the newer %s (baked %s)", m.Image,
			stamp(m.Envelope.BakedAt), where(m.Cell, m.Channel), now.Value, stamp(held.baked))
	}
	return nil
}

// Undisturbed says that every pointer is where the plan found it or where its run has put
// it: nobody else has moved one since.
func (s *Stage) Undisturbed(ctx context.Context, p *Plan) (bool, error) {
	for _, m := range p.Moves {
		history, err := s.held(ctx, Pointer{Cell: m.Cell, Channel: m.Channel}, p.Run)
		if err != nil || last(history).Version != m.Version {
			return false, err
		}
	}
	return true, nil
}

// hash covers decisions and preconditions, not the warnings.
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
