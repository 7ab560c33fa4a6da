// Package rawdisk lays out raw disk images as EC2 root volumes have them: a GUID
// partition table with one Linux partition that starts at 1 MiB.
package rawdisk

import (
	"fmt"
	"os"

	"github.com/diskfs/go-diskfs/partition/gpt"
)

const (
	// MiB and GiB are in bytes.
	MiB = 1 << 20
	GiB = 1 << 30
	// Start is where the partition begins, in bytes.
	Start = MiB
	// tail is what the backup table needs, rounded up to alignment.
	tail = MiB

	sector = 512
	// minimum is the smallest disk with a partition worth the name.
	minimum = 4 * MiB
)

// Partition is the size in bytes of the partition on a disk of size bytes.
func Partition(size int64) int64 { return size - Start - tail }

// RoundUp is the size of the smallest volume, in whole GiB, that holds size bytes:
// EBS has no other sizes.
func RoundUp(size int64) int64 { return (size + GiB - 1) / GiB * GiB }

// Create makes a new sparse disk image with its partition table.
func Create(name string, size int64) (*os.File, error) {
	if size < minimum || size%sector != 0 {
		return nil, fmt.Errorf("create disk image %s: bad size of %d bytes", name, size)
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create disk image: %w", err)
	}
	if err := write(f, size); err != nil {
		_ = f.Close() // the first error counts
		return nil, fmt.Errorf("create disk image %s: %w", name, err)
	}
	return f, nil
}

func write(f *os.File, size int64) error {
	if err := f.Truncate(size); err != nil {
		return err
	}
	t := &gpt.Table{
		LogicalSectorSize: sector, PhysicalSectorSize: sector, ProtectiveMBR: true,
		Partitions: []*gpt.Partition{{
			Index: 1, Start: Start / sector, Size: uint64(Partition(size)), End: uint64((Start+Partition(size))/sector - 1),
			Type: gpt.LinuxFilesystem, Name: "root",
		}},
	}
	return t.Write(f, size)
}
