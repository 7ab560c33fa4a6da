package rollout

import "encoding/json"

// budget counts the groups of a ring that did not end done.
type budget struct {
	limits Limits
	failed int
	frozen bool
}

func (b *budget) ended(state json.RawMessage) error {
	r, err := GroupResult(state)
	if err != nil {
		return err
	}
	if r.Outcome != Done && r.Outcome != NothingToDo {
		b.failed++
	}
	b.frozen = b.frozen || r.Frozen
	return nil
}

// spent says that no further group may begin.
func (b *budget) spent() bool { return b.frozen || b.failed > b.limits.MaxFailures }
