package revoke

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/wait"
	"github.com/goldenami/rehydrate/publish/usage"
)

// Stage plans and carries out revocations.
type Stage struct {
	// Cells opens a cell, which may mean assuming a role.
	Cells    func(ctx context.Context, c usage.Cell) (Ports, error)
	Pointers Pointers
	Clock    wait.Clock
	Events   event.Sink
}

// Channel is a pointer of an image line.
type Channel struct {
	Line string `json:"line"`
	Arch string `json:"arch,omitempty"` // as EC2 says it, where the line has several
	Name string `json:"name"`
}

// Input is what to revoke.
type Input struct {
	Image    string       `json:"image"`
	Reason   string       `json:"reason"`
	Cells    []usage.Cell `json:"cells"`    // every account's Region that holds or uses images
	Channels []Channel    `json:"channels"` // every pointer of every line
	// Within is how long after the first revocation something may still run on the image;
	// 0: as long as the call before said, or Week.
	Within time.Duration `json:"-"`
	// By is when nothing may run on it any more; zero: to be found by Within.
	By time.Time `json:"by"`
	// Force disables images even if that breaks scale-out, and leaves a channel without
	// a good image where it is.
	Force bool `json:"force,omitempty"`
}

// Week is how long something may run on a revoked image unless told otherwise.
const Week = 7 * 24 * time.Hour

// maxReason is the longest tag value EC2 takes ("Tag restrictions", EC2 User Guide).
const maxReason = 256

func (in Input) check() error {
	no := func(hint, format string, args ...any) error {
		return fault.New(fault.Usage, hint, "revoke: "+format, args...)
	}
	switch {
	case !strings.HasPrefix(in.Image, "ami-"):
		return no("write an id such as ami-0123456789abcdef0", "%q is not the id of an image", in.Image)
	case strings.TrimSpace(in.Reason) == "":
		return no("add --reason \"…\"; it is written on the image", "no reason is given")
	case len([]rune(in.Reason)) > maxReason:
		return no("", "the reason is longer than %d characters", maxReason)
	case len(in.Cells) == 0:
		return no("", "no account and Region")
	}
	return nil
}

// PlanSchema is the version of Plan's JSON shape.
const PlanSchema = 1

// Plan is a revocation. Everything but Drain and Notes is hashed.
type Plan struct {
	Schema int       `json:"schema"`
	Input  Input     `json:"input"`
	At     time.Time `json:"at"`
	Images []Member  `json:"images"` // the named one first
	Labels []Label   `json:"labels,omitempty"`
	Moves  []Move    `json:"moves,omitempty"`
	// Refused is why nothing is done at all.
	Refused []string `json:"refused,omitempty"`
	// Unknown is what could not be read. While there is any, it is not known what a
	// disabled image would break.
	Unknown []string `json:"unknown,omitempty"`
	Drain   []Drain  `json:"drain,omitempty"`
	Notes   []string `json:"notes,omitempty"`
	Hash    string   `json:"hash"`
}

// Member is an image that is revoked.
type Member struct {
	Cell  usage.Cell `json:"cell"`
	Image string     `json:"image"`
	Name  string     `json:"name,omitempty"`
	Line  string     `json:"line,omitempty"`
	State string     `json:"state"`
	Via   string     `json:"via"`            // why it is revoked: named, copy of …, from the run that made …, baked from …
	Ours  bool       `json:"ours"`           // ours to mark and disable
	Mark  bool       `json:"mark,omitempty"` // it is not marked yet
	// Blocks would break if the image were disabled, after the moves.
	Blocks []usage.Use `json:"blocks,omitempty"`
	// Disable says that the plan disables it.
	Disable bool `json:"disable,omitempty"`

	arch string
	tags map[string]string
}

// Label is a mark on the version of a channel that holds a revoked image.
type Label struct {
	Cell    usage.Cell `json:"cell"`
	Channel string     `json:"channel"`
	Version int64      `json:"version"`
	Image   string     `json:"image"`
	Label   string     `json:"label"`
}

// Move is a channel going back.
type Move struct {
	Cell      usage.Cell `json:"cell"`
	Line      string     `json:"line"`
	Arch      string     `json:"arch,omitempty"`
	Channel   string     `json:"channel"`
	Version   int64      `json:"version"` // the newest, which holds From
	From      string     `json:"from"`
	To        string     `json:"to"`
	ToVersion int64      `json:"toVersion"` // where To stands in the history
	// Build is the publication of ToVersion; empty: it was written by hand.
	Build string `json:"build,omitempty"`
}

// Plan reads everything and decides. It changes nothing.
func (s *Stage) Plan(ctx context.Context, in Input) (*Plan, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	r := s.reader(in)
	p := r.plan
	if err := r.gather(ctx); err != nil {
		return nil, err
	}
	r.deadline()
	if !slices.ContainsFunc(p.Images, func(m Member) bool { return m.Ours }) {
		if len(p.Unknown) > 0 { // it may be where nobody could look
			return nil, fault.New(fault.Partial, "give the role the permission, then repeat the command", "revoke %s: nothing of it was found, and not all could be read: %s",
				in.Image, strings.Join(p.Unknown, "; "))
		}
		return nil, fault.New(fault.NotFound, "only images of this configuration's lines, and what was made from an image, can be revoked",
			"revoke %s: neither it nor anything made from it belongs to a line of this configuration", in.Image)
	}
	r.channels(ctx)
	if err := r.uses(ctx); err != nil {
		return nil, err
	}
	r.drain()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.Hash = p.hash()
	return p, nil
}

// Nothing says that the plan changes nothing.
func (p *Plan) Nothing() bool {
	return len(p.Labels) == 0 && len(p.Moves) == 0 &&
		!slices.ContainsFunc(p.Images, func(m Member) bool { return m.Mark || m.Disable })
}

// toRoll is what to do about images that something still launches.
const toRoll = "bring what is listed to the good image (rehydrate roll rollback takes a roll back), then repeat"

// coming are the states of an image that will be available soon, and cannot be disabled
// before.
var coming = []string{"pending", "transient"}

// Blocked are the images that are not disabled because that would break something, or
// because they are still being made.
func (p *Plan) Blocked() []Member {
	var out []Member
	for _, m := range p.Images {
		if m.Ours && !m.Disable && (m.State == usage.StateAvailable || slices.Contains(coming, m.State)) {
			out = append(out, m)
		}
	}
	return out
}

// Err is what keeps the plan from being carried out, whole or in part; nil when
// nothing does.
func (p *Plan) Err() error {
	if n := len(p.Refused); n > 0 {
		text := p.Refused[0] // a channel of every account's Region may be among them
		if n > 1 {
			text += fmt.Sprintf("; the plan lists %d more", n-1)
		}
		return fault.New(fault.GateSaysNo, "publish a good image first, or add --force", "revoke %s: %s", p.Input.Image, text)
	}
	b := p.Blocked()
	if len(b) == 0 {
		return nil
	}
	return fault.New(fault.GateSaysNo, p.next(b[0])+"; or add --force", "%s cannot be disabled yet: %s", b[0].Image, p.why(b[0]))
}

// next is what to do about a blocked image.
func (p *Plan) next(m Member) string {
	switch {
	case slices.Contains(coming, m.State):
		return "repeat the command once it is available"
	case len(m.Blocks) == 0 && len(p.Unknown) > 0:
		return "give the role the permission to look, then repeat"
	}
	return toRoll
}

// why is what keeps a blocked image from being disabled.
func (p *Plan) why(m Member) string {
	switch {
	case slices.Contains(coming, m.State):
		return "it is " + m.State
	case len(m.Blocks) > 0:
		return usage.Brief(m.Blocks)
	case len(p.Unknown) > 0:
		return "not all could be read: " + p.Unknown[0]
	}
	return "something launches it"
}

// member finds an image of the plan.
func (p *Plan) member(at usage.Cell, image string) (*Member, bool) {
	for n := range p.Images {
		if p.Images[n].Cell == at && p.Images[n].Image == image {
			return &p.Images[n], true
		}
	}
	return nil, false
}

// holds says that an id is among the revoked images, in whatever cell.
func (p *Plan) holds(image string) bool {
	return slices.ContainsFunc(p.Images, func(m Member) bool { return m.Image == image })
}

func (p *Plan) ids() []string {
	var out []string
	for _, m := range p.Images {
		if !slices.Contains(out, m.Image) {
			out = append(out, m.Image)
		}
	}
	return out
}

func (p *Plan) hash() string {
	q := *p
	q.At, q.Drain, q.Notes, q.Hash = time.Time{}, nil, nil, ""
	data, err := json.Marshal(q)
	if err != nil { // no field of Plan can fail to marshal
		panic(err)
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (p *Plan) note(format string, args ...any) {
	p.Notes = append(p.Notes, fmt.Sprintf(format, args...))
}
