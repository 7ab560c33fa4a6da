package worldfile

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// check finds what cannot be made, before anything is.
func (f *File) check() error {
	for _, p := range f.places() {
		if err := p.check(); err != nil {
			return err
		}
	}
	images := map[string]bool{}
	for k, i := range f.Images {
		at := fmt.Sprintf("images[%d]", k)
		n := 0
		for _, set := range []bool{i.Root != "", i.Modelled != nil, i.ModelledFile != ""} {
			if set {
				n++
			}
		}
		switch {
		case i.Key == "" || i.Name == "":
			return fmt.Errorf("%s: key and name are needed", at)
		case images[i.Key]:
			return fmt.Errorf("%s: there are two images with the key %q", at, i.Key)
		case n != 1:
			return fmt.Errorf("%s (%s): give exactly one of root, modelled and modelledFile", at, i.Key)
		}
		images[i.Key] = true
	}
	imageKnown := func(ref string) bool {
		return images[ref] || strings.HasPrefix(ref, "ami-") || strings.HasPrefix(ref, "resolve:ssm:")
	}
	templates := map[string]bool{}
	for k, t := range f.Templates {
		if t.Name == "" || !imageKnown(t.Image) {
			return fmt.Errorf("templates[%d] (%s): a name and the key or id of an image are needed, not %q", k, t.Name, t.Image)
		}
		templates[t.Name] = true
	}
	targets := map[string]bool{}
	for k, g := range f.TargetGroups {
		if g.Name == "" {
			return fmt.Errorf("targetGroups[%d]: a name is needed", k)
		}
		targets[g.Name] = true
	}
	for k, g := range f.Groups {
		if g.Name == "" || !templates[g.Template] {
			return fmt.Errorf("groups[%d] (%s): there is no template %q", k, g.Name, g.Template)
		}
		for _, t := range g.TargetGroups {
			if !targets[t] {
				return fmt.Errorf("groups[%d] (%s): there is no target group %q", k, g.Name, t)
			}
		}
		if g.HealthCheck != "" && g.HealthCheck != "EC2" && g.HealthCheck != "ELB" {
			return fmt.Errorf("groups[%d] (%s): healthCheck is EC2 or ELB, not %q", k, g.Name, g.HealthCheck)
		}
	}
	keys := map[string]bool{}
	for k, i := range f.Instances {
		if i.Key == "" || keys[i.Key] || !imageKnown(i.Image) {
			return fmt.Errorf("instances[%d] (%s): a key of its own and the key or id of an image are needed, not %q", k, i.Key, i.Image)
		}
		keys[i.Key] = true
	}
	if err := f.checkRoles(); err != nil {
		return err
	}
	if err := f.checkKeys(); err != nil {
		return err
	}
	if err := f.checkQuotas(); err != nil {
		return err
	}
	return f.checkArchives()
}

func (f *File) checkArchives() error {
	for k, a := range f.Archives {
		addr, err := netip.ParseAddrPort(a.Listen)
		if err != nil || !addr.Addr().IsLoopback() {
			return fmt.Errorf("archives[%d]: listen must be a loopback address with a port, not %q", k, a.Listen)
		}
		if a.Dir == "" {
			return fmt.Errorf("archives[%d]: dir is needed", k)
		}
	}
	for name, r := range f.Repositories {
		if r.File == "" {
			return fmt.Errorf("repositories.%s: file is needed", name)
		}
	}
	for name, a := range f.Hosts {
		if _, err := netip.ParseAddr(a); err != nil {
			return fmt.Errorf("hosts.%s: %w", name, err)
		}
	}
	return nil
}

func (p *Place) check() error {
	if len(p.Account) != 12 || strings.Trim(p.Account, "0123456789") != "" {
		return fmt.Errorf("account %q is not twelve digits; set account in the file or beside each thing", p.Account)
	}
	if p.Region == "" {
		return errors.New("set region in the file or beside each thing")
	}
	return nil
}
