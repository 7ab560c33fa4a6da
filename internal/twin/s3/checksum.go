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

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/goldenami/rehydrate/internal/twin/wire"
)

// crc64NVME is the polynomial of CRC-64/NVME, reversed.
const crc64NVME = 0x9a6c9329ac4bc9b5

// checksums verifies every checksum that came with an object and returns those
// that S3 keeps.
func checksums(in *s3.PutObjectInput, body []byte) (map[string]string, error) {
	keep := map[string]string{}
	for _, c := range []struct {
		name string
		sent *string
		hash hash.Hash
	}{
		{"", in.ContentMD5, md5.New()}, //nolint:gosec // as S3
		{"CRC32", in.ChecksumCRC32, crc32.NewIEEE()},
		{"CRC32C", in.ChecksumCRC32C, crc32.New(crc32.MakeTable(crc32.Castagnoli))},
		{"CRC64NVME", in.ChecksumCRC64NVME, crc64.New(crc64.MakeTable(crc64NVME))},
		{"SHA1", in.ChecksumSHA1, sha1.New()}, //nolint:gosec // as S3
		{"SHA256", in.ChecksumSHA256, sha256.New()},
	} {
		if c.sent == nil {
			continue
		}
		want, err := base64.StdEncoding.DecodeString(*c.sent)
		if err != nil || len(want) != c.hash.Size() {
			return nil, wire.Errorf("InvalidDigest", "The %s you specified was not valid.", or(c.name+" checksum", "Content-MD5"))
		}
		c.hash.Write(body)
		if !bytes.Equal(c.hash.Sum(nil), want) {
			return nil, wire.Errorf("BadDigest", "The %s you specified did not match the calculated checksum.", or(c.name+" checksum", "Content-MD5"))
		}
		if c.name != "" {
			keep[c.name] = *c.sent
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
