package ssm

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

const (
	timerAgent = "ssm/agent-asks"
	// agentEvery is how often an agent that the fault plan keeps away tries to come back;
	// the real one sends a health ping every five minutes and polls for messages all the
	// time ("PingStatus", InstanceInformation).
	agentEvery = time.Minute
)

// away says whether the fault plan keeps an instance's agent away.
func away(tx *world.Tx, i ec2.Instance) bool {
	_, hit := tx.Fault(world.AgentOffline, world.Subject{ID: i.ID, Tags: i.Tags})
	return hit
}

// agentAsks delivers what waits for an agent that was away, or has it ask again.
func (s *Service) agentAsks(tx *world.Tx, payload json.RawMessage) error {
	var id string
	if err := json.Unmarshal(payload, &id); err != nil {
		return err
	}
	waits := false
	for _, i := range invocations(tx).All() {
		waits = waits || i.Instance == id && i.Status == types.CommandInvocationStatusPending && !i.done()
	}
	e, ok := s.EC2.InstanceByID(tx, id)
	switch {
	case !waits || !ok || e.State != "running":
	case s.online(tx, e):
		s.onState(tx, id, "running")
	default:
		tx.At(tx.Now.Add(agentEvery), timerAgent, id)
	}
	return nil
}

// sabotaged is how a step that patches ends if the fault plan has it fail.
func (j *job) sabotaged(st step) (o outcome, hit bool) {
	if j.c.Document != runPatchBaseline && !strings.Contains(j.text(st, "runCommand"), "rehydrate-node") {
		return o, false
	}
	why := ""
	err := j.s.w.Do(j.p.Account, j.p.Region, func(tx *world.Tx) error {
		i, _ := j.s.EC2.InstanceByID(tx, j.p.Instance)
		why, hit = tx.Fault(world.PatchFails, world.Subject{ID: j.p.Instance, Tags: i.Tags})
		return nil
	})
	return failed(1, "%s", why), err == nil && hit
}
