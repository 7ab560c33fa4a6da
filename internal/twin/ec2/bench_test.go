package ec2_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

const (
	base    = "ami-00000000000000001" // public, of another account
	private = "ami-00000000000000002" // of another account, not shared
	foreign = "222222222222"
)

// stub is a backing whose machines are only names; functions may be replaced.
type stub struct {
	mu      sync.Mutex
	calls   []string
	start   func(context.Context, backing.Machine) error
	reboot  func() error
	capture func(context.Context, backing.Machine, string, int64) (backing.Image, error)
	claim   func(netip.Addr) bool
	backing.Backing
}

func (b *stub) note(call string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, call)
}

func (b *stub) count(call string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.calls {
		if c == call {
			n++
		}
	}
	return n
}

func (b *stub) Claim(i backing.Image, a netip.Addr) bool {
	return b.claim == nil || len(i.Layers) > 0 && b.claim(a)
}

func (b *stub) Start(ctx context.Context, m backing.Machine) error {
	b.note("start " + m.ID)
	if b.start != nil {
		return b.start(ctx, m)
	}
	return nil
}
func (b *stub) Stop(_ context.Context, id string) error { b.note("stop " + id); return nil }
func (b *stub) Reboot(_ context.Context, id string) error {
	b.note("reboot " + id)
	if b.reboot != nil {
		return b.reboot()
	}
	return nil
}
func (b *stub) Destroy(_ context.Context, m backing.Machine) error {
	b.note("destroy " + m.ID)
	return nil
}
func (b *stub) Put(context.Context, string, string, fs.FileMode, io.Reader) error { return nil }
func (b *stub) Close() error                                                      { return nil }

func (b *stub) Capture(ctx context.Context, m backing.Machine, dir string, size int64) (backing.Image, error) {
	b.note("capture " + m.ID)
	if b.capture != nil {
		return b.capture(ctx, m, dir, size)
	}
	if err := os.MkdirAll(filepath.Join(dir, "layer"), 0o700); err != nil {
		return backing.Image{}, err
	}
	disk := filepath.Join(dir, "disk.img")
	return backing.Image{Layers: append([]string{filepath.Join(dir, "layer")}, m.Image.Layers...), Disk: disk}, os.WriteFile(disk, []byte("disk of "+m.ID), 0o600)
}

func (b *stub) Disk(_ context.Context, _ backing.Image, file string, _ int64) error {
	b.note("disk")
	return os.WriteFile(file, []byte("base disk"), 0o600)
}

// bench is a world with EC2 in it, seen by a client that shares the twin's clock
// and by one with a clock of its own.
type bench struct {
	t       *testing.T
	w       *world.World
	s       *ec2.Service
	b       *stub
	api     *sdk.Client // registered
	wall    *sdk.Client // not registered
	foreign *sdk.Client // of another account
}

var ctx = context.Background()

func newBench(t *testing.T) *bench {
	t.Helper()
	dir := t.TempDir() // removed after the world has been closed
	return openBench(t, wiretest.World(t), dir)
}

func openBench(t *testing.T, w *world.World, dir string) *bench {
	t.Helper()
	b := &bench{t: t, w: w, b: &stub{}}
	b.s = ec2.New(w, b.b, dir)
	h := wiretest.Handler(t, w, b.s.Wire())
	b.api, b.wall = sdk.NewFromConfig(wiretest.Config(h, "test")), sdk.NewFromConfig(wiretest.Config(h, ""))
	other := wiretest.Config(h, "test")
	other.Credentials = wiretest.Key(foreign)
	b.foreign = sdk.NewFromConfig(other)
	w.Start()
	err := w.Do(foreign, wiretest.Region, func(tx *world.Tx) error {
		if _, ok := b.s.SnapshotByID(tx, "snap-none"); ok {
			return errors.New("an unknown snapshot is known")
		}
		if _, err := b.s.ImageByID(tx, base); err == nil {
			return nil // opened again
		}
		content := backing.Image{Layers: []string{"/nowhere/base"}}
		if _, err := b.s.AddImage(tx, ec2.Image{ID: base, Name: "debian-12-amd64-20260101", Public: true, User: "admin"}, content); err != nil {
			return err
		}
		_, err := b.s.AddImage(tx, ec2.Image{ID: private, Name: "secret"}, content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// settle waits for the background work that has been begun.
func (b *bench) settle() {
	b.t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if len(b.w.Clock().Status().Holds) == 0 {
			return
		}
	}
	b.t.Fatalf("still at work: %v", b.w.Clock().Status().Holds)
}

// pass lets virtual time pass, work included.
func (b *bench) pass(d time.Duration) {
	b.t.Helper()
	b.settle()
	b.w.Clock().Step(d)
	b.settle()
}

func (b *bench) run(edit func(*sdk.RunInstancesInput)) string {
	b.t.Helper()
	out, err := b.api.RunInstances(ctx, runInput(edit))
	if err != nil {
		b.t.Fatalf("run instances: %v", err)
	}
	return *out.Instances[0].InstanceId
}

func runInput(edit func(*sdk.RunInstancesInput)) *sdk.RunInstancesInput {
	in := &sdk.RunInstancesInput{ImageId: aws.String(base), InstanceType: types.InstanceTypeT3Micro, MinCount: aws.Int32(1), MaxCount: aws.Int32(1)}
	if edit != nil {
		edit(in)
	}
	return in
}

// running is an instance with a machine of its own, as Packer's builder is.
func (b *bench) running() string {
	b.t.Helper()
	if _, err := b.api.DescribeKeyPairs(ctx, &sdk.DescribeKeyPairsInput{KeyNames: []string{"k"}}); err != nil {
		if _, err := b.api.CreateKeyPair(ctx, &sdk.CreateKeyPairInput{KeyName: aws.String("k"), KeyType: types.KeyTypeEd25519}); err != nil {
			b.t.Fatal(err)
		}
	}
	id := b.run(func(in *sdk.RunInstancesInput) { in.KeyName = aws.String("k") })
	b.pass(time.Minute)
	return id
}

func (b *bench) instance(id string) types.Instance {
	b.t.Helper()
	out, err := b.api.DescribeInstances(ctx, &sdk.DescribeInstancesInput{InstanceIds: []string{id}})
	if err != nil {
		b.t.Fatal(err)
	}
	return out.Reservations[0].Instances[0]
}

func (b *bench) image(id string) types.Image {
	b.t.Helper()
	out, err := b.api.DescribeImages(ctx, &sdk.DescribeImagesInput{ImageIds: []string{id}})
	if err != nil {
		b.t.Fatal(err)
	}
	return out.Images[0]
}

// wantCode fails unless err is AWS's error of that code.
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("error is %v, want code %s", err, code)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
