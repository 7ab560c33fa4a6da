package rawdisk

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/diskfs/go-diskfs/backend/file"
	"github.com/diskfs/go-diskfs/partition/gpt"
)

func TestCreateMakesOneAlignedLinuxPartition(t *testing.T) {
	for _, size := range []int64{minimum, 64 * MiB, 2 * GiB, 8 * GiB} {
		name := filepath.Join(t.TempDir(), "disk.raw")
		f, err := Create(name, size)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		table, err := gpt.Read(file.New(f, true), 512, 512)
		if err != nil {
			t.Fatal(err)
		}
		if table.RecoveredFromBackup || len(table.Partitions) == 0 {
			t.Fatalf("%+v", table)
		}
		p := table.Partitions[0]
		if p.Start*512 != Start || int64(p.End+1-p.Start)*512 != Partition(size) || p.Type != gpt.LinuxFilesystem {
			t.Errorf("%d bytes: %+v", size, p)
		}
		if err := table.Verify(file.New(f, true), uint64(size)); err != nil {
			t.Errorf("%d bytes: backup table: %v", size, err)
		}
		fi, err := f.Stat()
		if err != nil || fi.Size() != size {
			t.Errorf("%d bytes: %v, %v", size, fi.Size(), err)
		}
		var sig [2]byte
		if _, err := f.ReadAt(sig[:], 510); err != nil || binary.LittleEndian.Uint16(sig[:]) != 0xaa55 {
			t.Errorf("%d bytes: no protective boot record: %x, %v", size, sig, err)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, size := range []int64{-1, 0, minimum - 512, minimum + 1} {
		if _, err := Create(filepath.Join(dir, "x"), size); err == nil {
			t.Errorf("%d bytes accepted", size)
		}
	}
	there := filepath.Join(dir, "there")
	if err := os.WriteFile(there, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(there, GiB); !errors.Is(err, fs.ErrExist) {
		t.Errorf("overwrite: %v", err)
	}
}

func TestRoundUp(t *testing.T) {
	for in, want := range map[int64]int64{0: 0, 1: GiB, GiB: GiB, GiB + 1: 2 * GiB} {
		if got := RoundUp(in); got != want {
			t.Errorf("%d: %d", in, got)
		}
	}
}
