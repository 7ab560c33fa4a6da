package s3

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// partNumber is the number of a part.
func partNumber(n *int32) (int32, error) {
	if aws.ToInt32(n) < 1 || *n > maxParts {
		return 0, wire.Errorf("InvalidArgument", "Part number must be an integer between 1 and %d, inclusive", maxParts)
	}
	return *n, nil
}

// putPart keeps a part in place of the one of its number.
func (h shelf) putPart(n int32, p part) {
	if was, ok := h.parts().Get(partKey(p.Upload, n)); ok {
		h.s.removeLater(h.tx, was.File)
	}
	h.parts().Put(partKey(p.Upload, n), p)
}

// ListParts lists the parts of an upload by number.
func (s *Service) ListParts(tx *world.Tx, in *s3.ListPartsInput) (*s3.ListPartsOutput, error) {
	h, err := s.shelf(tx, in.Bucket, in.ExpectedBucketOwner, "ListMultipartUploadParts", in.Key)
	if err != nil {
		return nil, err
	}
	u, err := h.upload(in.UploadId, in.Key)
	if err != nil {
		return nil, err
	}
	limit, err := limited(in.MaxParts, "max-parts")
	if err != nil {
		return nil, err
	}
	after := 0
	if text := aws.ToString(in.PartNumberMarker); text != "" {
		if after, err = strconv.Atoi(text); err != nil || after < 0 {
			return nil, wire.Errorf("InvalidArgument", "Argument part-number-marker must be an integer between 0 and 2147483647")
		}
	}
	var found []types.Part
	for k, p := range h.parts().All() {
		n, err := strconv.ParseInt(strings.TrimPrefix(k, p.Upload+"/"), 10, 32)
		if err != nil || p.Upload != *in.UploadId || n <= int64(after) {
			continue
		}
		part := types.Part{PartNumber: aws.Int32(int32(n)), ETag: &p.ETag, Size: &p.Size, LastModified: &p.Modified}
		setSums(p.Sums, &part.ChecksumCRC32, &part.ChecksumCRC32C, &part.ChecksumCRC64NVME, &part.ChecksumSHA1, &part.ChecksumSHA256)
		found = append(found, part)
	}
	slices.SortFunc(found, func(a, b types.Part) int { return cmp.Compare(*a.PartNumber, *b.PartNumber) })
	out := &s3.ListPartsOutput{Bucket: in.Bucket, Key: in.Key, UploadId: in.UploadId, MaxParts: &limit, IsTruncated: aws.Bool(false), PartNumberMarker: in.PartNumberMarker,
		StorageClass: types.StorageClassStandard, Owner: &types.Owner{ID: &h.b.Account}, Initiator: &types.Initiator{ID: &h.b.Account}, Parts: found}
	if len(found) > int(limit) {
		out.Parts, out.IsTruncated = found[:limit], aws.Bool(limit > 0)
	}
	if n := len(out.Parts); n > 0 {
		out.NextPartNumberMarker = aws.String(strconv.Itoa(int(*out.Parts[n-1].PartNumber)))
	}
	if u.Algorithm != "" {
		out.ChecksumAlgorithm, out.ChecksumType = types.ChecksumAlgorithm(u.Algorithm), u.kind()
	}
	return out, nil
}

// ListMultipartUploads lists the uploads that are neither completed nor aborted by key,
// and those of a key by id, which is by when they began: behind a key and an upload come the
// greater ones of the key, behind a key alone comes the next key ("ListMultipartUploads",
// S3 API Reference).
func (s *Service) ListMultipartUploads(tx *world.Tx, in *s3.ListMultipartUploadsInput) (*s3.ListMultipartUploadsOutput, error) {
	h, err := s.shelf(tx, in.Bucket, in.ExpectedBucketOwner, "ListBucketMultipartUploads", nil)
	if err != nil {
		return nil, err
	}
	l := listing{prefix: aws.ToString(in.Prefix), delimiter: aws.ToString(in.Delimiter), after: aws.ToString(in.KeyMarker), encoding: in.EncodingType}
	if l.max, err = limited(in.MaxUploads, "max-uploads"); err != nil {
		return nil, err
	}
	type entry struct {
		id, name string
		rolled   bool
		upload
	}
	mark := aws.ToString(in.UploadIdMarker)
	var found []entry
	for id, u := range h.uploads().All() {
		if !strings.HasPrefix(u.Object.Key, l.prefix) {
			continue
		}
		name, rolled := rollUp(u.Object.Key, l.prefix, l.delimiter)
		if name > l.after || name == l.after && !rolled && mark != "" && id > mark {
			found = append(found, entry{id, name, rolled, u})
		}
	}
	slices.SortFunc(found, func(a, b entry) int { return cmp.Or(cmp.Compare(a.Object.Key, b.Object.Key), cmp.Compare(a.id, b.id)) })
	out := &s3.ListMultipartUploadsOutput{Bucket: in.Bucket, Prefix: l.encode(l.prefix), KeyMarker: l.encode(l.after), UploadIdMarker: in.UploadIdMarker,
		MaxUploads: &l.max, IsTruncated: &l.truncated, EncodingType: in.EncodingType}
	if l.delimiter != "" {
		out.Delimiter = l.encode(l.delimiter)
	}
	lastID := ""
	for _, e := range found {
		if e.rolled && e.name == l.last {
			continue
		}
		if l.n == l.max {
			if l.truncated = l.max > 0; l.truncated {
				out.NextKeyMarker, out.NextUploadIdMarker = l.encode(l.last), &lastID
			}
			break
		}
		l.n, l.last = l.n+1, e.name
		if e.rolled {
			out.CommonPrefixes = append(out.CommonPrefixes, types.CommonPrefix{Prefix: l.encode(e.name)})
			lastID = ""
			continue
		}
		lastID = e.id
		one := types.MultipartUpload{Key: l.encode(e.name), UploadId: &e.id, Initiated: &e.Began, StorageClass: types.StorageClassStandard,
			Owner: &types.Owner{ID: &h.b.Account}, Initiator: &types.Initiator{ID: &h.b.Account}}
		if e.Algorithm != "" {
			one.ChecksumAlgorithm, one.ChecksumType = types.ChecksumAlgorithm(e.Algorithm), e.kind()
		}
		out.Uploads = append(out.Uploads, one)
	}
	return out, nil
}
