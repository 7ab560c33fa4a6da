package ec2

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"

	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// where is the account and region of an instance, for callers that know only its id.
type where struct {
	Account string `json:"account"`
	Region  string `json:"region"`
}

func whereabouts(tx *world.Tx) *world.Rows[where] {
	return world.Table[where](tx.In("-", "-"), "ec2/whereabouts")
}

// do runs fn in the account and region of an instance, with its row.
func (s *Service) do(id string, fn func(tx *world.Tx, i Instance) error) error {
	return s.w.Do("-", "-", func(tx *world.Tx) error {
		at, ok := whereabouts(tx).Get(id)
		if !ok {
			return fmt.Errorf("instance %s: %w", id, noInstance(id))
		}
		here := tx.In(at.Account, at.Region)
		i, ok := instances(here).Get(id)
		if !ok {
			return fmt.Errorf("instance %s: %w", id, noInstance(id))
		}
		return fn(here, i)
	})
}

// machine is the backing's view of an instance.
func (s *Service) machine(tx *world.Tx, i Instance) (backing.Machine, error) {
	c, ok := contents(tx).Get(i.Content)
	if !ok {
		return backing.Machine{}, fmt.Errorf("instance %s has no content %q", i.ID, i.Content)
	}
	m := backing.Machine{
		ID: i.ID, Dir: filepath.Join(s.dir, "machines", i.ID), Image: c.Image,
		Hostname: hostname(i.Address), User: i.User, Tags: i.Tags, Hosts: map[string]string{}, Since: i.Launched,
	}
	if i.Address != "" {
		a, err := netip.ParseAddr(i.Address)
		if err != nil {
			return backing.Machine{}, fmt.Errorf("instance %s: %w", i.ID, err)
		}
		m.Address = a
	}
	if i.PublicKey != "" {
		m.AuthorizedKeys = []string{i.PublicKey}
	}
	data, err := base64.StdEncoding.DecodeString(i.UserData)
	if err != nil {
		return backing.Machine{}, fmt.Errorf("instance %s: user data: %w", i.ID, err)
	}
	m.UserData = string(data)
	for name, addr := range hosts(tx).All() {
		m.Hosts[name] = addr
	}
	return m, nil
}

func hostname(address string) string { return "ip-" + strings.ReplaceAll(address, ".", "-") }

func hosts(tx *world.Tx) *world.Rows[string] {
	return world.Table[string](tx.In("-", "-"), "ec2/hosts")
}

// SetHost makes a host name known to every machine that starts from now on, such
// as the one of an archive of the world.
func (s *Service) SetHost(tx *world.Tx, name, address string) { hosts(tx).Put(name, address) }

// settleLater settles the machine in the background of the transaction.
func (s *Service) settleLater(tx *world.Tx, id string) {
	tx.Go("machine "+id, func(ctx context.Context) {
		if err := s.settle(ctx, id); err != nil {
			s.w.Log(world.Event{Time: s.w.Clock().Now(), Account: tx.Account, Region: tx.Region, Kind: "ec2.machine.failed",
				Data: map[string]any{"instance": id, "error": err.Error()}})
		}
	})
}
