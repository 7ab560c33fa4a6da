package lab

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// build builds the programs as `make build` does, so that Go's cache serves both.
func (k *Kit) build(t testing.TB) {
	t.Helper()
	k.Bin = filepath.Join(t.TempDir(), "bin")
	for _, b := range []struct {
		name, flags, cgo string
	}{
		{"rehydrate", "", ""},
		{"rehydrate-node", "-s -w", "0"}, // static: it is sent to machines
		{"packer-plugin-rehydrate", "-s -w", ""},
	} {
		cmd := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-ldflags", b.flags, "-o", filepath.Join(k.Bin, b.name), "./cmd/"+b.name)
		cmd.Dir, cmd.Env = k.Checkout, os.Environ()
		if b.cgo != "" {
			cmd.Env = append(cmd.Env, "CGO_ENABLED="+b.cgo)
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", b.name, err, out)
		}
	}
}

// tool runs a program to its end and returns what it printed, without the last
// newline.
func (k *Kit) tool(t testing.TB, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = k.Checkout
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, errs.String())
	}
	return strings.TrimSpace(string(out))
}
