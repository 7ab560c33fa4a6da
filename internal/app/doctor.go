package app

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/packer"
	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/twin/roots"
)

// Finding is one thing that a run needs, and how it stands.
type Finding struct {
	Name     string `json:"name"`
	Standing string `json:"standing"` // ok, missing or note
	Detail   string `json:"detail,omitempty"`
	Hint     string `json:"hint,omitempty"` // what to do about it
}

// The standings of a Finding. A note keeps nothing from working.
const (
	FoundOK      = "ok"
	FoundMissing = "missing"
	FoundNote    = "note"
)

// DoctorRequest says which kind of run is meant.
type DoctorRequest struct {
	Tools    Tools
	State    State
	Twin     bool // on the twin, not on AWS
	Modelled bool // on package data
	// Config is the configuration, whose accounts are tried; it may be nil.
	Config *config.Config
	// Cloud opens the endpoint of a twin or, without one, AWS.
	Cloud func(ctx context.Context, endpoint string) (*Cloud, error)
}

// Doctor looks for what a run needs. It changes nothing and starts no twin.
func Doctor(ctx context.Context, in DoctorRequest) []Finding {
	out := in.programs(ctx)
	out = append(out, in.stateFolder())
	if !in.Twin {
		return append(out, in.credentials(ctx)...)
	}
	return append(append(out, in.twin(ctx)...), in.roots())
}

// twin says whether one runs, and tries the accounts there. Which roles a twin will have
// that is not running is in its state or its world: they are not tried, and that is said.
func (in *DoctorRequest) twin(ctx context.Context) []Finding {
	f := Finding{Name: "twin", Standing: FoundNote, Detail: "none runs for " + in.State.Twin() + "; --twin starts one"}
	at, ok := twin.Find(in.State.Twin())
	if !ok {
		out := []Finding{f}
		if in.Config != nil {
			for _, a := range in.Config.Accounts {
				out = append(out, Finding{Name: "account " + a.Label, Standing: FoundNote, Detail: "not tried: no twin runs; look again when one does"})
			}
		}
		return out
	}
	f.Standing, f.Detail = FoundOK, "answers at "+at
	c, err := in.Cloud(ctx, at)
	if err != nil {
		return []Finding{f, {Name: "twin's account", Standing: FoundMissing, Detail: firstLine(err.Error()), Hint: fault.HintOf(err)}}
	}
	return append([]Finding{f}, in.accounts(ctx, c)...)
}

func (in *DoctorRequest) programs(ctx context.Context) []Finding {
	const build = "`make tools build` makes it, or name it by its flag"
	out := []Finding{in.packer(ctx)}
	for _, p := range []struct{ name, path string }{
		{"packer-plugin-amazon", in.Tools.AmazonPlugin}, {"packer-plugin-rehydrate", in.Tools.Plugin}, {"rehydrate-node", in.Tools.Node},
	} {
		f := Finding{Name: p.name, Standing: FoundOK, Detail: p.path}
		if _, err := os.Stat(p.path); p.path == "" || err != nil {
			f = in.absent(p.name, "not found", build)
		}
		out = append(out, f)
	}
	return out
}

// absent is missing, unless a modelled run is meant, which needs no programs.
func (in *DoctorRequest) absent(name, detail, hint string) Finding {
	if in.Modelled {
		return Finding{Name: name, Standing: FoundNote, Detail: detail + "; a modelled run needs none"}
	}
	return Finding{Name: name, Standing: FoundMissing, Detail: detail, Hint: hint}
}

func (in *DoctorRequest) packer(ctx context.Context) Finding {
	const hint = "install Packer 1.11 or newer, or `make tools`"
	if in.Tools.Packer == "" {
		return in.absent("packer", "not found", hint)
	}
	v := packer.Version(ctx, in.Tools.Packer)
	switch {
	case v == "":
		return in.absent("packer", in.Tools.Packer+" does not say its version", hint)
	case !packer.NewEnough(v):
		return in.absent("packer", in.Tools.Packer+" is version "+v, hint)
	}
	return Finding{Name: "packer", Standing: FoundOK, Detail: v + ", " + in.Tools.Packer}
}

// stateFolder says whether the state folder, or what it would be made in, can be
// written.
func (in *DoctorRequest) stateFolder() Finding {
	f := Finding{Name: "state folder", Standing: FoundOK, Detail: in.State.dir}
	dir := in.State.dir
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	probe, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return Finding{Name: f.Name, Standing: FoundMissing, Detail: err.Error(), Hint: "name another with --state"}
	}
	_ = probe.Close() // it is empty
	if err := os.Remove(probe.Name()); err != nil {
		return Finding{Name: f.Name, Standing: FoundNote, Detail: err.Error()}
	}
	return f
}

// credentials says who we are, and whether the roles of accounts can be taken on.
func (in *DoctorRequest) credentials(ctx context.Context) []Finding {
	f := Finding{Name: "AWS credentials", Standing: FoundOK}
	c, err := in.Cloud(ctx, "")
	if err != nil {
		return []Finding{{Name: f.Name, Standing: FoundMissing, Detail: firstLine(err.Error()), Hint: "AWS_PROFILE, AWS_ACCESS_KEY_ID or `aws sso login`; --twin needs none"}}
	}
	f.Detail = "account " + c.Account + ", region " + c.Region
	if c.Twin != "" {
		f.Detail += ", modelled by the twin at " + c.Twin
	}
	return append([]Finding{f}, in.accounts(ctx, c)...)
}

// accounts says of every account whether its Regions can be opened.
func (in *DoctorRequest) accounts(ctx context.Context, c *Cloud) (out []Finding) {
	if in.Config == nil {
		return nil
	}
	cells := NewCells(c, in.Config, "doctor")
	for _, a := range in.Config.Accounts {
		f := Finding{Name: "account " + a.Label, Standing: FoundOK, Detail: a.ID + ", " + or(a.Role, "the session's own") + ", in " + strings.Join(a.Regions, ", ")}
		for _, region := range a.Regions {
			if _, err := cells.Session(ctx, a.ID, region); err != nil {
				f.Standing, f.Detail, f.Hint = FoundMissing, firstLine(err.Error()), fault.HintOf(err)
				break
			}
		}
		out = append(out, f)
	}
	return out
}

func (in *DoctorRequest) roots() Finding {
	dir := in.State.dir
	if _, err := os.Stat(dir); err != nil {
		dir = filepath.Dir(dir)
	}
	if err := roots.Check(dir); err != nil {
		return in.absent("real roots", err.Error(), "run as root on Linux with overlayfs, or use --modelled")
	}
	return Finding{Name: "real roots", Standing: FoundOK, Detail: "root, overlayfs"}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
