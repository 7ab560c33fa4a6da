package ssm

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/twin/backing"
)

// onRoots has the rig's machines be real roots whose rehydrate-node is the modelled flow.
func onRoots(t *testing.T, r *patchRig) {
	t.Helper()
	flow := r.machines.patch
	r.machines.modelled = false
	program := filepath.Join(t.TempDir(), "rehydrate-node")
	if err := os.WriteFile(program, []byte("program"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.s.Payload = func(string) (string, error) { return program, nil }
	r.machines.run = func(_ context.Context, id string, c backing.Command) (int, error) {
		if len(c.Args) != 4 || c.Args[1] != "run" || c.Args[2] != "--request" || r.machines.files[id+":"+c.Args[0]] != "program" || r.machines.modes[id+":"+c.Args[0]] != 0o755 {
			t.Errorf("ran %v", c.Args)
		}
		var q record.NodeRequest
		if err := json.Unmarshal([]byte(r.machines.files[id+":"+c.Args[3]]), &q); err != nil {
			return 0, err
		}
		rep, failed := flow(id, q)
		if err := json.NewEncoder(c.Stdout).Encode(rep); err != nil {
			return 0, err
		}
		if failed != nil {
			return 1, nil
		}
		return 0, nil
	}
}

func TestARealRootIsPatchedByItsOwnProgram(t *testing.T) {
	r := newPatchRig(t, nil)
	onRoots(t, r)
	c, i := r.patch("Install")
	if c.Status != types.CommandStatusFailed || i.ResponseCode != 1 || r.machines.reboots != 1 {
		t.Fatalf("%s %d: %s", c.Status, i.ResponseCode, *i.StandardErrorContent)
	}
	r.expect("INSTALLED app.amd64:2", "INSTALLED_OTHER dpkg.amd64:1.21", "FAILED held.amd64:2", "INSTALLED lib.amd64:2", "INSTALLED linux-image-cloud.amd64:2")
}

func TestARootThatCannotBePatchedSaysWhy(t *testing.T) {
	for name, edit := range map[string]func(*patchRig){
		"was given no rehydrate-node": func(r *patchRig) { r.s.Payload = nil },
		"no such program": func(r *patchRig) {
			r.s.Payload = func(string) (string, error) { return "", errors.New("no such program") }
		},
		"no report": func(r *patchRig) {
			r.machines.run = func(context.Context, string, backing.Command) (int, error) { return 127, nil }
		},
		"the archive cannot": func(r *patchRig) { r.broken = true },
	} {
		r := newPatchRig(t, nil)
		onRoots(t, r)
		edit(r)
		c, i := r.patch("Scan")
		if c.Status != types.CommandStatusFailed || !strings.Contains(*i.StandardErrorContent, name) {
			t.Errorf("%s: %s %s", name, c.Status, *i.StandardErrorContent)
		}
		if s := r.state(); s != nil {
			t.Errorf("%s: unknown became a state", name)
		}
	}
}
