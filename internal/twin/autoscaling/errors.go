package autoscaling

import (
	"errors"

	"github.com/goldenami/rehydrate/internal/twin/wire"
)

// Error codes on the wire have no Fault suffix (facts of the service model:
// InstanceRefreshInProgress, ResourceContention, ...).

func invalid(format string, args ...any) error {
	return wire.Errorf("ValidationError", format, args...)
}

func noGroup(name string) error {
	return invalid("AutoScalingGroup name not found - AutoScalingGroup '%s' not found", name)
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

// Contention is the error that a fault plan answers with when it wants a retry:
// ResourceContention is HTTP 500 in the service model, so the SDK tries again.
func Contention() error {
	return &wire.Error{Code: "ResourceContention", Message: "You already have a pending update to an Auto Scaling resource.", Status: 500}
}
