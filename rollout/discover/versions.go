package discover

import (
	"context"
	"fmt"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
)

// inUse is the template version that each group of a cell runs, by group. Groups whose
// version is not there, or cannot be told, are left out.
func inUse(ctx context.Context, found []rollout.Found) (map[string]rollout.TemplateVersion, error) {
	type key struct{ template, version string }
	have := map[key]rollout.TemplateVersion{}
	ports := found[0].Ports
	if ends, ok := ports.Templates.(rollout.TemplateEnds); ok {
		list, err := ends.Ends(ctx)
		if err != nil {
			return nil, fmt.Errorf("read the latest and default versions of the launch templates: %w", err)
		}
		for _, v := range list {
			have[key{v.Template, v.Number}] = v
			if v.Default {
				have[key{v.Template, "$Default"}] = v
			}
		}
	}
	out := map[string]rollout.TemplateVersion{}
	for _, x := range found {
		g := x.Group
		versions := rollout.InUse(g)
		if g.Template.ID == "" || len(versions) != 1 {
			continue
		}
		at := key{g.Template.ID, versions[0]}
		v, ok := have[at]
		if !ok {
			list, err := ports.Templates.Versions(ctx, at.template, at.version)
			if fault.KindOf(err) == fault.NotFound && err != nil {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("read version %s of launch template %s: %w", at.version, at.template, err)
			}
			if len(list) == 1 {
				v = list[0]
			}
			have[at] = v
		}
		out[g.Name] = v
	}
	return out, nil
}
