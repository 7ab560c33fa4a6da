package usage

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is the sort of a use.
type Kind string

// The kinds of uses. Stages add their own.
const (
	Instances Kind = "instance"
	Versions  Kind = "launch-template-version"
	Config    Kind = "launch-configuration"
	Groups    Kind = "group"
	Params    Kind = "parameter"
	Referred  Kind = "reference" // EC2 names it, and we did not see it ourselves
)

// Use is one thing that uses, or names, an image.
type Use struct {
	Kind  Kind   `json:"kind"`
	Cell  Cell   `json:"cell"`
	ID    string `json:"id"`
	Image string `json:"image"`
	Text  string `json:"text"`            // for people, such as "instance i-1 of group web runs it"
	Group string `json:"group,omitempty"` // of an instance: its Auto Scaling group
	// Launches says that a scale-out or a replacement here launches the image.
	Launches bool `json:"launches,omitempty"`
	// Through is the parameter whose newest value names the image; empty: its id, or a
	// fixed version of a parameter, does.
	Through string `json:"through,omitempty"`
	// Version is the launch-template version, of uses of kind Versions and Groups.
	Version *TemplateVersion `json:"version,omitempty"`
	// Ours says that the version was made by us and that no group, no instance refresh
	// and no default leads to it: it may go with its image.
	Ours bool `json:"ours,omitempty"`
}

func (u Use) String() string { return u.Cell.String() + ": " + u.Text }

// Key tells uses apart.
func (u Use) Key() string {
	return strings.Join([]string{string(u.Kind), u.Cell.String(), u.ID, u.Image}, " ")
}

// Sort brings uses into a fixed order, what launches first.
func Sort(uses []Use) {
	slices.SortFunc(uses, func(a, b Use) int {
		if a.Launches != b.Launches {
			if a.Launches {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Key(), b.Key())
	})
}

// Brief is the first few uses in words.
func Brief(uses []Use) string {
	const most = 3
	var out []string
	for _, u := range uses[:min(most, len(uses))] {
		out = append(out, u.String())
	}
	if more := len(uses) - most; more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, "; ")
}
