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

// listing is what a list of objects names, and what is found.
type listing struct {
	prefix, delimiter, after string
	limit                    *int32
	encoding                 types.EncodingType
	owner                    bool

	max       int32 // of a page
	n         int32 // objects and prefixes
	contents  []types.Object
	prefixes  []types.CommonPrefix
	truncated bool
	last      string // of the page, as it is without encoding
}

// encode is a text as the request wants it.
func (l *listing) encode(s string) *string {
	if l.encoding == types.EncodingTypeUrl {
		s = escapeKey(s)
	}
	return &s
}

// limited is how many a page has, and an error for less than none.
func limited(asked *int32, name string) (int32, error) {
	switch {
	case asked == nil:
		return maxKeys, nil
	case *asked < 0:
		return 0, wire.Errorf("InvalidArgument", "Argument %s must be an integer between 0 and 2147483647", name)
	}
	return min(*asked, maxKeys), nil
}

// list finds objects in the order of their keys' bytes. Keys between the prefix and the
// next delimiter are rolled up.
func (h shelf) list(l *listing) (err error) {
	if l.max, err = limited(l.limit, "maxKeys"); err != nil {
		return err
	}
	var found []object
	for _, o := range h.live.All() {
		if strings.HasPrefix(o.Key, l.prefix) && !o.Marker {
			found = append(found, o)
		}
	}
	sort.Slice(found, func(i, j int) bool { return found[i].Key < found[j].Key })
	for _, o := range found {
		entry, rolled := rollUp(o.Key, l.prefix, l.delimiter)
		if entry <= l.after || entry == l.last {
			continue
		}
		if l.n == l.max {
			l.truncated = l.max > 0
			break
		}
		l.n, l.last = l.n+1, entry
		if rolled {
			l.prefixes = append(l.prefixes, types.CommonPrefix{Prefix: l.encode(entry)})
			continue
		}
		c := types.Object{Key: l.encode(o.Key), ETag: &o.ETag, Size: &o.Size, LastModified: &o.Modified, StorageClass: types.ObjectStorageClassStandard, ChecksumType: o.sumType()}
		for _, name := range slices.Sorted(maps.Keys(o.Checksums)) {
			c.ChecksumAlgorithm = append(c.ChecksumAlgorithm, types.ChecksumAlgorithm(name))
		}
		if l.owner {
			c.Owner = &types.Owner{ID: &h.b.Account}
		}
		l.contents = append(l.contents, c)
	}
	return nil
}

// ListObjectsV2 lists objects page by page.
func (s *Service) ListObjectsV2(tx *world.Tx, in *s3.ListObjectsV2Input) (*s3.ListObjectsV2Output, error) {
	h, err := s.shelf(tx, in.Bucket, in.ExpectedBucketOwner, "ListBucket", nil)
	if err != nil {
		return nil, err
	}
	l := listing{prefix: aws.ToString(in.Prefix), delimiter: aws.ToString(in.Delimiter), after: aws.ToString(in.StartAfter),
		limit: in.MaxKeys, encoding: in.EncodingType, owner: aws.ToBool(in.FetchOwner)}
	if in.ContinuationToken != nil {
		if l.after, err = place(*in.ContinuationToken); err != nil {
			return nil, err
		}
	}
	if err := h.list(&l); err != nil {
		return nil, err
	}
	out := &s3.ListObjectsV2Output{
		Name: in.Bucket, Prefix: l.encode(l.prefix), MaxKeys: &l.max, KeyCount: &l.n, IsTruncated: &l.truncated, Contents: l.contents, CommonPrefixes: l.prefixes,
		EncodingType: in.EncodingType, ContinuationToken: in.ContinuationToken,
	}
	if in.StartAfter != nil {
		out.StartAfter = l.encode(*in.StartAfter)
	}
	if l.delimiter != "" {
		out.Delimiter = l.encode(l.delimiter)
	}
	if l.truncated {
		out.NextContinuationToken = token(l.last)
	}
	return out, nil
}

// ListObjects is the list from before ListObjectsV2. Owners are always told, and where to
// go on only if there is a delimiter: otherwise it is the last key ("ListObjects", S3 API
// Reference).
func (s *Service) ListObjects(tx *world.Tx, in *s3.ListObjectsInput) (*s3.ListObjectsOutput, error) {
	h, err := s.shelf(tx, in.Bucket, in.ExpectedBucketOwner, "ListBucket", nil)
	if err != nil {
		return nil, err
	}
	l := listing{prefix: aws.ToString(in.Prefix), delimiter: aws.ToString(in.Delimiter), after: aws.ToString(in.Marker),
		limit: in.MaxKeys, encoding: in.EncodingType, owner: true}
	if err := h.list(&l); err != nil {
		return nil, err
	}
	out := &s3.ListObjectsOutput{
		Name: in.Bucket, Prefix: l.encode(l.prefix), Marker: l.encode(l.after), MaxKeys: &l.max, IsTruncated: &l.truncated, Contents: l.contents, CommonPrefixes: l.prefixes,
		EncodingType: in.EncodingType,
	}
	if l.delimiter != "" {
		out.Delimiter = l.encode(l.delimiter)
		if l.truncated {
			out.NextMarker = l.encode(l.last)
		}
	}
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
