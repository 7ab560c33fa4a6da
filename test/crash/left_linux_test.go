package crash

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// check says what a bake may leave: its image, complete, with a snapshot, and nothing
// else; then it removes these, and all must be as before.
func (b *bake) check(t *testing.T, before []string) {
	t.Helper()
	doc := b.Document(t, b.run)
	if doc.Bake == nil || doc.Bake.Image == "" || doc.Outcome != "done" {
		t.Fatalf("outcome %s %s, bake %+v\n%s", doc.Outcome, doc.Message, doc.Bake, b.p.said())
	}
	named := b.own(t, doc)
	for _, left := range b.tagged(t, doc) {
		if !slices.Contains(named, left[strings.Index(left, " ")+1:]) {
			t.Errorf("%s has the run's tag and is no named result", left)
		}
	}
	b.local(t)
	b.remove(t, named)
	after := b.Resources(t)
	for _, r := range after {
		if !slices.Contains(before, r) {
			t.Errorf("left behind: %s", r)
		}
	}
	for _, r := range before {
		if !slices.Contains(after, r) {
			t.Errorf("gone: %s", r)
		}
	}
}

// local looks for what a bake may leave on this machine: processes and mounts.
func (b *bake) local(t *testing.T) {
	t.Helper()
	var left []string
	for limit := time.Now().Add(worldLimit); time.Now().Before(limit); time.Sleep(20 * time.Millisecond) {
		if left = b.lives(); len(left) == 0 {
			break
		}
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for m := range strings.Lines(string(mounts)) {
		if strings.Contains(m, b.Dir) {
			left = append(left, "mount "+m)
		}
	}
	for _, l := range left {
		t.Errorf("left on this machine: %s", l)
	}
}

// lives are the processes of Packer, of its plugins, and of whoever watches them.
func (b *bake) lives() (out []string) {
	found, _ := filepath.Glob("/proc/[0-9]*/cmdline") // a fixed pattern has no error
	for _, f := range found {
		text, _ := os.ReadFile(f) // it has ended
		line := strings.ReplaceAll(string(text), "\x00", " ")
		if strings.Contains(line, filepath.Dir(b.attempt)) || strings.Contains(line, b.Plugins) {
			out = append(out, line)
		}
	}
	return out
}
