package replica

import (
	"time"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Kind is what sort of change an Event is.
type Kind int

// The kinds.
const (
	Capacity Kind = iota // of a group
	Came                 // an instance of a group runs
	Went                 // an instance of a group that ran is being ended
	Refresh              // a refresh has another status
	Called               // a request was answered
)

// Event is a change in the copy that a rehearsal looks at.
type Event struct {
	Kind                   Kind
	At                     time.Time
	Account, Region, Group string

	Image                          string // of Came and Went
	Desired, Min, InService, Floor int    // of Capacity; Floor is what a refresh keeps
	Status, Reason                 string // of Refresh
	Op                             string // of Called: service:Operation
	Error                          string // of Called: the code that was answered; empty: none
}

// Watch calls f with every event from now on. Changes come in their order and under the
// copy's lock, requests beside them: f guards itself, and calls back through After only.
func (r *Replica) Watch(f func(Event)) {
	owner := map[string]string{} // group by instance
	fresh := map[string]bool{}   // instances that have not run yet
	r.World().Watch(func(tx *world.Tx, e world.Event) {
		out := Event{At: e.Time, Account: e.Account, Region: e.Region}
		text := func(key string) string { s, _ := e.Data[key].(string); return s }
		number := func(key string) int { n, _ := e.Data[key].(int); return n }
		out.Group = text("group")
		switch e.Kind {
		case "group.capacity":
			out.Kind, out.Desired, out.Min, out.InService, out.Floor = Capacity, number("desired"), number("min"), number("inService"), number("floor")
		case "refresh.status":
			out.Kind, out.Status, out.Reason = Refresh, text("status"), text("reason")
		case "ec2.instance.state":
			id, state := text("instance"), text("state")
			group, known := owner[id]
			if !known {
				if i, ok := r.compute.InstanceByID(tx, id); ok {
					group = i.Tags["aws:autoscaling:groupName"]
				}
			}
			switch out.Group, out.Image = group, text("image"); {
			case group == "":
				return
			case state == "pending":
				fresh[id] = true
				return
			case state == "running":
				out.Kind, owner[id] = Came, group
				delete(fresh, id)
			case state == "shutting-down" && fresh[id]:
				delete(fresh, id)
				return
			case state == "shutting-down":
				out.Kind = Went
				delete(owner, id)
			default:
				return
			}
		default:
			return
		}
		f(out)
	})
	r.World().OnEvent(func(e world.Event) {
		if e.Kind != "call" {
			return
		}
		service, _ := e.Data["service"].(string)
		op, _ := e.Data["op"].(string)
		code, _ := e.Data["error"].(string)
		f(Event{Kind: Called, At: e.Time, Account: e.Account, Region: e.Region, Op: service + ":" + op, Error: code})
	})
}
