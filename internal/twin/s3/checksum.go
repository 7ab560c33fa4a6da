package s3

import (
	"bytes"
	"crypto/md5"  //nolint:gosec // Content-MD5
	"crypto/sha1" //nolint:gosec // x-amz-checksum-sha1
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
)

// crc64NVME is the polynomial of CRC-64/NVME, reversed.
const crc64NVME = 0x9a6c9329ac4bc9b5

// algorithm is a checksum that S3 verifies; Content-MD5 has no name, for it is not kept.
type algorithm struct {
	name string
	hash func() hash.Hash
	sent func(sent) *string
}

// algorithms are the checksums that clients of the twin send. The newer ones (MD5,
// SHA512, XXHASH) are nobody's default.
var algorithms = []algorithm{
	{"", md5.New, func(s sent) *string { return s.md5 }},
	{"CRC32", func() hash.Hash { return crc32.NewIEEE() }, func(s sent) *string { return s.crc32 }},
	{"CRC32C", func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }, func(s sent) *string { return s.crc32c }},
	{"CRC64NVME", func() hash.Hash { return crc64.New(crc64.MakeTable(crc64NVME)) }, func(s sent) *string { return s.crc64 }},
	{"SHA1", sha1.New, func(s sent) *string { return s.sha1 }},
	{"SHA256", sha256.New, func(s sent) *string { return s.sha256 }},
}

// sent are the checksums that came with a body.
type sent struct{ md5, crc32, crc32c, crc64, sha1, sha256 *string }

// checksums verifies every checksum that came with a body and returns those that S3
// keeps.
func checksums(s sent, body []byte) (map[string]string, error) {
	keep := map[string]string{}
	for _, a := range algorithms {
		given := a.sent(s)
		if given == nil {
			continue
		}
		h := a.hash()
		want, err := base64.StdEncoding.DecodeString(*given)
		if err != nil || len(want) != h.Size() {
			return nil, wire.Errorf("InvalidDigest", "The %s you specified was not valid.", or(a.name+" checksum", "Content-MD5"))
		}
		h.Write(body)
		if !bytes.Equal(h.Sum(nil), want) {
			return nil, wire.Errorf("BadDigest", "The %s you specified did not match the calculated checksum.", or(a.name+" checksum", "Content-MD5"))
		}
		if a.name != "" {
			keep[a.name] = *given
		}
		if len(keep) > 1 {
			return nil, wire.Errorf("InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
		}
	}
	return keep, nil
}

func or(name, other string) string {
	if name == " checksum" {
		return other
	}
	return name
}

func setSums(sums map[string]string, c32, c32c, c64, s1, s256 **string) {
	for name, to := range map[string]**string{"CRC32": c32, "CRC32C": c32c, "CRC64NVME": c64, "SHA1": s1, "SHA256": s256} {
		if v, ok := sums[name]; ok {
			*to = &v
		}
	}
}

// sumType says what an object's checksums are of, "" without any.
func (o object) sumType() types.ChecksumType {
	switch {
	case len(o.Checksums) == 0:
		return ""
	case o.Composite:
		return types.ChecksumTypeComposite
	}
	return types.ChecksumTypeFullObject
}
