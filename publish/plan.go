package publish

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/wait"
)

// Stage plans and moves channels.
type Stage struct {
	Parameters Parameters
	Images     Images
	Clock      wait.Clock // for MovedAt only
	Events     event.Sink
}

// Input is what to publish.
type Input struct {
	Run     string
	Channel string // the pointer's full name, such as /golden/demo/latest
	Build   string // the id under builds/; empty: the run's id
	Image   string
	// Verdict is the gate's answer; it must be a pass for exactly Image, unless the
	// channel holds Image already.
	Verdict *record.Verdict
	// Bake says when Image was baked and from which lock; nil: EC2's creation date.
	Bake *record.Bake
	// AllowOlder lets an older build go over a newer one (a rollback).
	AllowOlder bool
}

// PlanSchema is the version of Plan's JSON shape.
const PlanSchema = 1

// Plan is one pointer's move. Everything in it but Warnings is hashed.
type Plan struct {
	Schema   int      `json:"schema"`
	Channel  string   `json:"channel"`
	Build    string   `json:"build"` // full name of the builds entry
	Image    string   `json:"image"`
	Envelope Envelope `json:"envelope"`
	// From and Version are the pointer now; "" and 0 when it does not exist.
	From    string `json:"from,omitempty"`
	Version int64  `json:"version"`
	Older   bool   `json:"older,omitempty"` // an older build goes over a newer one, on request
	// Nothing says that the channel holds Image already.
	Nothing  bool     `json:"nothing,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
	Hash     string   `json:"hash"`
}

// Plan reads the channel and decides. Its errors are of kind GateSaysNo (no passing
// verdict for this image), Conflict (the channel holds a newer build), NotFound (no
// such image) or Usage.
func (s *Stage) Plan(ctx context.Context, in Input) (*Plan, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	if err := verdict(in); err != nil {
		return nil, err
	}
	history, err := s.Parameters.History(ctx, in.Channel)
	if err != nil {
		return nil, fmt.Errorf("read the history of channel %s: %w", in.Channel, err)
	}
	p := &Plan{
		Schema: PlanSchema, Channel: in.Channel, Image: in.Image,
		Build:    path.Join(path.Dir(in.Channel), "builds", in.build()),
		Envelope: Envelope{Run: in.Run},
	}
	// What this run wrote already (it was interrupted and plans again) is the move
	// itself, not what the channel was before.
	for n := len(history); n > 0 && ours(history[n-1], in.Run); n-- {
		history = history[:n-1]
	}
	var now Parameter
	if n := len(history); n > 0 {
		now = history[n-1]
		p.From, p.Version = now.Value, now.Version
	}
	if p.From == p.Image {
		p.Nothing = true
		p.Hash = p.hash()
		return p, nil
	}
	if in.Verdict == nil {
		return nil, fault.New(fault.GateSaysNo, "run rehydrate validate on the image first",
			"publish %s to %s: the image has no verdict", in.Image, in.Channel)
	}
	image, err := s.available(ctx, in.Image)
	if err != nil {
		return nil, err
	}
	p.Envelope.BakedAt = image.CreatedAt
	if b := in.Bake; b != nil {
		p.Envelope.Lock = b.LockDigest
		if !b.CreatedAt.IsZero() {
			p.Envelope.BakedAt = b.CreatedAt
		}
	}
	if err := s.order(ctx, p, now, in.AllowOlder); err != nil {
		return nil, err
	}
	p.Hash = p.hash()
	return p, nil
}

func (in Input) build() string {
	if in.Build != "" {
		return in.Build
	}
	return in.Run
}

func (in Input) check() error {
	switch {
	case in.Run == "":
		return fault.New(fault.Usage, "", "publish: no run id")
	case in.Image == "":
		return fault.New(fault.Usage, "bake an image first, or name one", "publish to %s: no image", in.Channel)
	case !strings.HasPrefix(in.Channel, "/") || path.Clean(in.Channel) != in.Channel || path.Dir(in.Channel) == "/":
		return fault.New(fault.Usage, "write it like /golden/web/latest",
			"publish: channel %q is not a full parameter name of two parts or more", in.Channel)
	case strings.HasPrefix(path.Base(path.Dir(in.Channel)), "builds"):
		return fault.New(fault.Usage, "builds/ holds the immutable entries; choose another name",
			"publish: channel %q lies under builds", in.Channel)
	}
	return nil
}

// verdict refuses a verdict that is there and is not a pass for exactly this image.
func verdict(in Input) error {
	v := in.Verdict
	if v == nil {
		return nil
	}
	no := func(format string, args ...any) error {
		return fault.New(fault.GateSaysNo, "see the verdict's checks: rehydrate report",
			"publish %s to %s: %w", in.Image, in.Channel, fmt.Errorf(format, args...))
	}
	switch {
	case v.Image != in.Image:
		return no("the verdict is about %s", v.Image)
	case v.Outcome != record.Pass:
		why := ""
		if len(v.Reasons) > 0 {
			why = ": " + strings.Join(v.Reasons, "; ")
		}
		return no("the verdict is %s%s", v.Outcome, why)
	case in.Bake != nil && in.Bake.LockDigest != "" && v.LockDigest != "" && in.Bake.LockDigest != v.LockDigest:
		return no("the verdict judged lock %s, the bake used %s", v.LockDigest, in.Bake.LockDigest)
	}
	return nil
}

func (s *Stage) available(ctx context.Context, id string) (Image, error) {
	image, err := s.Images.Image(ctx, id)
	if err != nil {
		return Image{}, fmt.Errorf("look at image %s: %w", id, err)
	}
	if image.State != "available" {
		return Image{}, fault.New(fault.Conflict, "wait until it is available, or bake again",
			"publish %s: the image is %s, not available", id, image.State)
	}
	return image, nil
}

// order refuses a silent downgrade: what was baked later must not be covered by what
// was baked earlier.
func (s *Stage) order(ctx context.Context, p *Plan, now Parameter, allow bool) error {
	if now.Version == 0 {
		return nil
	}
	held, err := s.bakedAt(ctx, now)
	if err != nil {
		return err
	}
	switch {
	case held.IsZero():
		p.Warnings = append(p.Warnings, fmt.Sprintf(
			"how old %s in %s is cannot be known: it has no envelope and no longer exists as an image", now.Value, p.Channel))
	case !p.Envelope.BakedAt.Before(held):
	case allow:
		p.Older = true
	default:
		return fault.New(fault.Conflict, "bake again, or ask for a rollback explicitly",
			"publish %s (baked %s) to %s: it holds the newer %s (baked %s)", p.Image,
			stamp(p.Envelope.BakedAt), p.Channel, now.Value, stamp(held))
	}
	return nil
}

// bakedAt is when a version's image was baked: by its envelope, else by EC2; zero
// when nobody knows.
func (s *Stage) bakedAt(ctx context.Context, p Parameter) (time.Time, error) {
	if e, ok := ParseEnvelope(p.Description); ok && !e.BakedAt.IsZero() {
		return e.BakedAt, nil
	}
	image, err := s.Images.Image(ctx, p.Value)
	if fault.KindOf(err) == fault.NotFound {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("look at image %s: %w", p.Value, err)
	}
	return image.CreatedAt, nil
}

// ours says that a run wrote this version.
func ours(p Parameter, run string) bool {
	e, ok := ParseEnvelope(p.Description)
	return ok && e.Run == run
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
