// Package demo runs the main job once, on real packages against the twin, and holds
// what it promises against other witnesses: Debian's own tools in the exported image,
// terratest's look at AWS, the twin's log.
package demo

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/test/lab"
	"github.com/goldenami/rehydrate/test/witness"
)

// address is this package's own for the demo archive.
const address = "127.81.0.1:8080"

// The demo's baseline rejects one pending package and delays one; see
// examples/demo/rehydrate.hcl.
var stillPending = []string{"demo-agent", "demo-extra"}

// job is the finished main job and what was seen before and after it.
type job struct {
	*lab.Lab
	run  *record.Run
	lock baseline.Lock
	db   string // the long-lived node's instance id

	baseBefore, dbBefore, dbAfter witness.Packages
}

func (j *job) witness() witness.Run { return witness.Run{Run: j.run, AWS: j.AWS()} }

func TestDemo(t *testing.T) {
	began := time.Now()
	phase := func(what string) {
		t.Logf("%s: %.1f s", what, time.Since(began).Seconds())
		began = time.Now()
	}
	j := &job{Lab: lab.Open(t).Start(t, lab.Options{RootOptions: lab.RootOptions{Archive: address}})}
	j.Setenv(t)
	phase("programs, root and twin")
	j.db = j.node(t)
	j.baseBefore, j.dbBefore = installedIn(t, j.Root), witness.ParsePackages(t, j.Shell(t, j.db, witness.Query))
	j.wholeJob(t)
	j.dbAfter = witness.ParsePackages(t, j.Shell(t, j.db, witness.Query))
	phase("the main job")

	for _, s := range []struct {
		name string
		test func(*testing.T)
	}{
		{"the report says done", j.saysDone},
		{"the gate read the snapshot", j.gateReadTheSnapshot},
		{"the image has the lock and nothing else", j.image},
		{"the long-lived node has the lock and nothing else", j.longLivedNode},
		{"the channel holds the image", j.channel},
		{"every instance runs the image", j.instances},
		{"templates differ by their image alone", j.templates},
		{"the gate passes with the root folder hidden", j.hiddenRoot},
		{"a second run finds nothing to do", j.secondRun},
		{"terratest bakes a template of one's own", j.ownTemplate},
	} {
		t.Run(s.name, s.test)
		phase(s.name)
	}
}

// wholeJob does what examples/demo/run.sh does.
func (j *job) wholeJob(t *testing.T) {
	t.Helper()
	j.Run(t, "run", "--until", "roll", "demo").Want(t, 0)
	j.Serve(t, filepath.Join(j.Archive(t), "state-2"))
	j.Run(t, "run", "--resume", "latest", "--from", "patch", "demo").Want(t, 0)
	j.Serve(t, filepath.Join(j.Archive(t), "state-1"))
	j.run = j.Newest(t)
	j.ReadArtifact(t, j.run.ID, j.run.Bake.Files.Lock, &j.lock)
	if len(j.lock.Packages) == 0 {
		t.Fatal("the lock is empty: this test would show nothing")
	}
}

func (j *job) saysDone(t *testing.T) {
	if j.run.Outcome != "done" {
		t.Errorf("outcome %q, want done: %s", j.run.Outcome, j.run.Message)
	}
	want := "bake:done validate:pass publish:done roll:done patch:done"
	var have []string
	for _, s := range j.run.Stages {
		t.Logf("%s: %.1f s on the wall", s.Name, float64(s.WallMS)/1000)
		have = append(have, s.Name+":"+s.Outcome)
	}
	if got := strings.Join(have, " "); got != want {
		t.Errorf("stages %s, want %s", got, want)
	}
	for _, name := range []string{"report.md", "report.html"} {
		text := readFile(t, j.Artifact(j.run.ID, name))
		if !strings.Contains(text, j.run.Bake.Image) {
			t.Errorf("%s does not name the image %s", name, j.run.Bake.Image)
		}
	}
}
