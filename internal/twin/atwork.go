package twin

import (
	"context"
	"net/http"
	"slices"
)

// atWork names who would miss this twin: the clients that its clock knows, those that
// hold a connection though they have long been silent (a run that waits for its Packer),
// what holds the clock, and whoever has a clock of its own and has just asked.
func (t *Twin) atWork() []string {
	s := t.world.Clock().Status()
	out := slices.Concat(s.Clients, t.presence.connected(), s.Holds)
	if s.Unregistered {
		out = append(out, "a client with a clock of its own")
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// AtWork asks the endpoint of a twin who is at work there. Nobody is when it is idle.
func AtWork(ctx context.Context, endpoint string) ([]string, error) {
	var c clockAnswer
	err := admin(ctx, http.MethodGet, endpoint+"/_twin/clock", &c)
	if c.AtWork == nil {
		return c.Clients, err // a twin of before it told more
	}
	return c.AtWork, err
}
