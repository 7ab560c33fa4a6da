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
	pollEvery = 15 * time.Second // the shortest pause between two looks at a group
	pollMost  = 5 * time.Minute  // the longest
	firstLook = 30 * time.Second // no instance is replaced sooner
	lookEvery = 3 * time.Second
	// maxLooks bounds how long a new template version or refresh may stay unseen, and
	// how often instances are counted again after a refresh that says it succeeded.
	maxLooks = 20
	// maxRefresh is longer than any refresh lasts: Auto Scaling ends one after 14 days.
	maxRefresh = 15 * 24 * time.Hour
)

// groupState is the whole memory of a group's unit.
type groupState struct {
	Step   groupStep `json:"step,omitempty"`
	Target string    `json:"target,omitempty"` // the version number to go to
	Back   bool      `json:"back,omitempty"`   // Target is the version before
	Why    string    `json:"why,omitempty"`    // why we go back
	Gate   string    `json:"gate,omitempty"`   // why the whole ring does; see calledBack
	Newest string    `json:"newest,omitempty"` // the newest refresh before ours
	Odd    string    `json:"odd,omitempty"`    // the last status that we did not know
	Looks  int       `json:"looks,omitempty"`
	Since  time.Time `json:"since,omitzero"` // when we began to watch the refresh
	// Touched says that a refresh of ours has begun.
	Touched bool `json:"touched,omitempty"`
	// Hold is the checkpoint at which the andon has us hold, in percent; 0: none.
	Hold int `json:"hold,omitempty"`
	// Stopping is why we cancel our refresh; it is recorded before the call.
	Stopping stopping `json:"stopping,omitempty"`
	Ended    bool     `json:"ended,omitempty"`
	// Runs is the image of all its instances when they were last counted; "": they ran
	// several, or none, or not all could be seen.
	Runs   string      `json:"runs,omitempty"`
	Result record.Roll `json:"result"`
}

// stopping is what follows the end of a refresh that we cancel.
type stopping string

const (
	toHold   stopping = "hold"
	toEnd    stopping = "end"
	toGoBack stopping = "back"
)

type groupStep string

const (
	stepCheck    groupStep = ""
	stepPin      groupStep = "pin"
	stepVersion  groupStep = "version"
	stepVerify   groupStep = "verify"
	stepBefore   groupStep = "before"
	stepStart    groupStep = "start"
	stepWatch    groupStep = "watch"
	stepHeld     groupStep = "held"
	stepConverge groupStep = "converge"
)

// groupUnit rolls one group as planned. Each Advance reads first and then makes at
// most one mutating call, so that it may be repeated from the last saved state.
func (x *Execution) groupUnit(p GroupPlan) unit.Unit {
	m := &groupMover{Stage: x.Stage, x: x, plan: p}
	return unit.Func("roll.group", m.advance)
}

// groupMover advances a group. Beside the state it remembers only what saves calls.
type groupMover struct {
	*Stage
	Ports // of the group's cell, once advance has opened it
	x     *Execution
	plan  GroupPlan
	seen  sight
	wrote bool // this Advance has made its call, or must be recorded before it
	list  bool // the refreshes must be listed, because there is one
}

func (m *groupMover) advance(ctx context.Context, st *groupState) (unit.Next, error) {
	var err error
	if m.Ports, err = m.ports(ctx, m.plan.Cell); err != nil {
		return unit.Next{}, err
	}
	m.wrote = false
	m.x.moves(m.plan.Ring, st)
	for {
		next, err := m.step(ctx, st)
		if err != nil {
			return m.orGone(ctx, st, err)
		}
		// What start does depends on what before has seen: that must be on record.
		if m.wrote || next != unit.Again(0) || st.Step == stepStart {
			return next, err
		}
	}
}

func (m *groupMover) step(ctx context.Context, st *groupState) (unit.Next, error) {
	if next, done, err := m.obey(ctx, st); done || err != nil {
		return next, err
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
	case stepHeld:
		return m.letGo(ctx, st)
	case stepConverge:
		return m.converge(ctx, st)
	}
	return unit.Next{}, fault.New(fault.Failed, "", "roll group %s: unknown step %q in the saved state", m.name(), st.Step)
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
		return unit.Next{}, fault.New(fault.Conflict, "plan again", "roll group %s: since the plan %w", m.name(), fmt.Errorf(format, args...))
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
	st.Result.Instances = inService(g)
	st.Result.Of = len(st.Result.Instances)
	st.Result.MinHealthy = st.Result.Of
	if p.Nothing {
		aside, err := m.count(ctx, st, g, p.To)
		if err != nil {
			return unit.Next{}, err
		}
		if st.Result.OnImage == st.Result.Of && aside == 0 && steady(g) {
			return m.end(st, NothingToDo, "all %d instances run %s already", len(g.Instances), p.To), nil
		}
	}
	if err := m.ready(st, g); err != nil {
		return unit.Next{}, err
	}
	st.Step = stepPin
	return unit.Again(0), nil
}

// before remembers the newest refresh, so that a later one to our version is ours. Where
// this process has made that version itself, and has not moved the group, there is none
// before; and that AWS begins no refresh beside another one is seen at the start.
func (m *groupMover) before(ctx context.Context, st *groupState) (unit.Next, error) {
	if !m.list && !st.Touched && !st.Back && !unit.Repeated(ctx) && m.x.memo.mine(m.plan, st.Target) {
		st.Step, st.Newest = stepStart, ""
		return unit.Again(0), nil
	}
	list, err := m.refreshes(ctx)
	if err != nil {
		return unit.Next{}, err
	}
	st.Step, st.Newest = stepStart, ""
	if len(list) > 0 {
		st.Newest = list[0].ID
	}
	for _, x := range list {
		if terminal(x.Status) {
			continue
		}
		if !m.ours(st, x) {
			return unit.Next{}, m.foreign(x)
		}
		m.adopt(st, x)
	}
	if st.Back && st.Step == stepStart {
		return unit.Again(0), m.already(ctx, st)
	}
	return unit.Again(0), nil
}

// already leaves the refresh of a way back out where the group and all its instances are
// on the version before, as after a way back of another process: converge proves it.
func (m *groupMover) already(ctx context.Context, st *groupState) error {
	g, err := m.group(ctx)
	if err != nil {
		return err
	}
	if m.there(g, st.Target) {
		st.Step, st.Looks = stepConverge, 0
	}
	return nil
}

// there says that the group and all its instances are on a version.
func (m *groupMover) there(g Group, version string) bool {
	on := func(t Template) bool { return t.ID == m.plan.Template.ID && t.Version == version }
	return on(g.Template) && !slices.ContainsFunc(g.Instances, func(i Member) bool { return !on(i.Template) })
}

// start begins the refresh, or adopts one to our version that was begun and not
// recorded. It looks for one only where there may be one: after a crash or an answer
// that was lost.
func (m *groupMover) start(ctx context.Context, st *groupState) (unit.Next, error) {
	if unit.Repeated(ctx) {
		if found, err := m.begun(ctx, st); found || err != nil {
			return unit.Again(0), err
		}
	}
	var g Group
	if st.Back {
		var err error
		if g, err = m.group(ctx); err != nil {
			return unit.Next{}, err
		}
	}
	m.wrote = true
	id, err := m.Refreshes.Start(ctx, NewRefresh{Group: m.plan.Group, Desired: m.desired(st.Target), Preferences: m.preferences(st, g)})
	if errors.Is(err, ErrRefreshing) {
		st.Step, m.list = stepBefore, true // look whose it is
		return unit.Again(lookEvery), nil
	}
	if err != nil {
		return unit.Next{}, fmt.Errorf("start an instance refresh of group %s: %w", m.name(), err)
	}
	m.follow(st, id)
	m.say(event.Changed, "started instance refresh %s of %s to template version %s", id, m.name(), st.Target)
	return unit.Again(meet(m.Clock.Now(), firstLook, firstLook, true)), nil
}

// begun looks for a refresh that start has begun in an Advance that was cut off.
func (m *groupMover) begun(ctx context.Context, st *groupState) (bool, error) {
	list, err := m.refreshes(ctx)
	if err != nil {
		return false, err
	}
	for _, x := range list {
		if x.ID == st.Newest {
			break
		}
		if same(x.Desired, m.desired(st.Target)) {
			m.adopt(st, x)
			return true, nil
		}
		if !terminal(x.Status) {
			return false, m.foreign(x)
		}
	}
	return false, nil
}

// ours says whether a refresh that is under way goes where we go; when we go back, also
// where we went.
func (m *groupMover) ours(st *groupState, x Refresh) bool {
	return same(x.Desired, m.desired(st.Target)) || st.Back && st.Result.ToV != "" && same(x.Desired, m.desired(st.Result.ToV))
}

func (m *groupMover) adopt(st *groupState, x Refresh) {
	m.follow(st, x.ID)
	m.say(event.Found, "went on with instance refresh %s of %s (%s)", x.ID, m.name(), x.Status)
}

func (m *groupMover) follow(st *groupState, id string) {
	st.Step, st.Looks, st.Since, st.Result.Refresh = stepWatch, 0, m.Clock.Now(), id
	st.Touched, st.Stopping, st.Hold, m.seen = true, "", 0, sight{asked: m.Clock.Now()}
}

func (m *groupMover) foreign(x Refresh) error {
	return fault.New(fault.Conflict, "wait until it has ended, or end it yourself",
		"roll group %s: somebody else's instance refresh %s is under way (%s)", m.name(), x.ID, x.Status)
}

// desired is where a refresh brings the group: a numbered version and the policy.
func (m *groupMover) desired(version string) Desired {
	return Desired{Template: Template{ID: m.plan.Template.ID, Version: version}, Mixed: m.plan.Mixed}
}

func (m *groupMover) group(ctx context.Context) (Group, error) {
	list, err := m.Groups.Find(ctx, []string{m.plan.Group}, nil)
	if err != nil {
		return Group{}, fmt.Errorf("read group %s: %w", m.name(), err)
	}
	if len(list) != 1 || list[0].Deleting {
		return Group{}, fault.As(fmt.Errorf("read group %s: %w", m.name(), errGone), fault.NotFound, "plan again")
	}
	return list[0], nil
}

func (m *groupMover) refreshes(ctx context.Context) ([]Refresh, error) {
	list, err := m.Refreshes.List(ctx, m.plan.Group)
	if err != nil {
		return nil, fmt.Errorf("list the instance refreshes of group %s: %w", m.name(), err)
	}
	return list, nil
}

func (m *groupMover) say(k event.Kind, format string, args ...any) {
	m.Events.Emit(event.Event{Stage: "roll", Unit: m.unit(), Kind: k, Text: fmt.Sprintf(format, args...)})
}
