package rollout

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
)

// versionMemo remembers, for one process, which template versions were made or found
// and read back, so that groups that share a template do not each ask again. What it
// forgets is only read once more.
type versionMemo struct {
	mu   sync.Mutex
	made map[versionPlace]*madeVersion
}

// versionPlace is a version to make: of a template, from another one, with an image.
type versionPlace struct {
	cell                    Cell
	template, source, image string
}

type madeVersion struct {
	sync.Mutex // held while the version is looked for: the others wait for the answer
	number     string
	verified   bool
	mine       bool // this process has made it: nothing older goes to it
}

func (v *versionMemo) of(p GroupPlan) *madeVersion {
	v.mu.Lock()
	defer v.mu.Unlock()
	key := versionPlace{p.Cell, p.Template.ID, p.InUse, p.To}
	if v.made[key] == nil {
		if v.made == nil {
			v.made = map[versionPlace]*madeVersion{}
		}
		v.made[key] = &madeVersion{}
	}
	return v.made[key]
}

// mine says that this process has made the version, so that everything that goes there
// began after that.
func (v *versionMemo) mine(p GroupPlan, number string) bool {
	made := v.of(p)
	made.Lock()
	defer made.Unlock()
	return made.mine && made.verified && made.number == number
}

// version finds or makes the numbered version with the new image.
func (m *groupMover) version(ctx context.Context, st *groupState) (unit.Next, error) {
	p := m.plan
	st.Step, st.Looks = stepVerify, 0
	if p.From == p.To {
		st.Target, st.Result.ToV = p.InUse, p.InUse
		st.Step = stepBefore
		return unit.Again(0), nil
	}
	memo := m.x.memo.of(p)
	memo.Lock()
	defer memo.Unlock()
	if memo.number != "" {
		st.Target, st.Result.ToV = memo.number, memo.number
		return unit.Again(0), nil
	}
	all, err := m.Templates.Versions(ctx, p.Template.ID)
	if err != nil {
		return unit.Next{}, fmt.Errorf("list the versions of launch template %s: %w", p.Template.ID, err)
	}
	source := slices.IndexFunc(all, func(v TemplateVersion) bool { return v.Number == p.InUse })
	if source < 0 {
		return unit.Next{}, fault.New(fault.Conflict, "plan again", "roll group %s: version %s of launch template %s is gone",
			m.name(), p.InUse, p.Template.ID)
	}
	for _, v := range all {
		ok, _, err := onlyImage(all[source], v, p.To)
		if err != nil {
			return unit.Next{}, err
		}
		if ok && v.Description == describe(p.InUse, p.To) {
			st.Target, st.Result.ToV, memo.number = v.Number, v.Number, v.Number
			return unit.Again(0), nil
		}
	}
	if pinned, err := m.pinOthers(ctx); pinned || err != nil {
		st.Step = stepVersion // one call at a time
		return unit.Again(0), err
	}
	m.wrote = true
	v, err := m.Templates.Create(ctx, NewTemplateVersion{Template: p.Template.ID, Source: p.InUse, Image: p.To,
		Description: describe(p.InUse, p.To), Token: token("template-version", p.Template.ID, p.InUse, p.To)})
	if err != nil {
		return unit.Next{}, fmt.Errorf("make a version of launch template %s with image %s: %w", p.Template.ID, p.To, err)
	}
	st.Target, st.Result.ToV, memo.number, memo.mine = v.Number, v.Number, v.Number, true
	m.say(event.Changed, "made template version %s of %s from %s: %s → %s", v.Number, m.named(p.Template.ID), p.InUse, p.From, p.To)
	return unit.Again(0), nil
}

// verify reads both versions and insists on a difference of one field.
func (m *groupMover) verify(ctx context.Context, st *groupState) (unit.Next, error) {
	p := m.plan
	memo := m.x.memo.of(p)
	memo.Lock()
	defer memo.Unlock()
	if memo.verified && memo.number == st.Target {
		st.Step, st.Looks = stepBefore, 0
		return unit.Again(0), nil
	}
	both, err := m.Templates.Versions(ctx, p.Template.ID, p.InUse, st.Target)
	if err == nil && len(both) == 2 {
		if both[0].Number != p.InUse {
			both[0], both[1] = both[1], both[0]
		}
		ok, d, err := onlyImage(both[0], both[1], p.To)
		if err != nil {
			return unit.Next{}, err
		}
		if !ok {
			return m.end(st, Failed, "version %s of launch template %s should differ from %s in ImageId alone, but differs in %v",
				st.Target, p.Template.ID, p.InUse, paths(d)), nil
		}
		memo.number, memo.verified = st.Target, true
		st.Step, st.Looks = stepBefore, 0
		return unit.Again(0), nil
	}
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return unit.Next{}, fmt.Errorf("read versions %s and %s of launch template %s: %w", p.InUse, st.Target, p.Template.ID, err)
	}
	if st.Looks++; st.Looks >= maxLooks {
		return m.end(st, Failed, "version %s of launch template %s was made but does not show", st.Target, p.Template.ID), nil
	}
	return unit.Again(lookEvery), nil // a new version may not show at once
}

func paths(d []FieldDiff) []string {
	out := make([]string, 0, len(d))
	for _, f := range d {
		out = append(out, f.Path)
	}
	return out
}
