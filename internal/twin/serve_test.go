package twin_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/internal/wait"
)

func TestOneTwinAStateFolder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // the second waits for a while
		dir := t.TempDir()
		open(t, small(dir))
		_, err := twin.New(small(dir))
		if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), dir) {
			t.Errorf("err = %v", err)
		}
	})
}

// A process that has been killed keeps its lock until the system has taken it apart.
func TestALockThatIsAboutToGoIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // in whose time nobody is late
		dir := t.TempDir()
		before, err := twin.New(small(dir))
		if err != nil {
			t.Fatal(err)
		}
		closed := make(chan error, 1)
		time.AfterFunc(100*time.Millisecond, func() { closed <- before.Close() })
		open(t, small(dir))
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
}

func TestLocalhostIsLoopback(t *testing.T) {
	t.Parallel()
	for _, listen := range []string{"localhost:0", "LOCALHOST:0"} {
		ctx, cancel := context.WithCancel(context.Background())
		endpoint := ""
		err := twin.Serve(ctx, small(""), twin.ServeOptions{Listen: listen, Ready: func(e string) { endpoint = e; cancel() }})
		if cancel(); err != nil || !strings.HasPrefix(endpoint, "http://127.0.0.1:") {
			t.Errorf("%s: answers at %q, %v", listen, endpoint, err)
		}
	}
	err := twin.Serve(context.Background(), small(""), twin.ServeOptions{Listen: "localhost.example:0"})
	if fault.KindOf(err) != fault.Usage {
		t.Errorf("a name that only begins so: %v", err)
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
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
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
	case <-time.After(2 * time.Minute):
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
		for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if endpoint, ok = twin.Find(dir); ok {
				break
			}
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

// A page in a browser may send a form to any address, with the access key in the
// address: its browser says that it is from there.
func TestWebPagesAreNotAnswered(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- twin.Serve(ctx, small(""), twin.ServeOptions{Listen: "127.0.0.1:0", Ready: func(e string) { ready <- e }})
	}()
	endpoint := <-ready
	const query = "/?Action=GetCallerIdentity&X-Amz-Credential=AKIA%2F20260301%2Feu-west-1%2Fsts%2Faws4_request"
	for _, test := range []struct {
		path, name, value string
		status            int
	}{
		{query, "", "", http.StatusOK}, {query, "Origin", "https://example.com", http.StatusForbidden},
		{query, "Sec-Fetch-Site", "cross-site", http.StatusForbidden}, {"/_twin/health", "Sec-Fetch-Site", "cross-site", http.StatusForbidden},
	} {
		req, err := http.NewRequest(http.MethodGet, endpoint+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if test.name != "" {
			req.Header.Set(test.name, test.value)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if resp.Body.Close(); resp.StatusCode != test.status {
			t.Errorf("%s %s: %s", test.path, test.name, resp.Status)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
