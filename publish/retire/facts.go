package retire

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/publish/usage"
)

// The uses that this stage finds beside those of package usage.
const (
	useChannel  usage.Kind = "channel"
	useRollback usage.Kind = "rollback"
	useRun      usage.Kind = "run"
	useSource   usage.Kind = "source"
	useShared   usage.Kind = "shared"
)

// Tags of a retirement.
const (
	// TagDisabled is on an image that we disabled: when, RFC 3339.
	TagDisabled = "rehydrate:disabled"
	// TagRetired is on snapshots whose image is about to go: the image.
	TagRetired = "rehydrate:retired-with"
)

// facts are all that a plan rests on.
type facts struct {
	*Stage
	in        Input
	now       time.Time
	ports     map[usage.Cell]Ports
	own       map[usage.Cell][]usage.Image // every image of the account
	snapshots map[usage.Cell]map[string]Snapshot
	census    *usage.Census
	uses      map[string][]usage.Use // by image id
	builds    map[string][]Part      // builds entries by image id
	runs      []Run
	unknown   []string
}

func (f *facts) read(ctx context.Context) error {
	for _, at := range f.in.Cells {
		f.cell(ctx, at)
	}
	var err error
	if f.runs, err = f.Journal.Runs(ctx); err != nil {
		f.miss("read the journal", err)
	}
	f.census, err = usage.Read(ctx, func(_ context.Context, at usage.Cell) (usage.Ports, error) {
		return f.ports[at].Uses, nil
	}, usage.Question{Cells: usage.Opened(f.in.Cells, f.ports), Images: f.candidates(), Rollback: f.in.Policy.RollbackDepth, Now: f.now})
	if err != nil {
		return err
	}
	f.unknown = append(f.unknown, f.census.Unknown...)
	f.counted()
	for _, at := range f.in.Cells {
		f.channels(ctx, at)
	}
	f.journal()
	for image, text := range f.in.Sources {
		f.use(usage.Use{Kind: useSource, ID: image, Image: image, Text: text})
	}
	return nil
}

func (f *facts) miss(what string, err error) {
	f.unknown = append(f.unknown, fmt.Sprintf("%s: %v", what, err))
}

func (f *facts) use(u usage.Use) { f.uses[u.Image] = append(f.uses[u.Image], u) }

func (f *facts) cell(ctx context.Context, at usage.Cell) {
	if _, twice := f.ports[at]; twice {
		return
	}
	p, err := f.Cells(ctx, at)
	if err != nil {
		f.miss("open "+at.String(), err)
		return
	}
	f.ports[at] = p
	if f.own[at], err = p.Images.Own(ctx); err != nil {
		f.miss("list the images of "+at.String(), err)
	}
	slices.SortFunc(f.own[at], func(a, b usage.Image) int {
		if c := b.CreatedAt.Compare(a.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	list, err := p.Leftovers.Snapshots(ctx, usage.TagLine)
	if err != nil {
		f.miss("list the snapshots of "+at.String(), err)
	}
	f.snapshots[at] = map[string]Snapshot{}
	for _, x := range list {
		if x.Tags[usage.TagLine] == f.in.Line {
			f.snapshots[at][x.ID] = x
		}
	}
}

// ours says that an image belongs to the line and to the account.
func (f *facts) ours(at usage.Cell, i usage.Image) bool {
	return i.Owner == at.Account && i.Tags[usage.TagLine] == f.in.Line
}

// candidates are the images with which something could happen by their age alone.
func (f *facts) candidates() []string {
	var out []string
	for at, list := range f.own {
		for _, i := range list {
			if f.ours(at, i) {
				if a, _ := f.byAge(i); a != Keep {
					out = append(out, i.ID)
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

// counted takes over the census, but for what goes with an image.
func (f *facts) counted() {
	for image, uses := range f.census.Uses {
		for _, u := range uses {
			switch {
			case u.Ours:
			case u.Kind == usage.Params && f.isBuild(u.ID):
				f.builds[image] = append(f.builds[image], Part{Kind: PartBuild, Cell: u.Cell, ID: u.ID})
			default:
				f.use(u)
			}
		}
	}
}

// isBuild says that a parameter lies in the line's builds folder: beside a channel or,
// where each architecture has a folder, one above.
func (f *facts) isBuild(name string) bool {
	if slices.Contains(f.in.Channels, name) {
		return false
	}
	for _, c := range f.in.Channels {
		for _, dir := range []string{path.Dir(c), path.Dir(path.Dir(c))} {
			if len(dir) > 1 && strings.HasPrefix(name, dir+"/builds/") {
				return true
			}
		}
	}
	return false
}

// revokedLabel opens the labels of versions that a revocation marked.
const revokedLabel = "revoked"

func revoked(p usage.Parameter) bool {
	return slices.ContainsFunc(p.Labels, func(l string) bool { return strings.HasPrefix(l, revokedLabel) })
}

// channels finds what the channels hold, held last, and may be rolled back to.
func (f *facts) channels(ctx context.Context, at usage.Cell) {
	p, ok := f.ports[at]
	if !ok {
		return
	}
	for _, name := range f.in.Channels {
		history, err := p.Uses.Parameters.History(ctx, name)
		if err != nil {
			f.miss(fmt.Sprintf("read the history of %s in %s", name, at), err)
			continue
		}
		var back []string
		taken := usage.TakenBack(history)
		for n, v := range slices.Backward(history) {
			say := func(k usage.Kind, format string, args ...any) {
				f.use(usage.Use{Kind: k, Cell: at, ID: name, Image: v.Value, Text: fmt.Sprintf("channel %s ", name) + fmt.Sprintf(format, args...)})
			}
			switch {
			case n == len(history)-1:
				say(useChannel, "holds it (version %d)", v.Version)
				back = append(back, v.Value)
				continue
			case slices.Contains(v.Labels, "current"), slices.Contains(v.Labels, "previous"):
				say(useChannel, "has it as version %d (%s)", v.Version, strings.Join(v.Labels, ", "))
			}
			if revoked(v) || taken[v.Version] || slices.Contains(back, v.Value) || len(back) > f.in.Policy.RollbackDepth {
				continue
			}
			back = append(back, v.Value)
			say(useRollback, "could be rolled back to it (version %d)", v.Version)
		}
	}
}

// journal finds what running runs work with, and what rolls left behind for a way
// back.
func (f *facts) journal() {
	seen := map[string]int{}
	for _, r := range slices.Backward(f.runs) {
		if !r.Ended {
			for _, image := range append(slices.Clone(r.Uses), r.Image) {
				if image != "" {
					f.use(usage.Use{Kind: useRun, Cell: r.Cell, ID: r.ID, Image: image, Text: "run " + r.ID + " works with it and has not ended"})
				}
			}
		}
		for _, x := range r.Rolls {
			key := x.Cell.String() + " " + x.Group
			if x.From == "" || x.From == x.To || seen[key] >= f.in.Policy.RollbackDepth || f.gone(x) {
				continue
			}
			seen[key]++
			f.use(usage.Use{Kind: useRollback, Cell: x.Cell, ID: x.Group, Image: x.From, Text: fmt.Sprintf("group %s ran it before run %s and could be rolled back to it", x.Group, r.ID)})
		}
	}
}

// gone says that the group of a roll is known to exist no more.
func (f *facts) gone(x Roll) bool {
	_, read := f.ports[x.Cell]
	return read && !slices.Contains(f.census.Groups[x.Cell], x.Group)
}
