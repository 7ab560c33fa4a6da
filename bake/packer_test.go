//go:build unix

package bake

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/unit"
)

const testBaseline = `{"Name":"web-patches","OperatingSystem":"DEBIAN","ApprovalRules":{"PatchRules":[{"PatchFilterGroup":{"PatchFilters":[{"Key":"PRIORITY","Values":["*"]}]},"ComplianceLevel":"HIGH"}]}}`

// bench is a stage on a cloud of files, with the test binary as Packer.
type bench struct {
	t      *testing.T
	cloud  cloud
	folder string
	plan   Plan
	events recorder
	stage  *Stage
}

func newBench(t *testing.T, scenario string) *bench {
	t.Helper()
	b := &bench{t: t, cloud: cloud{t.TempDir()}, folder: t.TempDir()}
	if err := b.cloud.put(thing{Resource: Resource{Kind: KindImage, ID: "ami-source", State: ImageAvailable}, Name: "debian"}); err != nil {
		t.Fatal(err)
	}
	b.restart()
	plan, err := b.stage.Plan(t.Context(), Request{
		Run: "run-1", Line: "web", Region: "eu-west-1", Source: ImageFilter{ID: "ami-source"},
		Baseline: json.RawMessage(testBaseline), Now: time.Now(), InstanceType: "t3.micro", Folder: b.folder,
		Packer: Packer{
			Path: os.Args[0], NodeBinary: os.Args[0], SSHUser: "admin", Endpoint: "http://127.0.0.1:1", Grace: 3 * time.Second,
			Env: []string{fakePackerEnv + "=" + scenario, "BAKE_FAKE_CLOUD=" + b.cloud.dir, "AWS_SECRET_ACCESS_KEY=very-secret-value"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.plan = plan
	t.Cleanup(func() { _ = b.stage.Close(t.Context(), time.Second) })
	return b
}

// restart is a new process of ours: what lived in memory is gone, and the pipe to
// the supervisor is closed.
func (b *bench) restart() {
	if b.stage != nil {
		b.stage.children.mu.Lock()
		for _, c := range b.stage.children.by {
			c.alive.Close()
		}
		b.stage.children.mu.Unlock()
	}
	b.stage = &Stage{Images: b.cloud, Resources: b.cloud, Clock: testClock{}, Events: &b.events, Self: os.Args[0]}
}

func (b *bench) unit() unit.Unit { return b.stage.Packer(b.plan) }

// advance advances from state, hurrying the pauses, to the end or until stop, told
// how many states a journal would hold by now, says so.
func (b *bench) advance(u unit.Unit, state json.RawMessage, stop func(n int) bool) (json.RawMessage, bool) {
	b.t.Helper()
	deadline := time.Now().Add(5 * time.Minute)
	for n := 0; ; {
		if stop != nil && stop(n) {
			return state, false
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("the bake does not end; events:\n%s", joinLines(b.events.lines))
		}
		out, next, err := u.Advance(b.t.Context(), state)
		if err != nil {
			b.t.Fatalf("advance: %v\n%s", err, joinLines(b.events.lines))
		}
		if !bytes.Equal(state, out) { // a poll that changed nothing is not recorded
			n++
		}
		state = out
		if next.Done {
			return state, true
		}
		time.Sleep(min(next.After, 3*time.Millisecond))
	}
}

// finish advances to the end and checks what every end has in common.
func (b *bench) finish(state json.RawMessage) Outcome {
	b.t.Helper()
	state, _ = b.advance(b.unit(), state, nil)
	out, err := Result(state)
	if err != nil {
		b.t.Fatal(err)
	}
	images, rest := b.cloud.left(b.t)
	if len(rest) > 0 {
		b.t.Errorf("left behind: %v\n%s", rest, joinLines(b.events.lines))
	}
	want := 0
	if out.Outcome == OutcomeDone {
		want = 1
		if len(images) == 1 && images[0].ID != out.Bake.Image {
			b.t.Errorf("the image is %s, the record says %s", images[0].ID, out.Bake.Image)
		}
	}
	if len(images) != want {
		b.t.Errorf("outcome %q with %d complete images", out.Outcome, len(images))
	}
	folders, _ := filepath.Glob(filepath.Join(b.folder, "bake", "attempt-*"))
	for _, f := range folders {
		if held, err := (process{f}).held(); held || err != nil {
			b.t.Errorf("something of %s still lives (%v)", f, err)
		}
	}
	return out
}

func TestPacker_makes_a_complete_image_and_leaves_nothing_else(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	out := b.finish(nil)
	if out.Outcome != OutcomeDone {
		t.Fatalf("outcome %+v\n%s", out, joinLines(b.events.lines))
	}
	lock := testLock()
	if out.Bake.LockDigest != lock.Digest() || out.Bake.LockIdentity != lock.Identity() || out.Bake.BundleDigest == "" || out.Bake.Snapshot == "" || len(out.Bake.Marker) != 32 {
		t.Errorf("record: %+v", out.Bake)
	}
	for _, f := range []string{out.Bake.Files.Lock, out.Bake.Files.Report, out.Bake.Files.Log, out.Bake.Files.Bundle} {
		if _, err := os.Stat(filepath.Join(b.folder, f)); f == "" || err != nil {
			t.Errorf("the record names %q: %v", f, err)
		}
	}
	images, _ := b.cloud.left(t)
	if tags := images[0].Tags; tags[TagLock] != lock.Digest() || tags[TagReport] != out.Bake.ReportDigest || tags[TagBundle] != out.Bake.BundleDigest ||
		tags[TagRun] != "run-1" || tags[TagLine] != "web" || tags[TagSource] != "ami-source" || tags[TagInput] != b.plan.InputDigest {
		t.Errorf("tags: %v", tags)
	}
	if !b.events.has("output: ==> amazon-ebs.candidate: provisioned") {
		t.Errorf("Packer's output did not come as events:\n%s", joinLines(b.events.lines))
	}
}

func TestPacker_never_writes_a_secret(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	b.finish(nil)
	seen := false
	err := filepath.WalkDir(b.folder, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := os.ReadFile(p)
		if strings.Contains(string(body), "very-secret-value") {
			t.Errorf("%s holds the secret", p)
		}
		seen = seen || strings.Contains(string(body), "the secret is "+redacted)
		return err
	})
	if err != nil || !seen {
		t.Errorf("the redacted line was not found (%v)", err)
	}
	if b.events.has("very-secret-value") {
		t.Error("an event holds the secret")
	}
}

func TestPacker_that_fails_leaves_nothing_and_says_why(t *testing.T) {
	t.Parallel()
	out := newBench(t, "fails").finish(nil)
	if out.Outcome != OutcomeFailed || !strings.Contains(out.Reason, "no space left on device") || out.Bake != nil {
		t.Errorf("outcome %+v", out)
	}
}

func TestPacker_skips_when_the_node_finds_the_same_lock(t *testing.T) {
	t.Parallel()
	b := newBench(t, "nothing")
	b.plan.SkipIdentity = "sha256:11"
	out := b.finish(nil)
	if out.Outcome != OutcomeSkipped || !out.Bake.Skipped || !strings.Contains(out.Reason, "sha256:11") {
		t.Errorf("outcome %+v", out)
	}
}

func TestPacker_image_with_a_bundle_that_is_not_the_locks_is_removed(t *testing.T) {
	t.Parallel()
	out := newBench(t, "tampered").finish(nil)
	if out.Outcome != OutcomeFailed || !strings.Contains(out.Reason, "SHA-256") {
		t.Errorf("outcome %+v", out)
	}
}

func TestPacker_that_cannot_be_run_is_an_error_with_a_hint(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	b.plan.Request.Packer.Path = filepath.Join(t.TempDir(), "packer")
	state, _ := b.advance(b.unit(), nil, func(n int) bool { return n == 1 })
	if _, _, err := b.unit().Advance(t.Context(), state); err == nil || !strings.Contains(err.Error(), "packer") {
		t.Errorf("err = %v", err)
	}
}

func TestPacker_that_does_not_end_is_ended(t *testing.T) {
	t.Parallel()
	b := newBench(t, "stubborn")
	b.plan.Request.Timeout = 300 * time.Millisecond
	b.plan.Request.Packer.Grace = 200 * time.Millisecond
	out := b.finish(nil)
	if out.Outcome != OutcomeFailed || !strings.Contains(out.Reason, "did not end within") {
		t.Errorf("outcome %+v", out)
	}
}

// The promise of the journal: whichever advance is the last that was recorded, the
// next process ends in the same state.
func TestPacker_resumed_from_every_recorded_state_makes_one_image(t *testing.T) {
	t.Parallel()
	total := 0
	c := newBench(t, "good")
	c.advance(c.unit(), nil, func(n int) bool { total = n; return false })
	for at := range total + 1 {
		b := newBench(t, "good")
		state, done := b.advance(b.unit(), nil, func(n int) bool { return n >= at })
		if done {
			continue
		}
		// One more advance happens, and its record is lost with the process.
		if _, _, err := b.unit().Advance(t.Context(), state); err != nil {
			t.Fatal(err)
		}
		b.restart()
		if out := b.finish(state); out.Outcome != OutcomeDone {
			t.Errorf("after %d advances: outcome %+v\n%s", at, out, joinLines(b.events.lines))
		}
	}
	t.Logf("%d recorded states", total)
}
