// Package broken runs bakes that must fail: on broken archives, and with a template
// that makes an image which the gate refuses. What counts is what is left: nothing.
package broken

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	terratest "github.com/gruntwork-io/terratest/modules/aws"

	"github.com/goldenami/rehydrate/test/lab"
)

// address is this package's own for the demo archive.
const address = "127.82.0.1:8080"

func TestBroken(t *testing.T) {
	k := lab.Open(t)
	config, err := filepath.Abs("testdata/rehydrate.hcl")
	if err != nil {
		t.Fatal(err)
	}
	l := k.Start(t, lab.Options{RootOptions: lab.RootOptions{Archive: address, OwnOnly: true}, Config: config, Image: "plain"})
	l.Setenv(t)

	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, archive string)
		says  []string // in the one sentence on stderr
	}{
		{"the index is not the one that was signed", alterIndex, []string{address, "Packages"}},
		{"the signature is of something else", alterRelease, []string{address, "InRelease"}},
		{"a package file is not the one in the index", alterPackage, []string{"demo-tool 1.2", "did not deliver"}},
		{"the archive is gone", remove, []string{address}},
	} {
		t.Run(c.name, func(t *testing.T) {
			archive := k.CopyArchive(t, "state-1")
			c.spoil(t, archive)
			l.Serve(t, archive)
			failsWithoutTrace(t, l, c.says)
		})
	}
	t.Run("the gate refuses what a template left on the image", func(t *testing.T) {
		l.Serve(t, filepath.Join(k.Archive(t), "state-1"))
		gateSaysNo(t, l)
	})
}

func failsWithoutTrace(t *testing.T, l *lab.Lab, says []string) {
	began, before := time.Now(), l.Resources(t)
	r := l.Run(t, "run", "plain").Want(t, 1)
	t.Logf("%.1f s: %s", time.Since(began).Seconds(), sentence(t, r))
	for _, word := range says {
		if !strings.Contains(sentence(t, r), word) {
			t.Errorf("the sentence does not say %q: %s", word, sentence(t, r))
		}
	}
	if run := l.Newest(t); run.Outcome != "failed" || run.Validate != nil || run.Publish != nil {
		t.Errorf("run %s ended %s and went on after the bake", run.ID, run.Outcome)
	}
	if after := l.Resources(t); !slices.Equal(before, after) {
		t.Errorf("resources were\n%s\nand are now\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
}

// sentence is what a failure says: one line of stderr.
func sentence(t *testing.T, r lab.Result) string {
	t.Helper()
	var found []string
	for line := range strings.Lines(r.Stderr) {
		if rest, ok := strings.CutPrefix(line, "rehydrate: "); ok {
			found = append(found, strings.TrimSpace(rest))
		}
	}
	if len(found) != 1 {
		t.Fatalf("stderr has %d sentences of ours, want one:\n%s", len(found), r.Stderr)
	}
	return found[0]
}

// gateSaysNo bakes with a template that leaves a host key and a work folder. The
// candidate stays, to be looked at; nothing else happens.
func gateSaysNo(t *testing.T, l *lab.Lab) {
	before := l.Resources(t)
	r := l.Run(t, "run", "untidy").Want(t, 10)
	run := l.Newest(t)
	t.Log(sentence(t, r))
	for _, what := range []string{run.Bake.Image, "/etc/ssh/ssh_host_rsa_key", "/tmp/rehydrate-left"} {
		if !strings.Contains(sentence(t, r), what) {
			t.Errorf("the sentence does not name %s: %s", what, sentence(t, r))
		}
	}
	if run.Validate == nil || run.Validate.Outcome != "fail" || run.Publish != nil || len(run.Roll) > 0 {
		t.Errorf("run %s: verdict %+v, published %+v, rolled %v; want a fail and no more", run.ID, run.Validate, run.Publish, run.Roll)
	}
	for _, c := range run.Validate.Checks {
		if want := map[bool]string{true: "fail", false: "pass"}[c.Name == "hygiene"]; c.Outcome != want {
			t.Errorf("check %s: %s, want %s: hygiene alone is wrong here", c.Name, c.Outcome, want)
		}
	}
	if v, err := terratest.GetParameterE(t, lab.Region, "/golden/untidy/latest"); err == nil {
		t.Errorf("the channel holds %s", v)
	}
	var added []string
	for _, x := range l.Resources(t) {
		if !slices.Contains(before, x) {
			added = append(added, x[strings.LastIndexByte(x, ' ')+1:])
		}
	}
	slices.Sort(added)
	if want := []string{run.Bake.Image, run.Bake.Snapshot}; !slices.Equal(added, want) {
		t.Errorf("new are %v, want the candidate and its snapshot alone: %v", added, want)
	}
}

func alterIndex(t *testing.T, archive string) {
	for _, name := range find(t, archive, "dists/demo/main/*/Packages*") {
		edit(t, name, func(b []byte) []byte { return b[:len(b)/2] })
	}
}

func alterRelease(t *testing.T, archive string) {
	for _, name := range find(t, archive, "dists/demo/*Release") {
		edit(t, name, func(b []byte) []byte { return bytes.Replace(b, []byte("Rehydrate-Demo"), []byte("Rehydrate-Evil"), 1) })
	}
}

func alterPackage(t *testing.T, archive string) {
	for _, name := range find(t, archive, "pool/main/demo-tool_*.deb") {
		edit(t, name, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
	}
}

func remove(t *testing.T, archive string) {
	if err := os.RemoveAll(filepath.Join(archive, "dists")); err != nil {
		t.Fatal(err)
	}
}

func find(t *testing.T, archive, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(archive, pattern))
	if err != nil || len(found) == 0 {
		t.Fatalf("there is no %s in the archive: %v", pattern, err)
	}
	return found
}

func edit(t *testing.T, name string, change func([]byte) []byte) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, change(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
