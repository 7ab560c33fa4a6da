package rollout

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/internal/wait"
)

// Order is what the andon says.
type Order string

// The orders (docs/roll.md says what each does).
const (
	Run      Order = "run"       // go on
	Pause    Order = "pause"     // nothing begins; what runs holds at its next checkpoint
	PauseNow Order = "pause-now" // what runs is cancelled where it is, and held
	Cancel   Order = "cancel"    // what is ours is cancelled, and the roll ends
	Rollback Order = "rollback"  // everything this roll has moved goes back
)

// Orders are all orders, gentlest first.
var orders = []Order{Run, Pause, PauseNow, Cancel, Rollback}

const (
	// AndonEvery is how often the andon is looked at while anything moves: often enough
	// that 30 s never pass between two looks, also when one is slow.
	andonEvery = 20 * time.Second
	// andonPatience is how long looks may fail before nothing begins any more.
	andonPatience = 2 * time.Minute
	// andonText is the most of the text behind an order that is kept and shown.
	andonText = 200
)

// Held is the approval for which a group waits while the andon says pause.
const Held = "the andon to say run (rehydrate roll resume)"

// Switch is where the andon's order is kept: one parameter.
type Switch interface {
	// Read is its text; "" when there is no such parameter.
	Read(ctx context.Context) (string, error)
	// Write sets it.
	Write(ctx context.Context, text string) error
	// Name is shown to people.
	Name() string
}

// ParseOrder reads an order's text: the first word is the order, the rest is who and
// why. Nothing at all is Run. A word that is none of the orders is an error, and Pause:
// what is not understood is not "go on".
func ParseOrder(text string) (Order, string, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Run, "", nil
	}
	word, rest, _ := strings.Cut(text, " ")
	if first, more, ok := strings.Cut(word, "\n"); ok {
		word, rest = first, more+" "+rest
	}
	rest = plain(rest)
	if r := []rune(rest); len(r) > andonText {
		rest = string(r[:andonText])
	}
	o := Order(strings.ToLower(strings.TrimRight(word, ":,.")))
	if slices.Contains(orders, o) {
		return o, rest, nil
	}
	return Pause, rest, fault.New(fault.Usage, "write one of run, pause, pause-now, cancel and rollback", "the andon says %q, which is no order", clip(word))
}

// plain is one line of text without what a terminal would obey: whoever may write the
// parameter does not write to the screens and logs of those who read it.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	return strings.Join(strings.Fields(s), " ")
}

func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// Format is an order's text.
func (o Order) Format(who, why string) string {
	text := string(o)
	if who != "" {
		text += " by " + who
	}
	if why != "" {
		text += ": " + why
	}
	return text
}

// ending is what ends the wait for which an order asks, as the end of a sentence.
func (o Order) ending() string {
	if o != Pause && o != PauseNow {
		return ""
	}
	return "; what it holds goes on after `rehydrate roll resume`, and --max-wait ends the wait with exit code 15"
}

// Andon is the stop switch as one process sees it. The zero Switch, or a nil Andon,
// always says Run.
type Andon struct {
	Switch Switch
	Clock  wait.Clock
	Events event.Sink

	mu    sync.Mutex
	order Order
	says  string    // who and why
	odd   string    // a word that was no order
	read  bool      // a look has succeeded
	fails time.Time // since when looks fail; zero: the last one did not
	told  bool      // that they do
}

// Look reads the switch. changed says that the order is another one than before. The
// only errors are of a first look that the role may not make: whoever may not see
// the andon does not begin.
func (a *Andon) Look(ctx context.Context) (changed bool, err error) {
	if a == nil || a.Switch == nil {
		return false, nil
	}
	text, err := a.Switch.Read(ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.Clock.Now()
	if err != nil {
		return false, a.failed(now, err)
	}
	o, says, odd := ParseOrder(text)
	if odd != nil && odd.Error() != a.odd {
		a.say(event.Warned, "%s: %s; taken for pause", a.Switch.Name(), odd)
	}
	a.odd = ""
	if odd != nil {
		a.odd = odd.Error()
	}
	if a.told {
		a.say(event.Found, "the andon %s can be read again", a.Switch.Name())
	}
	changed = a.read && o != a.order || !a.read && o != Run
	if changed {
		kind := event.Warned
		if o == Run {
			kind = event.Found
		}
		a.say(kind, "the andon says %s%s", strings.TrimSpace(string(o)+" "+says), o.ending())
	}
	a.order, a.says, a.read, a.fails, a.told = o, says, true, time.Time{}, false
	return changed, nil
}

func (a *Andon) failed(now time.Time, err error) error {
	if a.fails.IsZero() {
		a.fails = now
	}
	if !a.read && (fault.KindOf(err) == fault.Denied || fault.KindOf(err) == fault.Usage) {
		return fmt.Errorf("read the andon %s: %w", a.Switch.Name(), err)
	}
	if !a.told && now.Sub(a.fails) >= andonPatience {
		a.told = true
		a.say(event.Warned, "the andon %s cannot be read since %s: no new group begins until it can (%s)",
			a.Switch.Name(), a.fails.UTC().Format(time.RFC3339), err)
	}
	return nil
}

func (a *Andon) say(k event.Kind, format string, args ...any) {
	if a.Events != nil {
		a.Events.Emit(event.Event{Stage: "roll", Unit: "roll", Kind: k, Text: fmt.Sprintf(format, args...)})
	}
}

// Order is what the last successful look saw. Before one it is Pause.
func (a *Andon) Order() Order {
	if a == nil || a.Switch == nil {
		return Run
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.read {
		return Pause
	}
	return a.order
}

// Says is who pulled it and why, in their words.
func (a *Andon) Says() string {
	if a == nil {
		return ""
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.says
}

// leave is whether a group may begin to roll forward.
func (a *Andon) leave() unit.Leave {
	switch a.Order() {
	case Run:
		if a.blind() {
			return unit.Hold
		}
		return unit.Go
	case Cancel, Rollback:
		return unit.Stop
	}
	return unit.Hold
}

// leaveBack is whether a group may begin to go back.
func (a *Andon) leaveBack() unit.Leave {
	switch a.Order() {
	case Run, Rollback:
		if a.blind() {
			return unit.Hold
		}
		return unit.Go
	case Cancel:
		return unit.Stop
	}
	return unit.Hold
}

// blind says that looks have failed for long: unknown is not "go on".
func (a *Andon) blind() bool {
	if a == nil || a.Switch == nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.fails.IsZero() && a.Clock.Now().Sub(a.fails) >= andonPatience
}
