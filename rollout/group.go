package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/unit"
)

const (
	pollEvery = 15 * time.Second
	lookEvery = 3 * time.Second
	// maxLooks bounds how long a new template version or refresh may stay unseen, and
	// how often instances are counted again after a refresh that says it succeeded.
	maxLooks = 20
	// maxRefresh is longer than any refresh lasts: Auto Scaling ends one after 14 days.
	maxRefresh = 15 * 24 * time.Hour
)

// groupState is the whole memory of a group's unit.
type groupState struct {
	Step    groupStep   `json:"step,omitempty"`
	Target  string      `json:"target,omitempty"` // the version number to go to
	Back    bool        `json:"back,omitempty"`   // Target is the version before
	Why     string      `json:"why,omitempty"`    // why we go back
	Newest  string      `json:"newest,omitempty"` // the newest refresh before ours
	Percent int         `json:"percent,omitempty"`
	Odd     string      `json:"odd,omitempty"` // the last status that we did not know
	Looks   int         `json:"looks,omitempty"`
	Since   time.Time   `json:"since,omitzero"` // when we began to watch the refresh
	Ended   bool        `json:"ended,omitempty"`
	Result  record.Roll `json:"result"`
}

type groupStep string

const (
	stepCheck    groupStep = ""
	stepPin      groupStep = "pin"
	stepVersion  groupStep = "version"
	stepVerify   groupStep = "verify"
	stepBefore   groupStep = "before"
	stepStart    groupStep = "start"
	stepWatch    groupStep = "watch"
	stepConverge groupStep = "converge"
)

// GroupUnit rolls one group as planned. Each Advance reads first and then makes at
// most one mutating call, so that it may be repeated from the last saved state.
func (s *Stage) GroupUnit(p GroupPlan) unit.Unit {
	m := &groupMover{Stage: s, plan: p}
	return unit.Func("roll.group", m.advance)
}

type groupMover struct {
	*Stage
	Ports // of the group's cell, once advance has opened it
	plan  GroupPlan
}

func (m *groupMover) advance(ctx context.Context, st *groupState) (unit.Next, error) {
	var err error
	if m.Ports, err = m.ports(ctx, m.plan.Cell); err != nil {
		return unit.Next{}, err
	}
	switch st.Step {
	case stepCheck:
		return m.check(ctx, st)
	case stepPin:
		return m.pin(ctx, st)
	case stepVersion:
		return m.version(ctx, st)
	case stepVerify:
		return m.verify(ctx, st)
	case stepBefore:
		return m.before(ctx, st)
	case stepStart:
		return m.start(ctx, st)
	case stepWatch:
		return m.watch(ctx, st)
	case stepConverge:
		return m.converge(ctx, st)
	}
	return unit.Next{}, fault.New(fault.Failed, "", "roll group %s: unknown step %q in the saved state", m.plan.Group, st.Step)
}

// check compares the group with the plan's preconditions.
func (m *groupMover) check(ctx context.Context, st *groupState) (unit.Next, error) {
	p := m.plan
	st.Result = record.Roll{Ring: p.Ring, Fleet: p.Fleet, Account: p.Cell.Account, Region: p.Cell.Region, Group: p.Group, From: p.From, To: p.To,
		Template: p.Template.ID, FromV: p.InUse, StartedAt: m.Clock.Now()}
	g, err := m.group(ctx)
	if err != nil {
		return unit.Next{}, err
	}
	moved := func(format string, args ...any) (unit.Next, error) {
		return unit.Next{}, fault.New(fault.Conflict, "plan again", "roll group %s: since the plan %w", p.Group, fmt.Errorf(format, args...))
	}
	now := running(g)
	switch {
	case g.Template.ID != p.Template.ID:
		return moved("its launch template changed from %s to %s", p.Template.ID, g.Template.ID)
	case g.Template.Version != p.Template.Version && g.Template.Version != p.InUse:
		return moved("its template version changed from %s to %s", p.Template.Version, g.Template.Version)
	case numbered(now[0]) && !slices.Contains(now, p.InUse):
		return moved("its instances moved from template version %s to %s", p.InUse, now[0])
	case !sameJSON(g.Mixed, p.Mixed):
		return moved("its mixed-instances policy changed")
	}
	if err := m.count(ctx, st, g, p.To); err != nil {
		return unit.Next{}, err
	}
	if p.Nothing && st.Result.OnImage == len(g.Instances) {
		return m.end(st, NothingToDo, "all %d instances run %s already", len(g.Instances), p.To), nil
	}
	st.Step = stepPin
	return unit.Again(0), nil
}

// pin sets a group that follows an alias to the number it runs, so that a rollback
// has a place to go.
func (m *groupMover) pin(ctx context.Context, st *groupState) (unit.Next, error) {
	st.Step = stepVersion
	if !m.plan.Pin {
		return unit.Again(0), nil
	}
	g, err := m.group(ctx)
	if err != nil {
		return unit.Next{}, err
	}
	if g.Template.Version == m.plan.InUse {
		return unit.Again(0), nil
	}
	if g.Template.ID != m.plan.Template.ID || g.Template.Version != m.plan.Template.Version {
		return unit.Next{}, fault.New(fault.Conflict, "plan again", "pin group %s to version %s: somebody set it to %s of %s",
			m.plan.Group, m.plan.InUse, g.Template.Version, g.Template.ID)
	}
	if err := m.Groups.Pin(ctx, m.plan.Group, m.desired(m.plan.InUse)); err != nil {
		return unit.Next{}, fmt.Errorf("pin group %s to version %s: %w", m.plan.Group, m.plan.InUse, err)
	}
	m.say(event.Changed, "pinned %s to template version %s, which it runs", m.plan.Group, m.plan.InUse)
	return unit.Again(0), nil
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
	all, err := m.Templates.Versions(ctx, p.Template.ID)
	if err != nil {
		return unit.Next{}, fmt.Errorf("list the versions of launch template %s: %w", p.Template.ID, err)
	}
	source := slices.IndexFunc(all, func(v TemplateVersion) bool { return v.Number == p.InUse })
	if source < 0 {
		return unit.Next{}, fault.New(fault.Conflict, "plan again", "roll group %s: version %s of launch template %s is gone",
			p.Group, p.InUse, p.Template.ID)
	}
	for _, v := range all {
		ok, _, err := onlyImage(all[source], v, p.To)
		if err != nil {
			return unit.Next{}, err
		}
		if ok && v.Description == describe(p.InUse, p.To) {
			st.Target, st.Result.ToV = v.Number, v.Number
			return unit.Again(0), nil
		}
	}
	v, err := m.Templates.Create(ctx, NewTemplateVersion{Template: p.Template.ID, Source: p.InUse, Image: p.To,
		Description: describe(p.InUse, p.To), Token: token("template-version", p.Template.ID, p.InUse, p.To)})
	if err != nil {
		return unit.Next{}, fmt.Errorf("make a version of launch template %s with image %s: %w", p.Template.ID, p.To, err)
	}
	st.Target, st.Result.ToV = v.Number, v.Number
	m.say(event.Changed, "made template version %s from %s: %s → %s", v.Number, p.InUse, p.From, p.To)
	return unit.Again(0), nil
}

// verify reads both versions and insists on a difference of one field.
func (m *groupMover) verify(ctx context.Context, st *groupState) (unit.Next, error) {
	p := m.plan
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

// before remembers the newest refresh, so that a later one to our version is ours.
func (m *groupMover) before(ctx context.Context, st *groupState) (unit.Next, error) {
	list, err := m.refreshes(ctx)
	if err != nil {
		return unit.Next{}, err
	}
	st.Step, st.Newest, st.Percent = stepStart, "", 0
	if len(list) > 0 {
		st.Newest = list[0].ID
	}
	for _, x := range list {
		if terminal(x.Status) {
			continue
		}
		if !same(x.Desired, m.desired(st.Target)) {
			return unit.Next{}, m.foreign(x)
		}
		m.adopt(st, x)
	}
	return unit.Again(0), nil
}

// start begins the refresh, or adopts one to our version that was begun and not
// recorded.
func (m *groupMover) start(ctx context.Context, st *groupState) (unit.Next, error) {
	list, err := m.refreshes(ctx)
	if err != nil {
		return unit.Next{}, err
	}
	for _, x := range list {
		if x.ID == st.Newest {
			break
		}
		if same(x.Desired, m.desired(st.Target)) {
			m.adopt(st, x)
			return unit.Again(0), nil
		}
		if !terminal(x.Status) {
			return unit.Next{}, m.foreign(x)
		}
	}
	prefs := m.plan.Preferences
	if st.Back {
		prefs.Rollback, prefs.Checkpoints, prefs.CheckpointDelay, prefs.Soak, prefs.Alarms = false, nil, 0, 0, nil
	}
	id, err := m.Refreshes.Start(ctx, NewRefresh{Group: m.plan.Group, Desired: m.desired(st.Target), Preferences: prefs})
	if errors.Is(err, ErrRefreshing) {
		st.Step = stepBefore // look whose it is
		return unit.Again(lookEvery), nil
	}
	if err != nil {
		return unit.Next{}, fmt.Errorf("start an instance refresh of group %s: %w", m.plan.Group, err)
	}
	m.follow(st, id)
	m.say(event.Changed, "started instance refresh %s of %s to template version %s", id, m.plan.Group, st.Target)
	return unit.Again(pollEvery), nil
}

func (m *groupMover) adopt(st *groupState, x Refresh) {
	m.follow(st, x.ID)
	m.say(event.Found, "went on with instance refresh %s of %s (%s)", x.ID, m.plan.Group, x.Status)
}

func (m *groupMover) follow(st *groupState, id string) {
	st.Step, st.Looks, st.Since, st.Result.Refresh = stepWatch, 0, m.Clock.Now(), id
}

func (m *groupMover) foreign(x Refresh) error {
	return fault.New(fault.Conflict, "wait until it has ended, or end it yourself",
		"roll group %s: somebody else's instance refresh %s is under way (%s)", m.plan.Group, x.ID, x.Status)
}

// desired is where a refresh brings the group: a numbered version and the policy.
func (m *groupMover) desired(version string) Desired {
	return Desired{Template: Template{ID: m.plan.Template.ID, Version: version}, Mixed: m.plan.Mixed}
}

func (m *groupMover) group(ctx context.Context) (Group, error) {
	list, err := m.Groups.Find(ctx, []string{m.plan.Group}, nil)
	if err != nil {
		return Group{}, fmt.Errorf("read group %s: %w", m.plan.Group, err)
	}
	if len(list) != 1 {
		return Group{}, fault.New(fault.NotFound, "plan again", "there is no Auto Scaling group %s any more", m.plan.Group)
	}
	return list[0], nil
}

func (m *groupMover) refreshes(ctx context.Context) ([]Refresh, error) {
	list, err := m.Refreshes.List(ctx, m.plan.Group)
	if err != nil {
		return nil, fmt.Errorf("list the instance refreshes of group %s: %w", m.plan.Group, err)
	}
	return list, nil
}

func (m *groupMover) end(st *groupState, outcome, format string, args ...any) unit.Next {
	st.Ended = true
	st.Result.Outcome, st.Result.Text = outcome, fmt.Sprintf(format, args...)
	st.Result.EndedAt = m.Clock.Now()
	kind := event.Ended
	if outcome != Done && outcome != NothingToDo {
		kind = event.Failed
	}
	m.say(kind, "%s: %s: %s", m.plan.Group, outcome, st.Result.Text)
	return unit.Done()
}

func (m *groupMover) say(k event.Kind, format string, args ...any) {
	m.Events.Emit(event.Event{Stage: "roll", Unit: "roll/" + m.plan.Group, Kind: k, Text: fmt.Sprintf(format, args...)})
}
