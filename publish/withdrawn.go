package publish

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
)

// LabelWithdrawn begins the labels of versions that a roll took back when nothing
// preceded them: a parameter cannot point to nothing, so the image stays where it is and
// is known to be bad. A label stands on one version only; each carries its number.
const LabelWithdrawn = "withdrawn"

// Withdrawn says that a version is labelled as taken back with nothing before it.
func Withdrawn(p Parameter) bool { return slices.ContainsFunc(p.Labels, withdrawnLabel) }

func withdrawnLabel(l string) bool { return strings.HasPrefix(l, LabelWithdrawn+"-") }

// withdrawnFrom is the newest version that holds the image and was withdrawn; the zero
// Parameter is none.
func withdrawnFrom(history []Parameter, image string) Parameter {
	for _, v := range slices.Backward(history) {
		if v.Value == image && Withdrawn(v) {
			return v
		}
	}
	return Parameter{}
}

// Withheld is why the image must not be published to the channel, or rolled from it,
// without somebody asking for it: a rollback took it back, or a roll did when nothing
// preceded it. Nil: nothing speaks against it. The error is of kind Conflict.
func (s *Stage) Withheld(ctx context.Context, at Place, image string) error {
	ports, history, err := s.read(ctx, at.Cell, at.Channel)
	if err != nil {
		return err
	}
	return stays(ctx, ports, &Move{Cell: at.Cell, Channel: at.Channel, Image: image}, history, history)
}

// remembered says that the envelope beside a channel that was deleted withdraws the image.
func remembered(ctx context.Context, ports Ports, mv *Move) (bool, error) {
	p, err := ports.Parameters.Get(ctx, EnvelopeName(mv.Channel))
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %s: %w", where(mv.Cell, EnvelopeName(mv.Channel)), err)
	}
	var d EnvelopeDocument
	return json.Unmarshal([]byte(p.Value), &d) == nil && d.Withdrawn && d.Image == mv.Image, nil
}

// Taken is an image that was taken back, and the channel that still holds it.
type Taken struct {
	Place
	Image string `json:"image"`
}

// WithdrawUnit labels the versions of channels that hold an image which was taken back
// with nothing before it, and says so in the envelopes beside them, so that the next run
// does not roll it again. A channel that holds another image by now is left alone.
func (s *Stage) WithdrawUnit(all []Taken) unit.Unit {
	return unit.Func("publish.withdrawn", func(ctx context.Context, st *struct {
		At int `json:"at"`
	}) (unit.Next, error) {
		if st.At >= len(all) {
			return unit.Done(), nil
		}
		done, err := s.withdraw(ctx, all[st.At])
		if err != nil {
			return unit.Next{}, err
		}
		if done {
			st.At++
		}
		return unit.Again(0), nil
	})
}

// withdraw does the next thing that is to be done about a channel.
func (s *Stage) withdraw(ctx context.Context, t Taken) (done bool, err error) {
	ports, history, err := s.read(ctx, t.Cell, t.Channel)
	if err != nil {
		return false, err
	}
	now := last(history)
	if now.Value != t.Image {
		return true, nil
	}
	mv := &Move{Cell: t.Cell, Channel: t.Channel}
	if !Withdrawn(now) {
		room := now.Labels
		if len(room) >= maxLabels { // the roll failed: it did not pass
			room = slices.DeleteFunc(slices.Clone(room), func(l string) bool { return l != LabelPassed })
			if len(room) == 0 {
				return false, fault.New(fault.Conflict, "take one away: aws ssm unlabel-parameter-version",
					"label version %d of %s as %s: it has %d labels already", now.Version, t.Place, LabelWithdrawn, maxLabels)
			}
			return false, ports.Parameters.Unlabel(ctx, t.Channel, now.Version, room...)
		}
		label := fmt.Sprintf("%s-%d", LabelWithdrawn, now.Version)
		if err := ports.Parameters.Label(ctx, t.Channel, now.Version, label); err != nil {
			return false, fmt.Errorf("label version %d of %s as %s: %w", now.Version, t.Place, label, err)
		}
		s.Events.Emit(event.Event{Stage: "publish", Unit: "publish", Kind: event.Changed,
			Text: fmt.Sprintf("labelled version %d of %s (%s) as %s", now.Version, t.Place, t.Image, LabelWithdrawn)})
		return false, nil
	}
	todo, err := seal(ctx, mv, ports, now)
	if err != nil || todo.do == nil {
		return err == nil, err
	}
	return true, todo.do(ctx)
}

// maxLabels is how many labels a version can have.
const maxLabels = 10

// restore takes the labels from the versions of an image that somebody wants to stand
// after all.
func restore(mv *Move, ports Ports, history []Parameter) chore {
	for _, v := range history {
		if !mv.Restore || v.Value != mv.Image || !Withdrawn(v) {
			continue
		}
		return chore{fmt.Sprintf("restore %d", v.Version), func(ctx context.Context) error {
			labels := slices.DeleteFunc(slices.Clone(v.Labels), func(l string) bool { return !withdrawnLabel(l) })
			if err := ports.Parameters.Unlabel(ctx, mv.Channel, v.Version, labels...); err != nil {
				return fmt.Errorf("take the label %s from version %d of %s: %w", LabelWithdrawn, v.Version, where(mv.Cell, mv.Channel), err)
			}
			return nil
		}}
	}
	return chore{}
}
