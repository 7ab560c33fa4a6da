package rollout

import (
	"context"
	"errors"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
)

// errGone is that the group was deleted, or is being: AWS ends its instances and its
// refresh then.
var errGone = errors.New("the Auto Scaling group was deleted")

// orGone ends the unit of a group that was deleted, however that showed. Before anything
// was touched it is a plan that does not hold any more; in the middle nothing is left to
// wait for, and of a way back nothing is left to do. Any other error stays as it is.
func (m *groupMover) orGone(ctx context.Context, st *groupState, err error) (unit.Next, error) {
	if ctx.Err() != nil || fault.KindOf(err) == fault.Throttled {
		return unit.Next{}, err
	}
	if !errors.Is(err, errGone) {
		if _, look := m.group(ctx); !errors.Is(look, errGone) {
			return unit.Next{}, err
		}
	}
	if !st.Touched && !st.Back {
		return unit.Next{}, fault.New(fault.Conflict, "plan again", "roll group %s: since the plan it was deleted", m.name())
	}
	st.Runs = ""
	st.Result.Instances, st.Result.OnImage, st.Result.Of, st.Result.Mixed = nil, 0, 0, nil
	if st.Back {
		return m.end(st, Gone, "it was deleted: nothing of it is left to go back"), nil
	}
	return m.end(st, Gone, "it was deleted in the middle of its roll"), nil
}
