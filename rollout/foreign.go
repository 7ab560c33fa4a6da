package rollout

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/goldenami/rehydrate/internal/fault"
)

// refreshing looks for refreshes under way in the groups that are to move, one call a
// group: the API lists those of one group only.
func (x *cellReader) refreshing(ctx context.Context, plans []GroupPlan) error {
	var ask []*GroupPlan
	for i := range plans {
		if p := &plans[i]; !p.refused() && !p.Nothing {
			ask = append(ask, p)
		}
	}
	var guard sync.Mutex
	return each(ctx, perCell, len(ask), func(ctx context.Context, n int) error {
		p := ask[n]
		list, err := x.Refreshes.List(ctx, p.Group)
		if err != nil {
			return fmt.Errorf("list the instance refreshes of group %s%s: %w", p.Group, p.Cell.in(), err)
		}
		for _, r := range list {
			if terminal(r.Status) {
				continue
			}
			if err := x.foreign(ctx, &guard, p, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// foreign refuses a group in which somebody else's refresh runs. One that goes to our
// image on a version made by us may be that of a run which was interrupted; the unit
// compares it exactly.
func (x *cellReader) foreign(ctx context.Context, guard *sync.Mutex, p *GroupPlan, r Refresh) error {
	to := versionKey{r.Desired.Template.ID, r.Desired.Template.Version}
	var v TemplateVersion
	if to.template == p.Template.ID && to.version != "" {
		guard.Lock()
		have, ok := x.versions[to]
		guard.Unlock()
		if !ok {
			list, err := x.Templates.Versions(ctx, to.template, to.version)
			switch {
			case err != nil && fault.KindOf(err) != fault.NotFound:
				return fmt.Errorf("read version %s of launch template %s%s: %w", to.version, to.template, x.cell.in(), err)
			case err == nil && len(list) == 1:
				have = list[0]
			}
		}
		v = have
	}
	if v.Number != "" && v.Image == p.To && (v.Number == p.InUse || v.Description == describe(p.InUse, p.To)) {
		p.note("an instance refresh to the same version is under way (%s, %s); it is adopted", r.ID, r.Status)
		return nil
	}
	p.refuse(fault.Conflict, "wait until it has ended, or end it yourself",
		"somebody else's instance refresh %s is under way (%s)", r.ID, r.Status)
	return nil
}

// launchable checks the image to go to, and the images that a rollback would go to.
func (x *cellReader) launchable(ctx context.Context, out *surveyed, plans []GroupPlan) error {
	if len(plans) == 0 {
		return nil
	}
	to := x.in.image(x.cell)
	var ids []string
	if to != NewImage {
		ids = append(ids, to)
	}
	for _, p := range plans {
		if strings.HasPrefix(p.From, "ami-") {
			ids = append(ids, p.From)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	states, err := x.Images.States(ctx, ids)
	if err != nil {
		return fmt.Errorf("look at the images %s%s: %w", strings.Join(ids, ", "), x.cell.in(), err)
	}
	refuse := func(kind fault.Kind, hint, format string, args ...any) {
		out.findings = append(out.findings, PlanFinding{Cell: x.cell, Finding: Finding{Refuse: true, Kind: kind, Hint: hint, Text: fmt.Sprintf(format, args...)}})
	}
	switch state, ok := states[to]; {
	case to == NewImage:
	case !ok:
		refuse(fault.NotFound, "check id, account and region; an image of another account must be shared with this one", "there is no image %s%s", to, x.cell.in())
	case state != "available":
		refuse(fault.Conflict, "roll to an image that is available", "image %s is %s%s, not available", to, state, x.cell.in())
	default:
		if err := x.ours(ctx, to, refuse); err != nil {
			return err
		}
	}
	for i := range plans {
		p := &plans[i]
		if state := states[p.From]; p.From != "" && !p.Nothing && state != "available" && !p.refused() {
			hint := "without it nothing could be rolled back; make it available again"
			if state == "" {
				hint = "without it nothing could be rolled back; bring it back from the Recycle Bin, share it with the account again, or set the group to a version whose image is there"
			}
			p.refuse(fault.Conflict, hint, "the image %s that it runs now is %s", p.From, or(state, "gone"))
		}
	}
	return nil
}

// ours refuses an image of an account that is none of ours.
func (x *cellReader) ours(ctx context.Context, image string, refuse func(fault.Kind, string, string, ...any)) error {
	images, ok := x.Images.(ImageDetails)
	if !ok || len(x.in.Owners) == 0 {
		return nil
	}
	details, err := images.Details(ctx, []string{image})
	if err != nil {
		return fmt.Errorf("ask whose image %s is%s: %w", image, x.cell.in(), err)
	}
	if owner := details[image].Owner; !slices.Contains(x.in.Owners, owner) {
		refuse(fault.Conflict, "find out who wrote it there; publish an image of this pipeline",
			"image %s belongs to account %s, which is none of ours (%s)", image, or(owner, "unknown"), strings.Join(x.in.Owners, ", "))
	}
	return nil
}
