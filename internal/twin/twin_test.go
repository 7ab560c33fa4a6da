package twin_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/twin/s3"
	"github.com/goldenami/rehydrate/internal/twin/sts"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/internal/wait"
)

const region = "eu-west-1"

var (
	ctx   = context.Background()
	start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// small is a twin with STS and S3 only.
func small(dir string) twin.Options {
	return twin.Options{Dir: dir, Seed: 1, Start: start, Version: "test", Build: func(w *world.World, dir string) (twin.Services, error) {
		return twin.Services{Wire: []*wire.Service{sts.New(), s3.New(filepath.Join(dir, "s3")).Wire()}}, nil
	}}
}

func open(t *testing.T, o twin.Options) *twin.Twin {
	t.Helper()
	w, err := twin.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	wiretest.Record(t, w.World())
	return w
}

// serve runs a twin on a socket until the test ends, and returns its address and a
// function that stops it and returns what Serve said.
func serve(t *testing.T, o twin.Options, s twin.ServeOptions) (endpoint string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan string, 1), make(chan error, 1)
	if s.Ready = func(e string) { ready <- e }; s.Listen == "" {
		s.Listen = "127.0.0.1:0"
	}
	go func() { done <- twin.Serve(ctx, o, s) }()
	stopped := false
	stop = func() error {
		stopped = true
		cancel()
		return <-done
	}
	t.Cleanup(func() {
		if !stopped {
			if err := stop(); err != nil {
				t.Errorf("serve: %v", err)
			}
		}
	})
	select {
	case endpoint = <-ready:
	case err := <-done:
		t.Fatalf("serve: %v", err)
	}
	return endpoint, stop
}

// config calls a twin on a socket, as a registered client if rt is not nil.
func config(endpoint string, clock *wait.TwinClock) aws.Config {
	c := (&twin.Twin{}).Config(region, "")
	c.BaseEndpoint, c.HTTPClient = &endpoint, http.DefaultClient
	if clock != nil {
		c.HTTPClient = &http.Client{Transport: clock.Transport(http.DefaultTransport)}
	}
	c.RetryMaxAttempts = 3
	return c
}

func makeBucket(c aws.Config, name string) error {
	_, err := awss3.NewFromConfig(c, func(o *awss3.Options) { o.UsePathStyle = true }).CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: &name,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: region}})
	return err
}

// admin calls the admin endpoint and decodes the answer.
func admin(t *testing.T, c *http.Client, method, url, body string, out any) int {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(text, out); err != nil {
			t.Fatalf("%s %s: %s: %v", method, url, text, err)
		}
	}
	return resp.StatusCode
}

func TestATwinAnswersInProcess(t *testing.T) {
	t.Parallel()
	w := open(t, small(""))
	me, err := awssts.NewFromConfig(w.Config(region, "test")).GetCallerIdentity(ctx, &awssts.GetCallerIdentityInput{})
	if err != nil || *me.Account != wire.DefaultAccount {
		t.Fatalf("%v, %v", me, err)
	}
	var health twin.Health
	admin(t, w.Client(""), http.MethodGet, "http://127.0.0.1/_twin/health", "", &health)
	if !health.Twin || health.PID != os.Getpid() || health.Version != "test" {
		t.Errorf("health = %+v", health)
	}
}

func TestEveryCallIsLoggedWithWhoAndWhat(t *testing.T) {
	t.Parallel()
	w := open(t, small(""))
	cfg := w.Config(region, "cli-1")
	if err := makeBucket(cfg, "box"); err != nil {
		t.Fatal(err)
	}
	if err := makeBucket(cfg, "box"); err == nil {
		t.Fatal("made twice")
	}
	var events []world.Event
	admin(t, w.Client(""), http.MethodGet, "http://127.0.0.1/_twin/events?kind=call&since=1", "", &events)
	if len(events) != 1 {
		t.Fatalf("events = %+v", events)
	}
	e := events[0]
	if e.N != 2 || e.Account != wire.DefaultAccount || e.Region != region || e.Data["service"] != "s3" || e.Data["op"] != "CreateBucket" ||
		e.Data["status"] != 409.0 || e.Data["error"] != "BucketAlreadyOwnedByYou" || e.Data["client"] != "cli-1" || e.Data["id"] == "" {
		t.Errorf("event = %+v", e)
	}
}

func TestTheStateListsEveryResource(t *testing.T) {
	t.Parallel()
	w := open(t, small(""))
	var before, after map[string][]string
	admin(t, w.Client(""), http.MethodGet, "http://127.0.0.1/_twin/state", "", &before)
	if err := makeBucket(w.Config(region, ""), "box"); err != nil {
		t.Fatal(err)
	}
	admin(t, w.Client(""), http.MethodGet, "http://127.0.0.1/_twin/state", "", &after)
	if d := cmp.Diff(map[string][]string{"-/-/s3/buckets": {"box"}}, after); len(before) != 0 || d != "" {
		t.Errorf("before %v\n%s", before, d)
	}
	var rows map[string]map[string]map[string]any
	admin(t, w.Client(""), http.MethodGet, "http://127.0.0.1/_twin/state?values=true", "", &rows)
	if rows["-/-/s3/buckets"]["box"]["region"] != region {
		t.Errorf("rows = %v", rows)
	}
}

func TestALostResponseWasStillDone(t *testing.T) {
	t.Parallel()
	o := small("")
	o.Faults = []twin.Rule{{Operation: "CreateBucket", LostResponse: true}}
	w := open(t, o)
	cfg := w.Config(region, "test")
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	if err := makeBucket(cfg, "box"); err == nil || !strings.Contains(err.Error(), "connection reset") {
		t.Errorf("err = %v", err)
	}
	if err := makeBucket(cfg, "box"); err == nil || !strings.Contains(err.Error(), "BucketAlreadyOwnedByYou") {
		t.Errorf("err = %v", err)
	}
}

func TestLatencyPassesInVirtualTime(t *testing.T) {
	t.Parallel()
	o := small("")
	o.Faults = []twin.Rule{{Operation: "CreateBucket", Latency: twin.Duration(time.Hour)}}
	w := open(t, o)
	began, wall := w.World().Clock().Now(), time.Now()
	if err := makeBucket(w.Config(region, "test"), "box"); err != nil {
		t.Fatal(err)
	}
	if d := w.World().Clock().Now().Sub(began); d < time.Hour || time.Since(wall) > 20*time.Minute {
		t.Errorf("%s passed, %s on the wall", d, time.Since(wall))
	}
}

func TestOurClockSleepsAnHourAtOnce(t *testing.T) {
	t.Parallel()
	endpoint, _ := serve(t, small(t.TempDir()), twin.ServeOptions{})
	clock, ok := wait.Detect(ctx, endpoint)
	if !ok {
		t.Fatal("not detected")
	}
	if err := makeBucket(config(endpoint, clock), "box"); err != nil {
		t.Fatal(err)
	}
	began, wall := clock.Now(), time.Now()
	if err := clock.Sleep(ctx, began.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if d := clock.Now().Sub(began); d < time.Hour || d > time.Hour+10*time.Minute || time.Since(wall) > 10*time.Minute {
		t.Errorf("%s passed, %s on the wall", d, time.Since(wall))
	}
}

func TestAKilledTwinComesBackWhereItWas(t *testing.T) {
	dir, own := t.TempDir(), twin.ServeOptions{}
	if runtime.GOOS == "linux" {
		own.Listen = "127.85.0.1:0" // where no other test takes the port while nobody has it
	}
	at, stop := serve(t, small(dir), own)
	left, err := os.ReadFile(filepath.Join(dir, "endpoint.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	// A kill leaves the file, which an orderly end removes.
	if err := os.WriteFile(filepath.Join(dir, "endpoint.json"), left, 0o600); err != nil {
		t.Fatal(err)
	}
	again, stop := serve(t, small(dir), own)
	if again != at {
		t.Errorf("it was at %s and is at %s", at, again)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if taken, err := net.Listen("tcp", strings.TrimPrefix(at, "http://")); err == nil { // else somebody else has it already
		defer taken.Close()
	}
	if err := os.WriteFile(filepath.Join(dir, "endpoint.json"), left, 0o600); err != nil {
		t.Fatal(err)
	}
	if other, _ := serve(t, small(dir), own); other == at {
		t.Errorf("it took the address %s of somebody else", other)
	}
}
