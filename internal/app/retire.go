package app

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/goldenami/rehydrate/internal/awscloud/lifecycle"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/publish/retire"
	"github.com/goldenami/rehydrate/publish/usage"
)

// What a retirement says; commands show it.
type (
	// Retirement is the plan of one.
	Retirement = retire.Plan
	// Retired is what became of one image, snapshot or run.
	Retired = retire.Result
)

// RetiredText is the results for people.
func RetiredText(all []Retired) string { return retire.Text(all) }

func (in *ImageRequest) retireStage() *retire.Stage {
	return &retire.Stage{Cells: in.cells.retire, Journal: history{in}, Archive: archive{in}, Clock: in.Cloud.Clock, Events: in.Events}
}

// PlanRetirement judges every image of a line by the line's retire block. It changes
// nothing.
func PlanRetirement(ctx context.Context, in *ImageRequest, i *config.Image) (*Retirement, error) {
	if i.Retire == nil {
		return nil, fault.New(fault.Usage, "write one with disable_after, deregister_after, or both: docs/revoke-retire.md",
			"image %s has no retire block", i.Label)
	}
	if err := in.begin(); err != nil {
		return nil, err
	}
	ask := retire.Input{Line: i.Label, Cells: in.everywhere(), Channels: channelsOf(i), Sources: map[string]string{}, Policy: retire.Policy{
		Keep: i.Retire.Keep, DeprecateAfter: i.Retire.DeprecateAfter, DisableAfter: i.Retire.DisableAfter,
		DeregisterAfter: i.Retire.DeregisterAfter, RollbackDepth: i.Retire.RollbackDepth}}
	for _, other := range in.Config.Images {
		if other.Source.ID != "" {
			ask.Sources[other.Source.ID] = "it is the source of image line " + other.Label
		}
	}
	return in.retireStage().Plan(ctx, ask)
}

// Retire carries a plan out, recorded in a journal of its own, while no run of the
// line is at work. Asked for again, it goes on where it ended.
func Retire(ctx context.Context, in *ImageRequest, p *Retirement) ([]Retired, error) {
	if err := in.begin(); err != nil {
		return nil, err
	}
	release, err := in.State.Lease(ctx, p.Input.Line, in.run)
	if err != nil {
		return nil, err
	}
	defer release()
	end := in.heard("retirement of images of " + p.Input.Line)
	out, err := in.retireStage().Apply(ctx, p, in.runner())
	end(err)
	return out, err
}

// history reads the run documents as retirement needs them.
type history struct{ in *ImageRequest }

// Runs implements retire.Journal.
func (h history) Runs(context.Context) ([]retire.Run, error) {
	all, err := h.in.State.History()
	if err != nil {
		return nil, err
	}
	var out []retire.Run
	for _, r := range all {
		if sameWorld(r, h.in.Cloud) {
			out = append(out, retiring(r))
		}
	}
	return out, nil
}

func retiring(r *record.Run) retire.Run {
	out := retire.Run{ID: r.ID, Line: r.Line, Cell: usage.Cell{Account: r.Account, Region: r.Region}, Uses: imagesOf(r), Ended: ended(r), EndedAt: r.EndedAt}
	if r.Bake != nil && !r.Bake.Skipped {
		out.Image = r.Bake.Image
	}
	for _, g := range r.Roll {
		x := retire.Roll{Cell: usage.Cell{Account: g.Account, Region: g.Region}, Group: g.Group, From: g.From, To: g.To, At: g.EndedAt}
		if g.Account == "" {
			x.Cell.Account = r.Account
		}
		if g.Region == "" {
			x.Cell.Region = r.Region
		}
		out.Rolls = append(out.Rolls, x)
	}
	return out
}

// archive removes what runs leave in the state folder and in buckets. The run document
// and its reports stay: they are the history.
type archive struct{ in *ImageRequest }

// histories are the files of a run that stay.
var histories = []string{documentName, "report.md", "report.html"}

// folder is a place in a bucket where a run leaves things.
type folder struct {
	objects lifecycle.Objects
	prefix  string
}

func (f folder) String() string { return "s3://" + f.objects.Bucket + "/" + f.prefix }

func (a archive) folders(run string) []folder {
	var out []folder
	home := a.in.Cloud.Session
	if b := a.in.Config.Artifacts; b.Bucket != "" {
		out = append(out, folder{lifecycle.NewObjects(home, b.Bucket), path.Join(b.Prefix, "kits", run) + "/"})
	}
	if j := a.in.Config.Journal; j.Bucket != "" {
		for _, dir := range []string{"artifacts", "runs"} {
			out = append(out, folder{lifecycle.NewObjects(home, j.Bucket), path.Join(j.Prefix, dir, run) + "/"})
		}
	}
	return out
}

// files are the paths of a run in the state folder that may go.
func (a archive) files(run string) ([]string, error) {
	if run == "" || !filepath.IsLocal(run) || filepath.Base(run) != run {
		return nil, fault.New(fault.Failed, "", "%q is not the id of a run", run)
	}
	var out []string
	if dir := filepath.Join(a.in.State.dir, "runs", run); exists(dir) {
		out = append(out, dir)
	}
	entries, err := os.ReadDir(a.in.State.Artifacts(run))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if !slices.Contains(histories, e.Name()) {
			out = append(out, filepath.Join(a.in.State.Artifacts(run), e.Name()))
		}
	}
	return out, nil
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// Parts implements retire.Archive.
func (a archive) Parts(ctx context.Context, run string) ([]string, error) {
	files, err := a.files(run)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, f := range files {
		rel, err := filepath.Rel(a.in.State.dir, f)
		if err != nil {
			return nil, err
		}
		out = append(out, filepath.ToSlash(rel))
	}
	for _, f := range a.folders(run) {
		there, err := f.objects.Any(ctx, f.prefix)
		if err != nil {
			return nil, err
		}
		if there {
			out = append(out, f.String())
		}
	}
	return out, nil
}

// Remove implements retire.Archive.
func (a archive) Remove(ctx context.Context, run string) error {
	files, err := a.files(run)
	if err != nil {
		return err
	}
	for _, f := range a.folders(run) {
		if err := f.objects.Remove(ctx, f.prefix); err != nil {
			return err
		}
	}
	for _, f := range files {
		if err := os.RemoveAll(f); err != nil {
			return err
		}
	}
	return nil
}
