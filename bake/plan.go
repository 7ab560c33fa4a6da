package bake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/wait"
)

// Stage is what baking needs from outside. Images, Resources, Clock and Events are
// always needed; Indexes by Plan; the rest by RunCommand.
type Stage struct {
	Images    Images
	Resources Resources
	Indexes   Indexes
	Creator   Creator
	Instances Instances
	Patcher   Patcher
	Clock     wait.Clock
	Events    event.Sink
	// Self is this program, which supervises Packer; empty: os.Executable.
	Self string

	children children
}

// Plan is what a bake would do.
type Plan struct {
	Request Request `json:"request"`
	Source  Image   `json:"source"`
	Arch    string  `json:"arch"`
	// ImageName is made of what is known before the bake, so that an image of an
	// interrupted bake is found again.
	ImageName   string `json:"imageName"`
	InputDigest string `json:"inputDigest"`
	// Skip says that a bake would give the image that exists; Reason why, or why not.
	Skip   bool   `json:"skip,omitempty"`
	Reason string `json:"reason,omitempty"`
	// SkipIdentity ends the bake on the node when its lock has this identity.
	SkipIdentity string `json:"skipIdentity,omitempty"`
	// Current is the last bake, when its image is still there and complete.
	Current *record.Bake `json:"current,omitempty"`
}

// Plan finds the source image, names the candidate and tells whether baking would
// change anything. It only reads.
func (s *Stage) Plan(ctx context.Context, in Request) (Plan, error) {
	b, err := baseline.Parse(in.Baseline)
	if err != nil {
		return Plan{}, fault.As(fmt.Errorf("plan the bake of %s: %w", in.Line, err), fault.Usage, "")
	}
	if in.Run == "" || in.Line == "" || in.Folder == "" {
		return Plan{}, fault.New(fault.Usage, "", "plan the bake: run, line and folder are needed (%q, %q, %q)", in.Run, in.Line, in.Folder)
	}
	if in.Source.ID == "" && in.Source.Name == "" {
		return Plan{}, fault.New(fault.Usage, "", "plan the bake of %s: no source image is named", in.Line)
	}
	source, err := s.source(ctx, in)
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Request: in, Source: source, Arch: source.Arch}
	if p.InputDigest, err = inputDigest(in, b, source); err != nil {
		return Plan{}, err
	}
	p.ImageName = imageName(in.Line, p.Arch, p.InputDigest, in.Run)
	return p, s.judgeSkip(ctx, &p, b)
}

func (s *Stage) source(ctx context.Context, in Request) (Image, error) {
	found, err := s.Images.Find(ctx, in.Source)
	if err != nil {
		return Image{}, fmt.Errorf("find the source image of %s: %w", in.Line, err)
	}
	what := in.Source.ID
	if what == "" {
		what = fmt.Sprintf("with the name %q of %s", in.Source.Name, owners(in.Source.Owners))
	}
	var arches []string
	for _, i := range found {
		if i.State != ImageAvailable {
			continue
		}
		if in.Arch == "" || i.Arch == in.Arch {
			return i, nil
		}
		arches = append(arches, i.Arch)
	}
	switch {
	case len(arches) > 0:
		return Image{}, fault.New(fault.NotFound, "", "find the source image of %s: image %s in %s is %s, not %s",
			in.Line, what, in.Region, strings.Join(arches, ", "), in.Arch)
	case len(found) > 0:
		return Image{}, fault.New(fault.NotFound, "", "find the source image of %s: image %s in %s is %s, not available",
			in.Line, what, in.Region, found[0].State)
	}
	return Image{}, fault.New(fault.NotFound, "check the id or name, its owner and the region",
		"find the source image of %s: there is no image %s in %s", in.Line, what, in.Region)
}

func owners(o []string) string {
	if len(o) == 0 {
		return "any owner"
	}
	return strings.Join(o, ", ")
}

// inputDigest is the digest of everything that decides what a bake makes, except
// what the repositories hold.
func inputDigest(in Request, b *baseline.Baseline, source Image) (string, error) {
	v := struct {
		Source, Baseline, Arch, Lock, Template string
		Options                                baseline.Options
	}{Source: source.ID, Baseline: b.Digest(), Arch: source.Arch, Options: in.Options}
	if in.Lock != nil {
		v.Lock = in.Lock.Digest()
	}
	if in.Packer.Template != "" {
		t, err := os.ReadFile(in.Packer.Template)
		if err != nil {
			return "", fault.As(fmt.Errorf("read the Packer template: %w", err), fault.Usage, "")
		}
		v.Template = digest(t)
	}
	j, err := json.Marshal(v)
	return digest(j), err
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// longestName is the longest image name that EC2 takes.
const longestName = 128

// imageName is "<line>-<architecture>-<12 digits of the input digest>-<run>" within
// the characters and length of EC2 image names.
func imageName(line, arch, input, run string) string {
	tail := "-" + clean(arch) + "-" + strings.TrimPrefix(input, "sha256:")[:12] + "-" + clean(run)
	head := clean(line)
	if room := longestName - len(tail); len(head) > room {
		head = head[:max(room, 0)]
	}
	name := head + tail
	if len(name) > longestName { // a run id beyond all measure: keep its end
		name = name[len(name)-longestName:]
	}
	return name
}

func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("-_./()", r):
			return r
		}
		return '-'
	}, s)
}

// timeout is how long building may take.
func (r Request) timeout() time.Duration {
	if r.Timeout > 0 {
		return r.Timeout
	}
	return 2 * time.Hour
}
