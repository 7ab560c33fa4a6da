package crash

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

// sharing is a world with a journal's bucket, and state folders that share it.
type sharing struct {
	*world
	t *testing.T
}

func newSharing(t *testing.T) *sharing {
	t.Helper()
	w := newWorld(t)
	client := s3.NewFromConfig(w.AWS(), func(o *s3.Options) { o.UsePathStyle = true })
	_, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(journalBucketOf),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(w.AWS().Region)}})
	if err != nil {
		t.Fatal(err)
	}
	return &sharing{w, t}
}

const journalBucketOf = "shared-journal"

// machine is a state folder of its own.
func (s *sharing) machine(name string) app.State {
	s.t.Helper()
	state, err := app.OpenState(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	c, leave := s.client(s.t)
	s.t.Cleanup(leave)
	return state.Share(c, config.Journal{Bucket: journalBucketOf, Prefix: "p"})
}

func put(t *testing.T, s app.State, run, name, text string) {
	t.Helper()
	file := filepath.Join(s.Artifacts(run), filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSharedState_shows_runs_and_their_files_elsewhere(t *testing.T) {
	t.Parallel()
	s := newSharing(t)
	a, b := s.machine("a"), s.machine("b")
	put(t, a, "r-1", "bake/attempt-1/lock.json", "the lock")
	put(t, a, "r-1", "bake/attempt-1/bundle/abc", "a package")
	put(t, a, "r-1", "bake/attempt-1/packer.log", "a log")
	doc := &record.Run{Schema: record.Schema, ID: "r-1", Line: "web", Outcome: "waiting"}
	if err := a.Save(doc); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Newest("web", func(*record.Run) bool { return true }); err != nil || got == nil || got.Outcome != "waiting" {
		t.Fatalf("%+v, %v", got, err)
	}
	for _, c := range []struct{ name, file, text string }{
		{"bake/attempt-1/lock.json", "", "the lock"},
		{"bake/attempt-1/bundle", "abc", "a package"},
	} {
		path, err := b.File("r-1", c.name)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if text, err := os.ReadFile(filepath.Join(path, c.file)); err != nil || string(text) != c.text {
			t.Errorf("%s is %q, %v", c.name, text, err)
		}
	}
	_, err := b.File("r-1", "bake/attempt-1/packer.log")
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "packer.log of run r-1") || !strings.Contains(err.Error(), "s3://"+journalBucketOf+"/p/") || fault.HintOf(err) == "" {
		t.Errorf("what stays on its machine: %v", err)
	}
	// The ledger of first sightings goes along.
	seen := map[string]time.Time{"tool=1": time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	if err := a.SaveSeen("web", seen); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Seen("web"); err != nil || !got["tool=1"].Equal(seen["tool=1"]) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestSharedState_does_not_let_an_older_document_over_a_newer(t *testing.T) {
	t.Parallel()
	s := newSharing(t)
	a, b := s.machine("a"), s.machine("b")
	doc := &record.Run{Schema: record.Schema, ID: "r-1", Line: "web"}
	if err := a.Save(doc); err != nil {
		t.Fatal(err)
	}
	taken, err := b.Load("r-1")
	if err != nil {
		t.Fatal(err)
	}
	taken.Outcome = "done"
	if err := b.Save(taken); err != nil {
		t.Fatal(err)
	}
	doc.Outcome = "failed"
	if err := a.Save(doc); fault.KindOf(err) != fault.Conflict {
		t.Errorf("got %v", err)
	}
	if got, err := s.machine("c").Load(""); err != nil || got.Outcome != "done" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestSharedState_refuses_what_is_not_a_document(t *testing.T) {
	t.Parallel()
	s := newSharing(t)
	client := s3.NewFromConfig(s.AWS(), func(o *s3.Options) { o.UsePathStyle = true })
	for key, text := range map[string]string{"documents/r-1.json": `{"id":"r-2"}`, "documents/r-3.json": `[`, "documents/a/b.json": `{}`, "artifacts/r-1/../../evil": "x"} {
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(journalBucketOf), Key: aws.String("p/" + key), Body: strings.NewReader(text)}); err != nil {
			t.Fatal(err)
		}
	}
	a := s.machine("a")
	if ids, err := a.Runs(); err != nil || fmt.Sprint(ids) != "[r-1 r-3]" {
		t.Errorf("%q, %v", ids, err)
	}
	for _, id := range []string{"r-1", "r-3"} {
		if r, err := a.Load(id); err == nil || !strings.Contains(err.Error(), id) {
			t.Errorf("%s: %+v, %v", id, r, err)
		}
	}
	if _, err := a.File("r-1", ".."); err == nil {
		if _, err := os.Stat(filepath.Join(s.dir, "a", "evil")); err == nil {
			t.Error("a key led out of the run's folder")
		}
	}
}

// Answers of S3 that never come back do not end a run, nor make it think that somebody
// else is at work.
func TestSharedState_answers_of_S3_that_are_lost_do_not_end_a_run(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("whole runs: left out by -short")
	}
	for _, nth := range []int{1, 2, 5, 9, 14, 23, 31} {
		t.Run(fmt.Sprint(nth), func(t *testing.T) {
			t.Parallel()
			s := newSharing(t)
			rule := fmt.Sprintf(`[{"service":"s3","operation":"PutObject","lostResponse":true,"nth":%d,"times":2}]`, nth)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.Endpoint+"/_twin/faults", strings.NewReader(rule))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil || resp.StatusCode >= 300 {
				t.Fatalf("%v, %v", resp, err)
			}
			resp.Body.Close()
			c, leave := s.client(t)
			defer leave()
			var said said
			doc, err := app.Run(t.Context(), app.Request{Config: s.config, Image: s.image, Cloud: c, Events: &said, Modelled: true,
				State: s.state.Share(c, config.Journal{Bucket: journalBucketOf})})
			if err != nil || doc.Outcome != "done" {
				t.Errorf("outcome %+v, %v\n%s", doc, err, said.text)
			}
			s.facts(t).check(t)
		})
	}
}
