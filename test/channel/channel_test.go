// Package channel drives publish through the real SDK against the twin's Parameter
// Store and EC2, in virtual time.
package channel

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/awscloud/images"
	"github.com/goldenami/rehydrate/internal/awscloud/params"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	twinec2 "github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/s3"
	twinssm "github.com/goldenami/rehydrate/internal/twin/ssm"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/publish"
)

const (
	channel  = "/golden/demo/latest"
	oldImage = "ami-00000000000000001"
	newImage = "ami-00000000000000002"
	handmade = "ami-00000000000000003"
)

type account struct {
	t     *testing.T
	w     *world.World
	ssm   *ssm.Client
	ec2   *ec2.Client
	stage *publish.Stage
}

type clock struct{ w *world.World }

func (c clock) Now() time.Time { return c.w.Clock().Now() }

func (c clock) Sleep(_ context.Context, until time.Time) error { c.w.Clock().StepTo(until); return nil }

func open(t *testing.T) *account {
	t.Helper()
	w := wiretest.World(t)
	router := &backing.Router{}
	compute := twinec2.New(w, router, t.TempDir())
	systems := twinssm.New(w, twinssm.Ports{EC2: compute, Machines: router, Objects: s3.New(t.TempDir())})
	cfg := wiretest.Client(t, w, compute.Wire(), systems.Wire())
	w.Start()
	err := w.Do(wiretest.Account, wiretest.Region, func(tx *world.Tx) error {
		for _, id := range []string{oldImage, newImage, handmade} {
			if _, err := compute.AddImage(tx, twinec2.Image{ID: id, Name: "image " + id}, backing.Image{Layers: []string{"/nowhere"}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sess := session.Of(cfg)
	return &account{t: t, w: w, ssm: ssm.NewFromConfig(cfg), ec2: ec2.NewFromConfig(cfg), stage: &publish.Stage{
		Cells: publish.One(params.New(sess), images.New(sess)), Clock: clock{w},
		Events: event.Func(func(e event.Event) { t.Logf("%s %s", w.Clock().Now().Format("15:04:05"), e.Text) })}}
}

// publish plans and moves; between runs after the plan.
func (a *account) publish(run, image string, bakedAt time.Time, between func()) (record.Publish, error) {
	a.t.Helper()
	p, err := a.stage.Plan(a.t.Context(), publish.Input{Run: run, Channel: channel, Image: image,
		Verdict: &record.Verdict{Image: image, Outcome: record.Pass}, Bake: &record.Bake{CreatedAt: bakedAt, LockDigest: "sha256:aa"}})
	if err != nil {
		return record.Publish{}, err
	}
	if between != nil {
		between()
	}
	var state json.RawMessage
	for range 500 {
		out, next, err := a.stage.Unit(p).Advance(a.t.Context(), state)
		if err != nil {
			return record.Publish{}, err
		}
		if state = out; next.Done {
			return publish.Result(state)
		}
		if next.After > 0 {
			a.w.Clock().Step(next.After)
		}
	}
	a.t.Fatal("publishing does not end")
	return record.Publish{}, nil
}

func (a *account) value(name string) *types.Parameter {
	a.t.Helper()
	out, err := a.ssm.GetParameter(a.t.Context(), &ssm.GetParameterInput{Name: &name})
	if err != nil {
		a.t.Fatal(err)
	}
	return out.Parameter
}

func TestAChannelMovesAndKeepsItsPast(t *testing.T) {
	a := open(t)
	if _, err := a.publish("run-1", oldImage, wiretest.Start, nil); err != nil {
		t.Fatal(err)
	}
	got, err := a.publish("run-2", newImage, wiretest.Start.Add(time.Hour), nil)
	if err != nil || got.Version != 2 || got.From != oldImage || got.Previous != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	for name, want := range map[string]string{channel: newImage, channel + ":previous": oldImage, channel + ":current": newImage,
		"/golden/demo/builds/run-1": oldImage, "/golden/demo/builds/run-2": newImage} {
		if p := a.value(name); aws.ToString(p.Value) != want || aws.ToString(p.DataType) != publish.DataTypeImage {
			t.Errorf("%s holds %s (%s), want %s", name, aws.ToString(p.Value), aws.ToString(p.DataType), want)
		}
	}
	if again, err := a.publish("run-3", newImage, wiretest.Start.Add(2*time.Hour), nil); err != nil || !again.Skipped || again.Version != 2 {
		t.Errorf("%+v, %v", again, err)
	}
	if _, err := a.publish("run-4", oldImage, wiretest.Start, nil); fault.KindOf(err) != fault.Conflict {
		t.Errorf("an older build: %v", err)
	}
}

// PutParameter answers 200, the value is rejected afterwards.
func TestAnImageThatGoesBeforeItIsValidatedLeavesTheChannel(t *testing.T) {
	a := open(t)
	if _, err := a.publish("run-1", oldImage, wiretest.Start, nil); err != nil {
		t.Fatal(err)
	}
	_, err := a.publish("run-2", newImage, wiretest.Start.Add(time.Hour), func() {
		if _, err := a.ec2.DeregisterImage(t.Context(), &ec2.DeregisterImageInput{ImageId: aws.String(newImage)}); err != nil {
			t.Fatal(err)
		}
	})
	if fault.KindOf(err) != fault.Failed {
		t.Errorf("got %v", err)
	}
	if p := a.value(channel); aws.ToString(p.Value) != oldImage || p.Version != 1 {
		t.Errorf("the channel holds %s at version %d", aws.ToString(p.Value), p.Version)
	}
}

func TestAChannelThatSomebodyMovedIsAConflict(t *testing.T) {
	a := open(t)
	if _, err := a.publish("run-1", oldImage, wiretest.Start, nil); err != nil {
		t.Fatal(err)
	}
	_, err := a.publish("run-2", newImage, wiretest.Start.Add(time.Hour), func() {
		if _, err := a.ssm.PutParameter(t.Context(), &ssm.PutParameterInput{Name: aws.String(channel), Value: aws.String(handmade), Overwrite: aws.Bool(true)}); err != nil {
			t.Fatal(err)
		}
		a.w.Clock().Step(time.Minute)
	})
	if fault.KindOf(err) != fault.Conflict {
		t.Errorf("got %v", err)
	}
}
