package ec2

import (
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// GetImageAncestry handles the operation of that name: the image, then its source and
// so on ("AMI ancestry", EC2 User Guide). It ends at a root image and where an ancestor
// is gone or not to be seen; the last entry then still names it.
func (s *Service) GetImageAncestry(tx *world.Tx, in *ec2.GetImageAncestryInput) (*ec2.GetImageAncestryOutput, error) {
	id := aws.ToString(in.ImageId)
	if err := checkID(id, "ami-", "InvalidAMIID.Malformed"); err != nil {
		return nil, err
	}
	i, _, ok := image(tx, id)
	if !ok || !i.visible(tx) {
		return nil, noImage(id)
	}
	out := &ec2.GetImageAncestryOutput{}
	at := tx
	for seen := map[string]bool{}; ok && i.visible(at) && !seen[i.ID]; {
		seen[i.ID] = true
		region := i.sourceRegion(at.Region)
		out.ImageAncestryEntries = append(out.ImageAncestryEntries, types.ImageAncestryEntry{
			ImageId: aws.String(i.ID), CreationDate: aws.Time(i.Created), ImageOwnerAlias: some(i.OwnerAlias),
			SourceImageId: some(i.SourceImage), SourceImageRegion: some(region),
		})
		if i.SourceImage == "" {
			break
		}
		at = tx.In(tx.Account, region)
		i, _, ok = image(at, i.SourceImage)
	}
	return out, nil
}

// references is what DescribeImageReferences looks for.
type references struct {
	states []string // of instances; nil: all
	depth  int      // versions of a template
	kinds  []types.ImageReferenceResourceType
}

// Defaults of DescribeImageReferences ("ResourceTypeOption", API Reference).
const versionDepth = 10

func readReferences(in *ec2.DescribeImageReferencesInput) (references, error) {
	r := references{depth: versionDepth}
	if !aws.ToBool(in.IncludeAllResourceTypes) && len(in.ResourceTypes) == 0 {
		return r, missingParameter("IncludeAllResourceTypes or ResourceTypes")
	}
	if aws.ToBool(in.IncludeAllResourceTypes) {
		r.kinds = types.ImageReferenceResourceType("").Values()
	}
	for _, t := range in.ResourceTypes {
		if !slices.Contains(r.kinds, t.ResourceType) {
			r.kinds = append(r.kinds, t.ResourceType)
		}
		for _, o := range t.ResourceTypeOptions {
			switch {
			case o.OptionName == types.ImageReferenceOptionNameStateName && t.ResourceType == types.ImageReferenceResourceTypeEc2Instance:
				r.states = o.OptionValues
			case o.OptionName == types.ImageReferenceOptionNameVersionDepth && t.ResourceType == types.ImageReferenceResourceTypeEc2LaunchTemplate && len(o.OptionValues) == 1:
				n, err := strconv.Atoi(o.OptionValues[0])
				if err != nil || n < 1 || n > 10000 {
					return r, badValue("Invalid value '%s' for version-depth: an integer between 1 and 10000", o.OptionValues[0])
				}
				r.depth = n
			default:
				return r, badValue("The option '%s' is not valid for resource type %s", o.OptionName, t.ResourceType)
			}
		}
	}
	return r, nil
}

// DescribeImageReferences handles the operation of that name: what of the account's
// names an image in this region, also an image that is no more. Templates count by
// the ids in them; one that is a parameter shows up as that parameter.
func (s *Service) DescribeImageReferences(tx *world.Tx, in *ec2.DescribeImageReferencesInput) (*ec2.DescribeImageReferencesOutput, error) {
	r, err := readReferences(in)
	if err != nil {
		return nil, err
	}
	var all []types.ImageReference
	for _, id := range distinct(in.ImageIds) {
		if err := checkID(id, "ami-", "InvalidAMIID.Malformed"); err != nil {
			return nil, err
		}
		for _, kind := range r.kinds {
			arns, err := s.referring(tx, id, kind, r)
			if err != nil {
				return nil, err
			}
			for _, arn := range arns {
				all = append(all, types.ImageReference{Arn: aws.String(arn), ImageId: aws.String(id), ResourceType: kind})
			}
		}
	}
	out, next, err := page(tx, in, all, func(r types.ImageReference) string { return *r.ImageId + *r.Arn }, 5, 1000)
	return &ec2.DescribeImageReferencesOutput{ImageReferences: out, NextToken: next}, err
}

// referring are the ARNs of the resources of a kind that name the image.
func (s *Service) referring(tx *world.Tx, id string, kind types.ImageReferenceResourceType, r references) (arns []string, err error) {
	prefix := "arn:aws:ec2:" + tx.Region + ":" + tx.Account + ":"
	switch kind {
	case types.ImageReferenceResourceTypeEc2Instance:
		for _, i := range instances(tx).All() {
			if i.Image == id && (r.states == nil || slices.Contains(r.states, i.State)) {
				arns = append(arns, prefix+"instance/"+i.ID)
			}
		}
	case types.ImageReferenceResourceTypeEc2LaunchTemplate:
		for _, t := range templates(tx).All() {
			left := r.depth
			for n := t.Latest; n > 0 && left > 0; n-- {
				v, ok := versions(tx).Get(versionKey(t.ID, n))
				if !ok {
					continue
				}
				left--
				if aws.ToString(v.Data.ImageId) == id {
					arns = append(arns, prefix+"launch-template/"+t.ID)
					break
				}
			}
		}
	case types.ImageReferenceResourceTypeSsmParameter:
		if s.ImageParameters == nil {
			return nil, unmodelled("DescribeImageReferences", "parameters: this twin has no Parameter Store")
		}
		arns = s.ImageParameters(tx, id)
	default: // Image Builder: there are no recipes here
	}
	return arns, nil
}
