package record

import "time"

// The outcomes of a drift sample besides Unknown.
const (
	DriftNone  = "none"  // every package of the lock is there at the locked version
	DriftFound = "found" // some are not
)

// Drift is what one instance of a group that has rolled differs from the lock of its
// image in.
type Drift struct {
	Instance string    `json:"instance,omitempty"`
	Outcome  string    `json:"outcome"` // none, found or unknown
	Text     string    `json:"text,omitempty"`
	Packages []Change  `json:"packages,omitempty"` // From: the lock's version, To: the instance's; at most 100
	At       time.Time `json:"at,omitzero"`
}
