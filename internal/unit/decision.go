package unit

import (
	"context"
	"time"
)

// Decision is a person's answer to Next.Approval.
type Decision struct {
	// Approval is what was asked.
	Approval string    `json:"approval"`
	Approved bool      `json:"approved"` // false: refused
	By       string    `json:"by"`       // the name that was given
	Comment  string    `json:"comment,omitempty"`
	At       time.Time `json:"at"`   // on the run's clock
	Wall     time.Time `json:"wall"` // on the wall
}

type decisionKey struct{}

// Decided gives the next Advance the answer to what the unit asked for. Executors call
// it.
func Decided(ctx context.Context, d Decision) context.Context {
	return context.WithValue(ctx, decisionKey{}, d)
}

// DecisionOf is the answer to what this unit asked for in its last Next. Without one
// the unit asks again: an Advance alone approves nothing.
func DecisionOf(ctx context.Context) (Decision, bool) {
	d, ok := ctx.Value(decisionKey{}).(Decision)
	return d, ok
}

// Words is the decision as the end of a sentence.
func (d Decision) Words() string {
	what := "refused"
	if d.Approved {
		what = "approved"
	}
	what += " by " + d.By + " at " + d.Wall.UTC().Format(time.RFC3339)
	if d.Comment != "" {
		what += " (" + d.Comment + ")"
	}
	return what
}
