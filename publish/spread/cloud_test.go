package spread

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
)

// cloud is accounts and Regions in memory. Every mutating call is counted, so that a
// test can end a process before or after it.
type cloud struct {
	now       time.Time
	images    map[Cell]map[string]*Image
	audience  map[string]Audience
	readers   map[string][]string
	keys      map[string]Key // by ARN
	aliases   map[string]string
	policies  map[string]string
	grants    map[string][]Grant
	tokens    map[string]string
	instances map[string]string
	ids       int
	calls     []string // the mutating ones
	failing   map[string]int
	pending   int // looks until a copy is available
	looks     map[string]int
	dieAt     int  // the mutating call that the process does not survive; 0: none
	dieAfter  bool // it is made all the same
}

var errDied = errors.New("the process died")

func newCloud() *cloud {
	c := &cloud{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), images: map[Cell]map[string]*Image{}, audience: map[string]Audience{}, readers: map[string][]string{},
		keys: map[string]Key{}, aliases: map[string]string{}, policies: map[string]string{}, grants: map[string][]Grant{}, tokens: map[string]string{},
		instances: map[string]string{}, failing: map[string]int{}, pending: 2, looks: map[string]int{}}
	c.add(Cell{"111111111111", "eu-west-1"}, Image{ID: "ami-baked", Name: "web-1", State: "available", Arch: "x86_64", Tags: map[string]string{"rehydrate:line": "web", "aws:x": "y"},
		Disks: []Disk{{Snapshot: "snap-baked"}, {Snapshot: "snap-data"}}})
	return c
}

func (c *cloud) Now() time.Time { return c.now }

func (c *cloud) Sleep(context.Context, time.Time) error { return nil }

func (c *cloud) stage() *Stage {
	return &Stage{Clock: c, Events: event.Discard, Cells: func(_ context.Context, at Cell) (Ports, error) {
		v := view{c, at}
		return Ports{Images: v, Sharing: v, Keys: v, Trial: v}, nil
	}}
}

func (c *cloud) add(at Cell, i Image) {
	if c.images[at] == nil {
		c.images[at] = map[string]*Image{}
	}
	i.Owner = at.Account
	c.images[at][i.ID] = &i
}

// key makes a key with an alias in a cell, whose policy names principals.
func (c *cloud) key(at Cell, principals ...string) string {
	arn := fmt.Sprintf("arn:aws:kms:%s:%s:key/golden", at.Region, at.Account)
	c.keys[arn] = Key{ARN: arn, Account: at.Account, State: Enabled, Symmetric: true}
	c.aliases[at.String()+"alias/golden"] = arn
	c.policies[arn] = `{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + at.Account + `:root"},"Action":"kms:*","Resource":"*"}`
	if len(principals) > 0 {
		c.policies[arn] += "," + Statements(principals)
	}
	c.policies[arn] += "]}"
	return arn
}

// mutate does what a mutating call does, unless the process dies before it.
func (c *cloud) mutate(name string, f func()) error {
	last := c.dieAt == len(c.calls)+1
	if last && !c.dieAfter {
		c.dieAt = 0
		return errDied
	}
	c.calls = append(c.calls, name)
	f()
	if last {
		c.dieAt = 0
		return errDied
	}
	return nil
}

// view is the cloud as a cell's account sees it.
type view struct {
	*cloud
	at Cell
}

func none(what string) error { return fault.New(fault.NotFound, "", "there is no %s", what) }

func (v view) Image(_ context.Context, id string) (Image, error) {
	for at, all := range v.images {
		i := all[id]
		if i == nil || at.Region != v.at.Region || at.Account != v.at.Account && !slices.Contains(v.audience[id].Accounts, v.at.Account) {
			continue
		}
		if i.State == "pending" {
			if v.looks[id]++; v.looks[id] > v.pending {
				i.State = "available"
				if v.failing[at.String()] > 0 {
					v.failing[at.String()]--
					i.State, i.Reason = "failed", "no luck"
				}
			}
		}
		return *i, nil
	}
	return Image{}, none("image " + id)
}

func (v view) Named(ctx context.Context, name string) (Image, error) {
	for _, id := range slices.Sorted(maps.Keys(v.images[v.at])) {
		if v.images[v.at][id].Name == name {
			return v.Image(ctx, id)
		}
	}
	return Image{}, none("image " + name)
}

func (v view) Copy(ctx context.Context, in NewCopy) (id string, err error) {
	if id, ok := v.tokens[in.Token]; ok {
		return id, nil
	}
	if _, err := v.Named(ctx, in.Name); err == nil {
		return "", fault.New(fault.Conflict, "", "the name %s is taken", in.Name)
	}
	if _, err := (view{v.cloud, Cell{v.at.Account, in.Region}}).Image(ctx, in.Image); err != nil {
		return "", err
	}
	err = v.mutate("copy to "+v.at.String(), func() {
		v.ids++
		id = fmt.Sprintf("ami-%d", v.ids)
		v.tokens[in.Token] = id
		v.add(v.at, Image{ID: id, Name: in.Name, State: "pending", Arch: "x86_64", Tags: in.Tags,
			Disks: []Disk{{Snapshot: "snap-" + id, Encrypted: in.Encrypted, Key: in.Key}}})
	})
	return id, err
}

func (v view) Remove(_ context.Context, id string) error {
	return v.mutate("remove from "+v.at.String(), func() { delete(v.images[v.at], id) })
}

func (v view) Audience(_ context.Context, id string) (Audience, error) { return v.audience[id], nil }

func (v view) Share(_ context.Context, id string, with Audience) error {
	return v.mutate("share in "+v.at.String(), func() {
		a := v.audience[id]
		v.audience[id] = Audience{append(a.Accounts, with.Accounts...), append(a.Organizations, with.Organizations...), append(a.Units, with.Units...)}
	})
}

func (v view) Readers(_ context.Context, snapshot string) ([]string, error) {
	return v.readers[snapshot], nil
}

func (v view) Open(_ context.Context, snapshot string, accounts []string) error {
	return v.mutate("open a snapshot in "+v.at.String(), func() { v.readers[snapshot] = append(v.readers[snapshot], accounts...) })
}

func (v view) Key(_ context.Context, name string) (Key, error) {
	if arn, ok := v.aliases[v.at.String()+name]; ok {
		name = arn
	}
	k, ok := v.keys[name]
	if !ok {
		return k, none("key " + name)
	}
	return k, nil
}

func (v view) Policy(_ context.Context, arn string) (string, error) { return v.policies[arn], nil }

func (v view) Grants(_ context.Context, arn, grantee string) (out []Grant, err error) {
	for _, g := range v.grants[arn] {
		if g.Grantee == grantee {
			out = append(out, g)
		}
	}
	return out, nil
}

func (v view) Grant(_ context.Context, arn string, g Grant) error {
	return v.mutate("grant in "+v.at.String(), func() { v.grants[arn] = append(v.grants[arn], g) })
}

func (v view) DryRun(ctx context.Context, image, _ string) error {
	_, err := v.Image(ctx, image)
	return err
}

func (v view) Launch(_ context.Context, in Canary) (id string, err error) {
	if id, ok := v.tokens[in.Token]; ok {
		return id, nil
	}
	err = v.mutate("launch in "+v.at.String(), func() {
		v.ids++
		id = fmt.Sprintf("i-%d", v.ids)
		v.tokens[in.Token], v.instances[id] = id, "running"
	})
	return id, err
}

func (v view) State(_ context.Context, id string) (string, string, error) {
	s, ok := v.instances[id]
	if !ok {
		return "", "", none("instance " + id)
	}
	return s, "", nil
}

func (v view) Terminate(_ context.Context, id string) error {
	return v.mutate("terminate in "+v.at.String(), func() { v.instances[id] = "terminated" })
}
