package spread

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/unit"
)

// grantState is a GrantUnit's whole memory: how many of the grants stand.
type grantState struct {
	Stand int `json:"stand"`
}

// GrantUnit makes the plan's grants, one at a time. They stay, whatever becomes of the
// rest: they belong to the accounts, not to one image.
func (s *Stage) GrantUnit(grants []GrantPlan) unit.Unit {
	return unit.Func("spread.grants", granter{s, grants}.advance)
}

// GrantResult reads the unit's state.
func GrantResult(grants []GrantPlan, raw json.RawMessage) ([]record.Granted, error) {
	var st grantState
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &st); err != nil {
			return nil, fmt.Errorf("read the state of the grants: %w", err)
		}
	}
	var out []record.Granted
	for _, g := range grants[:min(st.Stand, len(grants))] {
		out = append(out, record.Granted{Key: g.Key, Grantee: g.Grant.Grantee, Name: g.Grant.Name})
	}
	return out, nil
}

type granter struct {
	*Stage
	grants []GrantPlan
}

func (u granter) advance(ctx context.Context, st *grantState) (unit.Next, error) {
	if st.Stand >= len(u.grants) {
		return unit.Done(), nil
	}
	g := u.grants[st.Stand]
	ports, err := u.open(ctx, g.In)
	if err != nil {
		return unit.Next{}, err
	}
	have, err := ports.Keys.Grants(ctx, g.Key, g.Grant.Grantee)
	if err != nil {
		return unit.Next{}, fmt.Errorf("list the grants of key %s to %s: %w", g.Key, g.Grant.Grantee, err)
	}
	st.Stand++
	if slices.ContainsFunc(have, func(h Grant) bool { return h.Name == g.Grant.Name && len(less(g.Grant.Operations, h.Operations)) == 0 }) {
		return unit.Again(0), nil
	}
	if err := ports.Keys.Grant(ctx, g.Key, g.Grant); err != nil {
		return unit.Next{}, fmt.Errorf("let %s use key %s: %w", g.Grant.Grantee, g.Key, err)
	}
	u.say(event.Changed, "granted %s the use of key %s", g.Grant.Grantee, g.Key)
	return unit.Again(0), nil
}

func (s *Stage) say(k event.Kind, format string, args ...any) {
	s.Events.Emit(event.Event{Stage: "publish", Unit: "spread", Kind: k, Text: fmt.Sprintf(format, args...)})
}
