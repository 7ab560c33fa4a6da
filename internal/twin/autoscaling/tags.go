package autoscaling

import (
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// groupTag is the tag that Auto Scaling puts on every instance it launches ("Tag
// Auto Scaling groups and instances", user guide).
const groupTag = "aws:autoscaling:groupName"

// launchTags are the tags that new instances get.
func launchTags(g group) map[string]string {
	tags := map[string]string{groupTag: g.name()}
	for _, t := range g.Spec.Tags {
		if aws.ToBool(t.PropagateAtLaunch) {
			tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
		}
	}
	return tags
}

// setTag adds or replaces a tag in a copy, in order of keys.
func setTag(tags []types.TagDescription, name string, t types.Tag) []types.TagDescription {
	out := slices.DeleteFunc(slices.Clone(tags), func(h types.TagDescription) bool { return aws.ToString(h.Key) == aws.ToString(t.Key) })
	out = append(out, types.TagDescription{
		Key: t.Key, Value: aws.String(aws.ToString(t.Value)), PropagateAtLaunch: aws.Bool(aws.ToBool(t.PropagateAtLaunch)),
		ResourceId: aws.String(name), ResourceType: aws.String(groupResource),
	})
	slices.SortFunc(out, func(a, b types.TagDescription) int {
		switch x, y := aws.ToString(a.Key), aws.ToString(b.Key); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	return out
}

// CreateOrUpdateTags sets tags of groups.
func (s *Service) CreateOrUpdateTags(tx *world.Tx, in *asg.CreateOrUpdateTagsInput) (*asg.CreateOrUpdateTagsOutput, error) {
	for _, t := range in.Tags {
		g, err := find(tx, t.ResourceId)
		if err != nil {
			return nil, err
		}
		if err := checkTags(g.Spec.Tags, []types.Tag{t}); err != nil {
			return nil, err
		}
		g.Spec.Tags = setTag(g.Spec.Tags, g.name(), t)
		groups(tx).Put(g.name(), g)
	}
	return &asg.CreateOrUpdateTagsOutput{}, nil
}

// DeleteTags removes tags of groups.
func (s *Service) DeleteTags(tx *world.Tx, in *asg.DeleteTagsInput) (*asg.DeleteTagsOutput, error) {
	for _, t := range in.Tags {
		g, err := find(tx, t.ResourceId)
		if err != nil {
			return nil, err
		}
		g.Spec.Tags = slices.DeleteFunc(slices.Clone(g.Spec.Tags), func(h types.TagDescription) bool {
			return aws.ToString(h.Key) == aws.ToString(t.Key) && (t.Value == nil || aws.ToString(h.Value) == *t.Value)
		})
		groups(tx).Put(g.name(), g)
	}
	return &asg.DeleteTagsOutput{}, nil
}

// DescribeTags lists the tags of all groups.
func (s *Service) DescribeTags(tx *world.Tx, in *asg.DescribeTagsInput) (*asg.DescribeTagsOutput, error) {
	for _, f := range in.Filters { // refused also where there is no tag
		if _, err := passes(types.TagDescription{}, []types.Filter{f}); err != nil {
			return nil, err
		}
	}
	var all []types.TagDescription
	for _, g := range groups(tx).All() {
		for _, t := range g.Spec.Tags {
			ok, err := passes(t, in.Filters)
			if err != nil {
				return nil, err
			}
			if ok {
				all = append(all, t)
			}
		}
	}
	cut, next, err := page(all, in.NextToken, in.MaxRecords, 50, 100)
	return &asg.DescribeTagsOutput{Tags: cut, NextToken: next}, err
}

func passes(t types.TagDescription, filters []types.Filter) (bool, error) {
	for _, f := range filters {
		var have string
		switch aws.ToString(f.Name) {
		case "auto-scaling-group":
			have = aws.ToString(t.ResourceId)
		case "key":
			have = aws.ToString(t.Key)
		case "value":
			have = aws.ToString(t.Value)
		case "propagate-at-launch":
			have = strconv.FormatBool(aws.ToBool(t.PropagateAtLaunch))
		default:
			return false, invalid("Filter type %s is not correct. Allowed Filter types are: auto-scaling-group key value propagate-at-launch", aws.ToString(f.Name))
		}
		if !slices.Contains(f.Values, have) {
			return false, nil
		}
	}
	return true, nil
}
