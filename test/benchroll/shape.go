package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/goldenami/rehydrate/internal/config"
)

// shape is how large the fleet is.
type shape struct{ Accounts, Regions, Groups, Instances int }

func (s shape) groups() int { return s.Accounts * s.Regions * s.Groups }
func (s shape) all() int    { return s.groups() * s.Instances }

func (s shape) String() string {
	return fmt.Sprintf("%d accounts × %d regions × %d groups × %d instances (%d instances, %d groups)",
		s.Accounts, s.Regions, s.Groups, s.Instances, s.all(), s.groups())
}

func (s shape) account(k int) string { return fmt.Sprintf("1000000%05d", k+1) }

var regions = []string{"eu-west-1", "eu-central-1", "us-east-1", "us-west-2"}

// image is an image's id in a region; they differ, as copies do.
func image(which string, region int) string {
	return fmt.Sprintf("ami-%s%015d", map[string]string{"old": "00", "new": "11"}[which], region)
}

type object = map[string]any

// write writes the world file and the configuration, and returns their names.
func (s shape) write(dir string) (world, cfg string, err error) {
	w, c := s.world(), s.config()
	text, err := json.Marshal(w)
	if err != nil {
		return "", "", err
	}
	world, cfg = filepath.Join(dir, "world.json"), filepath.Join(dir, "rehydrate.hcl")
	if err := os.WriteFile(world, text, 0o600); err != nil {
		return "", "", err
	}
	return world, cfg, os.WriteFile(cfg, []byte(c), 0o600)
}

func (s shape) world() object {
	var images, templates, groups, accounts []object
	for r := range s.Regions {
		for _, v := range []string{"old", "new"} {
			images = append(images, object{"account": s.account(0), "region": regions[r], "key": v + "-" + regions[r], "id": image(v, r), "name": "web-" + v, "public": true,
				"modelled": object{"os": "DEBIAN", "product": "Debian12", "arch": "amd64", "installed": []object{}}})
		}
	}
	for a := range s.Accounts {
		accounts = append(accounts, object{"id": s.account(a), "regions": regions[:s.Regions]})
		for r := range s.Regions {
			at := func(o object) object { o["account"], o["region"] = s.account(a), regions[r]; return o }
			templates = append(templates, at(object{"name": "web", "image": "old-" + regions[r], "type": "m5.large"}))
			for g := range s.Groups {
				groups = append(groups, at(object{"name": fmt.Sprintf("web-%02d", g), "template": "web", "min": (s.Instances*9 + 9) / 10, "max": 2 * s.Instances,
					"desired": s.Instances, "tags": object{"App": "web"}, "warmup": "60s"}))
			}
		}
	}
	return object{"account": s.account(0), "region": regions[0], "accounts": accounts, "images": images, "templates": templates, "groups": groups, "start": "2030-01-02T00:00:00Z"}
}

// together is how many groups roll at a time.
const together = 200

// config is a configuration of one fleet in all accounts and Regions.
func (s shape) config() string {
	var b strings.Builder
	list := func(names []string) string { return `["` + strings.Join(names, `", "`) + `"]` }
	fmt.Fprintf(&b, "region = %q\n\nbaseline \"web\" {\n  operating_system = \"DEBIAN\"\n}\n\n", regions[0])
	var labels []string
	for a := range s.Accounts {
		label := fmt.Sprintf("a%02d", a)
		labels = append(labels, label)
		role := ""
		if a > 0 {
			role = "  role = \"rehydrate\"\n"
		}
		fmt.Fprintf(&b, "account %q {\n  id = %q\n%s  regions = %s\n}\n", label, s.account(a), role, list(regions[:s.Regions]))
	}
	fmt.Fprintf(&b, `
image "web" {
  baseline = baseline.web
  source   = %q
  channel  = "/golden/web/latest"
  rings    = ["all"]
  ring "all" {
    concurrency = %d
  }
}

fleet "web" {
  follows  = image.web
  ring     = "all"
  accounts = %s
  asg_tags = { App = "web" }
  refresh {
    min_healthy = "90%%"
  }
}
`, image("old", 0), together, list(labels))
	return b.String()
}

// load reads a written configuration.
func load(name string) (*config.Config, *config.Image, error) {
	cfg, err := config.Load(name)
	if err != nil {
		return nil, nil, err
	}
	line, _ := cfg.ImageNamed("web")
	return cfg, line, nil
}
