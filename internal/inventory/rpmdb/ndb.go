package rpmdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/adler32"
)

// ndb is rpm's own format: a header and slots of 16 bytes on pages of 4 KiB, then
// blobs at multiples of 16 bytes; all numbers little-endian. A slot names a package's
// number and the place of its blob; the blob repeats the number and ends with its
// length and an Adler-32 of itself.
type ndb struct {
	*file
	slotPages uint32
	blob      []byte // reused
}

const (
	ndbMagic     = "RpmP"
	slotMagic    = "Slot"
	headMagic    = "BlbS"
	tailMagic    = "BlbE"
	ndbPage      = 4096
	ndbUnit      = 16
	blobHead     = 16
	blobTail     = 12
	maxSlotPages = 1 << 16 // sixteen million packages
)

// mark reads the header, which has a generation that each change raises.
func (d *ndb) mark() (string, error) {
	head, err := d.direct(0, 32)
	if err != nil {
		return "", err
	}
	if len(head) < 32 || string(head[:4]) != ndbMagic {
		return "", errors.New("it is not an ndb database")
	}
	if v := binary.LittleEndian.Uint32(head[4:]); v != 0 {
		return "", fmt.Errorf("its version is %d, only 0 is known", v)
	}
	d.slotPages = binary.LittleEndian.Uint32(head[12:])
	if d.slotPages == 0 || d.slotPages > maxSlotPages || int64(d.slotPages)*ndbPage > d.size {
		return "", fmt.Errorf("it states %d pages of slots in a file of %d bytes", d.slotPages, d.size)
	}
	return string(head), nil
}

// headers reads every slot.
func (d *ndb) headers(do each) error {
	left := d.size - int64(d.slotPages)*ndbPage // blobs cannot overlap
	for no := range d.slotPages {
		shared, err := d.at(int64(no)*ndbPage, ndbPage)
		if err != nil {
			return err
		}
		if len(shared) < ndbPage {
			return pageError(d.name, no, "the file ends within it")
		}
		page := append([]byte(nil), shared...)
		if no == 0 {
			page = page[32:] // the header
		}
		for ; len(page) > 0; page = page[16:] {
			if string(page[:4]) != slotMagic {
				return pageError(d.name, no, "it has something else than slots")
			}
			pkg := binary.LittleEndian.Uint32(page[4:])
			if pkg == 0 {
				continue // free
			}
			at := int64(binary.LittleEndian.Uint32(page[8:])) * ndbUnit
			size := int64(binary.LittleEndian.Uint32(page[12:])) * ndbUnit
			if left -= size; left < 0 {
				return pageError(d.name, no, "its packages take more than the file has")
			}
			blob, err := d.read(pkg, at, size)
			if err == nil {
				err = do(blob)
			}
			if err != nil {
				return pageError(d.name, no, "package number %d at byte %d: %w", pkg, at, err)
			}
		}
	}
	return nil
}

// read returns the header in the size bytes at off.
func (d *ndb) read(pkg uint32, off, size int64) ([]byte, error) {
	if off < int64(d.slotPages)*ndbPage || off+size > d.size || size < blobHead+blobTail || size > maxHeader {
		return nil, fmt.Errorf("it would take %d bytes of a file of %d", size, d.size)
	}
	d.blob = d.blob[:0]
	for int64(len(d.blob)) < size {
		b, err := d.at(off+int64(len(d.blob)), int(min(chunk, size-int64(len(d.blob)))))
		if err != nil {
			return nil, err
		}
		if len(b) == 0 {
			return nil, errors.New("the file ends within it")
		}
		d.blob = append(d.blob, b...)
	}
	head, tail := d.blob[:blobHead], d.blob[size-blobTail:]
	length := int64(binary.LittleEndian.Uint32(head[12:]))
	switch {
	case string(head[:4]) != headMagic || string(tail[8:]) != tailMagic:
		return nil, errors.New("there is no package")
	case binary.LittleEndian.Uint32(head[4:]) != pkg:
		return nil, fmt.Errorf("there is package number %d", binary.LittleEndian.Uint32(head[4:]))
	case binary.LittleEndian.Uint32(tail[4:]) != uint32(length) || (blobHead+length+blobTail+ndbUnit-1)/ndbUnit*ndbUnit != size:
		return nil, fmt.Errorf("its length is %d of %d bytes", length, size)
	case binary.LittleEndian.Uint32(tail) != adler32.Checksum(d.blob[:size-blobTail]):
		return nil, errors.New("it is damaged: its checksum is wrong")
	}
	return d.blob[blobHead : blobHead+length], nil
}
