package rollout

import "time"

// Ring is a set of fleets that move together; rings move in order.
type Ring struct {
	Name string
	// Soak is the waiting time after the ring, before the next one.
	Soak time.Duration
	// Concurrency is how many groups move at a time (0: one), PerCell how many in one
	// cell (0: no bound of its own). The plan reckons with them; see Limits.
	Concurrency, PerCell int
	// Policy is a digest of what else decides about the ring, such as its approval,
	// alarms and windows: a plan was looked at with them, and holds with no others.
	Policy string
	// Opens is the ring's next window from a time on: when it opens, and when it
	// closes; the zero times say that there is none. Nil: it may roll at any time.
	Opens func(from time.Time) (opens, closes time.Time) `json:"-"`
}

// Fleet is a set of Auto Scaling groups, by name, tags or launch template.
type Fleet struct {
	Name   string
	Ring   string
	Groups []string          // names
	Tags   map[string]string // every one must match; used when Groups is empty
	// Templates are launch templates, by id or name; a group that uses one of them
	// belongs to the fleet. Used when Groups and Tags are empty.
	Templates []string
	Cells     []Cell // where to look; empty: the session's own
	Refresh   Preferences
}

// Preferences are how a group's instances are replaced. Zero values leave the
// choice to the group's own settings and the API's defaults, unless said otherwise.
type Preferences struct {
	// MinHealthy and MaxHealthy are percentages of the desired capacity, 0–100 and
	// 100–200; the API wants MinHealthy when MaxHealthy is given.
	MinHealthy *int `json:"minHealthy,omitempty"`
	MaxHealthy *int `json:"maxHealthy,omitempty"`
	// Checkpoints are percentages at which the refresh waits for CheckpointDelay;
	// 100 is added when missing, so that a refresh is never partial by design.
	Checkpoints     []int         `json:"checkpoints,omitempty"`
	CheckpointDelay time.Duration `json:"checkpointDelay,omitempty"`
	// Soak is the refresh's own time of watching at the end ("bake time" in the API).
	Soak   time.Duration  `json:"soak,omitempty"`
	Warmup *time.Duration `json:"warmup,omitempty"`
	// Rollback asks AWS to roll back when new instances fail, and us when it could not.
	Rollback bool     `json:"rollback,omitempty"`
	Alarms   []string `json:"alarms,omitempty"` // at most 10 CloudWatch alarms
	// Protected (Refresh, Ignore, Wait) and Standby (Terminate, Ignore, Wait) say
	// what becomes of such instances. The API's default Wait fails after an hour, so
	// the plan refuses a group that has such instances without a choice here.
	Protected string `json:"protected,omitempty"`
	Standby   string `json:"standby,omitempty"`
	// AllowOutage accepts that a group of one instance is empty for a while.
	AllowOutage bool `json:"allowOutage,omitempty"`
}
