package second

import (
	"context"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/modelled"
	"github.com/goldenami/rehydrate/internal/twin/s3"
	"github.com/goldenami/rehydrate/internal/twin/ssm"
	"github.com/goldenami/rehydrate/internal/twin/sts"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// image is the AMI of the twin that the tests run against.
const image = "ami-0000000000000000a"

// rig is a twin on loopback whose time moves by step only.
type rig struct {
	t        *testing.T
	w        *world.World
	endpoint string
	cfg      aws.Config
}

// clock is the twin's time for its modelled machines.
type clock struct{ w *world.World }

func (c clock) Now() time.Time                               { return c.w.Clock().Now() }
func (c clock) Sleep(ctx context.Context, _ time.Time) error { return ctx.Err() }

// newRig has a modelled Debian image on which app is behind its security repository.
func newRig(t *testing.T) *rig {
	t.Helper()
	w := wiretest.World(t)
	pkg := func(name, version string) baseline.Package {
		return baseline.Package{Name: name, Arch: "amd64", Version: version}
	}
	origin := baseline.Origin{Origin: "Debian", Label: "Debian-Security", Suite: "stable-security", Codename: "bookworm-security", Trusted: true}
	offers := baseline.Available{
		Repositories: []baseline.Repository{{ID: "sec", URL: "http://archive.test/", Origin: origin, Verified: true}},
		Packages: []baseline.AvailablePackage{{Package: pkg("app", "2"), Priority: "optional", Section: "admin", Origins: []baseline.Origin{origin},
			Repository: "sec", Filename: "app.deb", Size: 1, SHA256: strings.Repeat("ab", 32)}},
	}
	machines := &backing.Router{Modelled: modelled.New(modelled.Options{Clock: clock{w}, Repository: func(string) (baseline.Available, error) { return offers, nil }})}
	dir := t.TempDir()
	compute, objects := ec2.New(w, machines, filepath.Join(dir, "machines")), s3.New(filepath.Join(dir, "s3"))
	systems := ssm.New(w, ssm.Ports{EC2: compute, Machines: machines, Objects: objects})
	h := wiretest.Handler(t, w, compute.Wire(), systems.Wire(), objects.Wire(), sts.New())
	w.Start()
	err := w.Do(wiretest.Account, wiretest.Region, func(tx *world.Tx) error {
		_, err := compute.AddImage(tx, ec2.Image{ID: image, Name: "debian", Public: true, User: "admin"}, backing.Image{Modelled: &backing.ModelledImage{
			OS: baseline.Debian, Product: "Debian12", Arch: "amd64", Repository: "sec", Installed: []baseline.Installed{{Package: pkg("app", "1")}, {Package: pkg("dpkg", "1.21")}}}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return &rig{t: t, w: w, endpoint: server.URL, cfg: wiretest.Config(h, "test")}
}

// launch runs one instance with a patch group until it is running.
func (r *rig) launch(group string) string {
	r.t.Helper()
	out, err := sdkec2.NewFromConfig(r.cfg).RunInstances(r.t.Context(), &sdkec2.RunInstancesInput{
		ImageId: aws.String(image), InstanceType: types.InstanceTypeT3Micro, MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{{Key: aws.String("Patch Group"), Value: &group}}}},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.step(time.Minute)
	return *out.Instances[0].InstanceId
}

// step lets work end that is under way on the wall, then steps.
func (r *rig) step(d time.Duration) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Minute)
	defer cancel()
	r.w.Clock().StepSettled(ctx, r.w.Clock().Now().Add(d))
}

// until steps until ok.
func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	for range 60 {
		if ok() {
			return
		}
		r.step(time.Second)
	}
	r.t.Fatalf("%s does not come", what)
}
