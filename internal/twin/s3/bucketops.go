package s3

import (
	"sort"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// ListBuckets lists the account's buckets of all regions by name.
func (s *Service) ListBuckets(tx *world.Tx, in *s3.ListBucketsInput) (*s3.ListBucketsOutput, error) {
	from := ""
	if in.ContinuationToken != nil {
		var err error
		if from, err = place(*in.ContinuationToken); err != nil {
			return nil, err
		}
	}
	var all []bucket
	for _, b := range buckets(tx).All() {
		if b.Account == tx.Account && b.Name > from && strings.HasPrefix(b.Name, aws.ToString(in.Prefix)) && (in.BucketRegion == nil || *in.BucketRegion == b.Region) {
			all = append(all, b)
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	out := &s3.ListBucketsOutput{Owner: &types.Owner{ID: aws.String(tx.Account)}, Prefix: in.Prefix, Buckets: []types.Bucket{}}
	for n, b := range all {
		if in.MaxBuckets != nil && n == int(*in.MaxBuckets) {
			out.ContinuationToken = token(all[n-1].Name)
			break
		}
		out.Buckets = append(out.Buckets, types.Bucket{Name: &b.Name, CreationDate: &b.Created, BucketRegion: &b.Region})
	}
	return out, nil
}

// DeleteBucket removes a bucket without objects, versions and delete markers. Uploads
// that were not completed go with it.
func (s *Service) DeleteBucket(tx *world.Tx, in *s3.DeleteBucketInput) (*s3.DeleteBucketOutput, error) {
	h, err := s.shelf(tx, in.Bucket, in.ExpectedBucketOwner, "DeleteBucket", nil)
	if err != nil {
		return nil, err
	}
	if h.live.Len() > 0 || h.old.Len() > 0 {
		return nil, &wire.Error{Code: "BucketNotEmpty", Message: "The bucket you tried to delete is not empty", Status: 409}
	}
	for id := range h.uploads().All() {
		h.forget(id)
	}
	buckets(tx).Delete(h.b.Name)
	return &s3.DeleteBucketOutput{}, nil
}

// maxDeletes is how many keys one DeleteObjects names (API reference).
const maxDeletes = 1000

// DeleteObjects removes up to 1000 keys or versions; what is not there counts as
// removed.
func (s *Service) DeleteObjects(tx *world.Tx, in *s3.DeleteObjectsInput) (*s3.DeleteObjectsOutput, error) {
	h, err := s.shelf(tx, in.Bucket, in.ExpectedBucketOwner, "", nil)
	if err != nil {
		return nil, err
	}
	if n := len(in.Delete.Objects); n == 0 || n > maxDeletes {
		return nil, &wire.Error{Code: "MalformedXML", Message: "The XML you provided was not well-formed or did not validate against our published schema", Status: 400}
	}
	out := &s3.DeleteObjectsOutput{}
	for _, d := range in.Delete.Objects {
		if err := h.mayDelete(d); err != nil {
			out.Errors = append(out.Errors, types.Error{Key: d.Key, VersionId: d.VersionId, Code: &err.Code, Message: &err.Message})
			continue
		}
		id, marker := h.delete(aws.ToString(d.Key), d.VersionId)
		if aws.ToBool(in.Delete.Quiet) {
			continue
		}
		gone := types.DeletedObject{Key: d.Key, VersionId: d.VersionId}
		if marker {
			gone.DeleteMarker, gone.DeleteMarkerVersionId = aws.Bool(true), id
		}
		out.Deleted = append(out.Deleted, gone)
	}
	return out, nil
}

// mayDelete says what keeps one of the things that DeleteObjects names from being deleted.
// There a version that cannot be one is NoSuchVersion, which DeleteObject calls
// InvalidArgument (recorded in versitygw issue 2119).
func (h shelf) mayDelete(d types.ObjectIdentifier) *wire.Error {
	if !h.may(ofVersion("DeleteObject", d.VersionId), d.Key) {
		return errDenied
	}
	if id := aws.ToString(d.VersionId); id != "" && checkVersion(id) != nil {
		return errNoVersion
	}
	if cur, ok := h.current(aws.ToString(d.Key)); d.ETag != nil && (!ok || *d.ETag != "*" && !sameTag(*d.ETag, cur.ETag)) {
		return errPrecondition
	}
	return nil
}
