package rpmdb

import (
	"crypto/sha1" //nolint:gosec // what rpm stored; it finds damage, nothing is trusted for it
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

var headerMagic = []byte{0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0}

// verify checks the digest that the package file stated for its header, as rpm does
// when it reads its database. Packages older than that digest are not checked.
func (h header) verify(sums [2]string) error {
	if sums[0] == "" && sums[1] == "" {
		return nil
	}
	first := h.entry(0)
	if first.tag != tagImmutable {
		return nil // made by an rpm before version 4; the digest is not of this form
	}
	// The region ends with a trailer that says how many entries it has.
	end := int(first.offset) + 16
	if first.kind != typeBinary || first.count != 16 || first.offset < 0 || end > len(h.data) {
		return errors.New("its region is not what rpm writes")
	}
	trailer := header{index: h.data[first.offset:end]}.entry(0)
	size := -int(trailer.offset)
	if size < 16 || size%16 != 0 || size > len(h.index) {
		return errors.New("its region's trailer is not what rpm writes")
	}
	lengths := binary.BigEndian.AppendUint32(nil, uint32(size/16))
	lengths = binary.BigEndian.AppendUint32(lengths, uint32(end))
	sum, got := sha256.New(), sums[1]
	if got == "" {
		sum, got = sha1.New(), sums[0] //nolint:gosec // see above
	}
	for _, part := range [][]byte{headerMagic, lengths, h.index[:size], h.data[:end]} {
		sum.Write(part)
	}
	if want := hex.EncodeToString(sum.Sum(nil)); want != got {
		return fmt.Errorf("it is damaged: its digest is %s, rpm stored %.64s", want, got)
	}
	return nil
}
