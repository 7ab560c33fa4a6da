package app

import (
	"context"
	"sync"
	"time"

	"github.com/goldenami/rehydrate/internal/awscloud/groups"
	"github.com/goldenami/rehydrate/internal/awscloud/images"
	"github.com/goldenami/rehydrate/internal/awscloud/instances"
	"github.com/goldenami/rehydrate/internal/awscloud/look"
	"github.com/goldenami/rehydrate/internal/awscloud/quotas"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
)

// Cells opens the accounts and Regions of a configuration: each account's role is taken
// on once for all its Regions, each cell's adapters are made once, and all share one
// HTTP client. Safe for concurrent use.
type Cells struct {
	home     *Cloud
	accounts map[string]*config.Account // by id
	run      string

	mu    sync.Mutex
	roles map[string]*taken
	ports map[string]any // by what it is for, and where
}

// taken is an account's role; one that could not be taken on is tried again.
type taken struct {
	mu      sync.Mutex
	session *session.Session
}

// NewCells makes no call. run names the sessions of roles.
func NewCells(home *Cloud, cfg *config.Config, run string) *Cells {
	c := &Cells{home: home, accounts: map[string]*config.Account{}, run: run, roles: map[string]*taken{}, ports: map[string]any{}}
	if cfg != nil {
		for _, a := range cfg.Accounts {
			c.accounts[a.ID] = a
		}
	}
	return c
}

// Home is the account and Region of the program's own session.
func (c *Cells) Home() rollout.Cell {
	return rollout.Cell{Account: c.home.Account, Region: c.home.Region}
}

// Session opens an account's Region; empty ones are home's. The errors are of kind
// Denied when the account's role cannot be taken on, Usage when there is no way into
// the account.
func (c *Cells) Session(ctx context.Context, account, region string) (*session.Session, error) {
	if region == "" {
		region = c.home.Region
	}
	a := c.accounts[account]
	switch {
	case account == "", account == c.home.Account && (a == nil || a.Role == ""):
		return c.home.Session.In(region), nil
	case a == nil:
		return nil, fault.New(fault.Usage, "write an account block with its id and role", "open account %s: no account block has this id, and the session's own is %s", account, c.home.Account)
	case a.Role == "":
		return nil, fault.New(fault.Usage, "give its account block a role, or use credentials of that account", "open account %q (%s): it has no role, and the session's own account is %s", a.Label, account, c.home.Account)
	}
	s, err := c.role(account).open(ctx, c, a)
	if err != nil {
		return nil, err
	}
	return s.In(region), nil
}

func (c *Cells) role(account string) *taken {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.roles[account]
	if t == nil {
		t = &taken{}
		c.roles[account] = t
	}
	return t
}

func (t *taken) open(ctx context.Context, c *Cells, a *config.Account) (*session.Session, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.session != nil {
		return t.session, nil
	}
	s, err := c.home.Session.Assume(ctx, session.Role{ARN: a.Role, ExternalID: a.ExternalID, Run: c.run, Now: c.home.Clock.Now})
	if err != nil {
		return nil, err
	}
	t.session = s
	return s, nil
}

// Rollout is what a roll needs of a cell.
func (c *Cells) Rollout(ctx context.Context, at rollout.Cell) (rollout.Ports, error) {
	if at == c.Home() {
		at = rollout.Cell{}
	}
	return opened(c, "rollout "+at.String(), func() (rollout.Ports, error) {
		s, err := c.Session(ctx, at.Account, at.Region)
		if err != nil {
			return rollout.Ports{}, err
		}
		inst, _, _ := instances.New(s)
		gs, templates, refreshes := groups.New(s)
		return rollout.Ports{Groups: gs, Templates: templates, Refreshes: refreshes, Instances: inst, Images: images.New(s), Look: look.New(s), Quotas: quotas.New(s, func() time.Time { return c.home.Clock.Now() })}, nil
	})
}

// opened gives what open makes, once for each key. Where two open the same at a time,
// both get the first's.
func opened[T any](c *Cells, key string, open func() (T, error)) (T, error) {
	c.mu.Lock()
	p, ok := c.ports[key].(T)
	c.mu.Unlock()
	if ok {
		return p, nil
	}
	made, err := open()
	if err != nil {
		return made, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if p, ok := c.ports[key].(T); ok {
		return p, nil
	}
	c.ports[key] = made
	return made, nil
}
