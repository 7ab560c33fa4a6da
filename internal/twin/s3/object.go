package s3

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // S3's entity tags are MD5
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// object is what is known of an object; its bytes are in a file.
type object struct {
	Key         string            `json:"key"`
	ETag        string            `json:"etag"` // with its quotes
	Size        int64             `json:"size"`
	Modified    time.Time         `json:"modified"`
	ContentType string            `json:"contentType,omitempty"`
	Encoding    string            `json:"encoding,omitempty"`
	Cache       string            `json:"cache,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	Checksums   map[string]string `json:"checksums,omitempty"` // algorithm to base64
	File        string            `json:"file,omitempty"`
	// Version is the version's id; empty is the null version.
	Version string `json:"version,omitempty"`
	// Marker is a delete marker: no object at all.
	Marker bool `json:"marker,omitempty"`
	// Composite says that the checksums are those of the parts' checksums.
	Composite bool `json:"composite,omitempty"`
	// Parts are the sizes of the parts that the object was uploaded in, nil in one.
	Parts []int64 `json:"parts,omitempty"`
	// Ordinal counts the versions of the key.
	Ordinal uint64 `json:"ordinal,omitempty"`
	// What is given back with the object as it was put.
	Disposition string     `json:"disposition,omitempty"`
	Language    string     `json:"language,omitempty"`
	Expires     *time.Time `json:"expires,omitempty"`
}

var (
	errPrecondition = &wire.Error{Code: "PreconditionFailed", Message: "At least one of the pre-conditions you specified did not hold", Status: 412}
	errNoKey        = &wire.Error{Code: "NoSuchKey", Message: "The specified key does not exist.", Status: 404}
	errDenied       = &wire.Error{Code: "AccessDenied", Message: "Access Denied", Status: 403}
	errNotModified  = &wire.Error{Code: "NotModified", Message: "Not Modified", Status: 304}
)

const maxKey = 1024 // bytes ("Naming Amazon S3 objects")

// mayWrite holds a write against its conditions ("Conditional requests", S3 User Guide).
func (h shelf) mayWrite(key string, noneMatch, match *string) error {
	old, exists := h.current(key)
	switch {
	case noneMatch != nil && *noneMatch != "*":
		return &wire.Error{Code: "NotImplemented", Message: "If-None-Match is only possible with *", Status: 501}
	case noneMatch != nil && exists:
		return errPrecondition
	case match != nil && !exists:
		return errNoKey
	case match != nil && !sameTag(*match, old.ETag):
		return errPrecondition
	}
	return nil
}

func readAll(body io.Reader) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, wire.Errorf("IncompleteBody", "The body ended early.")
	}
	return data, nil
}

// PutObject writes an object whole. If-None-Match: * and If-Match hold against
// writers at the same time.
func (s *Service) PutObject(tx *world.Tx, in *s3.PutObjectInput) (*s3.PutObjectOutput, error) {
	h, err := s.shelf(tx, in.Bucket, in.ExpectedBucketOwner, "PutObject", in.Key)
	if err != nil {
		return nil, err
	}
	key := *in.Key
	if len(key) > maxKey {
		return nil, wire.Errorf("KeyTooLongError", "Your key is too long")
	}
	if err := (asked{acl: in.ACL, grants: []*string{in.GrantFullControl, in.GrantRead, in.GrantReadACP, in.GrantWriteACP}, class: in.StorageClass,
		encryption: in.ServerSideEncryption, customer: in.SSECustomerAlgorithm, locked: in.ObjectLockMode != "" || in.ObjectLockLegalHoldStatus != "" || in.ObjectLockRetainUntilDate != nil,
		others: map[string]bool{"object tags": in.Tagging != nil, "redirections": in.WebsiteRedirectLocation != nil, "appending to objects": in.WriteOffsetBytes != nil,
			"the checksum of another algorithm": given(in.ChecksumMD5, in.ChecksumSHA512, in.ChecksumXXHASH128, in.ChecksumXXHASH3, in.ChecksumXXHASH64)},
	}).check(); err != nil {
		return nil, err
	}
	if err := h.mayWrite(key, in.IfNoneMatch, in.IfMatch); err != nil {
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
	tag := md5.Sum(body) //nolint:gosec // as S3
	o := object{
		Key: key, ETag: `"` + hex.EncodeToString(tag[:]) + `"`, Size: int64(len(body)), Modified: tx.Now.Truncate(time.Second),
		ContentType: aws.ToString(in.ContentType), Encoding: stripChunked(aws.ToString(in.ContentEncoding)), Cache: aws.ToString(in.CacheControl),
		Disposition: aws.ToString(in.ContentDisposition), Language: aws.ToString(in.ContentLanguage), Expires: in.Expires,
		Metadata: in.Metadata, Checksums: sums, File: tx.Hex(40),
	}
	if err := s.write(o.File, bytes.NewReader(body)); err != nil {
		return nil, err
	}
	o = h.put(o)
	out := &s3.PutObjectOutput{ETag: &o.ETag, VersionId: h.shown(o), ChecksumType: o.sumType(), ServerSideEncryption: types.ServerSideEncryptionAes256}
	setSums(sums, &out.ChecksumCRC32, &out.ChecksumCRC32C, &out.ChecksumCRC64NVME, &out.ChecksumSHA1, &out.ChecksumSHA256)
	return out, nil
}

// write puts the bytes beside their final name first: a file is whole or absent.
func (s *Service) write(name string, body io.Reader) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of objects: %w", err)
	}
	path := filepath.Join(s.dir, name)
	out, err := os.OpenFile(path+".part", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write object: %w", err)
	}
	_, err = io.Copy(out, body)
	if err = errors.Join(err, out.Close()); err == nil {
		err = os.Rename(path+".part", path)
	}
	if err != nil {
		s.removeNow(name + ".part")
		return fmt.Errorf("write object: %w", err)
	}
	return nil
}

// removeLater removes a file once the transaction holds.
func (s *Service) removeLater(tx *world.Tx, name string) {
	tx.Go("remove an object's file", func(context.Context) {
		_ = os.Remove(filepath.Join(s.dir, name)) // a file left over is only space
	})
}

// stripChunked takes the transfer's encoding off the object's.
func stripChunked(encoding string) string {
	var keep []string
	for _, e := range strings.Split(encoding, ",") {
		if e = strings.TrimSpace(e); e != "" && e != "aws-chunked" {
			keep = append(keep, e)
		}
	}
	return strings.Join(keep, ",")
}

func sameTag(a, b string) bool { return strings.Trim(a, `"`) == strings.Trim(b, `"`) }

// DeleteObject removes an object or a version, or hides the object behind a delete
// marker where versions are kept; a missing one is no error.
func (s *Service) DeleteObject(tx *world.Tx, in *s3.DeleteObjectInput) (*s3.DeleteObjectOutput, error) {
	h, err := s.shelf(tx, in.Bucket, in.ExpectedBucketOwner, ofVersion("DeleteObject", in.VersionId), in.Key)
	if err != nil {
		return nil, err
	}
	if id := aws.ToString(in.VersionId); id != "" {
		if err := checkVersion(id); err != nil {
			return nil, err
		}
	}
	o, ok := h.current(*in.Key)
	if in.IfMatch != nil && (!ok || *in.IfMatch != "*" && !sameTag(*in.IfMatch, o.ETag)) {
		return nil, errPrecondition
	}
	id, marker := h.delete(*in.Key, in.VersionId)
	out := &s3.DeleteObjectOutput{VersionId: id}
	if marker {
		out.DeleteMarker = aws.Bool(true)
	}
	return out, nil
}
