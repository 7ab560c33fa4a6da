package dpkg

import (
	"errors"
	"fmt"
	"time"
)

// validity judges the age of the index of s. Without a limit an index past its
// Valid-Until is remarked on: apt checks that date when it downloads lists and goes
// on using them afterwards, and an archive that is read again as evidence is always
// past it. Whoever sets a limit wants fresh lists: then it is an error, unless the
// root's apt was told not to check, and so is an index that has no date.
func (r *release) validity(s Source, now time.Time, maxAge time.Duration) (remark string, err error) {
	expired := !r.until.IsZero() && now.After(r.until)
	switch {
	case maxAge > 0 && r.date.IsZero():
		return "", errors.New("its index has no date, so nobody can say how old it is")
	case maxAge > 0 && now.Sub(r.date) > maxAge:
		return "", fmt.Errorf("its index is of %s, older than %s: run apt-get update", r.date.Format(time.RFC3339), maxAge)
	case r.date.After(now.Add(dayAhead)):
		return fmt.Sprintf("its index is dated in the future, %s", r.date.Format(time.RFC3339)), nil
	case !expired:
		return "", nil
	case maxAge > 0 && !s.KeepExpired:
		return "", fmt.Errorf("its index was valid until %s only: run apt-get update", r.until.Format(time.RFC3339))
	}
	return fmt.Sprintf("its index was valid until %s only", r.until.Format(time.RFC3339)), nil
}

// dayAhead is how far an archive's clock may be ahead without a remark.
const dayAhead = 24 * time.Hour
