package ec2

import (
	"context"

	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// settle makes the machine what its instance's state says, whatever has happened
// before, and tells the instance. It may be called again at any time.
func (s *Service) settle(ctx context.Context, id string) error {
	defer s.busy.take(id)()
	var i Instance
	var m backing.Machine
	err := s.do(id, func(tx *world.Tx, row Instance) (err error) {
		i = row
		m, err = s.machine(tx, row)
		return err
	})
	if err != nil {
		return err
	}
	var failed error
	switch i.State {
	case statePending, stateRunning:
		if !i.Machine.Wanted {
			return nil
		}
		failed = s.b.Start(ctx, m)
	case stateStopping, stateStopped:
		failed = s.b.Stop(ctx, id)
	case stateShuttingDown, stateTerminated:
		if i.Machine.Made {
			failed = s.b.Destroy(ctx, m)
		}
	}
	if ctx.Err() != nil {
		return nil // the twin is closing; the next one settles it
	}
	if err := s.do(id, func(tx *world.Tx, now Instance) error { s.settled(tx, now, i.State, failed); return nil }); err != nil {
		return err
	}
	return failed
}

// settled notes what came of the work for a state. If the instance has moved on
// meanwhile, another settle follows and only what was made counts.
func (s *Service) settled(tx *world.Tx, i Instance, state string, failed error) {
	i.Machine.Error = ""
	if failed != nil {
		i.Machine.Error = failed.Error()
	}
	i.Machine.Made = i.Machine.Made || state == statePending || state == stateRunning
	if i.State != state {
		instances(tx).Put(i.ID, i)
		return
	}
	if failed != nil && state == statePending {
		// "Instance terminates immediately", EC2 User Guide: Server.InternalError.
		i.Reason = Reason{"Server.InternalError", "Server.InternalError: Internal error on launch: " + failed.Error()}
		i.TransitionReason = "Server.InternalError"
		s.enter(tx, &i, stateShuttingDown, 0, true)
		return
	}
	if i.Pending.Timer != "" {
		i.Pending.Work = workDone
	}
	instances(tx).Put(i.ID, i)
	s.advance(tx, i)
}
