// Package replica is a twin in this process that holds a copy of fleets: what their
// capacity depends on, and nothing of what they do. Networks, disks, user data and
// permissions are not copied, so that nothing of the original is needed to launch.
package replica

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/worldfile"
)

// Group is an Auto Scaling group to copy.
type Group struct {
	Account, Region, Name string
	Min, Max, Desired     int
	Template              string // its name in the copy, one a cell
	Image, Type           string // what its template launches
	Tags                  map[string]string
	Warmup                time.Duration
	PolicyMin, PolicyMax  *int            // instance maintenance policy, in percent
	Mixed                 json.RawMessage // mixed-instances policy without its template; nil: none
}

// Image is an image of a Region, which all accounts may launch.
type Image struct{ Account, Region, ID, Arch string }

// file is the world of the copy.
func file(groups []Group, images []Image) (*worldfile.File, error) {
	f := &worldfile.File{}
	cells := map[worldfile.Place]bool{}
	for _, i := range images {
		at := worldfile.Place{Account: i.Account, Region: i.Region}
		f.Images = append(f.Images, worldfile.Image{Place: at, Key: i.ID, ID: i.ID, Public: true, Name: "copy of " + i.ID,
			Architecture: i.Arch, Modelled: &backing.ModelledImage{OS: "DEBIAN", Product: "Debian12", Arch: "amd64"}})
	}
	seen := map[string]bool{}
	for _, g := range groups {
		at := worldfile.Place{Account: g.Account, Region: g.Region}
		if !cells[at] {
			cells[at] = true
			f.Accounts = append(f.Accounts, worldfile.Account{ID: g.Account, Regions: []string{g.Region}})
			if f.Account == "" {
				f.Account, f.Region = g.Account, g.Region
			}
		}
		key := g.Account + "/" + g.Region + "/" + g.Template
		if !seen[key] {
			seen[key] = true
			kind := g.Type
			if kind == "" {
				kind = "m5.large" // a mixed-instances policy names its types itself
			}
			f.Templates = append(f.Templates, worldfile.Template{Place: at, Name: g.Template, Image: g.Image, Type: kind,
				Data: &types.RequestLaunchTemplateData{InstanceType: types.InstanceType(kind)}})
		}
		w, err := g.group(at)
		if err != nil {
			return nil, err
		}
		f.Groups = append(f.Groups, w)
	}
	return f, nil
}

func (g Group) group(at worldfile.Place) (worldfile.Group, error) {
	w := worldfile.Group{Place: at, Name: g.Name, Template: g.Template, Min: size(g.Min), Max: size(g.Max), Desired: size(g.Desired),
		Tags: map[string]string{}, Warmup: worldfile.Duration(g.Warmup), MinHealthy: percent(g.PolicyMin), MaxHealthy: percent(g.PolicyMax)}
	for k, v := range g.Tags {
		if !strings.HasPrefix(strings.ToLower(k), "aws:") { // AWS's own, which nobody may set
			w.Tags[k] = v
		}
	}
	if len(g.Mixed) == 0 {
		return w, nil
	}
	w.Mixed = &asgtypes.MixedInstancesPolicy{}
	if err := json.Unmarshal(g.Mixed, w.Mixed); err != nil {
		return w, fmt.Errorf("copy group %s: read its mixed-instances policy: %w", g.Name, err)
	}
	if w.Mixed.LaunchTemplate != nil {
		w.Mixed.LaunchTemplate.LaunchTemplateSpecification = nil
		w.Mixed.LaunchTemplate.Overrides = slices.Clone(w.Mixed.LaunchTemplate.Overrides)
	}
	return w, nil
}

func size(n int) int32 { return int32(min(max(n, 0), 1<<20)) } //nolint:gosec // within bounds

func percent(p *int) *int32 {
	if p == nil {
		return nil
	}
	return aws.Int32(size(*p))
}
