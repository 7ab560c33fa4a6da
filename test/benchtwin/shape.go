package main

import (
	"encoding/json"
	"fmt"

	"github.com/goldenami/rehydrate/internal/twin/worldfile"
)

// shape is how large a world is.
type shape struct{ accounts, regions, groups, instances int }

func (s shape) places() int { return s.accounts * s.regions }
func (s shape) allGroups() int {
	return s.places() * s.groups
}
func (s shape) all() int { return s.allGroups() * s.instances }

func (s shape) String() string {
	return fmt.Sprintf("%d accounts × %d regions × %d groups × %d instances (%d instances, %d groups)",
		s.accounts, s.regions, s.groups, s.instances, s.all(), s.allGroups())
}

func (s shape) account(k int) string { return fmt.Sprintf("1000000%05d", k+1) }
func (s shape) region(k int) string {
	return []string{"eu-west-1", "eu-central-1", "us-east-1", "us-west-2"}[k]
}
func group(k int) string { return fmt.Sprintf("web-%02d", k) }

const template = "web"

// minimum is a group's minimum size: a tenth below its desired capacity.
func (s shape) minimum() int { return (s.instances*9 + 9) / 10 }

type object = map[string]any

// file is the world as a world file, read as one.
func (s shape) file() (*worldfile.File, error) {
	var images, templates, groups []object
	for r := range s.regions {
		for _, v := range []string{"old", "new"} {
			images = append(images, object{
				"account": s.account(0), "region": s.region(r), "key": v + "-" + s.region(r), "name": "web-" + v, "public": true,
				"modelled": object{"os": "DEBIAN", "product": "Debian12", "arch": "amd64", "installed": []object{}},
			})
		}
	}
	for a := range s.accounts {
		for r := range s.regions {
			at := func(o object) object { o["account"], o["region"] = s.account(a), s.region(r); return o }
			templates = append(templates, at(object{"name": template, "image": "old-" + s.region(r), "type": "m5.large", "instanceTags": object{"app": "web", "Patch Group": "prod"}}))
			for g := range s.groups {
				groups = append(groups, at(object{"name": group(g), "template": template, "min": s.minimum(), "max": 2 * s.instances,
					"desired": s.instances, "tags": object{"ring": "prod", "Name": group(g)}, "warmup": "60s"}))
			}
		}
	}
	text, err := json.Marshal(object{"account": s.account(0), "region": s.region(0), "images": images, "templates": templates, "groups": groups})
	if err != nil {
		return nil, err
	}
	return worldfile.Parse(text, "/", nil)
}
