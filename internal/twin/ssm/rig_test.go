package ssm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	s3sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/s3"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// fakeEC2 keeps instances and images in memory; tests change them under the world's
// lock.
type fakeEC2 struct {
	instances []ec2.Instance
	images    map[string]bool
	started   func(id string) error
	on        func(tx *world.Tx, id, state string)
}

func (f *fakeEC2) InstanceByID(_ *world.Tx, id string) (ec2.Instance, bool) {
	for _, i := range f.instances {
		if i.ID == id {
			return i, true
		}
	}
	return ec2.Instance{}, false
}

func (f *fakeEC2) Instances(*world.Tx) iter.Seq2[string, ec2.Instance] {
	return func(yield func(string, ec2.Instance) bool) {
		for _, i := range f.instances {
			if !yield(i.ID, i) {
				return
			}
		}
	}
}

func (f *fakeEC2) ImageByID(_ *world.Tx, id string) (ec2.Image, error) {
	if !f.images[id] {
		return ec2.Image{}, wire.Errorf("InvalidAMIID.NotFound", "no image %s", id)
	}
	return ec2.Image{ID: id}, nil
}

func (f *fakeEC2) EnsureStarted(_ context.Context, id string) error {
	if f.started != nil {
		return f.started(id)
	}
	return nil
}

// Platform is Debian 12 of all but the last instance.
func (f *fakeEC2) Platform(_ *world.Tx, i ec2.Instance) (baseline.OperatingSystem, string) {
	if i.ID == f.instances[len(f.instances)-1].ID {
		return "", ""
	}
	return baseline.Debian, "Debian12"
}

func (f *fakeEC2) OnState(g func(tx *world.Tx, id, state string)) { f.on = g }

// fakeMachines runs commands by a function and keeps files.
type fakeMachines struct {
	run      func(ctx context.Context, id string, c backing.Command) (int, error)
	patch    func(id string, q record.NodeRequest) (record.NodeReport, error)
	modelled bool
	reboots  int
	reboot   func(id string) error

	mu    sync.Mutex
	files map[string]string // id:path
	modes map[string]fs.FileMode
	seen  []string
}

func (f *fakeMachines) Run(ctx context.Context, id string, c backing.Command) (int, error) {
	if len(c.Args) > 0 && c.Args[0] == "mkdir" {
		return 0, nil
	}
	f.mu.Lock()
	f.seen = append(f.seen, id)
	f.mu.Unlock()
	return f.run(ctx, id, c)
}

func (f *fakeMachines) Put(_ context.Context, id, path string, mode fs.FileMode, r io.Reader) error {
	data, err := io.ReadAll(r)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.files[id+":"+path], f.modes[id+":"+path] = string(data), mode
	return err
}

func (f *fakeMachines) Reboot(_ context.Context, id string) error {
	f.reboots++
	if f.reboot != nil {
		return f.reboot(id)
	}
	return nil
}
func (f *fakeMachines) IsModelled(string) bool { return f.modelled }

func (f *fakeMachines) Patch(_ context.Context, id string, q record.NodeRequest) (record.NodeReport, error) {
	return f.patch(id, q)
}

// rig is Systems Manager and S3 behind the real SDK.
type rig struct {
	t        *testing.T
	w        *world.World
	s        *Service
	ec2      *fakeEC2
	machines *fakeMachines
	c        *sdk.Client
	s3       *s3sdk.Client
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, w: wiretest.World(t)}
	r.wire()
	r.w.Start()
	return r
}

func (r *rig) wire() {
	r.ec2 = &fakeEC2{images: map[string]bool{"ami-00000001": true, "ami-00000002": true}}
	for k := range 3 {
		r.ec2.instances = append(r.ec2.instances, ec2.Instance{ID: fmt.Sprintf("i-0000000%d", k), State: "running", Address: "127.0.0.9", Launched: wiretest.Start, Tags: map[string]string{"Name": fmt.Sprintf("db-%d", k), "Patch Group": "db"}})
	}
	r.machines = &fakeMachines{files: map[string]string{}, modes: map[string]fs.FileMode{}, run: func(_ context.Context, id string, c backing.Command) (int, error) {
		fmt.Fprintf(c.Stdout, "ran %q on %s\n", c.Script, id)
		return 0, nil
	}}
	store := s3.New(r.t.TempDir())
	r.s = New(r.w, Ports{EC2: r.ec2, Machines: r.machines, Objects: store})
	cfg := wiretest.Client(r.t, r.w, r.s.Wire(), store.Wire())
	r.c = sdk.NewFromConfig(cfg)
	r.s3 = s3sdk.NewFromConfig(cfg, func(o *s3sdk.Options) { o.UsePathStyle = true })
}

func (r *rig) step(d time.Duration) { r.w.Clock().Step(d) }

// object puts an object into the bucket "kit", making that at first.
func (r *rig) object(key, body string) {
	r.t.Helper()
	ctx := r.t.Context()
	if _, err := r.s3.HeadBucket(ctx, &s3sdk.HeadBucketInput{Bucket: aws.String("kit")}); err != nil {
		if _, err := r.s3.CreateBucket(ctx, &s3sdk.CreateBucketInput{Bucket: aws.String("kit"), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: wiretest.Region}}); err != nil {
			r.t.Fatal(err)
		}
	}
	if _, err := r.s3.PutObject(ctx, &s3sdk.PutObjectInput{Bucket: aws.String("kit"), Key: &key, Body: bytes.NewReader([]byte(body))}); err != nil {
		r.t.Fatal(err)
	}
}

// read is an object's body, "" when it is not there.
func (r *rig) read(key string) string {
	r.t.Helper()
	out, err := r.s3.GetObject(r.t.Context(), &s3sdk.GetObjectInput{Bucket: aws.String("kit"), Key: &key})
	if err != nil {
		if code(err) == "NoSuchKey" {
			return ""
		}
		r.t.Fatal(err)
	}
	defer out.Body.Close()
	data, err := io.ReadAll(out.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(data)
}

// wait looks until ok; the agent works on the wall's time.
func (r *rig) wait(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if ok() {
			return
		}
	}
	r.t.Fatalf("%s does not come", what)
}

func code(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	return fmt.Sprint(err)
}

// events is the data of the world's events of a kind.
func (r *rig) events(kind string) (out []map[string]any) {
	all, _ := r.w.Events()
	for _, e := range all {
		if e.Kind == kind {
			out = append(out, e.Data)
		}
	}
	return out
}

func (r *rig) account() string { return wiretest.Account }
