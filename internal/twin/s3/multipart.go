package s3

import (
	"bytes"
	"crypto/md5" //nolint:gosec // S3's entity tags are MD5
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Limits of multipart uploads ("Amazon S3 multipart upload limits", S3 User Guide).
const (
	minPart  = 5 << 20 // of every part but the last
	maxParts = 10000
)

var errNoUpload = &wire.Error{Code: "NoSuchUpload", Message: "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.", Status: 404}

// upload is an object that comes in parts.
type upload struct {
	Object    object    `json:"object"` // what it will be
	Algorithm string    `json:"algorithm,omitempty"`
	Whole     bool      `json:"whole,omitempty"` // FULL_OBJECT, not COMPOSITE
	Began     time.Time `json:"began"`
}

// part is one part of an upload.
type part struct {
	Upload string            `json:"upload"`
	ETag   string            `json:"etag"`
	Size   int64             `json:"size"`
	Sums   map[string]string `json:"sums,omitempty"`
	File   string            `json:"file"`
	// Modified is when it came.
	Modified time.Time `json:"modified,omitzero"`
}

func (h shelf) uploads() *world.Rows[upload] {
	return world.Table[upload](h.tx.In(h.b.Account, h.b.Region), "s3/uploads/"+h.b.Name)
}

func (h shelf) parts() *world.Rows[part] {
	return world.Table[part](h.tx.In(h.b.Account, h.b.Region), "s3/parts/"+h.b.Name)
}

func partKey(upload string, n int32) string { return upload + "/" + strconv.Itoa(int(n)) }

// upload finds the upload that a request is about.
func (h shelf) upload(id, key *string) (upload, error) {
	u, ok := h.uploads().Get(aws.ToString(id))
	if !ok || u.Object.Key != aws.ToString(key) {
		return u, errNoUpload
	}
	return u, nil
}

// forget drops an upload with its parts.
func (h shelf) forget(id string) {
	for k, p := range h.parts().All() {
		if p.Upload == id {
			h.parts().Delete(k)
			h.s.removeLater(h.tx, p.File)
		}
	}
	h.uploads().Delete(id)
}

// CreateMultipartUpload begins an upload. A checksum is that of the checksums of the
// parts, but for CRC64NVME and where the request says otherwise ("Checking object
// integrity", S3 User Guide).
func (s *Service) CreateMultipartUpload(tx *world.Tx, in *s3.CreateMultipartUploadInput) (*s3.CreateMultipartUploadOutput, error) {
	h, err := s.shelf(tx, in.Bucket, in.ExpectedBucketOwner, "PutObject", in.Key)
	if err != nil {
		return nil, err
	}
	key := aws.ToString(in.Key)
	if len(key) > maxKey {
		return nil, wire.Errorf("KeyTooLongError", "Your key is too long")
	}
	if err := (asked{acl: in.ACL, grants: []*string{in.GrantFullControl, in.GrantRead, in.GrantReadACP, in.GrantWriteACP}, class: in.StorageClass,
		encryption: in.ServerSideEncryption, customer: in.SSECustomerAlgorithm, locked: in.ObjectLockMode != "" || in.ObjectLockLegalHoldStatus != "" || in.ObjectLockRetainUntilDate != nil,
		others: map[string]bool{"object tags": in.Tagging != nil, "redirections": in.WebsiteRedirectLocation != nil},
	}).check(); err != nil {
		return nil, err
	}
	u := upload{Began: tx.Now, Algorithm: string(in.ChecksumAlgorithm), Object: object{
		Key: key, ContentType: aws.ToString(in.ContentType), Encoding: stripChunked(aws.ToString(in.ContentEncoding)), Cache: aws.ToString(in.CacheControl), Metadata: in.Metadata,
		Disposition: aws.ToString(in.ContentDisposition), Language: aws.ToString(in.ContentLanguage), Expires: in.Expires,
	}}
	out := &s3.CreateMultipartUploadOutput{Bucket: in.Bucket, Key: in.Key, UploadId: uploadID(tx), ServerSideEncryption: types.ServerSideEncryptionAes256}
	if u.Algorithm != "" {
		if newHash(u.Algorithm) == nil {
			return nil, unmodelled("the checksum algorithm " + u.Algorithm)
		}
		u.Whole = in.ChecksumType == types.ChecksumTypeFullObject || u.Algorithm == "CRC64NVME"
		if u.Whole && !strings.HasPrefix(u.Algorithm, "CRC") || u.Algorithm == "CRC64NVME" && in.ChecksumType == types.ChecksumTypeComposite {
			return nil, wire.Errorf("InvalidRequest", "The %s checksum type cannot be used with the %s checksum algorithm.", in.ChecksumType, u.Algorithm)
		}
		out.ChecksumAlgorithm, out.ChecksumType = in.ChecksumAlgorithm, u.kind()
	}
	h.uploads().Put(*out.UploadId, u)
	return out, nil
}

// uploadID is an id that is greater than those from before: lists go on behind an upload
// that is gone.
func uploadID(tx *world.Tx) *string {
	return aws.String(fmt.Sprintf("%012x", tx.Now.UnixMilli()) + tx.Hex(28))
}

func (u upload) kind() types.ChecksumType {
	if u.Whole {
		return types.ChecksumTypeFullObject
	}
	return types.ChecksumTypeComposite
}

// UploadPart writes a part; the same number again replaces it.
func (s *Service) UploadPart(tx *world.Tx, in *s3.UploadPartInput) (*s3.UploadPartOutput, error) {
	h, err := s.shelf(tx, in.Bucket, in.ExpectedBucketOwner, "PutObject", in.Key)
	if err != nil {
		return nil, err
	}
	u, err := h.upload(in.UploadId, in.Key)
	if err != nil {
		return nil, err
	}
	n, err := partNumber(in.PartNumber)
	if err != nil {
		return nil, err
	}
	body, err := readAll(in.Body)
	if err != nil {
		return nil, err
	}
	sums, err := checksums(sent{in.ContentMD5, in.ChecksumCRC32, in.ChecksumCRC32C, in.ChecksumCRC64NVME, in.ChecksumSHA1, in.ChecksumSHA256}, body)
	if err != nil {
		return nil, err
	}
	if f := newHash(u.Algorithm); f != nil && sums[u.Algorithm] == "" {
		f.Write(body)
		sums[u.Algorithm] = base64.StdEncoding.EncodeToString(f.Sum(nil))
	}
	tag := md5.Sum(body) //nolint:gosec // as S3
	p := part{Upload: *in.UploadId, ETag: `"` + hex.EncodeToString(tag[:]) + `"`, Size: int64(len(body)), Sums: sums, File: tx.Hex(40), Modified: tx.Now.Truncate(time.Second)}
	if err := s.write(p.File, bytes.NewReader(body)); err != nil {
		return nil, err
	}
	h.putPart(n, p)
	out := &s3.UploadPartOutput{ETag: &p.ETag, ServerSideEncryption: types.ServerSideEncryptionAes256}
	setSums(sums, &out.ChecksumCRC32, &out.ChecksumCRC32C, &out.ChecksumCRC64NVME, &out.ChecksumSHA1, &out.ChecksumSHA256)
	return out, nil
}

// AbortMultipartUpload drops an upload.
func (s *Service) AbortMultipartUpload(tx *world.Tx, in *s3.AbortMultipartUploadInput) (*s3.AbortMultipartUploadOutput, error) {
	h, err := s.shelf(tx, in.Bucket, in.ExpectedBucketOwner, "AbortMultipartUpload", in.Key)
	if err != nil {
		return nil, err
	}
	if _, err := h.upload(in.UploadId, in.Key); err != nil {
		return nil, err
	}
	h.forget(*in.UploadId)
	return &s3.AbortMultipartUploadOutput{}, nil
}

// CompleteMultipartUpload makes the object of the parts that it lists, in their order,
// under the conditions of PutObject.
func (s *Service) CompleteMultipartUpload(tx *world.Tx, in *s3.CompleteMultipartUploadInput) (*s3.CompleteMultipartUploadOutput, error) {
	h, err := s.shelf(tx, in.Bucket, in.ExpectedBucketOwner, "PutObject", in.Key)
	if err != nil {
		return nil, err
	}
	u, err := h.upload(in.UploadId, in.Key)
	if err != nil {
		return nil, err
	}
	if err := h.mayWrite(u.Object.Key, in.IfNoneMatch, in.IfMatch); err != nil {
		return nil, err
	}
	parts, err := h.listed(*in.UploadId, u, in.MultipartUpload)
	if err != nil {
		return nil, err
	}
	o := u.Object
	if err := s.join(tx, u, &o, parts); err != nil {
		return nil, err
	}
	given := map[string]*string{"CRC32": in.ChecksumCRC32, "CRC32C": in.ChecksumCRC32C, "CRC64NVME": in.ChecksumCRC64NVME, "SHA1": in.ChecksumSHA1, "SHA256": in.ChecksumSHA256}
	for name, want := range given {
		if want != nil && o.Checksums[name] != "" && *want != o.Checksums[name] && *want+"-"+strconv.Itoa(len(parts)) != o.Checksums[name] {
			s.removeNow(o.File)
			return nil, wire.Errorf("BadDigest", "The %s you specified did not match the calculated checksum.", name)
		}
	}
	if in.MpuObjectSize != nil && *in.MpuObjectSize != o.Size {
		s.removeNow(o.File)
		return nil, wire.Errorf("InvalidRequest", "The provided x-amz-mp-object-size header does not match what was computed.")
	}
	o = h.put(o)
	h.forget(*in.UploadId)
	out := &s3.CompleteMultipartUploadOutput{ServerSideEncryption: types.ServerSideEncryptionAes256, Bucket: in.Bucket, Key: in.Key, ETag: &o.ETag, VersionId: h.shown(o), Location: aws.String("https://" + h.b.Name + ".s3." + h.b.Region + ".amazonaws.com/" + o.Key)}
	setSums(o.Checksums, &out.ChecksumCRC32, &out.ChecksumCRC32C, &out.ChecksumCRC64NVME, &out.ChecksumSHA1, &out.ChecksumSHA256)
	if u.Algorithm != "" {
		out.ChecksumType = u.kind()
	}
	return out, nil
}

// listed finds the parts that a request lists, with their checksums where these make up the
// object's ("CompleteMultipartUpload", S3 API Reference: InvalidRequest).
func (h shelf) listed(id string, u upload, list *types.CompletedMultipartUpload) ([]part, error) {
	if list == nil || len(list.Parts) == 0 {
		return nil, &wire.Error{Code: "MalformedXML", Message: "The XML you provided was not well-formed or did not validate against our published schema", Status: 400}
	}
	var out []part
	last := int32(0)
	for _, c := range list.Parts {
		n := aws.ToInt32(c.PartNumber)
		p, ok := h.parts().Get(partKey(id, n))
		sums := map[string]*string{"CRC32": c.ChecksumCRC32, "CRC32C": c.ChecksumCRC32C, "CRC64NVME": c.ChecksumCRC64NVME, "SHA1": c.ChecksumSHA1, "SHA256": c.ChecksumSHA256}
		for name, want := range sums {
			ok = ok && (want == nil || p.Sums[name] == *want)
		}
		switch {
		case u.Algorithm != "" && !u.Whole && sums[u.Algorithm] == nil:
			return nil, wire.Errorf("InvalidRequest", "The upload was created using a %s checksum. The complete request must include the checksum for each part. It was missing for part %d in the request.", strings.ToLower(u.Algorithm), n)
		case n <= last:
			return nil, wire.Errorf("InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number.")
		case !ok || !sameTag(aws.ToString(c.ETag), p.ETag):
			return nil, wire.Errorf("InvalidPart", "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.")
		}
		last = n
		out = append(out, p)
	}
	for _, p := range out[:len(out)-1] {
		if p.Size < minPart {
			return nil, wire.Errorf("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
		}
	}
	return out, nil
}

// join writes the parts into one file and works out what an object of parts has: an
// entity tag and, if it is composite, a checksum over those of the parts, each with
// their number behind it.
func (s *Service) join(tx *world.Tx, u upload, o *object, parts []part) (err error) {
	o.File, o.Modified = tx.Hex(40), tx.Now.Truncate(time.Second)
	// A twin that was killed in the middle of this left a file that no object names, and
	// gives the same name again.
	f, err := os.OpenFile(filepath.Join(s.dir, o.File), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("join parts: %w", err)
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			s.removeNow(o.File)
		}
	}()
	tags, sum := md5.New(), newHash(u.Algorithm) //nolint:gosec // as S3
	to := io.Writer(f)
	if sum != nil && u.Whole {
		to = io.MultiWriter(f, sum)
	}
	for _, p := range parts {
		if err := s.copyTo(to, p.File); err != nil {
			return fmt.Errorf("join parts: %w", err)
		}
		o.Size += p.Size
		o.Parts = append(o.Parts, p.Size)
		raw, err := hex.DecodeString(strings.Trim(p.ETag, `"`))
		if err != nil {
			return fmt.Errorf("join parts: %w", err)
		}
		tags.Write(raw)
		if sum != nil && !u.Whole {
			if raw, err = base64.StdEncoding.DecodeString(p.Sums[u.Algorithm]); err != nil {
				return fmt.Errorf("join parts: %w", err)
			}
			sum.Write(raw)
		}
	}
	n := "-" + strconv.Itoa(len(parts))
	o.ETag = `"` + hex.EncodeToString(tags.Sum(nil)) + n + `"`
	if sum != nil {
		text := base64.StdEncoding.EncodeToString(sum.Sum(nil))
		if !u.Whole {
			text += n
			o.Composite = true
		}
		o.Checksums = map[string]string{u.Algorithm: text}
	}
	return nil
}

func (s *Service) copyTo(w io.Writer, name string) error {
	f, err := os.Open(filepath.Join(s.dir, name))
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// removeNow removes a file that no row names.
func (s *Service) removeNow(name string) { _ = os.Remove(filepath.Join(s.dir, name)) } // what is left over is only space

// newHash is a checksum algorithm's hash, nil if there is no such algorithm.
func newHash(name string) hash.Hash {
	i := slices.IndexFunc(algorithms, func(a algorithm) bool { return a.name == name && name != "" })
	if i < 0 {
		return nil
	}
	return algorithms[i].hash()
}
