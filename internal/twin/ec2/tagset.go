package ec2

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// maxTagged is how many resources one call takes ("Resources", CreateTags).
const maxTagged = 1000

func tooManyTagged(n int) error {
	return badValue("%d resources are more than the %d that one request may tag", n, maxTagged)
}

// CreateTags handles the operation of that name: all resources or none.
func (s *Service) CreateTags(tx *world.Tx, in *ec2.CreateTagsInput) (*ec2.CreateTagsOutput, error) {
	if len(in.Resources) == 0 || len(in.Tags) == 0 {
		return nil, missingParameter("resourceIdSet and tagSet")
	}
	if len(in.Resources) > maxTagged {
		return nil, tooManyTagged(len(in.Resources))
	}
	tags, err := checkTags(in.Tags)
	if err != nil {
		return nil, err
	}
	for _, id := range in.Resources {
		r, err := resource(tx, id)
		if err != nil {
			return nil, err
		}
		merged := mergeTags(r.tags, tags)
		if err := tagLimit(merged); err != nil {
			return nil, err
		}
		r.put(merged)
	}
	return &ec2.CreateTagsOutput{}, nil
}

// DeleteTags handles the operation of that name. A value given must be the tag's, an
// empty list takes all tags but aws: ones ("DeleteTags", API Reference).
func (s *Service) DeleteTags(tx *world.Tx, in *ec2.DeleteTagsInput) (*ec2.DeleteTagsOutput, error) {
	if len(in.Resources) == 0 {
		return nil, missingParameter("resourceIdSet")
	}
	if len(in.Resources) > maxTagged {
		return nil, tooManyTagged(len(in.Resources))
	}
	for _, t := range in.Tags {
		if reservedTag(aws.ToString(t.Key)) {
			return nil, badValue("Tag keys starting with 'aws:' are reserved for internal use")
		}
	}
	for _, id := range in.Resources {
		r, err := resource(tx, id)
		if err != nil {
			return nil, err
		}
		left := maps.Clone(orNone(r.tags))
		maps.DeleteFunc(left, func(k, v string) bool {
			if strings.HasPrefix(k, "aws:") {
				return false
			}
			return len(in.Tags) == 0 || slices.ContainsFunc(in.Tags, func(t types.Tag) bool {
				return aws.ToString(t.Key) == k && (t.Value == nil || *t.Value == v)
			})
		})
		r.put(left)
	}
	return &ec2.DeleteTagsOutput{}, nil
}

// DescribeTags handles the operation of that name.
func (s *Service) DescribeTags(tx *world.Tx, in *ec2.DescribeTagsInput) (*ec2.DescribeTagsOutput, error) {
	if err := known("DescribeTags", in.Filters, tagFields("", "", "", ""), map[string]string{}); err != nil {
		return nil, err
	}
	var all []types.TagDescription
	for _, id := range taggable(tx) {
		r, err := resource(tx, id)
		if err != nil {
			return nil, err
		}
		for _, t := range sdkTags(r.tags) {
			if match(in.Filters, tagFields(*t.Key, *t.Value, id, r.kind), map[string]string{*t.Key: *t.Value}) {
				all = append(all, types.TagDescription{ResourceId: aws.String(id), ResourceType: r.kind, Key: t.Key, Value: t.Value})
			}
		}
	}
	out, next, err := page(tx, in, all, func(t types.TagDescription) string { return *t.ResourceId + "/" + *t.Key }, 5, 1000)
	return &ec2.DescribeTagsOutput{Tags: out, NextToken: next}, err
}

func tagFields(key, value, id string, kind types.ResourceType) fields {
	return fields{"key": {key}, "value": {value}, "resource-id": {id}, "resource-type": {string(kind)}}
}

// taggable are the ids of all resources of the account that can have tags.
func taggable(tx *world.Tx) []string {
	var ids []string
	add := func(id string) { ids = append(ids, id) }
	for id := range images(tx).All() {
		add(id)
	}
	for id := range snapshots(tx).All() {
		add(id)
	}
	for id := range instances(tx).All() {
		add(id)
	}
	for id := range volumes(tx).All() {
		add(id)
	}
	for id := range templates(tx).All() {
		add(id)
	}
	for id := range groups(tx).All() {
		add(id)
	}
	for id := range keyPairs(tx).All() {
		add(id)
	}
	for id := range rootTasks(tx).All() {
		add(id)
	}
	if p, ok := places(tx).Get(tx.Account + "/" + tx.Region); ok {
		add(p.VPC)
		for _, s := range p.Subnets {
			add(s.ID)
		}
	}
	return ids
}
