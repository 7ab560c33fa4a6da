package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/goldenami/rehydrate/bake"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

var imageID = regexp.MustCompile(`^ami-[0-9a-f]{8,17}$`)

// source is which image the line begins with. A parameter is read now.
func (p *pipeline) source(ctx context.Context) (bake.ImageFilter, error) {
	s := p.Image.Source
	if s.Parameter == "" {
		return bake.ImageFilter{ID: s.ID, Name: s.Name, Owners: s.Owners}, nil
	}
	v, err := p.parts.params.Get(ctx, s.Parameter)
	if fault.KindOf(err) == fault.NotFound {
		return bake.ImageFilter{}, fault.New(fault.NotFound, "check name, account and region", "find the source image of %s: there is no parameter %s in account %s, region %s",
			p.Image.Label, s.Parameter, p.Cloud.Account, p.Cloud.Region)
	}
	if err != nil {
		return bake.ImageFilter{}, fmt.Errorf("find the source image of %s: %w", p.Image.Label, err)
	}
	if !imageID.MatchString(v.Value) {
		return bake.ImageFilter{}, fault.New(fault.Usage, "", "find the source image of %s: parameter %s holds %q, not the id of an image", p.Image.Label, s.Parameter, v.Value)
	}
	return bake.ImageFilter{ID: v.Value}, nil
}

// preflight finds what a new bake lacks on this machine before a run is begun.
func (in *Request) preflight(doc *record.Run, first int) error {
	if first > 0 || doc.Bake != nil {
		return nil
	}
	return in.canBake()
}

// canBake finds what this machine lacks to bake the image line.
func (in *Request) canBake() error {
	if in.Modelled {
		return nil
	}
	var err error
	if in.Image.Builder == "packer" {
		_, err = in.packer()
	} else {
		_, err = nodeProgram(*in)(in.Image.Architecture)
	}
	return err
}

func (in *Request) packer() (bake.Packer, error) {
	t := in.Tools
	for _, x := range []struct{ what, path string }{
		{"Packer", t.Packer}, {"packer-plugin-amazon", t.AmazonPlugin}, {"packer-plugin-rehydrate", t.Plugin}, {"rehydrate-node", t.Node},
	} {
		const hint = "`make tools build` makes it, or name it by its flag; `rehydrate doctor` says what is missing, and --twin --modelled needs none"
		if x.path == "" {
			return bake.Packer{}, fault.New(fault.Usage, hint, "bake %s: %s was not found", in.Image.Label, x.what)
		}
		if _, err := os.Stat(x.path); err != nil {
			return bake.Packer{}, fault.New(fault.Usage, hint, "bake %s: %s was not found: there is no %s", in.Image.Label, x.what, x.path)
		}
	}
	return in.packerSettings(), nil
}

// packerSettings are what is known of Packer, whether it is there or not: plans need no
// more.
func (in *Request) packerSettings() bake.Packer {
	t := in.Tools
	out := bake.Packer{
		Path: t.Packer, PluginFolder: t.PluginFolder, NodeBinary: t.Node, SSHUser: in.Image.SSHUsername,
		Plugins:  []bake.Plugin{{Source: "github.com/hashicorp/amazon", Path: t.AmazonPlugin}, {Source: "github.com/goldenami/rehydrate", Path: t.Plugin}},
		Endpoint: in.Cloud.Twin,
	}
	if in.Image.Template != "" {
		out.Template = in.Image.Template
		if !filepath.IsAbs(out.Template) {
			out.Template = filepath.Join(filepath.Dir(in.Config.File), out.Template)
		}
	}
	return out
}
