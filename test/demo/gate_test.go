package demo

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// gateReadTheSnapshot compares what the gate reports with what was planted, and its
// reads with the twin's log.
func (j *job) gateReadTheSnapshot(t *testing.T) {
	v := j.run.Validate
	if v.Marker == "" || v.Marker != j.run.Bake.Marker {
		t.Errorf("the gate found the marker %q, the bake planted %q", v.Marker, j.run.Bake.Marker)
	}
	if v.Snapshot != j.run.Bake.Snapshot {
		t.Errorf("the gate read %s, the image's snapshot is %s", v.Snapshot, j.run.Bake.Snapshot)
	}
	if n := j.blockReads(t, 0); n < v.Read.Blocks || v.Read.Blocks == 0 {
		t.Errorf("the twin's log has %d reads of blocks of %s, the gate says %d", n, v.Snapshot, v.Read.Blocks)
	}
}

// blockReads counts the reads of blocks of the image's snapshot since an entry.
func (j *job) blockReads(t *testing.T, since int) (n int) {
	t.Helper()
	for _, c := range j.Calls(t, since) {
		if c.Op == "GetSnapshotBlock" && c.Snapshot == j.run.Bake.Snapshot && c.Status == 200 {
			n++
		}
	}
	return n
}

// hiddenRoot judges the image once more while the folder that its machines run on is
// out of reach: only the blocks of its disk are left to read.
func (j *job) hiddenRoot(t *testing.T) {
	layer := filepath.Join(j.State, "twin/machines/images", j.run.Bake.Image, "layer")
	if text := readFile(t, filepath.Join(layer, "var/lib/rehydrate/marker")); !strings.Contains(text, j.run.Bake.Marker) {
		t.Fatalf("%s is not the image's root folder: its marker is %q", layer, text)
	}
	if err := os.Rename(layer, layer+".hidden"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := os.Rename(layer+".hidden", layer); err != nil {
			t.Fatal(err)
		}
	}()
	mark := j.Mark(t)
	j.Run(t, "run", "--until", "validate", "demo").Want(t, 0)
	again := j.Newest(t)
	if again.ID == j.run.ID || again.Bake.Image != j.run.Bake.Image {
		t.Fatalf("run %s judged %s, want a new run on %s", again.ID, again.Bake.Image, j.run.Bake.Image)
	}
	if v := again.Validate; v == nil || v.Outcome != "pass" || v.Marker != j.run.Bake.Marker {
		t.Errorf("the verdict with the root folder hidden: %+v, want a pass with the marker %s", v, j.run.Bake.Marker)
	}
	if n := j.blockReads(t, mark); n == 0 {
		t.Error("the twin's log has no reads of blocks")
	}
}

// secondRun is the whole run once more, with nothing to do.
func (j *job) secondRun(t *testing.T) {
	before := j.witness().Images(t)
	r := j.Run(t, "run", "demo").Want(t, 0)
	again := j.Newest(t)
	if again.ID == j.run.ID || again.Outcome != "nothing-to-do" {
		t.Errorf("run %s ended %s, want a new run with nothing to do\n%s", again.ID, again.Outcome, r.Stderr)
	}
	if b := again.Bake; b == nil || !b.Skipped || b.Image != j.run.Bake.Image {
		text, _ := json.Marshal(b) // plain data
		t.Errorf("the second bake: %s, want it skipped in favour of %s", text, j.run.Bake.Image)
	}
	if !strings.Contains(r.Stdout+r.Stderr, "nothing") {
		t.Errorf("the output does not say that there was nothing to do:\n%s", r.Stderr)
	}
	if after := j.witness().Images(t); !maps.Equal(before, after) {
		t.Errorf("the account's images were %v, now %v", before, after)
	}
}
