package rpmdb

import (
	"encoding/binary"
	"hash/adler32"
)

// asNDB writes headers as rpm's ndb back end does: package numbers ascend, blobs
// follow the slots without gaps.
func asNDB(blobs [][]byte) []byte {
	le := binary.LittleEndian
	pages := (2+len(blobs))/(ndbPage/16) + 1
	out := make([]byte, pages*ndbPage)
	copy(out, ndbMagic)
	le.PutUint32(out[8:], 7) // generation
	le.PutUint32(out[12:], uint32(pages))
	le.PutUint32(out[16:], uint32(len(blobs)+1))
	for at := 32; at < len(out); at += 16 {
		copy(out[at:], slotMagic)
	}
	for i, blob := range blobs {
		start := len(out)
		size := (blobHead + len(blob) + blobTail + ndbUnit - 1) / ndbUnit * ndbUnit
		b := make([]byte, size)
		copy(b, headMagic)
		le.PutUint32(b[4:], uint32(i+1))
		le.PutUint32(b[8:], 7)
		le.PutUint32(b[12:], uint32(len(blob)))
		copy(b[blobHead:], blob)
		tail := b[size-blobTail:]
		le.PutUint32(tail, adler32.Checksum(b[:size-blobTail]))
		le.PutUint32(tail[4:], uint32(len(blob)))
		copy(tail[8:], tailMagic)
		slot := out[32+16*i:]
		le.PutUint32(slot[4:], uint32(i+1))
		le.PutUint32(slot[8:], uint32(start/ndbUnit))
		le.PutUint32(slot[12:], uint32(size/ndbUnit))
		out = append(out, b...)
	}
	return out
}
