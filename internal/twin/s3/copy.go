package s3

import (
	"crypto/md5" //nolint:gosec // S3's entity tags are MD5
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// maxCopy is the largest object that one request copies ("CopyObject", S3 API Reference).
const maxCopy = 5 << 30

// source names what is copied, with the conditions of the request on it.
type source struct {
	name, owner, match, noneMatch *string
	since, unless                 *time.Time
}

// source finds what is copied: bucket/key, escaped as in an address, with ?versionId= for
// a version. A condition that does not hold is 412 here, not 304.
func (s *Service) source(tx *world.Tx, from source) (object, *string, error) {
	text, query, _ := strings.Cut(aws.ToString(from.name), "?")
	text, err := url.PathUnescape(text)
	bucket, key, ok := strings.Cut(strings.TrimPrefix(text, "/"), "/")
	version, named := strings.CutPrefix(query, "versionId=")
	switch {
	case err != nil, !ok, bucket == "", key == "", query != "" && (!named || version == ""):
		return object{}, nil, wire.Errorf("InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
	case strings.HasPrefix(bucket, "arn:"):
		return object{}, nil, unmodelled("access points")
	}
	w := wanted{bucket: &bucket, owner: from.owner, key: &key, match: from.match, noneMatch: from.noneMatch, since: from.since, unless: from.unless}
	if named {
		w.version = &version
	}
	o, shown, err := s.find(tx, w)
	switch {
	case errors.Is(err, errNotModified):
		err = errPrecondition
	case errors.Is(err, errIsMarker):
		err = wire.Errorf("InvalidRequest", "The source of a copy request may not specifically refer to a delete marker by version id.")
	}
	return o, shown, err
}

// duplicate copies a part of a file, and says what its bytes make.
func (s *Service) duplicate(tx *world.Tx, file string, at, n int64, algorithm string) (to, tag, sum string, err error) {
	f, err := os.Open(filepath.Join(s.dir, file))
	if err != nil {
		return "", "", "", fmt.Errorf("copy object: %w", err)
	}
	defer f.Close()
	to = tx.Hex(40)
	tags, sums := md5.New(), newHash(algorithm) //nolint:gosec // as S3
	from := io.TeeReader(io.NewSectionReader(f, at, n), tags)
	if sums != nil {
		from = io.TeeReader(from, sums)
	}
	if err := s.write(to, from); err != nil {
		return "", "", "", fmt.Errorf("copy object: %w", err)
	}
	if sums != nil {
		sum = base64.StdEncoding.EncodeToString(sums.Sum(nil))
	}
	return to, `"` + hex.EncodeToString(tags.Sum(nil)) + `"`, sum, nil
}

// CopyObject makes an object of another, whole and in one piece: an object of parts gets
// the entity tag and the checksum of its bytes ("Copying objects", S3 User Guide).
func (s *Service) CopyObject(tx *world.Tx, in *s3.CopyObjectInput) (*s3.CopyObjectOutput, error) {
	h, err := s.shelf(tx, in.Bucket, in.ExpectedBucketOwner, "PutObject", in.Key)
	if err != nil {
		return nil, err
	}
	if len(*in.Key) > maxKey {
		return nil, wire.Errorf("KeyTooLongError", "Your key is too long")
	}
	if err := (asked{acl: in.ACL, grants: []*string{in.GrantFullControl, in.GrantRead, in.GrantReadACP, in.GrantWriteACP}, class: in.StorageClass,
		encryption: in.ServerSideEncryption, customer: in.SSECustomerAlgorithm, locked: in.ObjectLockMode != "" || in.ObjectLockLegalHoldStatus != "" || in.ObjectLockRetainUntilDate != nil,
		others: map[string]bool{"object tags": in.Tagging != nil || in.TaggingDirective == types.TaggingDirectiveReplace, "redirections": in.WebsiteRedirectLocation != nil,
			"keys of the customer's own": in.CopySourceSSECustomerAlgorithm != nil},
	}).check(); err != nil {
		return nil, err
	}
	o, from, err := s.source(tx, source{in.CopySource, in.ExpectedSourceBucketOwner, in.CopySourceIfMatch, in.CopySourceIfNoneMatch, in.CopySourceIfModifiedSince, in.CopySourceIfUnmodifiedSince})
	if err != nil {
		return nil, err
	}
	replace := in.MetadataDirective == types.MetadataDirectiveReplace
	cur, _ := h.current(*in.Key)
	switch {
	case o.Size > maxCopy:
		return nil, wire.Errorf("InvalidRequest", "The specified copy source is larger than the maximum allowable size for a copy source: %d", int64(maxCopy))
	case !replace && cur.File == o.File && in.ServerSideEncryption == "" && in.StorageClass == "" && in.ChecksumAlgorithm == "":
		return nil, wire.Errorf("InvalidRequest", "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.")
	}
	if err := h.mayWrite(*in.Key, in.IfNoneMatch, in.IfMatch); err != nil {
		return nil, err
	}
	algorithm := string(in.ChecksumAlgorithm)
	if algorithm == "" {
		algorithm = "CRC64NVME" // of what came without one ("CopyObject")
		for name := range o.Checksums {
			algorithm = name
		}
	} else if newHash(algorithm) == nil {
		return nil, unmodelled("the checksum algorithm " + algorithm)
	}
	made := o
	if replace {
		made = object{ContentType: aws.ToString(in.ContentType), Encoding: stripChunked(aws.ToString(in.ContentEncoding)), Cache: aws.ToString(in.CacheControl),
			Disposition: aws.ToString(in.ContentDisposition), Language: aws.ToString(in.ContentLanguage), Expires: in.Expires, Metadata: in.Metadata, Size: o.Size}
	}
	var sum string
	if made.File, made.ETag, sum, err = s.duplicate(tx, o.File, 0, o.Size, algorithm); err != nil {
		return nil, err
	}
	made.Key, made.Modified, made.Composite, made.Parts, made.Checksums = *in.Key, tx.Now.Truncate(time.Second), false, nil, map[string]string{algorithm: sum}
	made.Ordinal = 0
	made = h.put(made)
	out := &s3.CopyObjectOutput{CopySourceVersionId: from, VersionId: h.shown(made), ServerSideEncryption: types.ServerSideEncryptionAes256,
		CopyObjectResult: &types.CopyObjectResult{ETag: &made.ETag, LastModified: &made.Modified, ChecksumType: made.sumType()}}
	r := out.CopyObjectResult
	setSums(made.Checksums, &r.ChecksumCRC32, &r.ChecksumCRC32C, &r.ChecksumCRC64NVME, &r.ChecksumSHA1, &r.ChecksumSHA256)
	return out, nil
}

// UploadPartCopy makes a part of an object or of a range of its bytes.
func (s *Service) UploadPartCopy(tx *world.Tx, in *s3.UploadPartCopyInput) (*s3.UploadPartCopyOutput, error) {
	h, err := s.shelf(tx, in.Bucket, in.ExpectedBucketOwner, "PutObject", in.Key)
	if err != nil {
		return nil, err
	}
	u, err := h.upload(in.UploadId, in.Key)
	if err != nil {
		return nil, err
	}
	if in.SSECustomerAlgorithm != nil || in.CopySourceSSECustomerAlgorithm != nil {
		return nil, unmodelled("keys of the customer's own")
	}
	n, err := partNumber(in.PartNumber)
	if err != nil {
		return nil, err
	}
	o, from, err := s.source(tx, source{in.CopySource, in.ExpectedSourceBucketOwner, in.CopySourceIfMatch, in.CopySourceIfNoneMatch, in.CopySourceIfModifiedSince, in.CopySourceIfUnmodifiedSince})
	if err != nil {
		return nil, err
	}
	at, size, err := piece(in.CopySourceRange, o.Size)
	if err != nil {
		return nil, err
	}
	if size > maxCopy {
		return nil, wire.Errorf("InvalidRequest", "The specified copy source is larger than the maximum allowable size for a copy source: %d", int64(maxCopy))
	}
	p := part{Upload: *in.UploadId, Size: size, Modified: tx.Now.Truncate(time.Second)}
	var sum string
	if p.File, p.ETag, sum, err = s.duplicate(tx, o.File, at, size, u.Algorithm); err != nil {
		return nil, err
	}
	if sum != "" {
		p.Sums = map[string]string{u.Algorithm: sum}
	}
	h.putPart(n, p)
	out := &s3.UploadPartCopyOutput{CopySourceVersionId: from, ServerSideEncryption: types.ServerSideEncryptionAes256, CopyPartResult: &types.CopyPartResult{ETag: &p.ETag, LastModified: &p.Modified}}
	r := out.CopyPartResult
	setSums(p.Sums, &r.ChecksumCRC32, &r.ChecksumCRC32C, &r.ChecksumCRC64NVME, &r.ChecksumSHA1, &r.ChecksumSHA256)
	return out, nil
}

// piece reads the range of a copy, which has both its ends and lies within the source. This
// has more than 5 MB ("UploadPartCopy", S3 API Reference: x-amz-copy-source-range).
func piece(text *string, size int64) (at, n int64, err error) {
	if text == nil {
		return 0, size, nil
	}
	spec, ok := strings.CutPrefix(*text, "bytes=")
	first, last, both := strings.Cut(spec, "-")
	a, errA := strconv.ParseUint(first, 10, 62)
	b, errB := strconv.ParseUint(last, 10, 62)
	switch {
	case !ok || !both || errA != nil || errB != nil || b < a:
		return 0, 0, wire.Errorf("InvalidArgument", "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy")
	case size <= minPart:
		return 0, 0, wire.Errorf("InvalidRequest", "The specified copy source is not supported as a byte-range copy source")
	case b >= uint64(size): //nolint:gosec // sizes are not negative
		return 0, 0, wire.Errorf("InvalidArgument", "Range specified is not valid for source object of size: %d", size)
	}
	return int64(a), int64(b - a + 1), nil //nolint:gosec // 62 bits
}
