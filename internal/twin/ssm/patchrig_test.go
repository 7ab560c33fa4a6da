package ssm

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/modelled"
)

// patchRig is a rig whose instances are modelled machines with package data.
type patchRig struct {
	*rig
	offers baseline.Available
	broken bool // the repository cannot be read
	os     backing.ModelledImage
}

// worldClock is the twin's time for modelled machines.
type worldClock struct{ r *rig }

func (c worldClock) Now() time.Time                               { return c.r.w.Clock().Now() }
func (c worldClock) Sleep(ctx context.Context, _ time.Time) error { return ctx.Err() }

func deb(name, version string) baseline.Package {
	return baseline.Package{Name: name, Arch: "amd64", Version: version}
}

// debian has app 1, dpkg 1.21, kernel 1, and held 1 on hold; its security repository
// offers version 2 of app (which then needs lib), lib, kernel and held.
func debian() (backing.ModelledImage, baseline.Available) {
	origin := baseline.Origin{Origin: "Debian", Label: "Debian-Security", Suite: "stable-security", Codename: "bookworm-security", Component: "main", Trusted: true}
	a := baseline.Available{Repositories: []baseline.Repository{{ID: "sec", URL: "http://archive.test/", Origin: origin, Verified: true}}}
	for _, name := range []string{"app", "lib", "linux-image-cloud", "held"} {
		p := baseline.AvailablePackage{
			Package: deb(name, "2"), Priority: "optional", Section: "admin", Origins: []baseline.Origin{origin},
			Repository: "sec", Filename: name + ".deb", Size: 10, SHA256: strings.Repeat("ab", 32),
		}
		if name == "app" {
			p.Requires = []baseline.Package{{Name: "lib"}}
		}
		a.Packages = append(a.Packages, p)
	}
	return backing.ModelledImage{
		OS: baseline.Debian, Product: "Debian12", Arch: "amd64", Repository: "world",
		Installed: []baseline.Installed{{Package: deb("app", "1")}, {Package: deb("dpkg", "1.21")}, {Package: deb("linux-image-cloud", "1")}, {Package: deb("held", "1"), Held: true}},
	}, a
}

func newPatchRig(t *testing.T, edit func(*patchRig)) *patchRig {
	t.Helper()
	r := &patchRig{rig: newRig(t)}
	r.os, r.offers = debian()
	if edit != nil {
		edit(r)
	}
	m := modelled.New(modelled.Options{Clock: worldClock{r.rig}, Repository: func(string) (baseline.Available, error) {
		if r.broken {
			return baseline.Available{}, errors.New("the archive cannot be reached")
		}
		return r.offers, nil
	}})
	r.machines.modelled = true
	r.machines.patch = func(id string, q record.NodeRequest) (record.NodeReport, error) {
		return m.Patch(context.Background(), id, q)
	}
	r.machines.reboot = func(id string) error {
		r.step(time.Second) // a boot after the installation
		return m.Reboot(context.Background(), id)
	}
	dir := t.TempDir()
	for _, i := range r.ec2.instances {
		image := r.os
		if err := m.Start(t.Context(), backing.Machine{ID: i.ID, Dir: filepath.Join(dir, i.ID), Image: backing.Image{Modelled: &image}}); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// patch runs AWS-RunPatchBaseline with parameters "Name=value" and returns the ended
// command with the invocation of the first instance.
func (r *patchRig) patch(op string, more ...string) (types.Command, *sdk.GetCommandInvocationOutput) {
	r.t.Helper()
	params := map[string][]string{"Operation": {op}}
	for _, m := range more {
		k, v, _ := strings.Cut(m, "=")
		params[k] = []string{v}
	}
	id := r.mustSend(func(in *sdk.SendCommandInput) { in.DocumentName, in.Parameters = aws.String(runPatchBaseline), params }, "i-00000000")
	r.step(time.Minute)
	c := r.command(id)
	i, err := r.invocation(id, "i-00000000", "PatchLinux")
	if err != nil {
		r.t.Fatal(err)
	}
	return c, i
}

// states are the patches of the first instance as "STATE title", by title.
func (r *patchRig) states(filters ...types.PatchOrchestratorFilter) []string {
	r.t.Helper()
	var out []string
	p := sdk.NewDescribeInstancePatchesPaginator(r.c, &sdk.DescribeInstancePatchesInput{InstanceId: aws.String("i-00000000"), Filters: filters, MaxResults: aws.Int32(10)})
	for p.HasMorePages() {
		page, err := p.NextPage(r.t.Context())
		if err != nil {
			r.t.Fatal(err)
		}
		for _, x := range page.Patches {
			out = append(out, string(x.State)+" "+*x.Title)
		}
	}
	return out
}

// state is the first instance's patch state, nil if it has none.
func (r *patchRig) state() *types.InstancePatchState {
	r.t.Helper()
	out, err := r.c.DescribeInstancePatchStates(r.t.Context(), &sdk.DescribeInstancePatchStatesInput{InstanceIds: []string{"i-00000000", "i-0fffffff"}})
	if err != nil {
		r.t.Fatal(err)
	}
	if len(out.InstancePatchStates) == 0 {
		return nil
	}
	return &out.InstancePatchStates[0]
}

func (r *patchRig) expect(want ...string) {
	r.t.Helper()
	if got := r.states(); !slices.Equal(got, want) {
		r.t.Errorf("states:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
