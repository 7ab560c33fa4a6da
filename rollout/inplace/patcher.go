package inplace

import (
	"context"
	"fmt"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/wait"
)

// Patcher runs a request on an instance and waits for its report. It is the same
// machinery for somebody who has a unit of his own, such as a bake; called again
// with the same request it finds its command and waits on.
type Patcher struct {
	Stage *Stage
	Clock wait.Clock
	Run   string
	Name  string // of the work within the run, such as bake
	Arch  string // of the instances, as EC2 says it
	// Bundle is the local folder of the request's lock's package files; may be "".
	Bundle string
	// Patience is how long the report is waited for on Clock; 0: as long as a command may
	// run. What has begun on the instance goes on.
	Patience time.Duration
}

// Patch sends the request, waits and returns the node's report. A report with Error
// set is an outcome; an error is infrastructure, or a node that gave no report.
func (p *Patcher) Patch(ctx context.Context, instance string, req record.NodeRequest) (record.NodeReport, error) {
	binary, err := p.Stage.Binary(p.Arch)
	if err != nil {
		return record.NodeReport{}, fmt.Errorf("patch instance %s: rehydrate-node for %s: %w", instance, p.Arch, err)
	}
	k, err := p.Stage.pack(p.Run, p.Name+"/"+instance, binary, req, p.Bundle)
	if err != nil {
		return record.NodeReport{}, err
	}
	// The kit is part of the command's key: another request is another command.
	m := &nodeMover{Stage: p.Stage, run: p.Run, name: p.Name + "/" + k.Request[:12], node: Node{ID: instance, Arch: p.Arch}, kit: k}
	var st nodeState
	begun := p.Clock.Now()
	for {
		next, err := m.advance(ctx, &st)
		if err != nil {
			return record.NodeReport{}, err
		}
		if next.Done {
			break
		}
		if p.Patience > 0 && p.Clock.Now().Sub(begun) >= p.Patience {
			return record.NodeReport{}, fault.New(fault.Failed, "", "wait for instance %s: no report after %s", instance, p.Patience)
		}
		if next.After > 0 {
			if err := p.Clock.Sleep(ctx, p.Clock.Now().Add(next.After)); err != nil {
				return record.NodeReport{}, fmt.Errorf("wait for instance %s: %w", instance, err)
			}
		}
	}
	if st.Result.Report == nil {
		return record.NodeReport{}, fault.New(fault.Failed, "", "patch instance %s: %s", instance, st.Result.Text)
	}
	r, _, err := m.report(ctx, st.Result.Command) // whole, with its evidence
	if err != nil {
		return record.NodeReport{}, fmt.Errorf("read the report of instance %s: %w", instance, err)
	}
	return *r, nil
}

// Err is the failure of the first node that is not patched, with the others counted;
// nil when all are. Some of several is Partial.
func Err(nodes []record.Patched) error {
	bad := 0
	var first record.Patched
	for _, n := range nodes {
		if n.Outcome != Done && n.Outcome != NothingToDo {
			if bad++; bad == 1 {
				first = n
			}
		}
	}
	if bad == 0 {
		return nil
	}
	kind := fault.Failed
	if bad < len(nodes) {
		kind = fault.Partial
	}
	return fault.New(kind, "look at the node's report", "patch node %s of fleet %s: %s (%d of %d nodes failed)",
		first.Instance, first.Fleet, or(first.Text, "it has not ended"), bad, len(nodes))
}
