package xfs

import (
	"fmt"

	"github.com/goldenami/rehydrate/internal/osimage/inode"
)

// The log is a ring of sectors of 512 bytes. Each begins with the number of the
// cycle it was written in, so the head, where the next record would go, is where
// that number falls. A file system that was unmounted has, right before its head, a
// record that says so.
const (
	sector      = 512
	recordMagic = 0xFEEDBABE
	unmountFlag = 0x20
	maxRecord   = 256 << 10 // bytes of a record
	maxChain    = 64        // records followed from the superblock's
)

// ring is the log.
type ring struct {
	f     *FS
	start int64 // byte on the disk
	size  int64 // sectors
}

// record is a record's header.
type record struct {
	at, next     int64 // sectors
	data         int64 // the first sector behind the header
	cycle        uint32
	lsn          uint64
	operations   uint32
	newCycleNext bool // the next record begins the ring anew
}

// Dirty says why the files may be older than what the machine saw; nil when the
// file system was unmounted.
func (f *FS) Dirty() error {
	if f.v5 && be.Uint32(f.super[216:])&needsRepair != 0 {
		return inode.Dirty("xfs is marked as needing repair")
	}
	l, err := f.log()
	if err != nil {
		return err
	}
	// The superblock is the last thing written before an unmount, and a version 5 one
	// says by which record: from there it is a step or two to the head.
	if f.v5 {
		if clean, err := l.follow(be.Uint64(f.super[240:])); clean || err != nil {
			return err
		}
	}
	return l.search()
}

// log finds the log on the disk.
func (f *FS) log() (ring, error) {
	first, blocks := be.Uint64(f.super[48:]), uint64(be.Uint32(f.super[96:]))
	if first == 0 {
		return ring{}, inode.Dirty("the xfs log is on another device, so nothing says that it is empty")
	}
	at, err := f.linear(first, blocks)
	if err != nil || blocks == 0 {
		return ring{}, inode.Damaged("xfs log of %d blocks at %d", blocks, first)
	}
	return ring{f: f, start: int64(at) * f.blockSize, size: int64(blocks) * f.blockSize / sector}, nil
}

// follow walks the records from a sequence number (cycle and sector) to the head
// and says whether the last one is an unmount. Whatever looks unlike that is "no".
func (l ring) follow(lsn uint64) (bool, error) {
	at, cycle := int64(lsn&0xFFFFFFFF), uint32(lsn>>32)
	if cycle == 0 || at >= l.size {
		return false, nil
	}
	r, ok, err := l.header(at)
	if err != nil || !ok || r.lsn != lsn || r.cycle != cycle {
		return false, err
	}
	for range maxChain {
		if r.newCycleNext {
			cycle++
		}
		_, now, err := l.sector(r.next)
		if err != nil {
			return false, err
		}
		if now == cycle-1 || now == 0 {
			return l.unmount(r)
		}
		next, ok, err := l.header(r.next)
		if err != nil || !ok || next.cycle != cycle {
			return false, err
		}
		r = next
	}
	return false, nil
}

// search finds the head by bisection, then the last record before it.
func (l ring) search() error {
	head, err := l.head()
	if err != nil {
		return err
	}
	if head < 0 {
		return nil // never written
	}
	for back := int64(1); back <= maxRecord/sector+16 && back <= l.size; back++ {
		at := (head - back + l.size) % l.size
		r, ok, err := l.header(at)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if r.next == head {
			if clean, err := l.unmount(r); clean || err != nil {
				return err
			}
		}
		break
	}
	return inode.Dirty(fmt.Sprintf("the xfs log has yet to be replayed (its last record, before sector %d of %d, is no unmount)", head, l.size))
}

// head is the sector where the next record would go; -1 for a log of zeros.
func (l ring) head() (int64, error) {
	_, first, err := l.sector(0)
	if err != nil {
		return 0, err
	}
	_, last, err := l.sector(l.size - 1)
	if err != nil {
		return 0, err
	}
	if first == 0 {
		return -1, nil
	}
	if first == last {
		return 0, nil // the ring was written to its very end
	}
	low, high := int64(0), l.size-1 // low has the first cycle, high has not
	for low+1 < high {
		m := (low + high) / 2
		_, c, err := l.sector(m)
		if err != nil {
			return 0, err
		}
		if c == first {
			low = m
		} else {
			high = m
		}
	}
	return high, nil
}

// sector reads one sector of the log and its cycle.
func (l ring) sector(at int64) ([]byte, uint32, error) {
	b := make([]byte, sector)
	if err := readFull(l.f.r, b, l.start+at*sector); err != nil {
		return nil, 0, fmt.Errorf("read xfs log: %w", err)
	}
	if be.Uint32(b) == recordMagic {
		return b, be.Uint32(b[4:]), nil
	}
	return b, be.Uint32(b), nil
}

// header reads a record's header, if one stands there.
func (l ring) header(at int64) (record, bool, error) {
	b, cycle, err := l.sector(at)
	if err != nil || be.Uint32(b) != recordMagic {
		return record{}, false, err
	}
	length, size, headers := int64(be.Uint32(b[12:])), int64(be.Uint32(b[320:])), int64(1)
	if be.Uint32(b[8:])&2 != 0 && size > 32<<10 { // version 2: a header for each 32 KiB
		headers = (size + 32<<10 - 1) / (32 << 10)
	}
	if length > maxRecord || headers > 8 {
		return record{}, false, nil
	}
	next := at + headers + (length+sector-1)/sector
	return record{
		at: at, data: (at + headers) % l.size, next: next % l.size, newCycleNext: next >= l.size,
		cycle: cycle, lsn: be.Uint64(b[16:]), operations: be.Uint32(b[40:]),
	}, true, nil
}

// unmount says whether a record is that of an unmount.
func (l ring) unmount(r record) (bool, error) {
	if r.operations != 1 {
		return false, nil
	}
	b, _, err := l.sector(r.data)
	return err == nil && b[9]&unmountFlag != 0, err
}
