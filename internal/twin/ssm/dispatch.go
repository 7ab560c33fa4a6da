package ssm

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

func (s *Service) dispatchDue(tx *world.Tx, payload json.RawMessage) error {
	var p place
	if err := json.Unmarshal(payload, &p); err != nil {
		return err
	}
	if c, ok := commands(tx).Get(p.Command); ok {
		s.dispatch(tx, c)
	}
	return nil
}

// dispatch gives the command to as many nodes as its rate control allows, and ends it
// when there is nothing left to do.
func (s *Service) dispatch(tx *world.Tx, c command) {
	if c.ended() {
		return
	}
	if c.Status == types.CommandStatusPending {
		c.Status, c.Detail = types.CommandStatusInProgress, "InProgress"
	}
	for c.Sent < len(c.Nodes) && !c.stopped() && c.Status == types.CommandStatusInProgress && !tx.Now.Before(c.expires()) {
		// "If this time is reached and the command hasn't already started running, it won't
		// run" (TimeoutSeconds, SendCommand, API reference).
		i := newInvocation(s, tx, c, c.Nodes[c.Sent])
		i.Ended, i.Status, i.Detail = tx.Now, types.CommandInvocationStatusTimedOut, "DeliveryTimedOut"
		invocations(tx).Put(invocationKey(c.ID, i.Instance), i)
		c.Sent++
		c.Completed++
		c.Undelivered++
	}
	for c.Sent < len(c.Nodes) && !c.stopped() && c.Status == types.CommandStatusInProgress && c.Sent-c.Completed < c.window() {
		s.deliver(tx, c, c.Nodes[c.Sent])
		c.Sent++
	}
	if c.Sent < len(c.Nodes) && (c.stopped() || c.Status == types.CommandStatusCancelling) {
		for _, n := range c.Nodes[c.Sent:] {
			i := newInvocation(s, tx, c, n)
			i.Ended, i.Status, i.Detail = tx.Now, types.CommandInvocationStatusCancelled, "Cancelled"
			if c.stopped() {
				i.Detail = "Terminated" // "exceeded its MaxErrors limit and subsequent command invocations were canceled by the system"
			}
			invocations(tx).Put(invocationKey(c.ID, n), i)
			c.Completed++
		}
		c.Sent = len(c.Nodes)
	}
	if c.Completed == len(c.Nodes) {
		s.conclude(tx, &c)
	}
	commands(tx).Put(c.ID, c)
}

// conclude gives an ended command its status ("Understanding command statuses", user
// guide): it failed if it was stopped by its errors, it timed out if all that went
// wrong is that nodes never got it, and it is Incomplete if some nodes did not succeed
// but too few to stop it.
func (s *Service) conclude(tx *world.Tx, c *command) {
	switch {
	case c.Status == types.CommandStatusCancelling:
		c.Status, c.Detail = types.CommandStatusCancelled, "Cancelled"
	case c.stopped():
		c.Status, c.Detail = types.CommandStatusFailed, "Failed"
	case c.Errors > 0:
		c.Status, c.Detail = types.CommandStatusFailed, "Incomplete"
	case c.Undelivered > 0:
		c.Status, c.Detail = types.CommandStatusTimedOut, "DeliveryTimedOut"
	default:
		c.Status, c.Detail = types.CommandStatusSuccess, "Success"
	}
	tx.Event("command.ended", map[string]any{"command": c.ID, "status": string(c.Status), "detail": c.Detail, "errors": c.Errors})
}

func newInvocation(s *Service, tx *world.Tx, c command, node string) invocation {
	i := invocation{Command: c.ID, Instance: node, Status: types.CommandInvocationStatusPending, Detail: "Pending", Asked: tx.Now}
	if e, ok := s.EC2.InstanceByID(tx, node); ok {
		i.Name = e.Tags["Name"]
	}
	for _, st := range c.Content.MainSteps {
		i.Steps = append(i.Steps, stepResult{Name: st.Name, Action: st.Action, Status: types.CommandInvocationStatusPending, Detail: "Pending", Code: -1})
	}
	return i
}

// deliver gives the command to one node. If its agent is not there, the command waits
// for it until it expires.
func (s *Service) deliver(tx *world.Tx, c command, node string) {
	i := newInvocation(s, tx, c, node)
	if e, ok := s.EC2.InstanceByID(tx, node); ok && s.online(tx, e) {
		s.begin(tx, &i)
	} else if e.State == "running" {
		tx.At(tx.Now.Add(agentEvery), timerAgent, node)
	}
	invocations(tx).Put(invocationKey(c.ID, node), i)
}

// begin has the agent run the command.
func (s *Service) begin(tx *world.Tx, i *invocation) {
	i.Status, i.Detail, i.Began = types.CommandInvocationStatusInProgress, "InProgress", tx.Now
	p := place{tx.Account, tx.Region, i.Command, i.Instance}
	underway(tx).Put(invocationKey(i.Command, i.Instance), p)
	tx.Go("command "+i.Command+" on "+i.Instance, func(ctx context.Context) { s.run(ctx, p) })
}

// onState delivers what waits for an instance that has come up.
func (s *Service) onState(tx *world.Tx, id, state string) {
	if state == "terminated" {
		forgetNode(tx, id)
	}
	if state != "running" {
		return
	}
	for _, i := range invocations(tx).All() {
		if i.Instance == id && i.Status == types.CommandInvocationStatusPending && !i.done() {
			s.begin(tx, &i)
			invocations(tx).Put(invocationKey(i.Command, id), i)
		}
	}
}

// expire ends what no agent has taken in time.
func (s *Service) expire(tx *world.Tx, payload json.RawMessage) error {
	var p place
	if err := json.Unmarshal(payload, &p); err != nil {
		return err
	}
	c, ok := commands(tx).Get(p.Command)
	if !ok || c.ended() {
		return nil
	}
	for _, n := range c.Nodes[:c.Sent] {
		i, ok := invocations(tx).Get(invocationKey(c.ID, n))
		if ok && i.Status == types.CommandInvocationStatusPending {
			i.Status, i.Detail = types.CommandInvocationStatusTimedOut, "DeliveryTimedOut"
			s.end(tx, i)
		}
	}
	if c, ok = commands(tx).Get(p.Command); ok {
		s.dispatch(tx, c) // those that have not been sent to will not be any more
	}
	return nil
}

// end closes an invocation and lets the command go on.
func (s *Service) end(tx *world.Tx, i invocation) {
	i.Ended = tx.Now
	invocations(tx).Put(invocationKey(i.Command, i.Instance), i)
	underway(tx).Delete(invocationKey(i.Command, i.Instance))
	tx.Event("command.invocation", map[string]any{"command": i.Command, "instance": i.Instance, "status": string(i.Status), "detail": i.Detail})
	c, ok := commands(tx).Get(i.Command)
	if !ok {
		return
	}
	c.Completed++
	switch {
	case i.Detail == "DeliveryTimedOut":
		c.Undelivered++
	case i.Status == types.CommandInvocationStatusFailed || i.Status == types.CommandInvocationStatusTimedOut:
		c.Errors++
	}
	s.dispatch(tx, c)
}

// CancelCommand stops sending a command and asks the agents that run it to stop;
// there is no guarantee that they do in time.
func (s *Service) CancelCommand(tx *world.Tx, in *ssm.CancelCommandInput) (*ssm.CancelCommandOutput, error) {
	c, ok := commands(tx).Get(aws.ToString(in.CommandId))
	if !ok {
		return nil, wire.Errorf("InvalidCommandId", "")
	}
	for _, id := range in.InstanceIds {
		if !slices.Contains(c.Nodes, id) {
			return nil, wire.Errorf("InvalidInstanceId", "The instance %s is not a target of the command.", id)
		}
	}
	if c.ended() {
		return &ssm.CancelCommandOutput{}, nil
	}
	ids := in.InstanceIds
	if len(ids) == 0 {
		ids = c.Nodes
		c.Status, c.Detail = types.CommandStatusCancelling, "Cancelling"
		commands(tx).Put(c.ID, c)
	}
	for _, id := range ids {
		key := invocationKey(c.ID, id)
		i, ok := invocations(tx).Get(key)
		switch {
		case !ok || i.done():
		case i.Status == types.CommandInvocationStatusPending:
			i.Status, i.Detail = types.CommandInvocationStatusCancelled, "Cancelled"
			s.end(tx, i)
		default:
			i.Status, i.Detail = types.CommandInvocationStatusCancelling, "Cancelling"
			invocations(tx).Put(key, i)
			tx.Go("cancel "+key, func(context.Context) { s.stop(key) })
		}
	}
	if c, ok := commands(tx).Get(c.ID); ok {
		s.dispatch(tx, c)
	}
	return &ssm.CancelCommandOutput{}, nil
}

// stop ends what runs of an invocation in this process.
func (s *Service) stop(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.running[key]; f != nil {
		f()
	}
}
