package probe

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout/gate"
)

// TargetGroups reads the health of a load balancer's targets.
type TargetGroups interface {
	// Health counts the group's targets by state, such as healthy or draining. Kind
	// fault.NotFound when there is no such group.
	Health(ctx context.Context, c gate.Cell, arn string) (map[string]int, error)
}

// Targets is good when enough targets of a group are healthy. Those that drain are on
// their way out and do not count; a group without any others is bad.
type Targets struct {
	Groups  TargetGroups
	ARN     string
	Healthy int // percent
	Timeout time.Duration
}

// Look implements gate.Probe.
func (t Targets) Look(ctx context.Context) (gate.Health, string) {
	ctx, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	states, err := t.Groups.Health(ctx, t.cell(), t.ARN)
	if err != nil {
		return gate.Hidden, err.Error()
	}
	all := 0
	for state, n := range states {
		if state != "draining" {
			all += n
		}
	}
	healthy := states["healthy"]
	switch {
	case all == 0:
		return gate.Bad, "the target group has no targets"
	case healthy*100 < t.Healthy*all:
		return gate.Bad, fmt.Sprintf("%d of %d targets are healthy, %d %% are wanted (%s)", healthy, all, t.Healthy, words(states))
	}
	return gate.Good, fmt.Sprintf("%d of %d targets are healthy", healthy, all)
}

// Exists implements gate.Exists.
func (t Targets) Exists(ctx context.Context) (missing string, err error) {
	ctx, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	_, err = t.Groups.Health(ctx, t.cell(), t.ARN)
	if fault.KindOf(err) == fault.NotFound && err != nil {
		return "there is no target group " + t.ARN, nil
	}
	return "", err
}

// cell is where the group is, as its ARN says:
// arn:PARTITION:elasticloadbalancing:REGION:ACCOUNT:targetgroup/NAME/ID.
func (t Targets) cell() gate.Cell {
	p := strings.SplitN(t.ARN, ":", 6)
	if len(p) != 6 {
		return gate.Cell{}
	}
	return gate.Cell{Account: p[4], Region: p[3]}
}

func words(states map[string]int) string {
	var out []string
	for _, s := range slices.Sorted(maps.Keys(states)) {
		out = append(out, fmt.Sprintf("%d %s", states[s], s))
	}
	return strings.Join(out, ", ")
}
