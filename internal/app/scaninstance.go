package app

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/awscloud/instances"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/rollout/inplace"
)

// InstanceScan is what reading an instance through Run Command needs.
type InstanceScan struct {
	Bucket string // where the node fetches its program and leaves its report
	Prefix string // of every key in the bucket; may be empty
	Node   string // local path of rehydrate-node
	State  State
	Events event.Sink
}

// instance asks the instance itself, by Run Command. Package lists are read as they
// are: a scan changes nothing on its target.
func (s *scanner) instance(ctx context.Context) error {
	s.out.Kind = record.KindInstance
	if s.in.Depth != "" && s.in.Depth != record.DepthPackages {
		return fault.New(fault.Unsupported, "scan its image or a snapshot of its root volume", "an instance is read at the depth packages only, not %s", s.in.Depth)
	}
	if len(s.in.Keyrings) > 0 {
		return fault.New(fault.Unsupported, "leave --keyring out, or scan a snapshot of its root volume", "an instance checks its indices by the keys that it trusts itself")
	}
	if s.in.Instance.Bucket == "" {
		return fault.New(fault.Usage, "add --bucket, or artifacts { bucket = \"...\" } to the configuration", "the instance fetches its program from a bucket, and none is named")
	}
	c, err := s.cloud(ctx)
	if err != nil {
		return err
	}
	node, err := s.find(ctx, c)
	if err != nil {
		return err
	}
	report, err := s.ask(ctx, c, node)
	if err != nil {
		return err
	}
	return s.answer(report)
}

// find is the instance, if Systems Manager can reach it.
func (s *scanner) find(ctx context.Context, c *Cloud) (inplace.Node, error) {
	_, nodes, _ := instances.New(c.Session)
	n, err := nodes.Node(ctx, s.in.Target)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return n, fault.New(fault.NotFound, "check id, account and region", "there is no instance %s in account %s, region %s", s.in.Target, c.Account, c.Region)
	case err != nil:
		return n, err
	case !n.Managed:
		return n, fault.New(fault.Failed, "start it, and see that the SSM agent runs and its role allows Systems Manager; or scan a snapshot of its root volume",
			"Systems Manager does not see instance %s (it is %s)", n.ID, n.State)
	}
	return n, nil
}

// ask has the instance read itself.
func (s *scanner) ask(ctx context.Context, c *Cloud, n inplace.Node) (record.NodeReport, error) {
	in := s.in.Instance
	req := record.NodeRequest{Schema: record.NodeSchema, Operation: "Collect", Options: s.in.Options, Now: s.in.Now, Lock: s.in.Lock, NoRefresh: true}
	if s.in.Baseline != nil {
		body, err := json.Marshal(s.in.Baseline)
		if err != nil {
			return record.NodeReport{}, fmt.Errorf("write the request: %w", err)
		}
		req.Operation, req.Baseline = "Scan", body
	}
	run, err := NewRunID(time.Now())
	if err != nil {
		return record.NodeReport{}, err
	}
	asked := Request{Cloud: c, State: in.State, Events: event.Discard, Tools: Tools{Node: in.Node},
		Config: &config.Config{Artifacts: config.Artifacts{Bucket: in.Bucket, Prefix: in.Prefix}}}
	if _, err := nodeProgram(asked)(n.Arch); err != nil && c.Twin != "" {
		asked.Modelled = true // a modelled instance needs no program; a real root says that it got none
	}
	in.Events.Emit(event.Event{Time: time.Now(), Stage: "scan", Unit: n.ID, Kind: event.Progress, Text: "asked through Run Command"})
	p := &inplace.Patcher{Stage: nodeStage(asked), Clock: c.Clock, Run: run, Name: "scan", Arch: n.Arch}
	r, err := p.Patch(ctx, n.ID, req)
	if err != nil {
		return r, fmt.Errorf("ask through Run Command: %w", err)
	}
	return r, nil
}

// answer takes over what the instance reported.
func (s *scanner) answer(r record.NodeReport) error {
	if r.Modelled {
		s.out.Modelled = append(s.out.Modelled, "the instance: package data stood in for a root")
	}
	if r.Before == nil {
		if r.Error != "" {
			return fmt.Errorf("the instance could not read itself: %s", r.Error)
		}
		return fmt.Errorf("the instance reported no inventory")
	}
	if r.Error != "" {
		return fmt.Errorf("the instance could not finish: %s", r.Error)
	}
	if len(r.Before.Inventory.Installed) == 0 {
		return fmt.Errorf("the instance reported an empty inventory")
	}
	s.out.Remarks = r.Findings
	n := *r.Before
	if s.in.InventoryOnly {
		s.out.UpdatesReason = "not looked for"
		n.Available = baseline.Available{}
	}
	if err := freshness(n.Available.Repositories, s.in.MaxAge, s.in.Now); err != nil {
		return s.judge(n, err)
	}
	s.out.Evaluation = r.Evaluation // with what the instance remembers of reboots
	return s.judge(n, nil)
}
