package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/awscloud/commands"
	"github.com/goldenami/rehydrate/internal/awscloud/instances"
	"github.com/goldenami/rehydrate/internal/awscloud/store"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/rollout/inplace"
)

// nodeStage is in-place patching over the AWS adapters.
func nodeStage(in Request) *inplace.Stage {
	s := in.Cloud.Session
	_, nodes, _ := instances.New(s)
	cmds, docs := commands.New(s)
	return &inplace.Stage{
		Nodes: nodes, Documents: docs, Commands: cmds, Store: store.New(s, in.Config.Artifacts.Bucket), Events: in.Events,
		Binary: nodeProgram(in), Prefix: in.Config.Artifacts.Prefix, Clock: in.Cloud.Clock,
	}
}

func nodeFleets(c *config.Config, i *config.Image) []*config.Fleet {
	return slices.DeleteFunc(c.FleetsOf(i), func(f *config.Fleet) bool { return f.InPlace == nil })
}

// followers are the ids of the long-lived nodes that follow the image line.
func (p *pipeline) followers(ctx context.Context) ([]string, error) {
	var out []string
	for _, f := range nodeFleets(p.Config, p.Image) {
		found, err := nodeStage(p.Request).Nodes.Find(ctx, f.NodeTags)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 { // patching would refuse it, so a plan does
			return nil, fault.New(fault.NotFound, "check tags, account and region", "fleet %s: no instance has the tags %s", f.Label, tagList(f.NodeTags))
		}
		for _, n := range found {
			out = append(out, n.ID)
		}
	}
	return out, nil
}

func tagList(tags map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		parts = append(parts, k+"="+tags[k])
	}
	return strings.Join(parts, ", ")
}

func (p *pipeline) patch(ctx context.Context) (outcome, text string, err error) {
	fleets := nodeFleets(p.Config, p.Image)
	if len(fleets) == 0 {
		return "nothing-to-do", "no fleet of long-lived nodes follows this image", nil
	}
	if p.Config.Artifacts.Bucket == "" {
		return "", "", fault.New(fault.Usage, "add artifacts { bucket = \"...\" } to the configuration", "patch: the nodes fetch their package files from a bucket, and none is named")
	}
	if err := p.unmoved(ctx, "patch"); err != nil {
		return "", "", err
	}
	r, err := p.baked()
	if err != nil {
		return "", "", err
	}
	var lock baseline.Lock
	if err := p.readArtifact(r, r.Bake.Files.Lock, &lock); err != nil {
		return "", "", fmt.Errorf("read the lock of %s: %w", r.Bake.Image, err)
	}
	body, err := json.Marshal(p.Image.Baseline.Baseline)
	if err != nil {
		return "", "", err
	}
	stage := nodeStage(p.Request)
	p.doc.Patch = nil
	var texts []string
	nothing := true
	for _, f := range fleets {
		req := record.NodeRequest{Schema: record.NodeSchema, Operation: "Install", Baseline: body, Options: p.Image.Baseline.Options,
			Now: p.Cloud.Clock.Now(), Lock: &lock, RebootOption: rebootOption(f.InPlace.Reboot)}
		name := "patch/" + f.Label
		plan, err := plannedAs(ctx, p, "patch", name+"/plan", func(ctx context.Context) (*inplace.Plan, error) {
			bundle, err := p.bundle(r)
			if err != nil {
				return nil, err
			}
			return stage.Plan(ctx, inplace.Input{Run: p.Run, Fleet: f.Label, Tags: f.NodeTags, Request: req, Bundle: bundle})
		})
		if err != nil {
			return "", "", err
		}
		for _, n := range plan.Nodes {
			raw, err := p.advance(ctx, "patch", name+"/"+n.ID, stage.NodeUnit(plan, n))
			if err != nil {
				return "", "", err
			}
			// A node that could not be patched is an outcome: it is kept, and the other
			// nodes still get their turn; Err below tells.
			res, err := inplace.Result(raw)
			if err != nil && res.Outcome == "" {
				return "", "", err
			}
			p.doc.Patch = append(p.doc.Patch, res)
			texts = append(texts, fmt.Sprintf("%s: lock %s, baseline today %s%s", n.ID, res.Lock, res.Today, why(res.Report)))
			nothing = nothing && res.Outcome == "nothing-to-do"
		}
	}
	text = strings.Join(texts, "; ")
	if err := inplace.Err(p.doc.Patch); err != nil {
		return "failed", text, err
	}
	if nothing {
		return "nothing-to-do", text, nil
	}
	return "done", text, nil
}

// why counts what keeps a node from being compliant today, with the first packages
// of each state.
func why(r *record.NodeReport) string {
	if r == nil || r.Evaluation == nil || r.Evaluation.Status == baseline.Compliant {
		return ""
	}
	names := map[baseline.State][]string{}
	for _, i := range r.Evaluation.Items {
		switch i.State {
		case baseline.StateInstalled, baseline.StateInstalledOther, baseline.StateNotApplicable:
		default:
			names[i.State] = append(names[i.State], i.Name)
		}
	}
	var parts []string
	for _, s := range slices.Sorted(maps.Keys(names)) {
		some := names[s]
		text := strings.Join(some[:min(len(some), 3)], ", ")
		if len(some) > 3 {
			text += ", ..."
		}
		parts = append(parts, fmt.Sprintf("%d %s: %s", len(some), s, text))
	}
	return " (" + strings.Join(parts, "; ") + ")"
}

func rebootOption(reboot string) string {
	if reboot == "if-needed" {
		return "RebootIfNeeded"
	}
	return "NoReboot"
}

// bundle is the local folder of the package files of a run's bake, "" if there is
// none (a modelled bake has none).
func (p *pipeline) bundle(r *record.Run) (string, error) {
	dir := r.Bake.Files.Bundle
	if dir != "" && !filepath.IsAbs(dir) {
		var err error
		if dir, err = p.State.File(r.ID, dir); err != nil && !notThere(err) {
			return "", err
		}
	}
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	return dir, nil
}
