package ec2

import (
	"strconv"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Instance states and their codes ("InstanceState", EC2 API Reference).
const (
	statePending      = "pending"
	stateRunning      = "running"
	stateStopping     = "stopping"
	stateStopped      = "stopped"
	stateShuttingDown = "shutting-down"
	stateTerminated   = "terminated"
)

func stateCode(state string) int32 {
	switch state {
	case stateRunning:
		return 16
	case stateShuttingDown:
		return 32
	case stateTerminated:
		return 48
	case stateStopping:
		return 64
	case stateStopped:
		return 80
	}
	return 0
}

const (
	timerInstance = "ec2/instance-due"
	timerForget   = "ec2/instance-forget"
)

// Work behind a pending resource.
const (
	workRunning = "running"
	workDone    = "done"
)

// keepTerminated is how long a terminated instance can still be described ("Terminate
// your instance", EC2 User Guide: about an hour).
const keepTerminated = time.Hour

// between is a repeatable duration from low to high.
func between(tx *world.Tx, low, high time.Duration) time.Duration {
	n, _ := strconv.ParseUint(tx.Hex(8), 16, 64) // eight hex digits always parse
	return low + time.Duration(n%uint64((high-low)/time.Millisecond+1))*time.Millisecond
}

// enter puts an instance into a state on its way to another. work says whether
// something real must be done before it may go on.
func (s *Service) enter(tx *world.Tx, i *Instance, state string, d time.Duration, work bool) {
	tx.Cancel(i.Pending.Timer)
	i.State = state
	i.Pending = Pending{Due: tx.Now.Add(d)}
	i.Pending.Timer = tx.At(i.Pending.Due, timerInstance, i.ID)
	if work {
		i.Pending.Work = workRunning
	}
	s.changed(tx, *i)
	if work {
		s.settleLater(tx, i.ID)
	}
}

// changed writes an instance whose state is new and tells who wants to know.
func (s *Service) changed(tx *world.Tx, i Instance) {
	instances(tx).Put(i.ID, i)
	tx.Event("ec2.instance.state", map[string]any{"instance": i.ID, "state": i.State, "image": i.Image})
	for _, f := range s.onState {
		f(tx, i.ID, i.State)
	}
}

// ready says whether what is pending may be shown as done, at its time or after so
// many looks.
func (p Pending) ready(now time.Time, looks int) bool {
	return p.Work != workRunning && (!now.Before(p.Due) || p.Looks >= looks)
}

// advance moves an instance on from a passing state if it is ready.
func (s *Service) advance(tx *world.Tx, i Instance) Instance {
	to, passing := map[string]string{
		statePending: stateRunning, stateStopping: stateStopped, stateShuttingDown: stateTerminated,
	}[i.State]
	if !passing || !i.Pending.ready(tx.Now, s.looks()) {
		return i
	}
	tx.Cancel(i.Pending.Timer)
	if to == stateRunning && i.Denied.Code != "" {
		// What a missing grant looks like: no error at launch, then this.
		to, i.Reason, i.TransitionReason = stateTerminated, i.Denied, i.Denied.Code
	}
	i.State, i.Pending = to, Pending{}
	if to == stateTerminated {
		s.bury(tx, &i)
	}
	s.changed(tx, i)
	if to == stateTerminated {
		if _, _, ok := image(tx, i.Image); !ok {
			s.sweep(tx)
		}
	}
	return i
}
