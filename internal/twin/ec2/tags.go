package ec2

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
)

// checkTags applies "Tag restrictions" (EC2 User Guide): 50 a resource, keys to 128
// and values to 256 characters, aws: reserved, no key twice.
func checkTags(list []types.Tag) (map[string]string, error) {
	out := map[string]string{}
	for _, t := range list {
		k, v := aws.ToString(t.Key), aws.ToString(t.Value)
		switch {
		case k == "":
			return nil, badValue("Tag key cannot be empty")
		case reservedTag(k):
			return nil, badValue("Tag keys starting with 'aws:' are reserved for internal use")
		case len([]rune(k)) > 128:
			return nil, badValue("Tag key exceeds the maximum length of 128 characters")
		case len([]rune(v)) > 256:
			return nil, badValue("Tag value exceeds the maximum length of 256 characters")
		}
		if _, dup := out[k]; dup {
			return nil, badValue("Duplicate tag key '%s' specified.", k)
		}
		out[k] = v
	}
	return out, tagLimit(out)
}

// reservedTag: aws: in any case of its letters.
func reservedTag(key string) bool { return strings.HasPrefix(strings.ToLower(key), "aws:") }

// tagLimit counts what people may set; aws: tags do not count.
func tagLimit(tags map[string]string) error {
	n := 0
	for k := range tags {
		if !strings.HasPrefix(k, "aws:") {
			n++
		}
	}
	if n > 50 {
		return wire.Errorf("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
	}
	return nil
}

// tagSpec collects the tags for each resource type that the call makes; others are
// refused as AWS does.
func tagSpec(specs []types.TagSpecification, allowed ...types.ResourceType) (map[types.ResourceType]map[string]string, error) {
	out := map[types.ResourceType]map[string]string{}
	for _, s := range specs {
		if !slices.Contains(allowed, s.ResourceType) {
			return nil, badValue("'%s' is not a valid taggable resource type for this operation.", s.ResourceType)
		}
		if len(s.Tags) == 0 {
			return nil, noTagsInSpec()
		}
		if _, dup := out[s.ResourceType]; dup {
			return nil, badValue("Duplicate resource type '%s' in TagSpecifications", s.ResourceType)
		}
		tags, err := checkTags(s.Tags)
		if err != nil {
			return nil, err
		}
		out[s.ResourceType] = tags
	}
	return out, nil
}

func noTagsInSpec() error { return badValue("Tag specification must have at least one tag") }

// tagsFor are a template's tags for one resource type.
func tagsFor(d types.RequestLaunchTemplateData, t types.ResourceType) map[string]string {
	var out map[string]string
	for _, s := range d.TagSpecifications {
		if s.ResourceType == t {
			for _, tag := range s.Tags {
				out = mergeTags(out, map[string]string{aws.ToString(tag.Key): aws.ToString(tag.Value)})
			}
		}
	}
	return out
}

// mergeTags is a new map of both, b winning; nil if empty.
func mergeTags(a, b map[string]string) map[string]string {
	if len(a)+len(b) == 0 {
		return nil
	}
	out := maps.Clone(a)
	if out == nil {
		out = map[string]string{}
	}
	maps.Copy(out, b)
	return out
}

// sdkTags is the wire form, sorted.
func sdkTags(tags map[string]string) []types.Tag {
	var out []types.Tag
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	return out
}
