// Package rehearse copies a fleet into a twin in this process, rolls the copy in virtual
// time with faults of one's choice, and tells what became of capacity. It reads the
// original and writes nothing to it; all that it tells is modelled.
package rehearse

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
)

// FleetSchema is the version of Fleet's JSON shape.
const FleetSchema = 1

// Fleet is what a rehearsal needs to know of Auto Scaling groups: what their capacity
// depends on. It can be saved and rehearsed elsewhere.
type Fleet struct {
	Schema int       `json:"schema"`
	Source string    `json:"source"` // where it was read, in words
	At     time.Time `json:"at"`
	Groups []Group   `json:"groups"`

	notes []string // of the reading, for the report; not saved
}

// Group is an Auto Scaling group as it was found.
type Group struct {
	Account string `json:"account"`
	Region  string `json:"region"`
	Fleet   string `json:"fleet"` // the configuration's fleet block that it belongs to
	Name    string `json:"name"`
	Min     int    `json:"min"`
	Max     int    `json:"max"`
	Desired int    `json:"desired"`
	// Image is what it launches; empty: it could not be told.
	Image string `json:"image,omitempty"`
	Type  string `json:"type,omitempty"` // of its template; empty: its policy names types
	// Template is the name or id of its launch template, Version the one in use.
	Template  string            `json:"template"`
	Version   string            `json:"version,omitempty"`
	Tags      map[string]string `json:"tags,omitempty"`
	Warmup    Seconds           `json:"warmupSeconds,omitempty"`
	PolicyMin *int              `json:"policyMinHealthy,omitempty"` // percent
	PolicyMax *int              `json:"policyMaxHealthy,omitempty"` // percent
	Mixed     json.RawMessage   `json:"mixed,omitempty"`            // mixed-instances policy
	Suspended []string          `json:"suspended,omitempty"`
	// Instances, Protected and Standby count what was there; the copy begins with
	// Desired instances in service, none of them protected or in standby.
	Instances int `json:"instances"`
	Protected int `json:"protected,omitempty"`
	Standby   int `json:"standby,omitempty"`
	// Refused is why the group can be neither copied nor rolled.
	Refused string `json:"refused,omitempty"`
}

// Seconds is a duration in whole seconds.
type Seconds int

// Bounds of a saved fleet.
const (
	maxFleetFile = 256 << 20
	maxGroups    = 200_000
	maxSize      = 10_000 // instances of a group
	maxInstances = 1_000_000
)

var (
	accountRE = regexp.MustCompile(`^[0-9]{12}$`)
	regionRE  = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]+$`)
	imageRE   = regexp.MustCompile(`^ami-[0-9a-f]{8,17}$`)
)

// IsFleet says whether a file's text is a saved fleet rather than a world file.
func IsFleet(text []byte) bool {
	var f struct {
		Schema *int             `json:"schema"`
		Groups *json.RawMessage `json:"groups"`
		Images *json.RawMessage `json:"images"`
	}
	return json.Unmarshal(text, &f) == nil && f.Schema != nil && f.Groups != nil && f.Images == nil
}

// ParseFleet reads a saved fleet and refuses what could not be rehearsed.
func ParseFleet(text []byte) (*Fleet, error) {
	if len(text) > maxFleetFile {
		return nil, fault.New(fault.Usage, "", "read the fleet: it is larger than %d MB", maxFleetFile>>20)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var f Fleet
	if err := d.Decode(&f); err != nil {
		return nil, fault.New(fault.Usage, "`rehydrate rehearse --save FILE` writes one", "read the fleet: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fault.New(fault.Usage, "", "read the fleet: there is something after it")
	}
	if f.Schema != FleetSchema {
		return nil, fault.New(fault.Usage, "", "read the fleet: its schema is %d; this program reads %d", f.Schema, FleetSchema)
	}
	if err := f.check(); err != nil {
		return nil, fault.New(fault.Usage, "", "read the fleet: %w", err)
	}
	return &f, nil
}

func (f *Fleet) check() error {
	if len(f.Groups) > maxGroups {
		return fmt.Errorf("%d groups are more than %d", len(f.Groups), maxGroups)
	}
	seen, all := map[string]bool{}, 0
	for n, g := range f.Groups {
		at := fmt.Sprintf("groups[%d] (%s)", n, g.Name)
		bad := func(format string, args ...any) error { return fmt.Errorf(at+": "+format, args...) }
		switch {
		case g.Name == "" || len(g.Name) > 255 || strings.ContainsFunc(g.Name, func(r rune) bool { return r < ' ' }):
			return bad("a name of 1 to 255 characters is needed")
		case !accountRE.MatchString(g.Account):
			return bad("account %q is not twelve digits", g.Account)
		case !regionRE.MatchString(g.Region):
			return bad("%q is no region", g.Region)
		case seen[g.where()]:
			return bad("it stands there twice")
		case g.Min < 0 || g.Desired < g.Min || g.Max < g.Desired || g.Max > maxSize:
			return bad("min %d, desired %d and max %d do not ascend within 0 to %d", g.Min, g.Desired, g.Max, maxSize)
		case g.Image != "" && !imageRE.MatchString(g.Image):
			return bad("%q is no image id", g.Image)
		case g.Warmup < 0 || g.Warmup > 3600*48:
			return bad("a warm-up of %d s is not within two days", g.Warmup)
		case (g.PolicyMin == nil) != (g.PolicyMax == nil):
			return bad("policyMinHealthy and policyMaxHealthy come together")
		}
		seen[g.where()] = true
		if all += g.Desired; all > maxInstances {
			return fmt.Errorf("the groups have more than %d instances", maxInstances)
		}
	}
	return nil
}

// where is the group's name in the whole world.
func (g Group) where() string { return g.Account + "/" + g.Region + "/" + g.Name }

// Save is the fleet as ParseFleet reads it.
func (f *Fleet) Save() ([]byte, error) {
	text, err := json.MarshalIndent(f, "", " ")
	return append(text, '\n'), err
}

// Size is how many groups can be rehearsed, and their instances.
func (f *Fleet) Size() (groups, instances int) {
	for _, g := range f.Groups {
		if g.Refused == "" {
			groups++
			instances += g.Desired
		}
	}
	return groups, instances
}
