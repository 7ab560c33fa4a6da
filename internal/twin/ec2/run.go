package ec2

import (
	"context"
	"errors"
	"fmt"

	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// ErrNotRunning says that the instance's state does not let its machine run.
var ErrNotRunning = errors.New("the instance is not running")

// EnsureStarted starts the machine behind a running instance if it does not run
// yet, and returns when it can be reached. Call it outside of transactions: it
// takes as long as the machine takes.
func (s *Service) EnsureStarted(ctx context.Context, id string) error {
	err := s.do(id, func(tx *world.Tx, i Instance) error {
		if i.State != stateRunning {
			return fmt.Errorf("instance %s is %s: %w", id, i.State, ErrNotRunning)
		}
		if !i.Machine.Wanted {
			i.Machine.Wanted = true
			instances(tx).Put(id, i)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := s.settle(ctx, id); err != nil {
		return fmt.Errorf("start the machine of instance %s: %w", id, err)
	}
	return nil
}

// Resume takes up again what the end of the process interrupted: machines that
// somebody may be talking to, machines and captures on their way. Call it once,
// when the world has been started.
func (s *Service) Resume() error {
	return s.w.Do("-", "-", func(tx *world.Tx) error {
		for _, p := range places(tx).All() {
			at := tx.In(p.Account, p.Region)
			for id, i := range instances(at).All() {
				if i.Pending.Work == workRunning || i.State == stateRunning && i.Machine.Wanted && i.Key != "" {
					s.settleLater(at, id)
				}
			}
			for id, i := range images(at).All() {
				if i.Pending.Work == workRunning {
					s.captureLater(at, id)
				}
			}
			for id, t := range rootTasks(at).All() {
				if t.Pending.Work == workRunning {
					s.rootLater(at, id)
				}
			}
		}
		return nil
	})
}

// Power tells of what a machine did to itself; give it to the backing.
func (s *Service) Power(e backing.PowerEvent) {
	err := s.do(e.ID, func(tx *world.Tx, i Instance) error {
		tx.Event("ec2.machine."+string(e.Change), map[string]any{"instance": e.ID})
		if e.Change != backing.PoweredOff || i.State != stateRunning {
			return nil
		}
		// "Change the instance initiated shutdown behavior", EC2 User Guide.
		i.Reason = Reason{"Client.InstanceInitiatedShutdown", "Client.InstanceInitiatedShutdown: Instance initiated shutdown"}
		if i.Shutdown == "terminate" {
			s.enter(tx, &i, stateShuttingDown, 0, true)
		} else {
			s.enter(tx, &i, stateStopping, 0, true)
		}
		return nil
	})
	if err != nil {
		s.w.Log(world.Event{Time: s.w.Clock().Now(), Kind: "ec2.machine.unknown", Data: map[string]any{"instance": e.ID, "error": err.Error()}})
	}
}
