//go:build linux

package table

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/osimage/imagetest"
)

const (
	unit  = 256 << 10
	diskN = 64 * unit
)

// sfdisk says what util-linux reads from a disk.
func sfdisk(t testing.TB, disk string, sector int64) []Partition {
	t.Helper()
	var said struct {
		PartitionTable struct {
			Partitions []struct {
				Node, Type, UUID, Name, Attrs string
				Start, Size                   int64
				Bootable                      bool
			}
		}
	}
	var out string
	imagetest.Sectors(t, disk, int(sector), func(device string) {
		out = imagetest.Run(t, "sfdisk", "--json", device)
		out = strings.ReplaceAll(out, device+"p", disk)
	})
	if i := strings.Index(out, "{"); i < 0 {
		t.Fatal(out)
	} else if err := json.Unmarshal([]byte(out[i:]), &said); err != nil {
		t.Fatal(err, out)
	}
	var list []Partition
	for _, p := range said.PartitionTable.Partitions {
		n := 0
		if _, err := fmt.Sscanf(strings.TrimPrefix(p.Node, disk), "%d", &n); err != nil {
			t.Fatal(p.Node, err)
		}
		kind := strings.ToLower(p.Type)
		if len(kind) <= 2 {
			if kind = "0x" + kind; len(kind) == 3 {
				kind = "0x0" + kind[2:]
			}
		}
		if kind == "0x05" || kind == "0x0f" {
			continue // the frame around the logical ones
		}
		list = append(list, Partition{Number: n, Start: p.Start * sector, Size: p.Size * sector, Type: kind,
			UUID: strings.ToLower(p.UUID), Name: p.Name, Active: p.Bootable || strings.Contains(p.Attrs, "LegacyBIOSBootable")})
	}
	return list
}

func read(t testing.TB, disk string) (*Table, error) {
	t.Helper()
	f, size := imagetest.File(t, disk)
	return Read(f, size)
}

// like drops what sfdisk does not say: the UUIDs that an MBR has by convention.
func like(list []Partition, kind string) []Partition {
	var out []Partition
	for _, p := range list {
		if kind == "mbr" {
			p.UUID = ""
		}
		out = append(out, p)
	}
	return out
}

func gptDisk(t testing.TB, sector int) string {
	t.Helper()
	return imagetest.GPT(t, sector, diskN,
		imagetest.Part{Start: unit, Size: unit, Type: "21686148-6449-6E6F-744E-656564454649", Attrs: "name=boot"},
		imagetest.Part{Start: 2 * unit, Size: 20 * unit, Attrs: `name="Größe 1", attrs="LegacyBIOSBootable"`},
		imagetest.Part{Start: 30 * unit, Size: 4 * unit, Type: "uefi"})
}

func mbrDisk(t testing.TB) string {
	t.Helper()
	return imagetest.MBR(t, diskN,
		imagetest.Part{Start: unit, Size: unit, Type: "ef"},
		imagetest.Part{Start: 2 * unit, Size: 4 * unit, Type: "83", Attrs: "bootable"},
		imagetest.Part{Start: 8 * unit, Size: 50 * unit, Type: "f"},
		imagetest.Part{Start: 60 * unit, Size: unit, Type: "82"},
		imagetest.Part{Start: 9 * unit, Size: 3 * unit, Type: "83"},
		imagetest.Part{Start: 16 * unit, Size: 5 * unit, Type: "8e"},
		imagetest.Part{Start: 25 * unit, Size: 30 * unit, Type: "fd"})
}

func TestPartitionsAreWhatSfdiskSays(t *testing.T) {
	for name, c := range map[string]struct {
		disk   string
		kind   string
		sector int64
	}{
		"gpt":        {gptDisk(t, 512), "gpt", 512},
		"gpt of 4k":  {gptDisk(t, 4096), "gpt", 4096},
		"mbr":        {mbrDisk(t), "mbr", 512},
		"many":       {many(t), "gpt", 512},
		"mbr, empty": {imagetest.MBR(t, diskN, imagetest.Part{Start: unit, Size: unit, Type: "7"}), "mbr", 512},
	} {
		got, err := read(t, c.disk)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Kind != c.kind || got.Sector != c.sector || len(got.Remarks) != 0 {
			t.Errorf("%s: %s of %d, %v", name, got.Kind, got.Sector, got.Remarks)
		}
		want := sfdisk(t, c.disk, c.sector)
		if d := cmp.Diff(like(want, c.kind), like(got.Partitions, c.kind)); d != "" || len(want) == 0 {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// many is a disk with a hundred partitions.
func many(t testing.TB) string {
	t.Helper()
	var parts []imagetest.Part
	for i := range int64(50) {
		parts = append(parts, imagetest.Part{Start: (i + 1) * unit, Size: unit / 2})
	}
	return imagetest.GPT(t, 512, diskN, parts...)
}

// edit changes a disk's bytes.
func edit(t testing.TB, disk string, change func(b []byte)) {
	t.Helper()
	b, err := os.ReadFile(disk)
	if err != nil {
		t.Fatal(err)
	}
	change(b)
	if err := os.WriteFile(disk, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTheBackupIsReadWhenTheFirstGPTIsDamaged(t *testing.T) {
	for _, sector := range []int{512, 4096} {
		for name, change := range map[string]func(b []byte){
			"no header":      func(b []byte) { clear(b[sector : sector+512]) },
			"header changed": func(b []byte) { b[sector+40] ^= 1 },
			"entry changed":  func(b []byte) { b[2*sector+32] ^= 1 },
			"huge count":     func(b []byte) { b[sector+83] = 0xFF },
		} {
			disk := gptDisk(t, sector)
			want, err := read(t, disk)
			if err != nil {
				t.Fatal(err)
			}
			edit(t, disk, change)
			got, err := read(t, disk)
			if err != nil {
				t.Errorf("%d, %s: %v", sector, name, err)
				continue
			}
			if d := cmp.Diff(want.Partitions, got.Partitions); d != "" || len(got.Remarks) != 1 || !strings.Contains(got.Remarks[0], "backup") {
				t.Errorf("%d, %s: %v %s", sector, name, got.Remarks, d)
			}
			edit(t, disk, func(b []byte) { clear(b[len(b)-sector:]) })
			if got, err := read(t, disk); !errors.Is(err, ErrDamaged) {
				t.Errorf("%d, %s, no backup: %v, %v", sector, name, got, err)
			}
		}
	}
}

func TestAHybridMBRGivesWayToItsGPT(t *testing.T) {
	disk := gptDisk(t, 512)
	edit(t, disk, func(b []byte) { copy(b[462:478], []byte{0x80, 0, 0, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0}) })
	got, err := read(t, disk)
	if err != nil || got.Kind != "gpt" || len(got.Partitions) != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	edit(t, disk, func(b []byte) { clear(b[:512]) })
	got, err = read(t, disk)
	if err != nil || len(got.Partitions) != 3 || len(got.Remarks) != 1 {
		t.Errorf("without an MBR: %+v, %v", got, err)
	}
}

func TestAPartitionOutsideTheDiskIsLeftOutAndSaid(t *testing.T) {
	b, err := os.ReadFile(mbrDisk(t))
	if err != nil {
		t.Fatal(err)
	}
	b = b[:62*unit]
	le.PutUint32(b[446+12:], 1<<31)
	got, err := Read(bytes.NewReader(b), int64(len(b)))
	if err != nil || len(got.Partitions) != 5 || len(got.Remarks) != 1 || got.Remarks[0] != "partition 1 lies outside the disk" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAChainOfLogicalPartitionsEnds(t *testing.T) {
	for name, change := range map[string]func(b []byte){
		"to itself":  func(b []byte) { copy(b[8*unit+462:], []byte{0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1}) },
		"outside":    func(b []byte) { copy(b[8*unit+462:], []byte{0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0x7F, 1}) },
		"to nothing": func(b []byte) { copy(b[8*unit+462:], []byte{0, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 1}) },
	} {
		disk := mbrDisk(t)
		edit(t, disk, change)
		if got, err := read(t, disk); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestNoTableIsNoTable(t *testing.T) {
	boot := make([]byte, 4096)
	copy(boot, "\xeb\x3c\x90mkfs.fat")
	copy(boot[446:], strings.Repeat("No operating system found", 2))
	boot[510], boot[511] = 0x55, 0xAA
	for _, b := range [][]byte{nil, make([]byte, 100), make([]byte, 1<<20), boot} {
		if got, err := Read(bytes.NewReader(b), int64(len(b))); !errors.Is(err, ErrNone) {
			t.Errorf("%d bytes: %+v, %v", len(b), got, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	entry := []byte{0x80, 0, 0, 0, 0x83, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0}
	mbr := make([]byte, 2048)
	copy(mbr[446:], entry)
	copy(mbr[462:], []byte{0, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0})
	copy(mbr[512+446:], entry)
	copy(mbr[510:], "\x55\xaa")
	copy(mbr[1022:], "\x55\xaa")
	f.Add(mbr, []byte{})
	guarded := bytes.Clone(mbr[:512])
	guarded[450] = protective
	gpt := append(guarded, make([]byte, 1536)...)
	copy(gpt[512:], "EFI PART\x00\x00\x01\x00\x5c\x00\x00\x00")
	f.Add(gpt, gpt[512:])
	f.Fuzz(func(t *testing.T, head, tail []byte) {
		disk := make([]byte, max(64<<10, len(head)+len(tail)))
		copy(disk, head)
		copy(disk[len(disk)-len(tail):], tail)
		fixGPT(disk)
		got, err := Read(bytes.NewReader(disk), int64(len(disk)))
		if err != nil {
			return
		}
		for _, p := range got.Partitions {
			if p.Start < 0 || p.Size <= 0 || p.Start+p.Size > int64(len(disk)) {
				t.Fatalf("partition %+v of a disk of %d", p, len(disk))
			}
		}
	})
}

// fixGPT makes the checksums of a first GPT right, so that the fuzzer gets past them.
func fixGPT(b []byte) {
	h := b[512:1024]
	length := le.Uint32(h[12:])
	from, n := le.Uint64(h[72:]), uint64(le.Uint32(h[80:]))*uint64(le.Uint32(h[84:]))
	if length > 512 || from > uint64(len(b)) || n > uint64(len(b)) || from*512+n > uint64(len(b)) {
		return
	}
	le.PutUint32(h[88:], crcOf(b[from*512:from*512+n]))
	clear(h[16:20])
	le.PutUint32(h[16:], crcOf(h[:length]))
}

func crcOf(b []byte) uint32 { return crc32.ChecksumIEEE(b) }
