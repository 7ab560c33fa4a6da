package rollout

import (
	"context"
	"fmt"

	"github.com/goldenami/rehydrate/rollout/estimate"
)

// Cell is one account's Region: groups, templates, quotas and image ids are its own.
// The zero Cell is the account and Region of the session.
type Cell struct {
	Account string `json:"account,omitempty"`
	Region  string `json:"region,omitempty"`
}

// String is account/Region, or "" for the zero Cell.
func (c Cell) String() string {
	if c == (Cell{}) {
		return ""
	}
	return c.Account + "/" + c.Region
}

// in is the cell as the end of a sentence.
func (c Cell) in() string {
	if c == (Cell{}) {
		return ""
	}
	return " in " + c.String()
}

// Ports are what the stage needs of one cell.
type Ports struct {
	Groups    Groups
	Templates Templates
	Refreshes Refreshes
	Instances Instances
	Images    Images
	// Look may be nil: what it would tell is then unknown, and the plan says so.
	Look Look
	// Quotas may be nil: the account's limits of running vCPUs are then unknown.
	Quotas estimate.Quotas
}

// Everywhere gives the same ports for every cell.
func Everywhere(p Ports) func(context.Context, Cell) (Ports, error) {
	return func(context.Context, Cell) (Ports, error) { return p, nil }
}

// ports opens a cell.
func (s *Stage) ports(ctx context.Context, c Cell) (Ports, error) {
	p, err := s.Cells(ctx, c)
	if err != nil {
		return Ports{}, fmt.Errorf("open %s: %w", or(c.String(), "the account"), err)
	}
	return p, nil
}
