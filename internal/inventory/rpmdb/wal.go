package rpmdb

import (
	"encoding/binary"
	"fmt"
)

// walLog is the committed part of a write-ahead log.
type walLog struct {
	frames map[uint32]int64 // page → offset of its newest committed contents
	pages  uint32           // of the database after the last commit; 0: nothing is committed
	mark   string           // which log, and up to where
}

const (
	walHeader   = 32
	frameHeader = 24
	walMagic    = 0x377f0682 // the lowest bit says that checksums are big-endian
	walVersion  = 3007000
)

// readWAL reads the log of a database with pages of size bytes. As in SQLite, the log
// ends before the first frame whose salts are not the header's or whose checksum,
// which runs through all frames, is wrong; what follows the last commit before that
// does not count; a header that is not whole means that nothing was ever committed.
func readWAL(f *file, size int) (walLog, error) {
	log := walLog{mark: "none"}
	head, err := f.at(0, walHeader)
	if err != nil || len(head) < walHeader {
		return log, err
	}
	head = append([]byte(nil), head...)
	magic := binary.BigEndian.Uint32(head)
	if magic&^1 != walMagic {
		return log, nil
	}
	var sum checksum
	if magic&1 == 1 {
		sum.order = binary.BigEndian
	} else {
		sum.order = binary.LittleEndian
	}
	sum.add(head[:24])
	if !sum.is(head[24:]) {
		return log, nil
	}
	if v := binary.BigEndian.Uint32(head[4:]); v != walVersion {
		return log, fmt.Errorf("%s: is of version %d, not %d", f.name, v, walVersion)
	}
	if stated := binary.BigEndian.Uint32(head[8:]); int64(stated) != int64(size) {
		return log, fmt.Errorf("%s: has pages of %d bytes, the database of %d", f.name, stated, size)
	}
	log.frames = map[uint32]int64{}
	open := map[uint32]int64{} // of the transaction that is not committed yet
	last := int64(0)
	step := int64(frameHeader + size)
	for off := int64(walHeader); off+step <= f.size; off += step {
		b, err := f.at(off, int(step))
		if err != nil {
			return log, err
		}
		if len(b) < int(step) || string(b[8:16]) != string(head[16:24]) {
			break
		}
		sum.add(b[:8])
		sum.add(b[frameHeader:])
		no, commit := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
		if !sum.is(b[16:24]) || no == 0 {
			break
		}
		open[no] = off + frameHeader
		if commit > 0 {
			for no, at := range open {
				log.frames[no] = at
			}
			clear(open)
			log.pages, last = commit, off
		}
	}
	log.mark = fmt.Sprintf("%x to %d", head, last)
	return log, nil
}

// checksum is the running sum of a log.
type checksum struct {
	a, b  uint32
	order binary.ByteOrder
}

// add takes in p, whose length is a multiple of 8.
func (c *checksum) add(p []byte) {
	a, b := c.a, c.b
	if c.order == binary.LittleEndian {
		for ; len(p) >= 8; p = p[8:] {
			a += binary.LittleEndian.Uint32(p) + b
			b += binary.LittleEndian.Uint32(p[4:]) + a
		}
	} else {
		for ; len(p) >= 8; p = p[8:] {
			a += binary.BigEndian.Uint32(p) + b
			b += binary.BigEndian.Uint32(p[4:]) + a
		}
	}
	c.a, c.b = a, b
}

// is reports whether stored holds the sum, which is written big-endian always.
func (c *checksum) is(stored []byte) bool {
	return binary.BigEndian.Uint32(stored) == c.a && binary.BigEndian.Uint32(stored[4:]) == c.b
}
