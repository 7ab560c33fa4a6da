//go:build linux

package imagetest

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Part is a partition to be made.
type Part struct {
	Image string // what is copied into it; may be empty
	Start int64  // bytes
	Size  int64  // bytes; 0 is the image's
	Type  string // sfdisk's word or a GUID; empty is Linux data
	Attrs string // further fields for sfdisk, such as bootable or name=x
}

// GPT is a disk of size bytes with a GPT over sectors of that many bytes.
func GPT(t testing.TB, sector int, size int64, parts ...Part) string {
	t.Helper()
	return table(t, "gpt", sector, size, parts)
}

// MBR is a disk of size bytes with an MBR.
func MBR(t testing.TB, size int64, parts ...Part) string {
	t.Helper()
	return table(t, "dos", 512, size, parts)
}

func table(t testing.TB, label string, sector int, size int64, parts []Part) string {
	t.Helper()
	disk := Sparse(t, size)
	var script strings.Builder
	fmt.Fprintf(&script, "label: %s\nsector-size: %d\n", label, sector)
	if label == "gpt" {
		script.WriteString("first-lba: 64\n") // sfdisk would leave the first MiB alone
	}
	for i := range parts {
		p := &parts[i]
		if p.Size == 0 {
			s, err := os.Stat(p.Image)
			must(t, err)
			p.Size = s.Size()
		}
		fmt.Fprintf(&script, "start=%d, size=%d", p.Start/int64(sector), p.Size/int64(sector))
		if p.Type != "" {
			fmt.Fprintf(&script, ", type=%s", p.Type)
		}
		if p.Attrs != "" {
			fmt.Fprintf(&script, ", %s", p.Attrs)
		}
		script.WriteByte('\n')
	}
	Sectors(t, disk, sector, func(device string) {
		cmd := exec.Command(Tool(t, "sfdisk"), "-q", "--no-reread", "--no-tell-kernel", device)
		cmd.Stdin = strings.NewReader(script.String())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("sfdisk: %v\n%s\n%s", err, out, script.String())
		}
	})
	for _, p := range parts {
		if p.Image != "" {
			Put(t, disk, p.Start, p.Image)
		}
	}
	return disk
}

// Sectors shows a disk image as a device with sectors of that many bytes; for 512
// the image itself will do.
func Sectors(t testing.TB, disk string, sector int, use func(device string)) {
	t.Helper()
	if sector == 512 {
		use(disk)
		return
	}
	NeedRoot(t)
	device := strings.TrimSpace(Run(t, "losetup", "--find", "--show", "--sector-size", fmt.Sprint(sector), disk))
	defer Run(t, "losetup", "--detach", device)
	use(device)
}

// Put copies an image to an offset of a disk, holes as holes.
func Put(t testing.TB, disk string, at int64, image string) {
	t.Helper()
	out, err := os.OpenFile(disk, os.O_WRONLY, 0)
	must(t, err)
	defer out.Close()
	in, err := os.Open(image)
	must(t, err)
	defer in.Close()
	b, zero := make([]byte, 1<<16), make([]byte, 1<<16)
	for {
		n, err := io.ReadFull(in, b)
		if n > 0 && string(b[:n]) != string(zero[:n]) {
			_, werr := out.WriteAt(b[:n], at)
			must(t, werr)
		}
		at += int64(n)
		if err != nil {
			return
		}
	}
}
