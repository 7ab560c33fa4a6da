package ec2

import (
	"encoding/json"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// bury gives back what a terminated instance had.
func (s *Service) bury(tx *world.Tx, i *Instance) {
	for _, id := range i.Volumes {
		v, ok := volumes(tx).Get(id)
		switch {
		case !ok:
		case v.Keep:
			v.Instance, v.Device = "", ""
			volumes(tx).Put(id, v)
		default:
			volumes(tx).Delete(id)
		}
	}
	release(tx, i.Address)
	i.Address, i.Volumes, i.Interface, i.Subnet, i.VPC, i.Groups = "", nil, "", "", "", nil
	tx.At(tx.Now.Add(keepTerminated), timerForget, i.ID)
}

// looked counts a look at a passing instance by a caller with its own clock.
func (s *Service) looked(tx *world.Tx, i Instance) Instance {
	if tx.Registered || i.Pending.Timer == "" {
		return i
	}
	i.Pending.Looks++
	instances(tx).Put(i.ID, i)
	return s.advance(tx, i)
}

func (s *Service) instanceDue(tx *world.Tx, payload json.RawMessage) error {
	var id string
	if err := json.Unmarshal(payload, &id); err != nil {
		return err
	}
	if i, ok := instances(tx).Get(id); ok {
		s.advance(tx, i)
	}
	return nil
}

func (s *Service) forgetInstance(tx *world.Tx, payload json.RawMessage) error {
	var id string
	if err := json.Unmarshal(payload, &id); err != nil {
		return err
	}
	if i, ok := instances(tx).Get(id); ok && i.State == stateTerminated {
		instances(tx).Delete(id)
		whereabouts(tx).Delete(id)
	}
	return nil
}
