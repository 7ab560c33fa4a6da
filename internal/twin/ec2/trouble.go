package ec2

import (
	"encoding/json"
	"maps"
	"net/http"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

const (
	timerSpot = "ec2/spot-interrupted"
	// spotNotice is the time between a Spot Instance's interruption notice and its end
	// ("Spot Instance interruption notices", EC2 User Guide).
	spotNotice = 2 * time.Minute
)

// follow has the service do what the world's fault plan says.
func (s *Service) follow(w *world.World) {
	s.CopyFault = func(tx *world.Tx, name string) string {
		why, hit := tx.Fault(world.CopyFails, world.Subject{Name: name})
		if hit && why == "" { // a plan need not say why
			why = "The copy failed."
		}
		return why
	}
	w.OnFault(world.SpotInterruption, s.spotNoticed)
	w.OnFault(world.ZoneLost, s.zoneLost)
	w.OnTimer(timerSpot, s.spotDue)
}

func (i Instance) subject() world.Subject {
	return world.Subject{ID: i.ID, Type: i.Type, Zone: i.Zone, Tags: i.Tags}
}

// capacity refuses a launch where the fault plan says that there is no room. EC2 lists
// the code among its server errors ("Error codes for the Amazon EC2 API").
func capacity(tx *world.Tx, i Instance) error {
	if _, hit := tx.Fault(world.NoCapacity, i.subject()); !hit {
		return nil
	}
	return &wire.Error{Code: "InsufficientInstanceCapacity", Status: http.StatusInternalServerError,
		Message: "We currently do not have sufficient " + i.Type + " capacity in the Availability Zone you requested (" + i.Zone + ")."}
}

// hit calls f with every living instance that an outage comes to.
func (s *Service) hit(tx *world.Tx, o world.Outage, f func(tx *world.Tx, i Instance)) {
	for _, p := range places(tx).All() {
		if !o.In(p.Account, p.Region) {
			continue
		}
		at := tx.In(p.Account, p.Region)
		for _, i := range instances(at).All() {
			if i.Live() && o.Hits(i.subject()) {
				f(at, i)
			}
		}
	}
}

// spotNoticed gives instances notice, whatever they were bought as: the twin has no
// market. EventBridge's default bus gets what AWS sends there: the recommendation to
// rebalance, here at the same moment as the warning, and the warning ("EC2 instance
// rebalance recommendations" and "Spot Instance interruption notices", EC2 User Guide).
func (s *Service) spotNoticed(tx *world.Tx, o world.Outage) {
	s.hit(tx, o, func(tx *world.Tx, i Instance) {
		tx.Event("ec2.spot.notice", map[string]any{"instance": i.ID})
		send(tx, i, "EC2 Instance Rebalance Recommendation", nil)
		send(tx, i, "EC2 Spot Instance Interruption Warning", map[string]string{"instance-action": "terminate"})
		tx.At(tx.Now.Add(spotNotice), timerSpot, i.ID)
	})
}

// send puts one of EC2's own events about an instance on the default bus, in the form of
// what PutEvents leaves in the log.
func send(tx *world.Tx, i Instance, what string, detail map[string]string) {
	all := map[string]string{"instance-id": i.ID}
	maps.Copy(all, detail)
	text, _ := json.Marshal(all) // of strings
	tx.Event("events.put", map[string]any{
		"bus": "default", "id": tx.UUID(), "source": "aws.ec2", "detailType": what, "detail": json.RawMessage(text),
		"resources": []string{"arn:aws:ec2:" + i.Zone + ":instance/" + i.ID}, // with the zone, as AWS has it
	})
}

func (s *Service) spotDue(tx *world.Tx, payload json.RawMessage) error {
	var id string
	if err := json.Unmarshal(payload, &id); err != nil {
		return err
	}
	if i, ok := instances(tx).Get(id); ok && i.Live() {
		s.lose(tx, i, Reason{"Server.SpotInstanceTermination", "Server.SpotInstanceTermination: Spot instance termination"})
	}
	return nil
}

// zoneLost ends what lives in a zone at once.
func (s *Service) zoneLost(tx *world.Tx, o world.Outage) {
	s.hit(tx, o, func(tx *world.Tx, i Instance) {
		s.lose(tx, i, Reason{"Server.InternalError", "Server.InternalError: the Availability Zone was lost"})
	})
}

// lose ends an instance that EC2 itself takes away.
func (s *Service) lose(tx *world.Tx, i Instance, why Reason) {
	i.Reason, i.TransitionReason = why, why.Code
	s.enter(tx, &i, stateShuttingDown, 0, i.Machine.Wanted || i.Machine.Made)
}
