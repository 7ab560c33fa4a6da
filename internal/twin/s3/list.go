package s3

import (
	"maps"
	"net/url"
	"slices"
	"sort"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

const maxKeys = 1000 // of a page, and if the request does not say

// ListObjectsV2 lists objects in the order of their keys' bytes. Keys between the
// prefix and the next delimiter are rolled up.
func (s *Service) ListObjectsV2(tx *world.Tx, in *s3.ListObjectsV2Input) (*s3.ListObjectsV2Output, error) {
	h, err := s.shelf(tx, in.Bucket, in.ExpectedBucketOwner, "ListBucket", nil)
	if err != nil {
		return nil, err
	}
	after := aws.ToString(in.StartAfter)
	if in.ContinuationToken != nil {
		if after, err = place(*in.ContinuationToken); err != nil {
			return nil, err
		}
	}
	limit := maxKeys
	if in.MaxKeys != nil {
		if *in.MaxKeys < 0 {
			return nil, wire.Errorf("InvalidArgument", "Argument maxKeys must be an integer between 0 and 2147483647")
		}
		limit = min(int(*in.MaxKeys), maxKeys)
	}
	prefix, delimiter := aws.ToString(in.Prefix), aws.ToString(in.Delimiter)
	var found []object
	for _, o := range h.live.All() {
		if strings.HasPrefix(o.Key, prefix) && !o.Marker {
			found = append(found, o)
		}
	}
	sort.Slice(found, func(i, j int) bool { return found[i].Key < found[j].Key })
	encode := func(s string) string { return s }
	if in.EncodingType == types.EncodingTypeUrl {
		encode = escapeKey
	}
	out := &s3.ListObjectsV2Output{
		Name: in.Bucket, Prefix: aws.String(encode(prefix)), MaxKeys: aws.Int32(int32(limit)), IsTruncated: aws.Bool(false), //nolint:gosec // at most 1000
		EncodingType: in.EncodingType, ContinuationToken: in.ContinuationToken, StartAfter: in.StartAfter,
	}
	if delimiter != "" {
		out.Delimiter = aws.String(encode(delimiter))
	}
	n, last := 0, ""
	for _, o := range found {
		entry, rolled := rollUp(o.Key, prefix, delimiter)
		if entry <= after || entry == last {
			continue
		}
		if n == limit {
			if limit > 0 {
				out.IsTruncated = aws.Bool(true)
				out.NextContinuationToken = token(last)
			}
			break
		}
		n, last = n+1, entry
		if rolled {
			out.CommonPrefixes = append(out.CommonPrefixes, types.CommonPrefix{Prefix: aws.String(encode(entry))})
			continue
		}
		c := types.Object{Key: aws.String(encode(o.Key)), ETag: &o.ETag, Size: &o.Size, LastModified: &o.Modified, StorageClass: types.ObjectStorageClassStandard, ChecksumType: o.sumType()}
		for _, name := range slices.Sorted(maps.Keys(o.Checksums)) {
			c.ChecksumAlgorithm = append(c.ChecksumAlgorithm, types.ChecksumAlgorithm(name))
		}
		if aws.ToBool(in.FetchOwner) {
			c.Owner = &types.Owner{ID: &h.b.Account}
		}
		out.Contents = append(out.Contents, c)
	}
	out.KeyCount = aws.Int32(int32(n)) //nolint:gosec // at most 1000
	return out, nil
}

// rollUp is the common prefix that a key belongs to, or the key itself.
func rollUp(key, prefix, delimiter string) (entry string, rolled bool) {
	if delimiter == "" {
		return key, false
	}
	head, _, ok := strings.Cut(key[len(prefix):], delimiter)
	if !ok {
		return key, false
	}
	return prefix + head + delimiter, true
}

// escapeKey is encoding-type=url: slashes stay.
func escapeKey(s string) string {
	return strings.NewReplacer("%2F", "/", "%2A", "*").Replace(url.QueryEscape(s))
}
