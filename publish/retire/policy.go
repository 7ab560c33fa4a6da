package retire

import (
	"fmt"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
)

// Policy says what becomes of images with age. Ages count from the image's creation;
// 0 leaves a stage out.
type Policy struct {
	// Keep is how many of the newest good images of each architecture stay in each
	// cell, whatever their age. An image and its copy beside it, of one run, are one.
	Keep            int           `json:"keep"`
	DeprecateAfter  time.Duration `json:"deprecateAfter,omitempty"`
	DisableAfter    time.Duration `json:"disableAfter,omitempty"`
	DeregisterAfter time.Duration `json:"deregisterAfter,omitempty"`
	// RollbackDepth is how many images before the current one stay for each channel
	// and each group.
	RollbackDepth int `json:"rollbackDepth"`
}

// Check refuses a policy that contradicts itself.
func (p Policy) Check() error {
	no := func(format string, args ...any) error {
		return fault.New(fault.Usage, "see docs/revoke-retire.md", "retire: "+format, args...)
	}
	switch {
	case p.Keep < 1:
		return no("keep is %d; at least one image stays", p.Keep)
	case p.RollbackDepth < 1:
		return no("rollback_depth is %d; without one image to go back to there is no rollback", p.RollbackDepth)
	case p.DeprecateAfter < 0 || p.DisableAfter < 0 || p.DeregisterAfter < 0:
		return no("an age is negative")
	case p.DisableAfter > 0 && p.DeprecateAfter > p.DisableAfter:
		return no("deprecate_after (%s) comes after disable_after (%s)", Days(p.DeprecateAfter), Days(p.DisableAfter))
	case p.DeregisterAfter > 0 && max(p.DeprecateAfter, p.DisableAfter) > p.DeregisterAfter:
		return no("deregister_after (%s) comes before another stage", Days(p.DeregisterAfter))
	}
	return nil
}

// Disabled is how long an image is disabled before it is deregistered: time for
// whoever misses it to say so.
func (p Policy) Disabled() time.Duration {
	if p.DisableAfter == 0 {
		return 0
	}
	return p.DeregisterAfter - p.DisableAfter
}

// Days is a duration in whole days where it is that long.
func Days(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= day && d < 2*day:
		return "1 day"
	case d >= day:
		return fmt.Sprintf("%d days", d/day)
	}
	return d.Round(time.Minute).String()
}
