package autoscaling

import (
	"errors"

	"github.com/goldenami/rehydrate/internal/twin/wire"
)

// Error codes on the wire have no Fault suffix (the service model has
// InstanceRefreshInProgress, ResourceContention, ...).

func invalid(format string, args ...any) error {
	return wire.Errorf("ValidationError", format, args...)
}

func noGroup(name string) error {
	return invalid("AutoScalingGroup name not found - AutoScalingGroup '%s' not found", name)
}

func exceeded(format string, args ...any) error {
	return wire.Errorf("LimitExceeded", format, args...)
}

func unmodelled(what string) error {
	return wire.Errorf("UnsupportedOperation", "the twin does not model %s", what)
}

// message is an AWS error's text without its code.
func message(err error) string {
	var w *wire.Error
	if errors.As(err, &w) {
		return w.Message
	}
	return err.Error()
}
