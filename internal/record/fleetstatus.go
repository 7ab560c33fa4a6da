package record

import "time"

// FleetStatusSchema is the version of FleetStatus.
const FleetStatusSchema = 1

// FleetStatus says how old the images are that fleets run.
type FleetStatus struct {
	Schema  int         `json:"schema"`
	At      time.Time   `json:"at"`
	Account string      `json:"account,omitempty"` // of the session
	Region  string      `json:"region,omitempty"`
	Fleets  []FleetAges `json:"fleets"`
	// Unknown is what could not be read, and why.
	Unknown  []string `json:"unknown,omitempty"`
	Modelled []string `json:"modelled,omitempty"`
}

// FleetAges is one fleet.
type FleetAges struct {
	Fleet     string     `json:"fleet"`
	Line      string     `json:"line"`
	Ring      string     `json:"ring"`
	Groups    int        `json:"groups"`
	Instances int        `json:"instances"`
	Images    []ImageUse `json:"images,omitempty"` // oldest first; those of unknown age last
	Current   int        `json:"current"`          // instances on the image that the channel holds
	Stale     int        `json:"stale"`            // on another one, or on one that was withdrawn
	// Withdrawn are instances that are neither current nor stale: a roll took back what their
	// channel holds, nothing preceded it there, and they run something else.
	Withdrawn int `json:"withdrawn,omitempty"`
	Revoked   int `json:"revoked"`
	// Undetermined are instances of which it is not known whether they are current, because
	// the channel or the instance could not be read.
	Undetermined int `json:"undetermined,omitempty"`
	// Unread are the accounts' Regions whose groups could not be read: what runs there is
	// not counted.
	Unread []string `json:"unread,omitempty"`
	// Unknown are instances whose image's age is not known; they are not young.
	Unknown int `json:"unknown"`
	// Ages of instances' images in days; meaningful where Unknown is less than Instances.
	Median float64     `json:"medianDays"`
	P95    float64     `json:"p95Days"`
	Oldest float64     `json:"oldestDays"`
	Spread []AgeBucket `json:"spread,omitempty"`
	// SupersededSince is the earliest time at which an image that runs here was replaced
	// in the channel; zero: none was, as far as the channel's history goes back.
	SupersededSince time.Time  `json:"supersededSince,omitzero"`
	Deadlines       []Deadline `json:"deadlines,omitempty"`
}

// ImageUse is one image that a fleet runs.
type ImageUse struct {
	Image           string    `json:"image"`
	Account         string    `json:"account,omitempty"`
	Region          string    `json:"region,omitempty"`
	Instances       int       `json:"instances"`
	CreatedAt       time.Time `json:"createdAt,omitzero"` // zero: unknown
	State           string    `json:"state,omitempty"`    // empty: gone, or not shared any more; unknown: it could not be read
	Current         bool      `json:"current,omitempty"`
	Revoked         bool      `json:"revoked,omitempty"`
	SupersededSince time.Time `json:"supersededSince,omitzero"`
}

// AgeBucket counts instances by the age of their image, from Days up to the next
// bucket's.
type AgeBucket struct {
	Days      int `json:"days"`
	Instances int `json:"instances"`
}

// Deadline is an age that no image should pass.
type Deadline struct {
	Days   int `json:"days"`
	Passed int `json:"passed"` // instances whose image is older, or of unknown age
	// Next is when the next instance passes it if nothing moves; zero: none is left to.
	Next time.Time `json:"next,omitzero"`
	// All is when the last one passes it if nothing moves.
	All time.Time `json:"all,omitzero"`
	// Within are instances that pass it within the next seven days if nothing moves.
	Within int `json:"withinWeek"`
}
