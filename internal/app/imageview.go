package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish/revoke"
	"github.com/goldenami/rehydrate/publish/usage"
)

// ImageView is an image as the image commands show it.
type ImageView struct {
	Account    string            `json:"account"`
	Region     string            `json:"region"`
	ID         string            `json:"id"`
	Name       string            `json:"name,omitempty"`
	Line       string            `json:"line,omitempty"`
	State      string            `json:"state"`
	Arch       string            `json:"arch,omitempty"`
	Owner      string            `json:"owner,omitempty"`
	Run        string            `json:"run,omitempty"`
	Source     string            `json:"source,omitempty"`
	CreatedAt  time.Time         `json:"createdAt"`
	Deprecated time.Time         `json:"deprecatedAt,omitzero"`
	Protected  string            `json:"protected,omitempty"`
	Revoked    string            `json:"revoked,omitempty"` // since when
	Reason     string            `json:"reason,omitempty"`  // of the revocation
	Channels   []string          `json:"channels,omitempty"`
	Snapshots  []string          `json:"snapshots,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	Uses       []usage.Use       `json:"uses,omitempty"` // of `image show`
}

// ImageList are images, and what could not be read.
type ImageList struct {
	Images  []ImageView `json:"images"`
	Unknown []string    `json:"unknown,omitempty"`
}

// Err says that the list may not be whole.
func (l *ImageList) Err() error {
	if len(l.Unknown) == 0 {
		return nil
	}
	return fault.New(fault.Partial, "", "not all could be read: %s", strings.Join(l.Unknown, "; "))
}

// ListImages are the images of the lines, in every cell, newest first. Without lines it
// is those of the whole configuration.
func ListImages(ctx context.Context, in *ImageRequest, lines ...*config.Image) (*ImageList, error) {
	if err := in.begin(); err != nil {
		return nil, err
	}
	if len(lines) == 0 {
		lines = in.Config.Images
	}
	out := &ImageList{Images: []ImageView{}}
	for _, at := range in.everywhere() {
		p, err := in.cells.at(ctx, at)
		if err != nil {
			out.Unknown = append(out.Unknown, fmt.Sprintf("open %s: %v", at, err))
			continue
		}
		own, err := p.images.Own(ctx)
		if err != nil {
			out.Unknown = append(out.Unknown, fmt.Sprintf("list the images of %s: %v", at, err))
			continue
		}
		held := in.held(ctx, at, p, out)
		for _, i := range own {
			if slices.ContainsFunc(lines, func(l *config.Image) bool { return l.Label == i.Tags[usage.TagLine] }) {
				v := view(at, i)
				v.Channels, v.Tags = held[i.ID], nil
				out.Images = append(out.Images, v)
			}
		}
	}
	slices.SortStableFunc(out.Images, func(a, b ImageView) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return out, ctx.Err()
}

// held are the channels that hold an image in a cell, by image.
func (in *ImageRequest) held(ctx context.Context, at usage.Cell, p imagePorts, out *ImageList) map[string][]string {
	held := map[string][]string{}
	for _, i := range in.Config.Images {
		for _, name := range channelsOf(i) {
			history, err := p.uses.Parameters.History(ctx, name)
			if err != nil {
				out.Unknown = append(out.Unknown, fmt.Sprintf("read the history of %s in %s: %v", name, at, err))
			} else if v, ok := usage.Pick(history, ""); ok {
				held[v.Value] = append(held[v.Value], name)
			}
		}
	}
	return held
}

func view(at usage.Cell, i usage.Image) ImageView {
	source := i.Tags[usage.TagSource]
	if source == "" {
		source = i.Source
	}
	return ImageView{Account: at.Account, Region: at.Region, ID: i.ID, Name: i.Name, Line: i.Tags[usage.TagLine], State: i.State, Arch: i.Architecture,
		Owner: i.Owner, Run: i.Tags[usage.TagRun], Source: source, CreatedAt: i.CreatedAt, Deprecated: i.DeprecatedAt, Protected: i.Protected,
		Revoked: i.Tags[usage.TagRevoked], Reason: i.Tags[usage.TagReason], Snapshots: i.Snapshots, Tags: i.Tags}
}

// found is an image, and where.
type found struct {
	at      usage.Cell
	image   usage.Image
	ports   imagePorts
	unknown []string // where it could not be looked for
}

// find is the image of that id in the first cell where it can be seen, its owner's
// before others'.
func (in *ImageRequest) find(ctx context.Context, id string) (found, error) {
	var out found
	if err := in.begin(); err != nil {
		return out, err
	}
	for _, at := range in.everywhere() {
		p, err := in.cells.at(ctx, at)
		if err == nil {
			var i usage.Image
			i, err = p.images.Image(ctx, id)
			if err == nil && (out.image.ID == "" || i.Owner == at.Account) {
				out.at, out.image, out.ports = at, i, p
			}
		}
		if err != nil && fault.KindOf(err) != fault.NotFound {
			out.unknown = append(out.unknown, fmt.Sprintf("look in %s: %v", at, err))
		}
	}
	if out.image.ID == "" {
		hint := "check id, account and Region"
		if len(out.unknown) > 0 {
			hint = "not all could be read: " + strings.Join(out.unknown, "; ")
		}
		return out, fault.New(fault.NotFound, hint, "there is no image %s", id)
	}
	return out, ctx.Err()
}

// ShowImage is an image with everything that uses or names it.
func ShowImage(ctx context.Context, in *ImageRequest, id string) (*ImageList, error) {
	x, err := in.find(ctx, id)
	if err != nil {
		return nil, err
	}
	out := &ImageList{Unknown: x.unknown}
	v := view(x.at, x.image)
	v.Channels = in.held(ctx, x.at, x.ports, out)[id]
	census, err := usage.Read(ctx, func(ctx context.Context, at usage.Cell) (usage.Ports, error) {
		p, err := in.cells.at(ctx, at)
		return p.uses, err
	}, usage.Question{Cells: in.everywhere(), Images: []string{id}, Rollback: 1, Now: in.Cloud.Clock.Now()})
	if err != nil {
		return nil, err
	}
	v.Uses = census.Of(id)
	out.Images, out.Unknown = []ImageView{v}, append(out.Unknown, census.Unknown...)
	return out, nil
}

// Lineage is where an image comes from and what came of it.
type Lineage struct {
	Image ImageView `json:"image"`
	// Up are the images that it descends from, nearest first; what EC2 no longer knows
	// ends the line.
	Up []string `json:"up,omitempty"`
	// Down are its copies and what was made from it.
	Down    []revoke.Member `json:"down,omitempty"`
	Unknown []string        `json:"unknown,omitempty"`
}

// ImageLineage follows an image up and down, over every cell.
func ImageLineage(ctx context.Context, in *ImageRequest, id string) (*Lineage, error) {
	x, err := in.find(ctx, id)
	if err != nil {
		return nil, err
	}
	out := &Lineage{Image: view(x.at, x.image), Unknown: x.unknown}
	if out.Up, err = x.ports.images.Ancestry(ctx, id); err != nil && fault.KindOf(err) != fault.Unsupported {
		out.Unknown = append(out.Unknown, err.Error())
	}
	if s := out.Image.Source; s != "" && !slices.Contains(out.Up, s) {
		out.Up = append([]string{s}, out.Up...)
	}
	var channels []revoke.Channel
	for _, l := range in.Config.Images {
		channels = append(channels, revoke.Channel{Line: l.Label, Name: l.Channel})
	}
	stage := &revoke.Stage{Cells: in.cells.revoke, Clock: in.Cloud.Clock, Events: in.Events}
	family, more, err := stage.Family(ctx, id, in.everywhere(), channels)
	if err != nil {
		return nil, err
	}
	out.Down = below(family, out.Up)
	out.Unknown = append(out.Unknown, more...)
	return out, nil
}

// below are the members of an image's family, itself first, that it does not descend
// from. A revocation takes the image that a copy was made of with it.
func below(family []revoke.Member, up []string) []revoke.Member {
	return slices.DeleteFunc(slices.Clone(family[1:]), func(m revoke.Member) bool { return slices.Contains(up, m.Image) })
}
