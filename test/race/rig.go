// Package race has publishers race for channels in the twin, one call at a time in an
// order that a seed decides, in virtual time.
package race

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/goldenami/rehydrate/internal/awscloud/images"
	"github.com/goldenami/rehydrate/internal/awscloud/params"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/s3"
	"github.com/goldenami/rehydrate/internal/twin/ssm"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/publish"
)

// Start is the virtual time at which a Rig begins.
var Start = wiretest.Start

// Rig is a twin with EC2 and Parameter Store, whose time stands until it is stepped.
type Rig struct {
	T     testing.TB
	Twin  *twin.Twin
	ec2   *ec2.Service
	ports map[publish.Cell]publish.Ports
}

// Open opens one with a fault plan, and closes it with the test.
func Open(t testing.TB, seed int64, faults ...twin.Rule) *Rig {
	t.Helper()
	r := &Rig{T: t, ports: map[publish.Cell]publish.Ports{}}
	dir := t.TempDir()
	tw, err := twin.New(twin.Options{Seed: seed, Start: Start, Mode: world.Manual, Faults: faults,
		Build: func(w *world.World, _ string) (twin.Services, error) {
			router := &backing.Router{}
			r.ec2 = ec2.New(w, router, dir)
			systems := ssm.New(w, ssm.Ports{EC2: r.ec2, Machines: router, Objects: s3.New(dir)})
			r.ec2.ResolveParameter, r.ec2.ImageParameters = systems.Resolve, systems.ImageParameters
			return twin.Services{Wire: []*wire.Service{r.ec2.Wire(), systems.Wire()}}, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	r.Twin = tw
	t.Cleanup(func() {
		if err := tw.Close(); err != nil {
			t.Errorf("close the twin: %v", err)
		}
	})
	wiretest.Record(t, tw.World())
	return r
}

// Config is what the SDK needs to call a cell.
func (r *Rig) Config(c publish.Cell) aws.Config {
	return aws.Config{
		Region: c.Region, BaseEndpoint: aws.String("http://127.0.0.1"),
		HTTPClient:  &http.Client{Transport: wire.Transport{Handler: r.Twin, Client: "test"}},
		Credentials: wiretest.Key(c.Account), Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}
}

// Ports are a cell's, through the real adapters and the real wire.
func (r *Rig) Ports(_ context.Context, c publish.Cell) (publish.Ports, error) {
	p, ok := r.ports[c]
	if !ok {
		s := session.Of(r.Config(c))
		p = publish.Ports{Parameters: params.New(s), Images: images.New(s)}
		r.ports[c] = p
	}
	return p, nil
}

// AddImage puts an available image into a cell.
func (r *Rig) AddImage(c publish.Cell, id string) {
	r.T.Helper()
	err := r.Twin.World().Do(c.Account, c.Region, func(tx *world.Tx) error {
		_, err := r.ec2.AddImage(tx, ec2.Image{ID: id, Name: "image " + id}, backing.Image{Layers: []string{"/nowhere"}})
		return err
	})
	if err != nil {
		r.T.Fatal(err)
	}
}

// RemoveImage deregisters an image of a cell.
func (r *Rig) RemoveImage(c publish.Cell, id string) {
	r.T.Helper()
	if _, err := sdk.NewFromConfig(r.Config(c)).DeregisterImage(r.T.Context(), &sdk.DeregisterImageInput{ImageId: &id}); err != nil {
		r.T.Error(err)
	}
}

// Clock is the twin's time; who sleeps on it makes it pass.
func (r *Rig) Clock() Clock { return Clock{r.Twin.World().Clock()} }

// Clock steps the twin's time.
type Clock struct{ *world.Clock }

// Sleep steps time to until.
func (c Clock) Sleep(ctx context.Context, until time.Time) error {
	if until.After(c.Now()) {
		c.StepTo(until)
	}
	return ctx.Err()
}
