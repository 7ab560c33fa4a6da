package publish

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/fault"
)

// LabelRevoked marks a version whose image was revoked. A label can stand on one
// version only, so further ones follow it with a hyphen and something of their own.
const LabelRevoked = "revoked"

// TagRevoked is the tag of an image that was revoked.
const TagRevoked = "rehydrate:revoked"

// Revoked says that a version is labelled as one of a revoked image.
func Revoked(p Parameter) bool {
	return slices.ContainsFunc(p.Labels, func(l string) bool { return l == LabelRevoked || strings.HasPrefix(l, LabelRevoked+"-") })
}

// maxVersions is how many versions Parameter Store keeps. At that number the oldest
// goes when another comes; with a label it does not go, and the write fails
// (PutParameter, ParameterMaxVersionLimitExceeded).
const maxVersions = 100

// makeRoom takes our labels from the oldest version where it must go. The labels of
// others are theirs to move.
func makeRoom(ctx context.Context, mv *Move, ports Ports, history []Parameter) (busy bool, err error) {
	if len(history) < maxVersions || len(history[0].Labels) == 0 {
		return false, nil
	}
	if err := full(mv, history); err != nil {
		return false, err
	}
	oldest := history[0]
	if err := ports.Parameters.Unlabel(ctx, mv.Channel, oldest.Version, oldest.Labels...); err != nil {
		return false, fmt.Errorf("take the labels from version %d of %s: %w", oldest.Version, where(mv.Cell, mv.Channel), err)
	}
	return true, nil
}

// full refuses a channel whose oldest version must go and may not.
func full(mv *Move, history []Parameter) error {
	if len(history) < maxVersions {
		return nil
	}
	oldest := history[0]
	foreign := slices.DeleteFunc(slices.Clone(oldest.Labels), ourLabel)
	if len(foreign) == 0 {
		return nil
	}
	region := ""
	if mv.Region != "" {
		region = " --region " + mv.Region
	}
	return fault.New(fault.Conflict, fmt.Sprintf("move the label to another version, or remove it: aws ssm unlabel-parameter-version%s --name %s --parameter-version %d --labels %s",
		region, mv.Channel, oldest.Version, strings.Join(foreign, " ")),
		"write %s: it has %d versions, and its oldest (%d) cannot go because it is labelled %s",
		where(mv.Cell, mv.Channel), len(history), oldest.Version, strings.Join(foreign, ", "))
}

func ourLabel(l string) bool {
	return l == LabelCurrent || l == LabelPrevious || l == LabelRevoked || l == LabelPassed || withdrawnLabel(l) || strings.HasPrefix(l, LabelRevoked+"-")
}

// chore is one thing to mend around a pointer; the zero chore is none. Its key says what
// it is, so that one which was done and does not show yet is waited for.
type chore struct {
	key string
	do  func(context.Context) error
}

// relabel is the label that is not where it belongs.
func relabel(mv *Move, ports Ports, history []Parameter) chore {
	for _, l := range [...]struct {
		label string
		to    int64
	}{{LabelCurrent, last(history).Version}, {LabelPrevious, previous(history).Version}} {
		at := labelled(history, l.label)
		if at == l.to {
			continue
		}
		return chore{fmt.Sprintf("%s %d", l.label, l.to), func(ctx context.Context) (err error) {
			if l.to == 0 {
				err = ports.Parameters.Unlabel(ctx, mv.Channel, at, l.label)
			} else {
				err = ports.Parameters.Label(ctx, mv.Channel, l.to, l.label)
			}
			if err != nil {
				return fmt.Errorf("label version %d of %s as %s: %w", l.to, where(mv.Cell, mv.Channel), l.label, err)
			}
			return nil
		}}
	}
	return chore{}
}

// labelled is the version that has a label, 0 for none.
func labelled(history []Parameter, label string) int64 {
	for _, p := range history {
		if slices.Contains(p.Labels, label) {
			return p.Version
		}
	}
	return 0
}
