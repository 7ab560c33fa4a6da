package autoscaling

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// config is what instances are launched from: a template or a policy.
type config struct {
	template *types.LaunchTemplateSpecification
	mixed    *types.MixedInstancesPolicy
}

func (g group) config() config { return config{g.Spec.LaunchTemplate, g.Spec.MixedInstancesPolicy} }

func configOf(d *types.DesiredConfiguration) config {
	return config{d.LaunchTemplate, d.MixedInstancesPolicy}
}

// base is the launch template that the configuration is about.
func (c config) base() *types.LaunchTemplateSpecification {
	if c.template != nil {
		return c.template
	}
	if c.mixed != nil && c.mixed.LaunchTemplate != nil {
		return c.mixed.LaunchTemplate.LaunchTemplateSpecification
	}
	return nil
}

func (c config) overrides() []types.LaunchTemplateOverrides {
	if c.mixed == nil || c.mixed.LaunchTemplate == nil {
		return nil
	}
	return c.mixed.LaunchTemplate.Overrides
}

// launch says what to launch now. Of a policy's overrides the first is taken, which
// is what the prioritized allocation strategy does while capacity lasts.
func (s *Service) launch(tx *world.Tx, c config) (Launch, error) {
	spec, l := c.base(), Launch{}
	if o := c.overrides(); len(o) > 0 {
		if o[0].LaunchTemplateSpecification != nil {
			spec = o[0].LaunchTemplateSpecification
		}
		l.Type, l.Image = aws.ToString(o[0].InstanceType), aws.ToString(o[0].ImageId)
	}
	t, err := s.template(tx, spec)
	l.Template = t
	return l, err
}

func (s *Service) template(tx *world.Tx, spec *types.LaunchTemplateSpecification) (Template, error) {
	if spec == nil {
		return Template{}, invalid("Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter.")
	}
	return s.ec2.Template(tx, aws.ToString(spec.LaunchTemplateId), aws.ToString(spec.LaunchTemplateName), aws.ToString(spec.Version))
}

// matches says whether a member is what c would launch: same template and version,
// and one of its instance types ("Use an instance refresh with skip matching", user
// guide).
func (s *Service) matches(tx *world.Tx, c config, m member) bool {
	l, err := s.launch(tx, c)
	if err != nil || aws.ToString(m.Template.LaunchTemplateId) != l.Template.ID || aws.ToString(m.Template.Version) != l.Template.Version {
		return false
	}
	o := c.overrides()
	if len(o) == 0 {
		return m.Type == l.Template.Type
	}
	for _, x := range o {
		if m.Type == aws.ToString(x.InstanceType) || x.InstanceType == nil && m.Type == l.Template.Type {
			return true
		}
	}
	return false
}

// pinned says why a configuration cannot be rolled back to or from: "" if it can
// (RefreshPreferences.AutoRollback, API reference).
func (s *Service) pinned(tx *world.Tx, c config) string {
	specs := []*types.LaunchTemplateSpecification{c.base()}
	for _, o := range c.overrides() {
		if o.LaunchTemplateSpecification != nil {
			specs = append(specs, o.LaunchTemplateSpecification)
		}
	}
	for _, spec := range specs {
		if spec == nil {
			return "The Auto Scaling group does not use a launch template."
		}
		if v := aws.ToString(spec.Version); v == "" || strings.HasPrefix(v, "$") {
			return "The launch template version is $Latest or $Default."
		}
		t, err := s.template(tx, spec)
		if err == nil && strings.HasPrefix(t.Image, "resolve:ssm:") {
			return "The launch template uses an AWS Systems Manager parameter instead of an AMI ID."
		}
	}
	return ""
}

// check refuses configurations that cannot be launched or that are not modelled, and
// fills in the template's other name, as AWS shows both.
func (s *Service) check(tx *world.Tx, c config) (config, error) {
	if c.template != nil && c.mixed != nil {
		return c, invalid("Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter.")
	}
	for _, o := range c.overrides() {
		if o.WeightedCapacity != nil || o.InstanceRequirements != nil {
			return c, wire.Errorf("UnsupportedOperation", "the twin does not model instance weights and attribute-based instance selection")
		}
		if o.LaunchTemplateSpecification != nil {
			if _, err := s.template(tx, o.LaunchTemplateSpecification); err != nil {
				return c, invalid("%s", message(err))
			}
		}
	}
	t, err := s.template(tx, c.base())
	if err != nil {
		return c, invalid("%s", message(err))
	}
	spec := *c.base()
	spec.LaunchTemplateId, spec.LaunchTemplateName = aws.String(t.ID), aws.String(t.Name)
	if c.template != nil {
		c.template = &spec
		return c, nil
	}
	policy, lt := *c.mixed, *c.mixed.LaunchTemplate
	lt.LaunchTemplateSpecification = &spec
	policy.LaunchTemplate = &lt
	c.mixed = &policy
	return c, nil
}
