package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/goldenami/rehydrate/internal/fault"
)

// fewTemplates is up to how many templates are asked for one by one; beyond it, their
// latest and default versions are read in pages first.
const fewTemplates = 4

// templates reads the versions that groups run, of each template in one call, after
// pages of latest and default versions where there are many templates.
func (x *cellReader) templates(ctx context.Context, found []claimed) error {
	wanted := map[string][]string{}
	for _, f := range found {
		g := f.group
		if g.Template.ID == "" || len(running(g)) > 1 && len(f.fleets) > 0 {
			continue // it is refused for that
		}
		for _, v := range running(g) {
			if !slices.Contains(wanted[g.Template.ID], v) {
				wanted[g.Template.ID] = append(wanted[g.Template.ID], v)
			}
		}
	}
	if ends, ok := x.Templates.(TemplateEnds); ok && len(wanted) > fewTemplates {
		if err := x.ends(ctx, ends, wanted); err != nil {
			return err
		}
	}
	ids := slices.Sorted(maps.Keys(wanted))
	var guard sync.Mutex
	return each(ctx, perCell, len(ids), func(ctx context.Context, n int) error {
		return x.fetch(ctx, &guard, ids[n], wanted[ids[n]])
	})
}

// ends takes what it can of wanted from the latest and the default versions.
func (x *cellReader) ends(ctx context.Context, from TemplateEnds, wanted map[string][]string) error {
	list, err := from.Ends(ctx)
	if err != nil {
		return fmt.Errorf("read the latest and default versions of the launch templates%s: %w", x.cell.in(), err)
	}
	for _, v := range list {
		latest := versionKey{v.Template, "$Latest"}
		if have, ok := x.versions[latest]; !ok || numberOf(v) > numberOf(have) {
			x.versions[latest] = v
		}
		if v.Default {
			x.versions[versionKey{v.Template, "$Default"}] = v
		}
		x.versions[versionKey{v.Template, v.Number}] = v
	}
	for id, versions := range wanted {
		left := slices.DeleteFunc(versions, func(v string) bool { _, ok := x.versions[versionKey{id, v}]; return ok })
		if wanted[id] = left; len(left) == 0 {
			delete(wanted, id)
		}
	}
	return nil
}

func numberOf(v TemplateVersion) int {
	n, _ := strconv.Atoi(v.Number) // the API's own number
	return n
}

// fetch reads versions of one template; those that are not there are remembered too.
func (x *cellReader) fetch(ctx context.Context, guard *sync.Mutex, template string, versions []string) error {
	list, err := x.Templates.Versions(ctx, template, versions...)
	if fault.KindOf(err) == fault.NotFound && err != nil && len(versions) > 1 {
		for _, v := range versions { // to know which
			if err := x.fetch(ctx, guard, template, []string{v}); err != nil {
				return err
			}
		}
		return nil
	}
	guard.Lock()
	defer guard.Unlock()
	switch {
	case err != nil && fault.KindOf(err) == fault.NotFound:
		x.absent[versionKey{template, versions[0]}] = fmt.Errorf("read version %s of launch template %s: %w", versions[0], template, err)
		return nil
	case err != nil:
		return fmt.Errorf("read versions %s of launch template %s%s: %w", strings.Join(versions, ", "), template, x.cell.in(), err)
	}
	for _, v := range list {
		x.versions[versionKey{template, v.Number}] = v
	}
	for _, asked := range versions {
		key := versionKey{template, asked}
		switch _, have := x.versions[key]; {
		case have:
		case !numbered(asked) && len(list) == 1:
			x.versions[key] = list[0]
		case !numbered(asked) && len(list) > 1: // which of them it is, only a question of its own tells
			one, err := x.Templates.Versions(ctx, template, asked)
			if err != nil || len(one) != 1 {
				return fmt.Errorf("read version %s of launch template %s%s: %w", asked, template, x.cell.in(), err)
			}
			x.versions[key] = one[0]
		default:
			x.absent[key] = fault.New(fault.NotFound, "", "launch template %s has no version %s", template, asked)
		}
	}
	return nil
}
