package s3

import (
	"cmp"
	"fmt"
	"io"
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

// wanted is what a read names.
type wanted struct {
	bucket, owner, key, version, match, noneMatch *string
	since, unless                                 *time.Time // modified since, or not
}

// find returns an object under the conditions of a read, of which those on entity tags go
// before those on times ("GetObject", S3 API Reference), and its version id as it is shown.
func (s *Service) find(tx *world.Tx, w wanted) (object, *string, error) {
	h, err := s.shelf(tx, w.bucket, w.owner, ofVersion("GetObject", w.version), w.key)
	if err != nil {
		return object{}, nil, err
	}
	var o object
	var ok bool
	if w.version != nil {
		if err := checkVersion(*w.version); err != nil {
			return o, nil, err
		}
		if o, ok = h.version(aws.ToString(w.key), *w.version); ok && o.Marker {
			return o, nil, errIsMarker
		} else if !ok {
			return o, nil, errNoVersion
		}
	} else if o, ok = h.current(aws.ToString(w.key)); !ok {
		if !h.may("ListBucket", nil) {
			return o, nil, errDenied // what is there is not told ("Permissions", GetObject)
		}
		return o, nil, errNoKey
	}
	switch {
	case w.match != nil && *w.match != "*" && !sameTag(*w.match, o.ETag):
		return o, nil, errPrecondition
	case w.match == nil && w.unless != nil && o.Modified.After(*w.unless):
		return o, nil, errPrecondition
	case w.noneMatch != nil && (*w.noneMatch == "*" || sameTag(*w.noneMatch, o.ETag)), w.noneMatch == nil && w.since != nil && !o.Modified.After(*w.since):
		return o, nil, errNotModified
	}
	return o, h.shown(o), nil
}

// GetObject reads an object or a range of it.
func (s *Service) GetObject(tx *world.Tx, in *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
	if in.SSECustomerAlgorithm != nil {
		return nil, unmodelled("keys of the customer's own")
	}
	o, version, err := s.find(tx, wanted{in.Bucket, in.ExpectedBucketOwner, in.Key, in.VersionId, in.IfMatch, in.IfNoneMatch, in.IfModifiedSince, in.IfUnmodifiedSince})
	if err != nil {
		return nil, err
	}
	from, n, partial, count, err := o.portion(in.Range, in.PartNumber)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(s.dir, o.File))
	if err != nil {
		return nil, fmt.Errorf("open object: %w", err)
	}
	out := &s3.GetObjectOutput{
		Body: section{io.NewSectionReader(f, from, n), f}, ContentLength: &n, ETag: &o.ETag, LastModified: &o.Modified, ServerSideEncryption: types.ServerSideEncryptionAes256,
		ContentType: instead(in.ResponseContentType, o.ContentType), ContentEncoding: instead(in.ResponseContentEncoding, o.Encoding), CacheControl: instead(in.ResponseCacheControl, o.Cache),
		ContentDisposition: instead(in.ResponseContentDisposition, o.Disposition), ContentLanguage: instead(in.ResponseContentLanguage, o.Language), Expires: cmp.Or(in.ResponseExpires, o.Expires),
		Metadata: o.Metadata, AcceptRanges: aws.String("bytes"), VersionId: version, PartsCount: count,
	}
	if partial {
		out.ContentRange = rangeOf(from, n, o.Size)
	}
	if in.ChecksumMode == types.ChecksumModeEnabled && !partial {
		out.ChecksumType = o.sumType()
		setSums(o.Checksums, &out.ChecksumCRC32, &out.ChecksumCRC32C, &out.ChecksumCRC64NVME, &out.ChecksumSHA1, &out.ChecksumSHA256)
	}
	return out, nil
}

type section struct {
	io.Reader
	io.Closer
}

// HeadObject describes an object. Its errors have no body, so S3 answers 404 and
// no code.
func (s *Service) HeadObject(tx *world.Tx, in *s3.HeadObjectInput) (*s3.HeadObjectOutput, error) {
	if in.SSECustomerAlgorithm != nil {
		return nil, unmodelled("keys of the customer's own")
	}
	o, version, err := s.find(tx, wanted{in.Bucket, in.ExpectedBucketOwner, in.Key, in.VersionId, in.IfMatch, in.IfNoneMatch, in.IfModifiedSince, in.IfUnmodifiedSince})
	if err != nil {
		return nil, err
	}
	from, n, partial, count, err := o.portion(in.Range, in.PartNumber)
	if err != nil {
		return nil, err
	}
	out := &s3.HeadObjectOutput{
		ContentLength: &n, ETag: &o.ETag, LastModified: &o.Modified, ServerSideEncryption: types.ServerSideEncryptionAes256,
		ContentType: instead(in.ResponseContentType, o.ContentType), ContentEncoding: instead(in.ResponseContentEncoding, o.Encoding), CacheControl: instead(in.ResponseCacheControl, o.Cache),
		ContentDisposition: instead(in.ResponseContentDisposition, o.Disposition), ContentLanguage: instead(in.ResponseContentLanguage, o.Language), Expires: cmp.Or(in.ResponseExpires, o.Expires),
		Metadata: o.Metadata, AcceptRanges: aws.String("bytes"), VersionId: version, PartsCount: count,
	}
	if partial {
		out.ContentRange = rangeOf(from, n, o.Size)
	}
	if in.ChecksumMode == types.ChecksumModeEnabled && !partial {
		out.ChecksumType = o.sumType()
		setSums(o.Checksums, &out.ChecksumCRC32, &out.ChecksumCRC32C, &out.ChecksumCRC64NVME, &out.ChecksumSHA1, &out.ChecksumSHA256)
	}
	return out, nil
}

// portion is what a read asks for of an object: a range, or one of the parts that it was
// uploaded in, with how many these were. An object in one piece is its own first part and
// has no count ("GetObject", S3 API Reference).
func (o object) portion(header *string, number *int32) (from, n int64, partial bool, count *int32, err error) {
	if number == nil {
		from, n, partial, err = span(aws.ToString(header), o.Size)
		return from, n, partial, nil, err
	}
	i, err := partNumber(number)
	switch {
	case err != nil:
		return 0, 0, false, nil, err
	case header != nil:
		return 0, 0, false, nil, wire.Errorf("InvalidRequest", "Cannot specify both Range header and partNumber query parameter")
	case int(i) > max(len(o.Parts), 1):
		return 0, 0, false, nil, &wire.Error{Code: "InvalidPartNumber", Message: "The requested partnumber is not satisfiable", Status: 416}
	case o.Parts == nil:
		return 0, o.Size, o.Size > 0, nil, nil
	}
	for _, size := range o.Parts[:i-1] {
		from += size
	}
	n = o.Parts[i-1]
	return from, n, n > 0, aws.Int32(int32(len(o.Parts))), nil //nolint:gosec // at most 10,000
}

// instead is what a read asks to be told, or what the object has.
func instead(asked *string, has string) *string {
	if asked != nil || has == "" {
		return asked
	}
	return &has
}

func rangeOf(from, n, size int64) *string {
	return aws.String(fmt.Sprintf("bytes %d-%d/%d", from, from+n-1, size))
}

// span reads a Range header: where to begin, how much, and whether it is a part.
// More than one range is answered with the whole, as S3 does.
func span(header string, size int64) (from, n int64, partial bool, err error) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	if !ok || strings.Contains(spec, ",") {
		return 0, size, false, nil
	}
	bad := &wire.Error{Code: "InvalidRange", Message: "The requested range is not satisfiable", Status: 416}
	first, last, ok := strings.Cut(spec, "-")
	if !ok {
		return 0, size, false, nil
	}
	a, errA := parse(first)
	b, errB := parse(last)
	switch {
	case errA != nil || errB != nil || a < 0 && b < 0:
		return 0, size, false, nil
	case a < 0: // the last b bytes
		from = max(size-b, 0)
		if b == 0 || size == 0 {
			return 0, 0, false, bad
		}
		return from, size - from, true, nil
	case a >= size || b >= 0 && b < a:
		return 0, 0, false, bad
	case b < 0 || b >= size:
		b = size - 1
	}
	return a, b - a + 1, true, nil
}

// parse reads digits; none at all is -1.
func parse(s string) (int64, error) {
	if s == "" {
		return -1, nil
	}
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err //nolint:gosec // 63 bits
}
