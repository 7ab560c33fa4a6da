//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
)

// rpmRows compare rehydrate-node with dnf on a synthetic root that real rpm and dnf
// made: 400 packages, one repository with 1,200 advisories.
func rpmRows(ctx context.Context, env *Env) (rows []Row, err error) {
	world, err := built(ctx, env, rpmworld.Large(1200))
	if err != nil {
		return nil, err
	}
	program, err := env.Build(ctx, "./cmd/rehydrate-node", "")
	if err != nil {
		return nil, err
	}
	if err := exec.CommandContext(ctx, "cp", program, world.Dir+nodeInRoot).Run(); err != nil {
		return nil, err
	}
	return []Row{{
		Task: "RPM root, 1,200 advisories, against dnf with its cache warm", Unit: "ms", Bar: AtLeast(3),
		Ours: Side{
			Name: "rehydrate-node Collect",
			Also: "reads which versions the repository offers, checks the SHA-256 of its metadata on the first run, and writes the whole inventory as JSON; keeps what it parsed, as dnf does",
			Run:  func(ctx context.Context) (Sample, error) { return nodeAdvised(ctx, world.Dir) },
		},
		Peer: Side{
			Name: "dnf -C updateinfo list, warm",
			Also: "starts Python; reads the parsed metadata of its last run and checks no digest",
			Run:  func(ctx context.Context) (Sample, error) { return dnfAdvised(ctx, world) },
		},
	}}, nil
}

// nodeAdvised are the pairs of advisory and package that are newer than what is
// installed.
func nodeAdvised(ctx context.Context, root string) (Sample, error) {
	ms, out, err := Timed(nodeCommand(ctx, root))
	if err != nil {
		return Sample{}, err
	}
	var report record.NodeReport
	if err := json.Unmarshal(out, &report); err != nil {
		return Sample{}, fmt.Errorf("read the node's report: %w", err)
	}
	n := report.Before
	have := map[[2]string]string{}
	for _, p := range n.Inventory.Installed {
		k := [2]string{p.Name, p.Arch}
		if v := full(p.Package); have[k] == "" || baseline.CompareVersions(n.Inventory.OS, v, have[k]) > 0 {
			have[k] = v
		}
	}
	set := []string{}
	for _, p := range n.Available.Packages {
		old := have[[2]string{p.Name, p.Arch}]
		if old == "" || baseline.CompareVersions(n.Inventory.OS, full(p.Package), old) <= 0 {
			continue
		}
		for _, a := range p.Notices {
			set = append(set, a.ID+" "+p.Name+"-"+strings.TrimPrefix(full(p.Package), "0:")+"."+p.Arch)
		}
	}
	return Sample{Value: ms, Set: set}, nil
}

func full(p baseline.Package) string { return p.Epoch + ":" + p.Version + "-" + p.Release }

// dnfAdvised asks dnf for the same. A line is "advisory kind package".
func dnfAdvised(ctx context.Context, r *rpmworld.Root) (Sample, error) {
	listed := r.DNFCommand("-C", "updateinfo", "list")
	cmd := exec.CommandContext(ctx, listed.Path, listed.Args[1:]...)
	cmd.Env = listed.Env
	ms, out, err := Timed(cmd)
	if err != nil {
		return Sample{}, err
	}
	set := []string{}
	for line := range strings.Lines(string(out)) {
		if words := strings.Fields(line); len(words) == 3 {
			set = append(set, words[0]+" "+words[2])
		}
	}
	return Sample{Value: ms, Set: set}, nil
}

// built builds a world outside of a test.
func built(ctx context.Context, env *Env, w rpmworld.World) (root *rpmworld.Root, err error) {
	t := &outside{ctx: ctx, env: env}
	defer func() {
		switch end := recover().(type) {
		case nil:
		case ended:
			err = end.error
		default:
			panic(end)
		}
	}()
	return rpmworld.Build(t, w), nil
}

// outside is what rpmworld needs of a test. What it does not have is never called.
type outside struct {
	testing.TB
	ctx context.Context
	env *Env
}

// ended is how a builder that fails comes back.
type ended struct{ error }

func (o *outside) Helper()                   {}
func (o *outside) Context() context.Context  { return o.ctx }
func (o *outside) Fatal(args ...any)         { panic(ended{errors.New(fmt.Sprint(args...))}) }
func (o *outside) Fatalf(f string, a ...any) { panic(ended{fmt.Errorf(f, a...)}) }
func (o *outside) Skip(args ...any)          { panic(ended{Missing("%s", fmt.Sprint(args...))}) }
func (o *outside) Cleanup(f func())          { o.env.OnExit(func() error { f(); return nil }) }
func (o *outside) TempDir() string {
	dir, err := os.MkdirTemp(o.env.Dir, "rpm-")
	if err != nil {
		o.Fatal(err)
	}
	return filepath.Clean(dir)
}
