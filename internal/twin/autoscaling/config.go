package autoscaling

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// config is what instances are launched from: a template, a policy or a launch
// configuration.
type config struct {
	template      *types.LaunchTemplateSpecification
	mixed         *types.MixedInstancesPolicy
	configuration *string
}

func (g group) config() config {
	return config{g.Spec.LaunchTemplate, g.Spec.MixedInstancesPolicy, g.Spec.LaunchConfigurationName}
}

func configOf(d *types.DesiredConfiguration) config {
	return config{template: d.LaunchTemplate, mixed: d.MixedInstancesPolicy}
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

// option is one way to launch: one of a policy's overrides, or the template itself.
type option struct {
	Launch
	weight        int
	configuration string
}

// options are the ways to launch now, in order of priority: a policy's overrides are
// taken in the order of their list, as the prioritized allocation strategy does.
func (s *Service) options(tx *world.Tx, c config) ([]option, error) {
	if c.configuration != nil {
		return configured(tx, *c.configuration)
	}
	all := c.overrides()
	if len(all) == 0 {
		all = make([]types.LaunchTemplateOverrides, 1)
	}
	var out []option
	for _, o := range all {
		spec := c.base()
		if o.LaunchTemplateSpecification != nil {
			spec = o.LaunchTemplateSpecification
		}
		t, err := s.template(tx, spec)
		if err != nil {
			return nil, err
		}
		n, _ := strconv.Atoi(aws.ToString(o.WeightedCapacity)) // check has seen it
		out = append(out, option{Launch: Launch{Template: t, Type: aws.ToString(o.InstanceType), Image: aws.ToString(o.ImageId)}, weight: n})
	}
	return out, nil
}

func (s *Service) template(tx *world.Tx, spec *types.LaunchTemplateSpecification) (Template, error) {
	if spec == nil {
		return Template{}, invalid("Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter.")
	}
	return s.ec2.Template(tx, aws.ToString(spec.LaunchTemplateId), aws.ToString(spec.LaunchTemplateName), aws.ToString(spec.Version))
}

// matcher says whether a member is what c would launch: same template and version,
// and one of its instance types ("Use an instance refresh with skip matching", user
// guide).
func (s *Service) matcher(tx *world.Tx, c config) func(m member) bool {
	all, err := s.options(tx, c)
	return func(m member) bool {
		return err == nil && slices.ContainsFunc(all, func(o option) bool {
			if o.configuration != "" || m.Configuration != "" {
				return o.configuration == m.Configuration
			}
			return aws.ToString(m.Template.LaunchTemplateId) == o.Template.ID && aws.ToString(m.Template.Version) == o.Template.Version &&
				(m.Type == o.Type || o.Type == "" && m.Type == o.Template.Type) && (o.Image == "" || o.Image == m.Image)
		})
	}
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
	}
	if s.alias(tx, c) != "" {
		return "The launch template uses an AWS Systems Manager parameter instead of an AMI ID."
	}
	return ""
}

// aliasPrefix begins an image id that is a Systems Manager parameter.
const aliasPrefix = "resolve:ssm:"

// alias is the first image of a configuration that is a parameter, or "".
func (s *Service) alias(tx *world.Tx, c config) string {
	all, _ := s.options(tx, c)
	for _, o := range all {
		for _, image := range []string{o.Template.Image, o.Image} {
			if strings.HasPrefix(image, aliasPrefix) {
				return image
			}
		}
	}
	return ""
}

// resolves refuses a configuration whose parameter has no image now: it is looked up
// whenever a group is created or updated, and at each launch ("Use Systems Manager
// parameters instead of AMI IDs in launch templates", user guide).
func (s *Service) resolves(tx *world.Tx, c config) error {
	if alias := s.alias(tx, c); alias != "" {
		if _, ok := s.ec2.Image(tx, alias); !ok {
			return invalid("You must use a valid fully-formed launch template. The AMI ID cannot be resolved from %s.", alias)
		}
	}
	return nil
}

// launchable refuses a configuration from which nothing can be launched for want of an
// image. What a launch needs is looked at when a group is given its template, and EC2's
// objection comes as a ValidationError ("Permissions validation for ec2:RunInstances and
// iam:PassRole", user guide; the sentences are those that users quote).
func (s *Service) launchable(tx *world.Tx, c config) error {
	all, err := s.options(tx, c)
	if err != nil {
		return err
	}
	for _, o := range all {
		id := cmp.Or(o.Image, o.Template.Image)
		i, known := s.ec2.Image(tx, id)
		switch {
		case id == "":
			return invalid("You must use a valid fully-formed launch template. The request must contain the parameter ImageId")
		case !known && strings.HasPrefix(id, aliasPrefix):
			return invalid("You must use a valid fully-formed launch template. The AMI ID cannot be resolved from %s.", id)
		case !known:
			return invalid("You must use a valid fully-formed launch template. The image id '[%s]' does not exist", id)
		case i.State != "available":
			return invalid("You must use a valid fully-formed launch template. The image ID '%s' is no longer available", id)
		}
	}
	return nil
}

// check refuses configurations that cannot be launched or that are not modelled, and
// fills in the template's other name, as AWS shows both.
func (s *Service) check(tx *world.Tx, c config) (config, error) {
	given := 0
	for _, have := range []bool{c.template != nil, c.mixed != nil, c.configuration != nil} {
		if have {
			given++
		}
	}
	if given > 1 {
		return c, invalid("Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter.")
	}
	if c.configuration != nil {
		_, err := configured(tx, *c.configuration)
		return c, err
	}
	if err := errors.Join(c.oneName(), weights(c.overrides())); err != nil {
		return c, err
	}
	all, err := s.options(tx, c)
	if err != nil {
		return c, invalid("%s", message(err))
	}
	if c.mixed != nil && s.alias(tx, c) != "" {
		// "Limitations" of the same page.
		return c, invalid("You cannot use a mixed instances policy with a launch template that specifies a Systems Manager parameter instead of an AMI ID.")
	}
	t := all[0].Template
	if len(c.overrides()) > 0 {
		if t, err = s.template(tx, c.base()); err != nil {
			return c, invalid("%s", message(err))
		}
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

// maxWeight is the greatest WeightedCapacity (LaunchTemplateOverrides, API reference).
const maxWeight = 999

// weights checks the overrides: all of them have a weight or none has ("Configuring
// instance weighting", user guide).
func weights(all []types.LaunchTemplateOverrides) error {
	weighted := 0
	for _, o := range all {
		if o.InstanceRequirements != nil {
			return unmodelled("attribute-based instance selection")
		}
		if o.WeightedCapacity == nil {
			continue
		}
		weighted++
		if n, err := strconv.Atoi(*o.WeightedCapacity); err != nil || n < 1 || n > maxWeight {
			return invalid("WeightedCapacity must be a whole number from 1 to %d.", maxWeight)
		}
	}
	if weighted > 0 && weighted < len(all) {
		return invalid("Each instance type must have a weight, or none of them may have one.")
	}
	return nil
}
