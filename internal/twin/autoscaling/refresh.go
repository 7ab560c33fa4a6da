package autoscaling

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

const (
	// beginDelay is how long a refresh or its rollback stays Pending.
	beginDelay = 3 * time.Second
	// stuckLimit is how long a refresh may fail to get on ("One-hour timeout", user
	// guide, "How an instance refresh works").
	stuckLimit = time.Hour
	// launchAllowance is added where a warm-up alone takes longer than stuckLimit.
	launchAllowance = 10 * time.Minute
	// maxActive is how long a refresh may be active at all (the same page).
	maxActive = 14 * 24 * time.Hour
	// historyKept is how long DescribeInstanceRefreshes tells of one that has ended.
	historyKept = 6 * 7 * 24 * time.Hour
)

// refresh is an instance refresh.
type refresh struct {
	ID      string                      `json:"id"`
	Group   string                      `json:"group"`
	Status  types.InstanceRefreshStatus `json:"status"`
	Reason  string                      `json:"reason,omitempty"`
	Start   time.Time                   `json:"start"`
	End     time.Time                   `json:"end,omitzero"`
	Desired *types.DesiredConfiguration `json:"desired,omitempty"`
	Prefs   types.RefreshPreferences    `json:"prefs"` // with the defaults filled in
	// Strategy is "" for Rolling.
	Strategy types.RefreshStrategy `json:"strategy,omitempty"`
	Percent  int                   `json:"percent"`
	Left     int                   `json:"left"`
	// Progress is when it last got on.
	Progress time.Time `json:"progress,omitzero"`
	Next     int       `json:"next,omitempty"` // index of the checkpoint it goes to
	Size     int       `json:"size,omitempty"` // instances to replace, of which Percent is
	Hold     time.Time `json:"hold,omitzero"`  // end of the wait at a checkpoint
	Bake     time.Time `json:"bake,omitzero"`  // end of the bake time
	// After says that the group's refresh before it was cancelled: it stays Pending while
	// instances of that one are still on their way.
	After bool `json:"after,omitempty"`
	// Rollback is set once it rolls back; Back counts the instances to bring back.
	Rollback *types.RollbackDetails `json:"rollback,omitempty"`
	Back     int                    `json:"back,omitempty"`
	Remain   int                    `json:"remain,omitempty"` // fewest that were ever left to restore
}

func refreshes(tx *world.Tx) *world.Rows[refresh] {
	return world.Table[refresh](tx, "autoscaling/refreshes")
}

func (r *refresh) active() bool { return r.End.IsZero() }

// moving says whether it replaces instances now.
func (r *refresh) moving() bool {
	return r.Status == types.InstanceRefreshStatusInProgress || r.Status == types.InstanceRefreshStatusRollbackInProgress
}

// launchesDesired says whether launches follow its desired configuration: every one
// while it goes forward, a scale-out's too (user guide, "How an instance refresh
// works").
func (r *refresh) launchesDesired() bool {
	return r.Desired != nil && (r.Status == types.InstanceRefreshStatusInProgress || r.Status == types.InstanceRefreshStatusBaking)
}

// gen names the instances that it launches: going forward, or rolling back.
func (r *refresh) gen() string {
	if r.Rollback != nil {
		return r.ID + "/back"
	}
	return r.ID
}

func (r *refresh) limits(g group) bounds {
	var maxPct *int
	if m := r.Prefs.MaxHealthyPercentage; m != nil {
		n := int(*m)
		maxPct = &n
	}
	return limits(g.desired(), int(aws.ToInt32(r.Prefs.MinHealthyPercentage)), maxPct)
}

func (r *refresh) warmup() time.Duration { return seconds(r.Prefs.InstanceWarmup) }

// deadline is when it fails unless it gets on before.
func (r *refresh) deadline() time.Time {
	return r.Progress.Add(max(stuckLimit, r.warmup()+launchAllowance))
}

// target is the percentage of the checkpoint that it goes to, and whether that is
// the last.
func (r *refresh) target() (percent int, last bool) {
	cps := r.Prefs.CheckpointPercentages
	if len(cps) == 0 {
		return 100, true
	}
	return int(cps[r.Next]), r.Next == len(cps)-1
}

// set changes the status and logs it.
func (v *view) set(status types.InstanceRefreshStatus, reason string) {
	v.r.Status, v.r.Reason = status, reason
	v.changed = true
	v.because("refresh " + string(status))
	v.tx.Event("refresh.status", map[string]any{"group": v.r.Group, "id": v.r.ID, "status": string(status), "reason": reason, "percent": v.r.Percent})
}

// finish ends the refresh; its group has none active from now on.
func (v *view) finish(status types.InstanceRefreshStatus, reason string) {
	v.r.End = v.tx.Now
	v.g.Refresh = ""
	v.set(status, reason)
}
