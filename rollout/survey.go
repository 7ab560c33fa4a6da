package rollout

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/goldenami/rehydrate/internal/fault"
)

const (
	// manyCells is how many cells are read at a time, and perCell how many calls are
	// under way in one of them: each cell's quotas are its own, and small.
	manyCells = 16
	perCell   = 4
)

// reader makes a plan's groups, cell by cell.
type reader struct {
	*Stage
	in    Input
	basis map[place]int
}

// surveyed is what one cell gave.
type surveyed struct {
	groups   map[string][]GroupPlan // by fleet, by name
	names    map[string][]string    // of the groups of a fleet, refused ones too
	findings []PlanFinding
	quotas   []Headroom
	unread   bool // nothing is known of the cell
}

// cells reads every cell that a fleet is in, some at a time.
func (r *reader) cells(ctx context.Context) (map[Cell]*surveyed, error) {
	order, fleets := cellsOf(r.in.Fleets)
	out := make([]*surveyed, len(order))
	err := each(ctx, manyCells, len(order), func(ctx context.Context, n int) error {
		c := order[n]
		err := r.in.Unknown[c]
		if err == nil {
			out[n], err = r.survey(ctx, c, fleets[c])
		}
		if err == nil {
			return nil
		}
		if !settledBy(err) {
			return err
		}
		// What no second try would change is told with all the rest of the plan.
		out[n] = &surveyed{unread: true, findings: []PlanFinding{{Cell: c, Finding: unreadable(err)}}}
		return nil
	})
	if err != nil {
		return nil, err
	}
	all := map[Cell]*surveyed{}
	for n, c := range order {
		all[c] = out[n]
	}
	return all, nil
}

// settledBy says that an error is one of permissions, names or usage: another try
// would end the same.
func settledBy(err error) bool {
	switch fault.KindOf(err) {
	case fault.Denied, fault.NotFound, fault.Usage, fault.Unsupported, fault.Conflict:
		return true
	}
	return false
}

// each calls f for 0 to n-1, at most limit at a time, until one fails; the error is
// that of the lowest number that failed.
func each(ctx context.Context, limit, n int, f func(context.Context, int) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, n)
	next := make(chan int)
	var work sync.WaitGroup
	for range min(limit, n) {
		work.Go(func() {
			for i := range next {
				if errs[i] = f(ctx, i); errs[i] != nil {
					cancel()
				}
			}
		})
	}
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	work.Wait()
	for _, err := range errs {
		if err != nil && fault.KindOf(err) != fault.Interrupted {
			return err
		}
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// findings are those of the cells, and of fleets that have no groups.
func (r *reader) findings(cells map[Cell]*surveyed) []PlanFinding {
	var out []PlanFinding
	seen := map[Cell]bool{}
	for _, f := range r.in.Fleets {
		unread := false
		var names []string
		for _, c := range f.cells() {
			if !seen[c] {
				seen[c] = true
				out = append(out, cells[c].findings...)
			}
			unread = unread || cells[c].unread
			names = append(names, cells[c].names[f.Name]...)
		}
		if !unread { // else the groups may be where we could not look
			out = append(out, f.complete(names)...)
		}
	}
	return out
}

// cells are where the fleet's groups are looked for.
func (f Fleet) cells() []Cell {
	if len(f.Cells) == 0 {
		return []Cell{{}}
	}
	return f.Cells
}

// complete says which of a fleet's groups were not found.
func (f Fleet) complete(found []string) []PlanFinding {
	var out []PlanFinding
	missing := func(hint, format string, args ...any) {
		out = append(out, PlanFinding{Fleet: f.Name, Finding: Finding{Refuse: true, Kind: fault.NotFound, Hint: hint, Text: fmt.Sprintf(format, args...)}})
	}
	for _, name := range f.Groups {
		if !slices.Contains(found, name) {
			missing("check name, account and region", "there is no Auto Scaling group %s", name)
		}
	}
	switch {
	case len(found) > 0 || len(f.Groups) > 0:
	case len(f.Tags) > 0:
		missing("check tags, account and region", "no Auto Scaling group has the tags %s", f.tags())
	default:
		missing("check the templates, account and region", "no Auto Scaling group uses the launch template %s", strings.Join(f.Templates, " or "))
	}
	return out
}
