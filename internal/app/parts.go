package app

import (
	"context"
	"time"

	"github.com/goldenami/rehydrate/bake"
	"github.com/goldenami/rehydrate/internal/awscloud/blocks"
	"github.com/goldenami/rehydrate/internal/awscloud/images"
	"github.com/goldenami/rehydrate/internal/awscloud/instances"
	"github.com/goldenami/rehydrate/internal/awscloud/params"
	"github.com/goldenami/rehydrate/internal/awscloud/resources"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish"
	"github.com/goldenami/rehydrate/rollout"
	"github.com/goldenami/rehydrate/rollout/inplace"
	"github.com/goldenami/rehydrate/validate"
)

// parts are the stages over the AWS adapters.
type parts struct {
	bake    *bake.Stage
	gate    *validate.Gate
	publish *publish.Stage
	roll    *rollout.Stage
	params  params.Parameters
	cells   *Cells
}

func newParts(in Request) *parts {
	s, clock := in.Cloud.Session, in.Cloud.Clock
	imgs := images.New(s)
	_, _, builders := instances.New(s)
	p := &parts{params: params.New(s), cells: NewCells(in.Cloud, in.Config, in.Run)}
	p.bake = &bake.Stage{
		Images: imgs, Resources: resources.New(s), Indexes: indexes(in), Creator: imgs,
		Instances: builders, Clock: clock, Events: in.Events,
	}
	p.bake.Patcher = &inplace.Patcher{Stage: nodeStage(in), Clock: clock, Run: in.Run, Name: "bake", Arch: in.Image.Architecture}
	p.gate = &validate.Gate{Images: snapshots{imgs, in.Cloud}, Blocks: blocks.New(s), Events: in.Events, Now: clock.Now}
	p.publish = &publish.Stage{Cells: p.cells.Publish, Clock: clock, Events: in.Events}
	p.roll = &rollout.Stage{Cells: p.cells.Rollout, Clock: clock, Events: in.Events}
	return p
}

// closeGrace is how long a bake's processes may take to end when the run ends.
const closeGrace = 2 * time.Minute

func (p *parts) close(ctx context.Context) {
	_ = p.bake.Close(ctx, closeGrace) // the supervisor ends them in any case
}

// snapshots finds the snapshot of an image's root device.
type snapshots struct {
	images images.Images
	cloud  *Cloud
}

// RootSnapshot implements validate.Images.
func (s snapshots) RootSnapshot(ctx context.Context, image string) (string, error) {
	found, err := s.images.Find(ctx, bake.ImageFilter{ID: image})
	if err != nil {
		return "", err
	}
	if len(found) == 0 || len(found[0].Snapshots) == 0 {
		return "", fault.New(fault.NotFound, "check id, account and region", "there is no image %s with a snapshot in account %s, region %s", image, s.cloud.Account, s.cloud.Region)
	}
	return found[0].Snapshots[0], nil
}
