package ssm

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

const maxTags = 50

func tagMap(tags []types.Tag) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	out := map[string]string{}
	for _, t := range tags {
		out[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return out
}

// ourTags refuses tags that only AWS gives ("Tag naming and usage conventions", Tagging AWS
// resources).
func ourTags(tags []types.Tag) error {
	for _, t := range tags {
		if strings.HasPrefix(strings.ToLower(aws.ToString(t.Key)), "aws:") {
			return invalid("aws: prefixed tag key names are not allowed for external use.")
		}
	}
	return nil
}

func tagList(tags map[string]string) []types.Tag {
	out := make([]types.Tag, 0, len(tags))
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	return out
}

// tagged reads the tags of a parameter, document or patch baseline and returns what writes new ones.
func tagged(tx *world.Tx, kind types.ResourceTypeForTagging, id *string) (map[string]string, func(map[string]string), error) {
	name := aws.ToString(id)
	switch kind {
	case types.ResourceTypeForTaggingParameter:
		if p, ok := parameters(tx).Get(name); ok && p.visible() {
			return p.Tags, func(t map[string]string) { p.Tags = t; parameters(tx).Put(name, p) }, nil
		}
	case types.ResourceTypeForTaggingDocument:
		if d, ok := documents(tx).Get(name); ok {
			return d.Tags, func(t map[string]string) { d.Tags = t; documents(tx).Put(name, d) }, nil
		}
	case types.ResourceTypeForTaggingPatchBaseline:
		if t, put, ok := tagBaseline(tx, name); ok {
			return t, put, nil
		}
	default:
		if !slices.Contains(kind.Values(), kind) {
			return nil, nil, wire.Errorf("InvalidResourceType", "")
		}
		return nil, nil, unmodelled("tags of the resource type " + string(kind))
	}
	return nil, nil, wire.Errorf("InvalidResourceId", "")
}

// AddTagsToResource adds or replaces tags of a parameter, document or patch baseline.
func (s *Service) AddTagsToResource(tx *world.Tx, in *ssm.AddTagsToResourceInput) (*ssm.AddTagsToResourceOutput, error) {
	tags, put, err := tagged(tx, in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	if err := ourTags(in.Tags); err != nil {
		return nil, err
	}
	next := maps.Clone(tags)
	if next == nil {
		next = map[string]string{}
	}
	maps.Copy(next, tagMap(in.Tags))
	if len(next) > maxTags {
		return nil, wire.Errorf("TooManyTagsError", "")
	}
	put(next)
	return &ssm.AddTagsToResourceOutput{}, nil
}

// RemoveTagsFromResource removes tags of a parameter, document or patch baseline.
func (s *Service) RemoveTagsFromResource(tx *world.Tx, in *ssm.RemoveTagsFromResourceInput) (*ssm.RemoveTagsFromResourceOutput, error) {
	tags, put, err := tagged(tx, in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	next := maps.Clone(tags)
	for _, k := range in.TagKeys {
		delete(next, k)
	}
	put(next)
	return &ssm.RemoveTagsFromResourceOutput{}, nil
}

// ListTagsForResource lists tags of a parameter, document or patch baseline.
func (s *Service) ListTagsForResource(tx *world.Tx, in *ssm.ListTagsForResourceInput) (*ssm.ListTagsForResourceOutput, error) {
	tags, _, err := tagged(tx, in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	return &ssm.ListTagsForResourceOutput{TagList: tagList(tags)}, nil
}
