package ec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// RunInstances handles the operation of that name. A token that has been used
// answers with the instances of then ("ClientToken", RunInstances).
func (s *Service) RunInstances(tx *world.Tx, in *ec2.RunInstancesInput) (*ec2.RunInstancesOutput, error) {
	low, high := aws.ToInt32(in.MinCount), aws.ToInt32(in.MaxCount)
	if low < 1 || high < low {
		return nil, badValue("Value (%d) for parameter minCount is invalid. Must be at least 1 and not more than maxCount (%d)", low, high)
	}
	bare := *in
	bare.ClientToken = nil
	id, remember, err := once(tx, "RunInstances", aws.ToString(in.ClientToken), bare)
	if err != nil {
		return nil, err
	}
	if id == "" {
		spec, err := runSpec(tx, in)
		if err != nil {
			return nil, err
		}
		made, err := s.launch(tx, spec, int(high))
		if err != nil {
			return nil, err
		}
		id = made[0].Reservation
		remember(id)
	}
	out := &ec2.RunInstancesOutput{ReservationId: &id, OwnerId: &tx.Account}
	for _, i := range instances(tx).All() {
		if i.Reservation == id {
			out.Instances = append(out.Instances, s.sdkInstance(tx, i))
		}
	}
	return out, nil
}

func runSpec(tx *world.Tx, in *ec2.RunInstancesInput) (LaunchSpec, error) {
	if _, err := tagSpec(in.TagSpecifications, types.ResourceTypeInstance, types.ResourceTypeVolume,
		types.ResourceTypeNetworkInterface, types.ResourceTypeSpotInstancesRequest); err != nil {
		return LaunchSpec{}, err
	}
	if aws.ToString(in.PrivateIpAddress) != "" {
		return LaunchSpec{}, unmodelled("RunInstances", "PrivateIpAddress: machines have loopback addresses of the twin's choice")
	}
	spec := LaunchSpec{
		Image: aws.ToString(in.ImageId), Type: string(in.InstanceType), Subnet: aws.ToString(in.SubnetId),
		By: tx.Caller, ClientToken: aws.ToString(in.ClientToken),
	}
	if t := in.LaunchTemplate; t != nil {
		if (t.LaunchTemplateId == nil) == (t.LaunchTemplateName == nil) {
			return LaunchSpec{}, badCombination("Exactly one of launch template ID and launch template name must be specified")
		}
		spec.Template, spec.Version = aws.ToString(t.LaunchTemplateId)+aws.ToString(t.LaunchTemplateName), aws.ToString(t.Version)
	}
	// The request's own parameters have the shape and the names of template data.
	bare := *in
	bare.ImageId, bare.InstanceType, bare.LaunchTemplate, bare.ClientToken = nil, "", nil, nil
	if bare.IamInstanceProfile != nil && aws.ToString(bare.IamInstanceProfile.Name)+aws.ToString(bare.IamInstanceProfile.Arn) == "" {
		bare.IamInstanceProfile = nil // Packer sends an empty one
	}
	convert(bare, &spec.Data)
	return spec, nil
}

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
	seen := map[string]bool{}
	for _, id := range ids {
		if err := checkID(id, "i-", "InvalidInstanceID.Malformed"); err != nil {
			return nil, err
		}
		i, ok := instances(tx).Get(id)
		switch {
		case !ok:
			unknown = append(unknown, id)
		case !seen[id]:
			seen[id] = true
			out = append(out, i)
		}
	}
	if len(unknown) > 0 {
		return nil, noInstance(unknown...)
	}
	return out, nil
}
