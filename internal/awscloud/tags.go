package awscloud

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// Tags are EC2 tags in the order of their keys, so that equal calls are equal.
func Tags(m map[string]string) []types.Tag {
	var out []types.Tag
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, types.Tag{Key: aws.String(k), Value: aws.String(m[k])})
	}
	return out
}

// TagMap is EC2 tags as a map; nil when there are none.
func TagMap(tags []types.Tag) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	out := make(map[string]string, len(tags))
	for _, t := range tags {
		out[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return out
}

// Filter is an EC2 filter: any of the values will do.
func Filter(name string, values ...string) types.Filter {
	return types.Filter{Name: &name, Values: values}
}

// IsImageID says that an id has an image id's form; * and ? would match others.
func IsImageID(id string) bool {
	return strings.HasPrefix(id, "ami-") && !strings.ContainsAny(id, "*?")
}

// NoImage says that EC2 answered that there is no image of that id, or none to be seen. An
// image that is shared through an organization is found by its id only, not by a filter
// ("Find shared AMIs", EC2 User Guide), so this is the answer to look for.
func NoImage(err error) bool { return strings.HasPrefix(Code(err), "InvalidAMIID.") }
