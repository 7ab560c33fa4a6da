// Package table reads partition tables: GPT with sectors of 512 or 4096 bytes, its
// backup when the first copy is damaged, and MBR with logical partitions.
package table

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Partition is a piece of a disk.
type Partition struct {
	Number      int    // as Linux counts: logical partitions of an MBR from 5
	Start, Size int64  // bytes
	Type        string // GPT: the type's GUID in lower case; MBR: 0x83
	UUID        string // PARTUUID, in lower case
	Name        string // PARTLABEL; GPT only
	Active      bool   // marked for booting
}

// Table is what a disk's partition table says.
type Table struct {
	Kind       string // gpt or mbr
	Sector     int64  // bytes
	Partitions []Partition
	// Remarks say what was odd, such as the backup having been used.
	Remarks []string
}

// ErrNone says that there is no partition table.
var ErrNone = errors.New("no partition table")

// ErrDamaged says that there is a table, and that it contradicts itself.
var ErrDamaged = errors.New("damaged partition table")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

const (
	mbrSize    = 512
	protective = 0xEE
)

var le = binary.LittleEndian

// Read reads the table of a disk of size bytes. A table beside an MBR that protects
// it wins over the MBR, as in Linux: a hybrid MBR is for older systems.
func Read(r io.ReaderAt, size int64) (*Table, error) {
	if size < 2*mbrSize {
		return nil, ErrNone
	}
	b := make([]byte, mbrSize)
	if err := readFull(r, b, 0); err != nil {
		return nil, fmt.Errorf("read partition table: %w", err)
	}
	signed := b[510] == 0x55 && b[511] == 0xAA
	guarded := false
	for i := range 4 {
		guarded = guarded || signed && b[446+16*i+4] == protective
	}
	var t *Table
	var err error
	switch {
	case guarded:
		t, err = readGPT(r, size)
	case signed:
		t, err = readMBR(r, size, b)
	default:
		// The MBR is gone; a first GPT copy that is right still tells.
		if t, err = readGPTAt(r, size, 512, 1); err != nil {
			return nil, ErrNone
		}
		t.Remarks = append(t.Remarks, "the protective MBR is missing")
	}
	if err != nil {
		return nil, fmt.Errorf("read partition table: %w", err)
	}
	t.fit(size)
	return t, nil
}

// fit leaves out the partitions that lie outside the disk, and says so.
func (t *Table) fit(size int64) {
	in := t.Partitions[:0]
	for _, p := range t.Partitions {
		if p.Start < 0 || p.Size <= 0 || p.Start > size-p.Size {
			t.Remarks = append(t.Remarks, fmt.Sprintf("partition %d lies outside the disk", p.Number))
			continue
		}
		in = append(in, p)
	}
	t.Partitions = in
}

func readFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return damaged("the disk ends at %d", off+int64(n))
	}
	return err
}
