package ec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// StartInstances handles the operation of that name.
func (s *Service) StartInstances(tx *world.Tx, in *ec2.StartInstancesInput) (*ec2.StartInstancesOutput, error) {
	out := &ec2.StartInstancesOutput{}
	err := s.each(tx, in.InstanceIds, func(i Instance) error {
		old := i.State
		switch i.State {
		case stateRunning, statePending:
		case stateStopped:
			i.Reason, i.TransitionReason, i.Launched = Reason{}, "", tx.Now
			s.enter(tx, &i, statePending, between(tx, startLow, startHigh), i.Machine.Wanted)
		default:
			return wrongState(i, "started")
		}
		out.StartingInstances = append(out.StartingInstances, stateChange(i, old))
		return nil
	})
	return out, err
}

// StopInstances handles the operation of that name. Stopping a stopped instance
// succeeds and does nothing.
func (s *Service) StopInstances(tx *world.Tx, in *ec2.StopInstancesInput) (*ec2.StopInstancesOutput, error) {
	if aws.ToBool(in.Hibernate) {
		return nil, unmodelled("StopInstances", "Hibernate")
	}
	out := &ec2.StopInstancesOutput{}
	err := s.each(tx, in.InstanceIds, func(i Instance) error {
		old := i.State
		switch i.State {
		case stateStopped, stateStopping:
		case stateRunning, statePending:
			i.Reason = Reason{"Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown"}
			i.TransitionReason = userInitiated(tx)
			s.enter(tx, &i, stateStopping, between(tx, stopLow, stopHigh), i.Machine.Wanted || i.Machine.Made)
		default:
			return wrongState(i, "stopped")
		}
		out.StoppingInstances = append(out.StoppingInstances, stateChange(i, old))
		return nil
	})
	return out, err
}

// TerminateInstances handles the operation of that name. One protected instance
// fails the whole call ("TerminateInstances", API Reference).
func (s *Service) TerminateInstances(tx *world.Tx, in *ec2.TerminateInstancesInput) (*ec2.TerminateInstancesOutput, error) {
	out := &ec2.TerminateInstancesOutput{}
	err := s.each(tx, in.InstanceIds, func(i Instance) error {
		if i.Protected {
			return protected(i.ID)
		}
		old := i.State
		s.terminate(tx, &i)
		out.TerminatingInstances = append(out.TerminatingInstances, stateChange(i, old))
		return nil
	})
	return out, err
}

// Terminate ends instances; those that have ended already are left as they are.
func (s *Service) Terminate(tx *world.Tx, ids ...string) error {
	return s.each(tx, ids, func(i Instance) error {
		s.terminate(tx, &i)
		return nil
	})
}

func (s *Service) terminate(tx *world.Tx, i *Instance) {
	if i.State == stateTerminated || i.State == stateShuttingDown {
		return
	}
	i.Reason = Reason{"Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown"}
	i.TransitionReason = userInitiated(tx)
	s.enter(tx, i, stateShuttingDown, between(tx, stopLow, stopHigh), i.Machine.Wanted || i.Machine.Made)
}

// RebootInstances handles the operation of that name; the reboot itself is
// asynchronous and leaves the state at running.
func (s *Service) RebootInstances(tx *world.Tx, in *ec2.RebootInstancesInput) (*ec2.RebootInstancesOutput, error) {
	return &ec2.RebootInstancesOutput{}, s.each(tx, in.InstanceIds, func(i Instance) error {
		if i.State != stateRunning {
			return wrongState(i, "rebooted")
		}
		if i.Machine.Made {
			s.rebootLater(tx, i.ID)
		}
		return nil
	})
}

// each looks all ids up before it does anything, as EC2 does.
func (s *Service) each(tx *world.Tx, ids []string, f func(Instance) error) error {
	rows, err := byIDs(tx, ids)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return missingParameter("InstanceId")
	}
	for _, i := range rows {
		if err := f(i); err != nil {
			return err
		}
	}
	return nil
}

func byIDs(tx *world.Tx, ids []string) ([]Instance, error) {
	var out []Instance
	var unknown []string
	for _, id := range distinct(ids) {
		if err := checkID(id, "i-", "InvalidInstanceID.Malformed"); err != nil {
			return nil, err
		}
		i, ok := instances(tx).Get(id)
		if !ok {
			unknown = append(unknown, id)
			continue
		}
		out = append(out, i)
	}
	if len(unknown) > 0 {
		return nil, noInstance(unknown...)
	}
	return out, nil
}
