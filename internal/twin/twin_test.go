package twin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/twin/s3"
	"github.com/goldenami/rehydrate/internal/twin/sts"
	"github.com/goldenami/rehydrate/internal/twin/wire"
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
	return w
}

// serve runs a twin on a socket until the test ends, and returns its address and a
// function that stops it and returns what Serve said.
func serve(t *testing.T, o twin.Options, s twin.ServeOptions) (endpoint string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan string, 1), make(chan error, 1)
	s.Listen, s.Ready = "127.0.0.1:0", func(e string) { ready <- e }
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
	if d := w.World().Clock().Now().Sub(began); d < time.Hour || time.Since(wall) > 20*time.Second {
		t.Errorf("%s passed, %s on the wall", d, time.Since(wall))
	}
}

func TestFaultsAreSetOverTheAdminEndpoint(t *testing.T) {
	t.Parallel()
	w := open(t, small(""))
	c := w.Client("")
	const at = "http://127.0.0.1/_twin/faults"
	if code := admin(t, c, http.MethodPost, at, `[{"oops":1}]`, nil); code != http.StatusBadRequest {
		t.Errorf("a bad plan: %d", code)
	}
	if code := admin(t, c, http.MethodPost, at, `[{"operation":"CreateBucket","times":-1,"error":{"code":"SlowDown","status":503}}]`, nil); code != 200 {
		t.Fatal(code)
	}
	cfg := w.Config(region, "test")
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	if err := makeBucket(cfg, "box"); err == nil || !strings.Contains(err.Error(), "SlowDown") {
		t.Errorf("err = %v", err)
	}
	var rules []twin.Rule
	admin(t, c, http.MethodGet, at, "", &rules)
	if len(rules) != 1 || rules[0].Seen != 1 {
		t.Errorf("rules = %+v", rules)
	}
	admin(t, c, http.MethodDelete, at, "", &rules)
	if err := makeBucket(cfg, "box"); err != nil {
		t.Error(err)
	}
}

func TestTheClockIsSteppedHeldAndAskedOverTheAdminEndpoint(t *testing.T) {
	t.Parallel()
	o := small("")
	o.Mode = world.Manual
	w := open(t, o)
	c := w.Client("")
	const at = "http://127.0.0.1/_twin/"
	var clock struct {
		Twin  bool
		Now   time.Time
		Mode  string
		Due   bool
		Holds []string
	}
	admin(t, c, http.MethodPost, at+"clock/step?by=90s", "", &clock)
	if !clock.Twin || !clock.Now.Equal(start.Add(90*time.Second)) || clock.Mode != "manual" {
		t.Errorf("clock = %+v", clock)
	}
	admin(t, c, http.MethodPost, at+"clock/step?to=2026-03-01T13:00:00Z", "", &clock)
	if !clock.Now.Equal(start.Add(time.Hour)) {
		t.Errorf("clock = %+v", clock)
	}
	admin(t, c, http.MethodPost, at+"clock/sleep?client=a&until=2026-03-01T12:30:00Z", "", &clock)
	if !clock.Due {
		t.Error("a past time is due at once")
	}
	var hold struct {
		ID       int
		Released bool
	}
	admin(t, c, http.MethodPost, at+"hold?reason=packer&for=1m", "", &hold)
	admin(t, c, http.MethodGet, at+"clock", "", &clock)
	if len(clock.Holds) != 1 || clock.Holds[0] != "packer" {
		t.Errorf("holds = %v", clock.Holds)
	}
	for _, want := range []bool{true, false} {
		admin(t, c, http.MethodPost, fmt.Sprintf("%srelease?id=%d", at, hold.ID), "", &hold)
		if hold.Released != want {
			t.Errorf("released = %v, want %v", hold.Released, want)
		}
	}
	for _, bad := range []string{"clock/step", "clock/step?by=-1s", "clock/sleep?client=a", "clock/sleep?until=2026-03-01T12:30:00Z", "hold?for=x", "hold?for=99h", "release"} {
		if code := admin(t, c, http.MethodPost, at+bad, "", nil); code != http.StatusBadRequest {
			t.Errorf("%s: %d", bad, code)
		}
	}
	if code := admin(t, c, http.MethodGet, at+"nothing", "", nil); code != http.StatusNotFound {
		t.Errorf("an unknown path: %d", code)
	}
}

func TestTheAdminEndpointAnswersThisMachineOnly(t *testing.T) {
	t.Parallel()
	w := open(t, small(""))
	for name, change := range map[string]func(r *http.Request){
		"another machine": func(r *http.Request) { r.RemoteAddr = "192.0.2.1:1234" },
		"a web page":      func(r *http.Request) { r.RemoteAddr = "127.0.0.1:1"; r.Header.Set("Origin", "http://evil") },
	} {
		req, _ := http.NewRequest(http.MethodPost, "http://127.0.0.1/_twin/stop", nil)
		change(req)
		rec := &recorder{header: http.Header{}}
		w.ServeHTTP(rec, req)
		if rec.status != http.StatusForbidden {
			t.Errorf("%s: %d", name, rec.status)
		}
	}
	select {
	case <-w.Stopped():
		t.Error("stopped")
	default:
	}
}

type recorder struct {
	header http.Header
	status int
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) Write(b []byte) (int, error) { return len(b), nil }
func (r *recorder) WriteHeader(status int)      { r.status = status }

func TestOneTwinAStateFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open(t, small(dir))
	_, err := twin.New(small(dir))
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), dir) {
		t.Errorf("err = %v", err)
	}
}

func TestANewWorldIsFilledOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := small(dir)
	n := 0
	o.Fill = func(tx *world.Tx) error {
		n++
		world.Table[int](tx, "x").Put("a", n)
		if n == 1 {
			return errors.New("half way")
		}
		return nil
	}
	if _, err := twin.New(o); err == nil || !strings.Contains(err.Error(), "half way") {
		t.Fatalf("err = %v", err)
	}
	for range 2 {
		w, err := twin.New(o)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if n != 2 {
		t.Errorf("filled %d times", n)
	}
}

func TestARunningTwinIsFoundByItsFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if e, ok := twin.Find(dir); ok {
		t.Errorf("found %s before it was started", e)
	}
	endpoint, stop := serve(t, small(dir), twin.ServeOptions{})
	if e, ok := twin.Find(dir); !ok || e != endpoint {
		t.Errorf("found %s %v, want %s", e, ok, endpoint)
	}
	// A copy of the file names a twin of another folder.
	text, err := os.ReadFile(filepath.Join(dir, "endpoint.json"))
	if err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "endpoint.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if e, ok := twin.Find(other); ok {
		t.Errorf("found %s for another folder", e)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "endpoint.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the endpoint file stayed: %v", err)
	}
}

func TestATwinEndsWhenTold(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- twin.Serve(ctx, small(t.TempDir()), twin.ServeOptions{Listen: "127.0.0.1:0", Ready: func(e string) { ready <- e }})
	}()
	endpoint := <-ready
	clock, ok := wait.Detect(ctx, endpoint)
	if !ok {
		t.Fatal("no twin")
	}
	release, err := clock.Hold(ctx, "busy") // keeps a connection open
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if err := twin.Stop(ctx, endpoint); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || ctx.Err() != nil {
		t.Errorf("serve = %v, %v", err, ctx.Err())
	}
}

func TestATwinEndsWhenIdle(t *testing.T) {
	t.Parallel()
	done := make(chan error, 1)
	go func() {
		done <- twin.Serve(context.Background(), small(t.TempDir()), twin.ServeOptions{Listen: "127.0.0.1:0", Idle: 50 * time.Millisecond})
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it goes on")
	}
}

func TestOnlyLoopbackWithoutCredentials(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"0.0.0.0:0", ":0", "192.0.2.1:80", "example.com:80", "nonsense"} {
		err := twin.Serve(ctx, small(""), twin.ServeOptions{Listen: at})
		if fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: %v", at, err)
		}
	}
}

func TestSignaturesAreCheckedWhenThereAreSecrets(t *testing.T) {
	t.Parallel()
	o := small("")
	o.Secrets = map[string]string{"AKIAGOOD": "right"}
	o.Keys = map[string]string{"AKIAGOOD": "777788889999"}
	endpoint, _ := serve(t, o, twin.ServeOptions{})
	key := func(id, secret string) aws.Config {
		c := config(endpoint, nil)
		c.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
		c.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, nil
		})
		return c
	}
	good := key("AKIAGOOD", "right")
	me, err := awssts.NewFromConfig(good).GetCallerIdentity(ctx, &awssts.GetCallerIdentityInput{})
	if err != nil || *me.Account != "777788889999" {
		t.Fatalf("%v, %v", me, err)
	}
	if err := makeBucket(good, "box"); err != nil {
		t.Errorf("S3: %v", err)
	}
	box := awss3.NewFromConfig(good, func(o *awss3.Options) { o.UsePathStyle = true })
	if _, err := box.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("box"), Key: aws.String("a b/ü+c"), Body: strings.NewReader("x")}); err != nil {
		t.Errorf("S3 with an odd key: %v", err)
	}
	for want, c := range map[string]aws.Config{"SignatureDoesNotMatch": key("AKIAGOOD", "wrong"), "InvalidClientTokenId": key("AKIAOTHER", "right")} {
		if _, err := awssts.NewFromConfig(c).GetCallerIdentity(ctx, &awssts.GetCallerIdentityInput{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
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
	if d := clock.Now().Sub(began); d < time.Hour || d > time.Hour+time.Minute || time.Since(wall) > 10*time.Second {
		t.Errorf("%s passed, %s on the wall", d, time.Since(wall))
	}
}

// TestKilledAndStartedAgain kills a serving twin after each acknowledged bucket;
// the next one on the same folder has every one of them.
func TestKilledAndStartedAgainItHasEverythingAcknowledged(t *testing.T) {
	if dir := os.Getenv("TWIN_TEST_DIR"); dir != "" {
		if err := twin.Serve(context.Background(), small(dir), twin.ServeOptions{Listen: "127.0.0.1:0"}); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Parallel()
	dir := t.TempDir()
	var want []string
	last := time.Time{}
	for i := range 3 {
		c := exec.Command(os.Args[0], "-test.run=^TestKilledAndStartedAgainItHasEverythingAcknowledged$")
		c.Env = append(os.Environ(), "TWIN_TEST_DIR="+dir)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		endpoint, ok := "", false
		for range 1000 {
			if endpoint, ok = twin.Find(dir); ok {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if !ok {
			_ = c.Process.Kill()
			t.Fatal("the twin did not come up")
		}
		clock, _ := wait.Detect(ctx, endpoint)
		if now := clock.Now(); now.Before(last) {
			t.Errorf("time went back from %s to %s", last, now)
		}
		cfg := config(endpoint, clock)
		name := fmt.Sprint("box", i)
		if err := makeBucket(cfg, name); err != nil {
			t.Error(err)
		}
		want = append(want, name)
		if err := clock.Sleep(ctx, clock.Now().Add(time.Hour)); err != nil {
			t.Error(err)
		}
		last = clock.Now()
		var state map[string][]string
		admin(t, http.DefaultClient, http.MethodGet, endpoint+"/_twin/state", "", &state)
		if d := cmp.Diff(want, state["-/-/s3/buckets"]); d != "" {
			t.Error(d)
		}
		_ = c.Process.Kill()
		_ = c.Wait()
	}
}
