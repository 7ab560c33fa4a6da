package ec2_test

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/testkit"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/roots"
	"github.com/goldenami/rehydrate/internal/twin/sts"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

func TestMain(m *testing.M) {
	roots.MaybeMachine(os.Args)
	os.Exit(m.Run())
}

// shop is a served twin with real roots, and Packer with its amazon plugin.
type shop struct {
	t        *testing.T
	w        *world.World
	real     *roots.Roots
	s        *ec2.Service
	endpoint string
	api      *sdk.Client
	packer   string
	amazon   string // version of the plugin
	env      []string
	dir      string
	calls    []string // operations that Packer called, each once
}

func openShop(t *testing.T) *shop {
	t.Helper()
	root, plugin := testkit.Root(t), testkit.AmazonPlugin(t) // the root is a lower layer only
	p := &shop{t: t, dir: t.TempDir(), packer: testkit.Packer(t).Path, amazon: plugin.Version}
	var err error
	if p.w, err = world.Open(world.Options{Seed: int64(os.Getpid())}); err != nil {
		t.Fatal(err)
	}
	p.real, err = roots.New(roots.Options{OnPower: func(e backing.PowerEvent) { p.s.Power(e) }})
	if err != nil {
		t.Fatal(err)
	}
	p.s = ec2.New(p.w, p.real, p.dir)
	p.s.Hurry = true
	p.w.OnEvent(func(e world.Event) {
		if op, ok := e.Data["op"].(string); e.Kind == "call" && ok && !slices.Contains(p.calls, op) {
			p.calls = append(p.calls, op)
		}
	})
	h, err := wire.NewHandler(wire.Options{World: p.w, Services: []*wire.Service{p.s.Wire(), sts.New()}, Violation: func(err error) { t.Errorf("answer breaks the model: %v", err) }})
	if err != nil {
		t.Fatal(err)
	}
	p.w.Start()
	srv := httptest.NewServer(h)
	t.Cleanup(func() {
		srv.Close()
		if err := p.w.Close(); err != nil {
			t.Errorf("close world: %v", err)
		}
		if err := p.real.Close(); err != nil {
			t.Errorf("close roots: %v", err)
		}
	})
	p.endpoint, p.api = srv.URL, sdk.NewFromConfig(wiretest.Config(h, ""))
	err = p.w.Do(foreign, wiretest.Region, func(tx *world.Tx) error {
		_, err := p.s.AddImage(tx, ec2.Image{ID: base, Name: "debian-12-amd64-20260101", Public: true, User: "admin"}, backing.Image{Layers: []string{root}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	p.env = append(os.Environ(), "AWS_ENDPOINT_URL="+p.endpoint, "AWS_ACCESS_KEY_ID=AKIATEST", "AWS_SECRET_ACCESS_KEY=secret", "AWS_EC2_METADATA_DISABLED=true",
		"CHECKPOINT_DISABLE=1", "PACKER_PLUGIN_PATH="+filepath.Join(p.dir, "plugins"), "PACKER_CONFIG_DIR="+p.dir, "PACKER_CACHE_DIR="+filepath.Join(p.dir, "cache"))
	p.run("plugins", "install", "--path", plugin.Path, "github.com/hashicorp/amazon")
	return p
}

func (p *shop) run(args ...string) string {
	p.t.Helper()
	out, err := p.try(args...)
	if err != nil {
		p.t.Fatalf("packer %s: %v\n%s", args[0], err, out)
	}
	return out
}

func (p *shop) try(args ...string) (string, error) {
	cmd := exec.Command(p.packer, args...)
	var out bytes.Buffer
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = p.env, p.dir, &out, &out
	err := cmd.Run()
	return out.String(), err
}

// template bakes with temporary key pair and security group, as the default is.
func (p *shop) template(provision string) string {
	p.t.Helper()
	text := fmt.Sprintf(`
packer {
  required_plugins {
    amazon = { source = "github.com/hashicorp/amazon", version = %q }
  }
}
source "amazon-ebs" "deb12" {
  region                  = %q
  instance_type           = "t3.micro"
  ami_name                = "golden-${uuidv4()}"
  ssh_username            = "admin"
  temporary_key_pair_type = "ed25519"
  imds_support            = "v2.0"
  source_ami_filter {
    filters     = { name = "debian-12-amd64-*", root-device-type = "ebs", virtualization-type = "hvm" }
    owners      = [%q]
    most_recent = true
  }
  run_tags        = { "rehydrate:run" = "r1" }
  run_volume_tags = { "rehydrate:run" = "r1" }
  tags            = { Base = "{{ .SourceAMI }}" }
  snapshot_tags   = { Base = "{{ .SourceAMI }}" }
  aws_polling {
    delay_seconds = 1
    max_attempts  = 120
  }
}
build {
  sources = ["source.amazon-ebs.deb12"]
  provisioner "shell" { inline = [%q] }
  post-processor "manifest" { output = "manifest.json" }
}
`, p.amazon, wiretest.Region, foreign, provision)
	file := filepath.Join(p.dir, "bake.pkr.hcl")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return file
}

// resources is everything that a builder could leave behind.
func (p *shop) resources() string {
	p.t.Helper()
	var all []string
	note := func(kind string, id *string) { all = append(all, kind+" "+*id) }
	keys := must[*sdk.DescribeKeyPairsOutput](p.t)(p.api.DescribeKeyPairs(ctx, &sdk.DescribeKeyPairsInput{}))
	for _, k := range keys.KeyPairs {
		note("key pair", k.KeyName)
	}
	groups := must[*sdk.DescribeSecurityGroupsOutput](p.t)(p.api.DescribeSecurityGroups(ctx, &sdk.DescribeSecurityGroupsInput{}))
	for _, g := range groups.SecurityGroups {
		note("group", g.GroupName)
	}
	vols := must[*sdk.DescribeVolumesOutput](p.t)(p.api.DescribeVolumes(ctx, &sdk.DescribeVolumesInput{}))
	for _, v := range vols.Volumes {
		note("volume", v.VolumeId)
	}
	images := must[*sdk.DescribeImagesOutput](p.t)(p.api.DescribeImages(ctx, &sdk.DescribeImagesInput{Owners: []string{"self"}}))
	for _, i := range images.Images {
		note("image", i.Name)
	}
	snaps := must[*sdk.DescribeSnapshotsOutput](p.t)(p.api.DescribeSnapshots(ctx, &sdk.DescribeSnapshotsInput{OwnerIds: []string{"self"}}))
	for _, n := range snaps.Snapshots {
		note("snapshot", n.SnapshotId)
	}
	inst := must[*sdk.DescribeInstancesOutput](p.t)(p.api.DescribeInstances(ctx, &sdk.DescribeInstancesInput{}))
	for _, r := range inst.Reservations {
		if i := r.Instances[0]; i.State.Name != types.InstanceStateNameTerminated {
			note("instance", i.InstanceId)
		}
	}
	machines, _ := os.ReadDir(filepath.Join(p.dir, "machines")) // none is fine
	for _, m := range machines {
		all = append(all, "machine "+m.Name())
	}
	return strings.Join(all, "\n")
}

// read launches an instance of an image and reads a file of it.
func (p *shop) read(image, path string) string {
	p.t.Helper()
	out := must[*sdk.RunInstancesOutput](p.t)(p.api.RunInstances(ctx, runInput(func(in *sdk.RunInstancesInput) { in.ImageId = &image })))
	ids := []string{*out.Instances[0].InstanceId}
	must[*sdk.DescribeInstancesOutput](p.t)(p.api.DescribeInstances(ctx, &sdk.DescribeInstancesInput{InstanceIds: ids}))
	var text bytes.Buffer
	if err := p.s.EnsureStarted(ctx, ids[0]); err != nil {
		p.t.Error(err)
	} else if err := p.real.Get(ctx, ids[0], path, &text); err != nil {
		p.t.Error(err)
	}
	must[*sdk.TerminateInstancesOutput](p.t)(p.api.TerminateInstances(ctx, &sdk.TerminateInstancesInput{InstanceIds: ids}))
	must[*sdk.DescribeInstancesOutput](p.t)(p.api.DescribeInstances(ctx, &sdk.DescribeInstancesInput{InstanceIds: ids}))
	return text.String()
}

func TestRealPacker(t *testing.T) {
	p := openShop(t)
	before := p.resources()
	t.Run("bakes", func(t *testing.T) {
		begin := time.Now()
		out := p.run("build", "-color=false", p.template(`echo baked | sudo tee /etc/golden`))
		t.Logf("baked in %s", time.Since(begin).Round(100*time.Millisecond))
		t.Logf("operations called: %s", strings.Join(slices.Sorted(slices.Values(p.calls)), " "))
		_, rest, _ := strings.Cut(out, wiretest.Region+": ami-")
		id := "ami-" + strings.Fields(rest + " ?")[0]
		images, err := p.api.DescribeImages(ctx, &sdk.DescribeImagesInput{ImageIds: []string{id}})
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		i := images.Images[0]
		if i.State != types.ImageStateAvailable || *i.SourceImageId != base || i.ImdsSupport != "v2.0" || len(i.Tags) != 2 {
			t.Errorf("image %+v", i)
		}
		snap := *i.BlockDeviceMappings[0].Ebs.SnapshotId
		var disk string
		err = p.w.Do(wiretest.Account, wiretest.Region, func(tx *world.Tx) (err error) { disk, _, err = p.s.SnapshotDisk(tx, snap); return err })
		if info, statErr := os.Stat(disk); err != nil || statErr != nil || info.Size() == 0 {
			t.Errorf("disk %s: %v, %v", disk, err, statErr)
		}
		if got := p.read(id, "/etc/golden"); got != "baked\n" {
			t.Errorf("an instance of the new image holds %q", got)
		}
		must[*sdk.DeregisterImageOutput](t)(p.api.DeregisterImage(ctx, &sdk.DeregisterImageInput{ImageId: &id, DeleteAssociatedSnapshots: ptr(true)}))
	})
	t.Run("leaves nothing behind when provisioning fails", func(t *testing.T) {
		out, err := p.try("build", "-color=false", p.template(`exit 7`))
		if err == nil || !strings.Contains(out, "exit status: 7") {
			t.Errorf("packer ended with %v:\n%s", err, out)
		}
	})
	if after := p.resources(); after != before {
		t.Errorf("left behind:\n%s\nbefore:\n%s", after, before)
	}
}

func ptr[T any](v T) *T { return &v }
