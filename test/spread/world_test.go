package spread

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/wait"
	"github.com/goldenami/rehydrate/test/lab"
)

// The accounts: home bakes, the others use what it bakes.
const (
	home  = "111122223333"
	stage = "222222222222"
	prod  = "333333333333"

	here    = "eu-west-1" // home's Region
	there   = "us-east-1"
	channel = "/golden/web/latest"
	perCell = 2 // instances of each group
	org     = "arn:aws:organizations::111122223333:organization/o-a1b2c3d4e5"
	unit    = "arn:aws:organizations::111122223333:ou/o-a1b2c3d4e5/ou-ab12-11111111"
)

var (
	accounts = []string{home, stage, prod}
	regions  = []string{here, there}
)

// what differs between the worlds of the tests.
type options struct {
	distribute string // further lines of the block
	members    map[string][]string
	image      string            // its rings and further lines of the image block, in place of the one ring
	fleets     string            // in place of the one fleet in all cells
	trusts     map[string]string // external id that an account's role wants; "-" trusts nobody
	bucket     any               // the artifacts' bucket in the world's file, in place of its name
}

// universe is a twin of three accounts and two Regions with a group in each of the six
// cells, and a configuration that publishes and rolls in all of them.
type universe struct {
	*lab.Lab
	state  app.State
	config *config.Config
	image  *config.Image
	heard  func(event.Event) // hears what runs say
	client *http.Client      // of the administrators; the twin does not wait for them
}

func newWorld(t testing.TB, o options) *universe {
	t.Helper()
	dir := folder(t)
	w := &universe{}
	var err error
	if w.config, err = config.Parse(filepath.Join(dir, "rehydrate.hcl"), []byte(configuration(o))); err != nil {
		t.Fatal(err)
	}
	w.image, _ = w.config.ImageNamed("web")
	if w.state, err = app.OpenState(filepath.Join(dir, "state")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "world.json")
	if err := os.WriteFile(file, described(t, o), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- app.ServeTwin(ctx, app.TwinOptions{Dir: filepath.Join(dir, "twin"), World: app.World{File: file},
			Listen: "127.0.0.1:0", Seed: 1, Ready: func(at string) { ready <- at }})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the twin: %v", err)
		}
	})
	select {
	case at := <-ready:
		w.Lab = &lab.Lab{Endpoint: at}
	case err := <-ended:
		ended <- nil
		t.Fatalf("start a twin: %v", err)
	case <-time.After(2 * time.Minute):
		t.Fatal("the twin does not answer")
	}
	clock, ok := wait.Detect(t.Context(), w.Endpoint)
	if !ok {
		t.Fatalf("%s does not answer as a twin", w.Endpoint)
	}
	w.client = &http.Client{Transport: clock.Transport(&http.Transport{DisableKeepAlives: true})}
	clock.Close()
	return w
}

// folder is a temporary one, in memory where the system has that.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "rehydrate-spread-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func configuration(o options) string {
	return `
region = "eu-west-1"
artifacts {
  bucket = "artifacts"
}
account "home" {
  id      = "` + home + `"
  regions = ["eu-west-1", "us-east-1"]
}
account "stage" {
  id          = "` + stage + `"
  role        = "rehydrate"
  external_id = "golden-stage"
  regions     = ["eu-west-1", "us-east-1"]
}
account "prod" {
  id          = "` + prod + `"
  role        = "rehydrate"
  external_id = "golden-prod"
  regions     = ["eu-west-1", "us-east-1"]
}
baseline "web" {
  operating_system   = "DEBIAN"
  apt_approval_delay = true
  approval_rule {
    approve_after_days  = 0
    enable_non_security = true
    patch_filter {
      key    = "PRIORITY"
      values = ["Required", "Important", "Standard", "Optional"]
    }
  }
}
image "web" {
  baseline      = baseline.web
  source_name   = "debian-12-modelled-*"
  source_owners = ["136693071363"]
  channel       = "` + channel + `"
  ` + either(o.image, `rings = ["all"]`) + `
  distribute {
    accounts = ["home", "stage", "prod"]
    ` + o.distribute + `
  }
}
` + either(o.fleets, fleet("web", "all", home, stage, prod))
}

func either(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// fleet is a fleet of the groups of accounts.
func fleet(name, ring string, in ...string) string {
	labels := map[string]string{home: "home", stage: "stage", prod: "prod"}
	for i := range in {
		in[i] = labels[in[i]]
	}
	return fmt.Sprintf(`
fleet %q {
  follows   = image.web
  ring      = %q
  asg_names = ["web"]
  accounts  = ["%s"]
  refresh {
    min_healthy = "50%%"
  }
}
`, name, ring, strings.Join(in, `", "`))
}

// described is the world's file.
func described(t testing.TB, o options) []byte {
	t.Helper()
	example, err := filepath.Abs("../../examples/modelled")
	if err != nil {
		t.Fatal(err)
	}
	type m = map[string]any
	doc := m{"account": home, "region": here, "start": "2026-06-01T09:00:00Z", "buckets": []any{"artifacts"},
		"repositories": m{"main": m{"file": filepath.Join(example, "repository.json")}}}
	if o.bucket != nil {
		doc["buckets"] = []any{o.bucket}
	}
	all := []m{{"id": "136693071363", "regions": regions}}
	var images, templates, groups, roles []m
	for _, r := range regions {
		images = append(images, m{"key": "base-" + r, "account": "136693071363", "region": r, "name": "debian-12-modelled-20260101", "public": true,
			"created": "2026-01-01T00:00:00Z", "modelledFile": filepath.Join(example, "image.json")})
	}
	for _, a := range accounts {
		all = append(all, m{"id": a, "regions": regions, "memberships": o.members[a]})
		for _, r := range regions {
			templates = append(templates, m{"account": a, "region": r, "name": "web", "image": baseID(r), "type": "t3.micro"})
			groups = append(groups, m{"account": a, "region": r, "name": "web", "template": "web", "max": 2 * perCell, "desired": perCell, "warmup": "30s"})
		}
	}
	for n := range images {
		images[n]["id"] = baseID(regions[n])
	}
	for a, id := range map[string]string{stage: "golden-stage", prod: "golden-prod"} {
		if other, ok := o.trusts[a]; ok {
			id = other
		}
		trusts := []m{{"principal": home, "externalId": id}}
		if id == "-" {
			trusts = nil
		}
		roles = append(roles, m{"account": a, "name": "rehydrate", "trusts": trusts})
	}
	doc["accounts"], doc["images"], doc["templates"], doc["groups"], doc["roles"] = all, images, templates, groups, roles
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func baseID(region string) string {
	return map[string]string{here: "ami-0000000000000001a", there: "ami-0000000000000001b"}[region]
}

// aws is the SDK's configuration of an account's own administrator.
func (w *universe) aws(account, region string) aws.Config {
	return aws.Config{Region: region, BaseEndpoint: &w.Endpoint, HTTPClient: w.client, Credentials: credentials.NewStaticCredentialsProvider(account, "secret", "")}
}

// said keeps the lines of a run, for when it fails.
type said struct {
	heard func(event.Event)
	mu    sync.Mutex
	text  string
}

// String is what was said, line by line.
func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text
}

// Emit implements event.Sink.
func (s *said) Emit(e event.Event) {
	if s.heard != nil {
		s.heard(e)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text += e.Time.Format("15:04:05 ") + e.Stage + " " + e.Text + "\n"
}

// pointer is what the channel holds in a cell; "" for nothing.
func (w *universe) pointer(t testing.TB, account, region string) string {
	t.Helper()
	out, err := ssm.NewFromConfig(w.aws(account, region)).GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String(channel)})
	if err != nil {
		if strings.Contains(err.Error(), "ParameterNotFound") {
			return ""
		}
		t.Fatal(err)
	}
	return *out.Parameter.Value
}

// pointers are what the channel holds in all cells.
func (w *universe) pointers(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, a := range accounts {
		for _, r := range regions {
			if v := w.pointer(t, a, r); v != "" {
				out[a+"/"+r] = v
			}
		}
	}
	return out
}

// owned are an account's own images in a Region, by id.
func (w *universe) owned(t testing.TB, account, region string) map[string]ec2types.Image {
	t.Helper()
	out, err := ec2.NewFromConfig(w.aws(account, region)).DescribeImages(t.Context(), &ec2.DescribeImagesInput{Owners: []string{"self"}})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]ec2types.Image{}
	for _, i := range out.Images {
		all[*i.ImageId] = i
	}
	return all
}

// runs are the images of a cell's group's instances, and how many run each.
func (w *universe) runs(t testing.TB, account, region string) map[string]int {
	t.Helper()
	cfg := w.aws(account, region)
	out, err := autoscaling.NewFromConfig(cfg).DescribeAutoScalingGroups(t.Context(), &autoscaling.DescribeAutoScalingGroupsInput{})
	if err != nil || len(out.AutoScalingGroups) != 1 {
		t.Fatalf("%d groups, %v", len(out.AutoScalingGroups), err)
	}
	var ids []string
	for _, i := range out.AutoScalingGroups[0].Instances {
		ids = append(ids, *i.InstanceId)
	}
	seen, err := ec2.NewFromConfig(cfg).DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: ids})
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for _, r := range seen.Reservations {
		for _, i := range r.Instances {
			n[*i.ImageId]++
		}
	}
	return n
}

// grantsOf counts the grants of home's key in a Region.
func (w *universe) grantsOf(t testing.TB, region string) int {
	t.Helper()
	api := kms.NewFromConfig(w.aws(home, region))
	key, err := api.DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: aws.String("alias/golden")})
	if err != nil {
		t.Fatal(err)
	}
	out, err := api.ListGrants(t.Context(), &kms.ListGrantsInput{KeyId: key.KeyMetadata.Arn})
	if err != nil {
		t.Fatal(err)
	}
	return len(out.Grants)
}
