package publish

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

// Pointer is a channel in a cell and the image that it is to hold.
type Pointer struct {
	Cell
	Arch    string // as EC2 says it; empty where the line has only one
	Channel string // full name, such as /golden/web/latest or /golden/web/arm64/latest
	Image   string // id in that cell
	// Of is the image that the gate judged and of which Image is a copy; empty: Image.
	Of string
	// Build is the id under builds/ where it is not the input's: images of a line's
	// architectures that are moved on may have been published by different runs.
	Build string
}

// Judged is an image that was baked and judged, for one architecture.
type Judged struct {
	Image string
	// Verdict is the gate's answer; it must be a pass for exactly Image, unless every
	// pointer to it holds its image already.
	Verdict *record.Verdict
	// Bake says when Image was baked and from which lock; nil: EC2's creation date.
	Bake *record.Bake
	// Known is what an earlier publication said of the image. It stands in for Verdict
	// and Bake where an image is moved on: the gate passed it then.
	Known *Envelope
}

// Input is what to publish: one image to one channel of the session's own cell by
// Channel, Image, Verdict and Bake; or any number by Pointers and Judged.
type Input struct {
	Run   string
	Build string // the id under builds/; empty: the run's id

	Channel string
	Image   string
	Verdict *record.Verdict
	Bake    *record.Bake

	// Pointers move all or none, in the order of their architectures. The lease is kept
	// beside the first.
	Pointers []Pointer
	Judged   []Judged

	// AllowOlder lets an older build go over a newer one (a rollback), as a new
	// generation.
	AllowOlder bool
	// NewGeneration begins a new generation also where nothing older goes over
	// anything newer.
	NewGeneration bool
}

// spread is the input with the short form written out.
func (in Input) spread() Input {
	if in.Channel != "" || in.Image != "" || len(in.Pointers) == 0 {
		in.Pointers = append(slices.Clone(in.Pointers), Pointer{Channel: in.Channel, Image: in.Image})
		in.Judged = append(slices.Clone(in.Judged), Judged{Image: in.Image, Verdict: in.Verdict, Bake: in.Bake})
	}
	if in.Build == "" {
		in.Build = in.Run
	}
	return in
}

func (p Pointer) of() string {
	if p.Of != "" {
		return p.Of
	}
	return p.Image
}

// where is the pointer's name for people.
func where(c Cell, channel string) string {
	if s := c.String(); s != "" {
		return channel + " (" + s + ")"
	}
	return channel
}

// judged finds what was found about the image of a pointer.
func (in Input) judged(p Pointer) Judged {
	for _, j := range in.Judged {
		if j.Image == p.of() {
			return j
		}
	}
	return Judged{Image: p.of()}
}

func (in Input) check() error {
	if in.Run == "" {
		return fault.New(fault.Usage, "", "publish: no run id")
	}
	if strings.ContainsAny(in.Run+in.Build, " \t\n=/") {
		return fault.New(fault.Usage, "", "publish: run %q or build %q cannot stand in a parameter's name", in.Run, in.Build)
	}
	type place struct {
		Cell
		name string
	}
	seen, archs := map[place]bool{}, map[Cell][]string{}
	for _, p := range in.Pointers {
		if err := p.check(); err != nil {
			return err
		}
		at := place{p.Cell, p.Channel}
		if seen[at] {
			return fault.New(fault.Usage, "", "publish: %s is named twice", where(p.Cell, p.Channel))
		}
		seen[at] = true
		if !slices.Contains(archs[p.Cell], p.Arch) {
			archs[p.Cell] = append(archs[p.Cell], p.Arch)
		}
	}
	for _, p := range in.Pointers {
		for cell, have := range archs {
			if !slices.Contains(have, p.Arch) {
				return fault.New(fault.Usage, "all architectures of an image line are published, or none",
					"publish: %s has an image of architecture %s for it, %s has none", where(p.Cell, p.Channel), p.Arch, cell)
			}
		}
	}
	return nil
}

func (p Pointer) check() error {
	switch {
	case p.Image == "":
		return fault.New(fault.Usage, "bake an image first, or name one", "publish to %s: no image", where(p.Cell, p.Channel))
	case !strings.HasPrefix(p.Channel, "/") || path.Clean(p.Channel) != p.Channel || path.Dir(p.Channel) == "/":
		return fault.New(fault.Usage, "write it like /golden/web/latest",
			"publish: channel %q is not a full parameter name of two parts or more", p.Channel)
	case path.Base(path.Dir(p.Channel)) == "builds":
		return fault.New(fault.Usage, "builds/ holds the immutable entries; choose another name",
			"publish: channel %q lies under builds", p.Channel)
	case slices.Contains([]string{"envelope", "lease", "builds"}, path.Base(p.Channel)):
		return fault.New(fault.Usage, "that name is kept for what stands beside the channels; choose another",
			"publish: channel %q ends in %s", p.Channel, path.Base(p.Channel))
	}
	return nil
}

// judgement refuses a verdict that is there and is not a pass for exactly this image.
func (j Judged) judgement(channel string) error {
	v := j.Verdict
	if v == nil {
		return nil
	}
	no := func(format string, args ...any) error {
		return fault.New(fault.GateSaysNo, "see the verdict's checks: rehydrate report",
			"publish %s to %s: %w", j.Image, channel, fmt.Errorf(format, args...))
	}
	switch {
	case v.Image != j.Image:
		return no("the verdict is about %s", v.Image)
	case v.Outcome != record.Pass:
		var why error
		if len(v.Reasons) > 0 {
			why = errors.New(strings.Join(v.Reasons, "; "))
			return no("the verdict is %s: %w", v.Outcome, why)
		}
		return no("the verdict is %s", v.Outcome)
	case j.Bake != nil && j.Bake.LockDigest != "" && v.LockDigest != "" && j.Bake.LockDigest != v.LockDigest:
		return no("the verdict judged lock %s, the bake used %s", v.LockDigest, j.Bake.LockDigest)
	}
	return nil
}
