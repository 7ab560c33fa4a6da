package twin

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// check refuses what could not do what it says.
func (r Rule) check() error {
	switch {
	case r.Latency < 0 || r.Stale < 0 || r.Nth < 0 || r.Times < -1:
		return errors.New("latency, stale, nth and times cannot be negative (times may be -1)")
	case !r.Until.IsZero() && !r.Until.After(r.From):
		return errors.New("until is not after from")
	case r.Account != "" && !accountForm.MatchString(r.Account):
		return errors.New("account: an account is twelve digits")
	case r.Region != "" && !wire.IsRegion(r.Region):
		return fmt.Errorf("region: %q is no region", r.Region)
	case r.Fails != "":
		return r.checkFails()
	case r.Where != nil || r.Message != "":
		return errors.New("where and message belong to rules with fails")
	}
	return r.checkCall()
}

// checkNames refuses rules about calls that no service of the handler has: they would
// wait for ever.
func checkNames(h *wire.Handler, rules []Rule) error {
	for i, r := range rules {
		var err error
		switch names := h.Services(); {
		case r.Service != "" && !slices.Contains(names, r.Service):
			slices.Sort(names)
			err = fmt.Errorf("service: there is no %q, but %s", r.Service, strings.Join(names, ", "))
		case r.Operation != "" && !h.Knows(r.Service, r.Operation) && r.Service != "":
			err = fmt.Errorf("operation: %s has no %q", r.Service, r.Operation)
		case r.Operation != "" && !h.Knows(r.Service, r.Operation):
			err = fmt.Errorf("operation: no service has %q", r.Operation)
		}
		if err != nil {
			return fault.As(fmt.Errorf("fault plan: rule %d: %w", i+1, err), fault.Usage, "")
		}
	}
	return nil
}

func (r Rule) checkCall() error {
	plain := r.Error != nil || r.Latency != 0 || r.LostResponse
	switch {
	case !plain && r.Throttle == nil && r.Stale == 0:
		return errors.New("nothing goes wrong: give error, latency, lostResponse, throttle, stale or fails")
	case r.Throttle != nil && (plain || r.Stale != 0) || r.Stale != 0 && (r.Error != nil || r.LostResponse):
		return errors.New("throttle and stale are rules of their own")
	case r.Error != nil && r.Error.Code == "":
		return errors.New("the error has no code")
	case r.Error != nil && r.Error.Status != 0 && (r.Error.Status < 400 || r.Error.Status > 599):
		return fmt.Errorf("%d is no error status", r.Error.Status)
	case r.Throttle != nil && (r.Throttle.Size < 1 || r.Throttle.Refill < 0):
		return errors.New("a throttle has a size from 1 and a refill from 0 tokens a second")
	case r.Throttle != nil && (r.Nth != 0 || r.Times != 0):
		return errors.New("a throttle counts tokens, not calls: nth and times do not apply")
	case r.Stale != 0 && r.Operation != "" && !reads(r.Operation):
		return fmt.Errorf("%s is no read: only reads can be stale", r.Operation)
	case r.Stale != 0 && (r.Service == "s3" || r.Service == "ebs"):
		return fmt.Errorf("%s reads what it last wrote: it is never stale", r.Service)
	case r.Stale > Duration(maxStale):
		return fmt.Errorf("the twin remembers at most %s", maxStale)
	}
	return nil
}

// maxStale bounds how much of its past a world keeps.
const maxStale = time.Hour

// reads says whether an operation only reads, by its name.
func reads(operation string) bool {
	for _, verb := range []string{"Describe", "Get", "List", "Lookup", "Search"} {
		if strings.HasPrefix(operation, verb) {
			return true
		}
	}
	return false
}

// narrows are the fields of Where that a kind knows.
func narrows(kind world.FaultKind) (fields string, known bool) {
	fields, known = map[world.FaultKind]string{
		world.NoCapacity: "type zone", world.PatchFails: "id tag", world.AgentOffline: "id tag", world.HookTimeout: "id name",
		world.CopyFails: "name", world.SpotInterruption: "id type zone tag", world.ZoneLost: "zone",
	}[kind]
	return fields, known
}

// counted says whether each question about a kind is an occasion of its own, so that
// it can be counted. An agent is asked for whenever somebody looks.
func counted(kind world.FaultKind) bool {
	return kind == world.NoCapacity || kind == world.PatchFails || kind == world.HookTimeout || kind == world.CopyFails
}

// comes says whether a kind happens at a time.
func comes(kind world.FaultKind) bool {
	return kind == world.SpotInterruption || kind == world.ZoneLost
}

func (r Rule) checkFails() error {
	fields, known := narrows(r.Fails)
	switch {
	case !known:
		return fmt.Errorf("unknown fails %q: capacity, patch, agent, hook, copy, spot or zone", r.Fails)
	case r.Service != "" || r.Operation != "" || r.Match != "" || r.Error != nil || r.Latency != 0 || r.LostResponse || r.Throttle != nil || r.Stale != 0:
		return errors.New("a rule with fails is about no call: service, operation, match, error, latency, lostResponse, throttle and stale do not apply")
	case !counted(r.Fails) && (r.Nth != 0 || r.Times != 0):
		return fmt.Errorf("%s is not counted: nth and times do not apply", r.Fails)
	case comes(r.Fails) && r.From.IsZero():
		return fmt.Errorf("%s comes at a time: give from", r.Fails)
	case r.Fails == world.SpotInterruption && !r.Until.IsZero():
		return errors.New("an interruption does not end: until does not apply")
	case r.Fails == world.ZoneLost && (r.Where == nil || r.Where.Zone == ""):
		return errors.New("say which zone is lost, as where.zone")
	}
	return r.Where.check(r.Fails, fields)
}

func (w *Where) check(kind world.FaultKind, fields string) error {
	if w == nil {
		return nil
	}
	for name, value := range map[string]string{"id": w.ID, "name": w.Name, "type": w.Type, "zone": w.Zone, "tag": w.Tag} {
		if value != "" && !strings.Contains(" "+fields+" ", " "+name+" ") {
			return fmt.Errorf("where.%s does not apply to %s, which knows %s", name, kind, strings.ReplaceAll(fields, " ", ", "))
		}
	}
	if key, _, ok := strings.Cut(w.Tag, "="); w.Tag != "" && (!ok || key == "") {
		return fmt.Errorf("where.tag is key=value, not %q", w.Tag)
	}
	return nil
}

// hits says whether a subject is meant.
func (w *Where) hits(s world.Subject) bool {
	if w == nil {
		return true
	}
	key, value, _ := strings.Cut(w.Tag, "=")
	have, tagged := s.Tags[key]
	return (w.ID == "" || w.ID == s.ID) && (w.Name == "" || w.Name == s.Name) && (w.Type == "" || w.Type == s.Type) &&
		(w.Zone == "" || w.Zone == s.Zone) && (w.Tag == "" || tagged && have == value)
}
