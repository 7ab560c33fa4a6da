package ec2

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// How long passing states last; believed, AWS states no numbers.
const (
	startLow, startHigh = 10 * time.Second, 20 * time.Second
	stopLow, stopHigh   = 5 * time.Second, 20 * time.Second
)

// Instances ranges over all instances of the account and region, terminated ones
// that can still be described included, in order of launch.
func (s *Service) Instances(tx *world.Tx) iter.Seq2[string, Instance] { return instances(tx).All() }

// InstanceByID is one instance of the transaction's account and region.
func (s *Service) InstanceByID(tx *world.Tx, id string) (Instance, bool) {
	return instances(tx).Get(id)
}

// Live says whether the instance is pending or running.
func (i Instance) Live() bool { return i.State == statePending || i.State == stateRunning }

func wrongState(i Instance, verb string) error {
	return wire.Errorf("IncorrectInstanceState", "The instance '%s' is not in a state from which it can be %s.", i.ID, verb)
}

func protected(id string) error {
	return wire.Errorf("OperationNotPermitted", "The instance '%s' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.", id)
}

func userInitiated(tx *world.Tx) string {
	return "User initiated (" + tx.Now.UTC().Format("2006-01-02 15:04:05 GMT") + ")"
}

func sdkState(state string) *types.InstanceState {
	return &types.InstanceState{Name: types.InstanceStateName(state), Code: aws.Int32(stateCode(state))}
}

func stateChange(i Instance, old string) types.InstanceStateChange {
	return types.InstanceStateChange{InstanceId: aws.String(i.ID), PreviousState: sdkState(old), CurrentState: sdkState(i.State)}
}

func (s *Service) rebootLater(tx *world.Tx, id string) {
	tx.Go("reboot "+id, func(ctx context.Context) {
		defer s.busy.take(id)()
		if err := s.reboot(ctx, id); err != nil && ctx.Err() == nil {
			s.w.Log(world.Event{Time: s.w.Clock().Now(), Account: tx.Account, Region: tx.Region, Kind: "ec2.machine.failed",
				Data: map[string]any{"instance": id, "error": err.Error()}})
		}
	})
}

// reboot boots a machine anew, also one that this process of the twin has not taken
// up yet: it runs for the client, and its reboot must not be forgotten.
func (s *Service) reboot(ctx context.Context, id string) error {
	err := s.b.Reboot(ctx, id)
	if !errors.Is(err, backing.ErrNotRunning) {
		return err
	}
	var m backing.Machine
	err = s.do(id, func(tx *world.Tx, i Instance) (err error) { m, err = s.machine(tx, i); return err })
	if err == nil {
		err = s.b.Start(ctx, m)
	}
	if err == nil {
		err = s.b.Reboot(ctx, id)
	}
	return err
}
