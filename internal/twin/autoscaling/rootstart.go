package autoscaling

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Sources of this file and rootswap.go, unless said otherwise: "Replace root volumes
// during instance refresh" and "How lifecycle hooks work: instances undergoing root
// volume replacement", user guide.

// inPlace says whether it keeps the instances and replaces their root volumes.
func (r *refresh) inPlace() bool { return r.Strategy == types.RefreshStrategyReplaceRootVolume }

func (r *refresh) strategy() types.RefreshStrategy {
	if r.Strategy == "" {
		return types.RefreshStrategyRolling
	}
	return r.Strategy
}

// inPlace refuses a refresh in place that may not start: the page's requirements and
// limitations. Where it leaves open which policy it speaks of, both the group's and the
// desired one have to fulfil them. AWS states no errors for any of it.
func (s *Service) inPlace(tx *world.Tx, g group, d *types.DesiredConfiguration) error {
	switch {
	case d == nil || d.MixedInstancesPolicy == nil:
		return invalid("The ReplaceRootVolume strategy needs a desired configuration with a mixed instances policy.")
	case g.Spec.MixedInstancesPolicy == nil:
		return invalid("The ReplaceRootVolume strategy needs an Auto Scaling group with a mixed instances policy.")
	case g.Spec.WarmPoolConfiguration != nil:
		return invalid("The ReplaceRootVolume strategy cannot be used on an Auto Scaling group with a warm pool.")
	}
	now, then := g.config(), configOf(d)
	for _, c := range []config{now, then} {
		if why := s.pinned(tx, c); why != "" {
			return invalid("The ReplaceRootVolume strategy needs launch templates with a version number. %s", why)
		}
		if len(c.overrides()) == 0 || slices.ContainsFunc(c.overrides(), func(o types.LaunchTemplateOverrides) bool { return aws.ToString(o.ImageId) == "" }) {
			return invalid("The ReplaceRootVolume strategy needs an ImageId in every override of the mixed instances policy.")
		}
	}
	for _, o := range then.overrides() {
		switch i, ok := s.ec2.Image(tx, *o.ImageId); {
		case !ok || i.State != "available":
			return invalid("The image %s does not exist or is not available.", *o.ImageId)
		case i.Disks != 1:
			return invalid("The image %s has %d volumes. The ReplaceRootVolume strategy needs images with only a root volume.", *o.ImageId, i.Disks)
		}
	}
	return s.sameTemplates(tx, g, now, then)
}

// sameTemplates refuses instances that are not of the group's launch template, version
// and instance types. They must be of the desired configuration's too: only the root
// volume changes, so what else another version would change would never come. Images
// may differ: a refresh that ended half way has left two.
func (s *Service) sameTemplates(tx *world.Tx, g group, now, then config) error {
	for _, c := range []config{now, then} {
		all, err := s.options(tx, c)
		if err != nil {
			return invalid("%s", message(err))
		}
		for _, m := range members(tx, g.name()).All() {
			if _, ok := m.option(all); !ok && !m.gone() && m.State != types.LifecycleStateDetaching {
				return invalid("The ReplaceRootVolume strategy needs instances of the launch template, version and instance types of the Auto Scaling group and of the desired configuration. For example: %s is not.", m.ID)
			}
		}
	}
	return nil
}

// option is the way to launch that the member came by, but for its image: the template,
// its version and the instance type. Where overrides repeat a type, it is the first.
func (m member) option(all []option) (option, bool) {
	at := slices.IndexFunc(all, func(o option) bool {
		return m.Configuration == "" && o.configuration == "" && aws.ToString(m.Template.LaunchTemplateId) == o.Template.ID &&
			aws.ToString(m.Template.Version) == o.Template.Version && (m.Type == o.Type || o.Type == "" && m.Type == o.Template.Type)
	})
	if at < 0 {
		return option{}, false
	}
	return all[at], true
}
