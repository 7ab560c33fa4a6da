package inplace

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/wait"
)

// Stage plans and patches.
type Stage struct {
	Nodes     Nodes
	Documents Documents
	Commands  Commands
	Store     Store
	Events    event.Sink
	// Binary is the local path of rehydrate-node for an architecture as EC2 says it.
	Binary func(arch string) (string, error)
	// Clock says when a command has taken too long; nil: the wall's.
	Clock wait.Clock
	// Prefix is before every key in the store; empty: none.
	Prefix string
}

// Input is what to patch.
type Input struct {
	Run   string
	Fleet string
	Tags  map[string]string // the nodes' tags, such as Patch Group = db
	// Request is what every node is asked; its Bundle is set by the plan.
	Request record.NodeRequest
	Bundle  string // local folder of the lock's package files, by SHA-256; may be ""
}

// PlanSchema is the version of Plan's JSON shape.
const PlanSchema = 1

// Plan is which nodes get patched, with what.
type Plan struct {
	Schema int            `json:"schema"`
	Run    string         `json:"run"`
	Fleet  string         `json:"fleet"`
	Lock   string         `json:"lock"` // digest
	Nodes  []Node         `json:"nodes"`
	Kits   map[string]Kit `json:"kits"` // by architecture
	Hash   string         `json:"hash"`
}

// Plan finds the nodes and puts their kits together. Its errors are of kind NotFound
// (no node has the tags), Usage (no lock, no program for an architecture) or Failed
// (a node that Systems Manager does not see: it would silently stay unpatched).
func (s *Stage) Plan(ctx context.Context, in Input) (*Plan, error) {
	if in.Request.Lock == nil {
		return nil, fault.New(fault.Usage, "bake first, or name the lock", "patch fleet %s: no lock", in.Fleet)
	}
	if len(in.Tags) == 0 {
		return nil, fault.New(fault.Usage, "", "patch fleet %s: it selects nodes by no tag, which would be all", in.Fleet)
	}
	nodes, err := s.Nodes.Find(ctx, in.Tags)
	if err != nil {
		return nil, fmt.Errorf("find the nodes of fleet %s: %w", in.Fleet, err)
	}
	if len(nodes) == 0 {
		return nil, fault.New(fault.NotFound, "check tags, account and region", "fleet %s: no instance has the tags %s", in.Fleet, list(in.Tags))
	}
	for _, n := range nodes {
		if !n.Managed {
			return nil, fault.New(fault.Failed, "start it, and see that the SSM agent runs and its role allows Systems Manager",
				"patch node %s of fleet %s: Systems Manager does not see it (it is %s)", n.ID, in.Fleet, n.State)
		}
	}
	p := &Plan{Schema: PlanSchema, Run: in.Run, Fleet: in.Fleet, Lock: in.Request.Lock.Digest(), Nodes: nodes,
		Kits: map[string]Kit{}}
	for _, n := range nodes {
		if _, have := p.Kits[n.Arch]; have {
			continue
		}
		if p.Kits[n.Arch], err = s.kit(in, n.Arch); err != nil {
			return nil, err
		}
	}
	p.Hash = p.hash()
	return p, nil
}

func (s *Stage) kit(in Input, arch string) (Kit, error) {
	binary, err := s.Binary(arch)
	if err != nil {
		return Kit{}, fmt.Errorf("patch fleet %s: rehydrate-node for %s: %w", in.Fleet, arch, err)
	}
	return s.pack(in.Run, in.Fleet, binary, in.Request, in.Bundle)
}

// hash covers the nodes and what they get, not their state.
func (p *Plan) hash() string {
	parts := []string{p.Fleet, p.Lock}
	for _, n := range p.Nodes {
		parts = append(parts, n.ID, n.Arch)
	}
	for _, a := range slices.Sorted(maps.Keys(p.Kits)) {
		parts = append(parts, a, p.Kits[a].Prefix)
	}
	return "sha256:" + digest(parts...)
}

func list(tags map[string]string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, k+"="+tags[k])
	}
	return strings.Join(out, ", ")
}

// requestOf is the request that a node gets, read from its kit, so that a plan which
// came back from JSON has it too.
func requestOf(k Kit) (record.NodeRequest, error) {
	var req record.NodeRequest
	for _, f := range k.Files {
		if f.Key == k.Prefix+"request.json" {
			if err := json.Unmarshal(f.Body, &req); err != nil {
				return req, fmt.Errorf("read the request of kit %s: %w", k.Prefix, err)
			}
			return req, nil
		}
	}
	return req, fault.New(fault.Failed, "plan again", "kit %s has no request", k.Prefix)
}
