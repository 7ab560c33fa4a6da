package world

import "time"

// FaultKind names what a fault plan makes go wrong inside a service, where no answer
// on the wire can show it.
type FaultKind string

// The kinds. Those that are asked for hold for a subject now; those that come at a
// time are told to who has registered with OnFault.
const (
	NoCapacity       FaultKind = "capacity" // asked at a launch: type, zone
	PatchFails       FaultKind = "patch"    // asked when a node patches: id, tags
	AgentOffline     FaultKind = "agent"    // asked of a node's agent: id, tags
	HookTimeout      FaultKind = "hook"     // asked when a lifecycle hook is completed: id, name
	CopyFails        FaultKind = "copy"     // asked when a copy is accepted: name
	SpotInterruption FaultKind = "spot"     // comes: instances by id, type, zone, tags
	ZoneLost         FaultKind = "zone"     // comes: instances by zone; also asked at a launch there
)

// Subject is the thing that a fault is asked about. What does not apply is empty.
type Subject struct {
	ID, Name, Type, Zone string
	Tags                 map[string]string
}

// Outage is a fault that comes at a time.
type Outage struct {
	Kind FaultKind
	// Account and Region, if not empty, are the only ones it comes to.
	Account, Region string
	// Message is what the plan says of it; it may be empty.
	Message string
	// Hits says whether it comes to a subject.
	Hits func(Subject) bool
}

// In says whether an outage comes to an account and region.
func (o Outage) In(account, region string) bool {
	return (o.Account == "" || o.Account == account) && (o.Region == "" || o.Region == region)
}

// FaultPlan decides what goes wrong inside services. It is called under the world's
// lock and must not call back.
type FaultPlan interface {
	// Fault says whether something goes wrong with a subject, and in which words. A plan
	// that counts, counts this call.
	Fault(account, region string, now time.Time, kind FaultKind, s Subject) (why string, hit bool)
}

// SetFaults makes a plan the world's; nil is none.
func (w *World) SetFaults(p FaultPlan) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = p
}

// OnFault calls f in a transaction when an outage of that kind comes. Register before
// the world is started.
func (w *World) OnFault(kind FaultKind, f func(tx *Tx, o Outage)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.outages == nil {
		w.outages = map[FaultKind][]func(*Tx, Outage){}
	}
	w.outages[kind] = append(w.outages[kind], f)
}

// Fault asks the plan whether something goes wrong with a subject here and now, and
// logs it if so.
func (tx *Tx) Fault(kind FaultKind, s Subject) (why string, hit bool) {
	p := tx.b.w.faults
	if p == nil {
		return "", false
	}
	if why, hit = p.Fault(tx.Account, tx.Region, tx.Now, kind, s); hit {
		tx.Event("fault", map[string]any{"fails": string(kind), "id": s.ID, "name": s.Name, "message": why})
	}
	return why, hit
}

// Strike has an outage come now. It says whether anybody deals with its kind.
func (tx *Tx) Strike(o Outage) bool {
	fs := tx.b.w.outages[o.Kind]
	if len(fs) == 0 {
		return false
	}
	tx.Event("fault", map[string]any{"fails": string(o.Kind), "message": o.Message})
	for _, f := range fs {
		f(tx, o)
	}
	return true
}
