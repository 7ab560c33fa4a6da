package ssm

import (
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

const (
	timerDispatch = "ssm/dispatch"
	timerExpire   = "ssm/expire"
	// dispatchDelay is how long Run Command takes to hand a command to an agent;
	// until then GetCommandInvocation says InvocationDoesNotExist. AWS
	// states no length; this one is believed.
	dispatchDelay = 2 * time.Second
	// keepCommands is how long commands are told of ("Understanding command statuses",
	// user guide: 30 days).
	keepCommands = 30 * 24 * time.Hour
)

// command is one SendCommand.
type command struct {
	ID         string              `json:"id"`
	Document   string              `json:"document"`
	Version    string              `json:"version"` // as asked for
	Content    content             `json:"content"`
	Parameters map[string][]string `json:"parameters,omitempty"` // as given
	Bound      map[string][]string `json:"bound,omitempty"`      // with defaults
	Comment    string              `json:"comment,omitempty"`
	Instances  []string            `json:"instances,omitempty"` // as given
	Targets    []types.Target      `json:"targets,omitempty"`
	Nodes      []string            `json:"nodes"` // what it goes to
	Requested  time.Time           `json:"requested"`
	Timeout    int32               `json:"timeout"` // seconds to start
	Concurrent string              `json:"concurrent"`
	MaxErrors  string              `json:"maxErrors"`
	Bucket     string              `json:"bucket,omitempty"`
	Prefix     string              `json:"prefix,omitempty"`
	BucketIn   string              `json:"bucketIn,omitempty"`

	Status    types.CommandStatus `json:"status"`
	Detail    string              `json:"detail"`
	Sent      int                 `json:"sent"` // of Nodes
	Completed int                 `json:"completed"`
	// Errors are the nodes that failed or timed out at work, which MaxErrors counts;
	// Undelivered those that never got the command, which it does not ("Understanding
	// command statuses", user guide; ErrorCount and DeliveryTimedOutCount, API reference).
	Errors      int `json:"errors"`
	Undelivered int `json:"undelivered,omitempty"`
}

func (c command) expires() time.Time {
	return c.Requested.Add(time.Duration(c.Timeout) * time.Second)
}

func (c command) ended() bool {
	return c.Status != types.CommandStatusPending && c.Status != types.CommandStatusInProgress && c.Status != types.CommandStatusCancelling
}

// invocation is a command on one node.
type invocation struct {
	Command  string                        `json:"command"`
	Instance string                        `json:"instance"`
	Name     string                        `json:"name,omitempty"`
	Status   types.CommandInvocationStatus `json:"status"`
	Detail   string                        `json:"detail"`
	Asked    time.Time                     `json:"asked"`
	Began    time.Time                     `json:"began,omitzero"`
	Ended    time.Time                     `json:"ended,omitzero"`
	Steps    []stepResult                  `json:"steps"`
}

func (i invocation) done() bool { return !i.Ended.IsZero() }

// stepResult is how one step of a command ended on one node.
type stepResult struct {
	Name   string                        `json:"name"`
	Action string                        `json:"action"`
	Status types.CommandInvocationStatus `json:"status"`
	Detail string                        `json:"detail"`
	Code   int32                         `json:"code"`
	Stdout string                        `json:"stdout,omitempty"` // cut off
	Stderr string                        `json:"stderr,omitempty"`
	Began  time.Time                     `json:"began,omitzero"`
	Ended  time.Time                     `json:"ended,omitzero"`
}

func commands(tx *world.Tx) *world.Rows[command] { return world.Table[command](tx, "ssm/commands") }

func invocations(tx *world.Tx) *world.Rows[invocation] {
	return world.Table[invocation](tx, "ssm/invocations")
}

func invocationKey(command, instance string) string { return command + "/" + instance }

// place is where an invocation under way belongs; the rows live in no account, so
// that a twin that has been started again finds them all.
type place struct {
	Account  string `json:"account"`
	Region   string `json:"region"`
	Command  string `json:"command"`
	Instance string `json:"instance"`
}

func underway(tx *world.Tx) *world.Rows[place] {
	return world.Table[place](tx.In("-", "-"), "ssm/underway")
}

// limit turns a MaxConcurrency or MaxErrors of n or n% into nodes. A percentage is
// rounded down; concurrency is at least one.
func limit(text string, of, least int) int {
	n, err := strconv.Atoi(strings.TrimSuffix(text, "%"))
	if err != nil {
		return least
	}
	if strings.HasSuffix(text, "%") {
		n = n * of / 100
	}
	return max(n, least)
}

// window is how many nodes may have the command at the same time: 1, 2, 4 … as
// invocations end, up to the limit ("Using targets and rate controls", user guide).
func (c command) window() int {
	w := 1
	for w <= c.Completed {
		w *= 2
	}
	return min(w, limit(c.Concurrent, len(c.Nodes), 1))
}

// stopped says whether the command sends to no further node: MaxErrors n stops it at
// error n+1; 10% of 50 at the sixth (SendCommand, API reference).
func (c command) stopped() bool { return c.Errors > limit(c.MaxErrors, len(c.Nodes), 0) }
