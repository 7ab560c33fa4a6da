//go:build linux

package osimage

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/osimage/imagetest"
	"github.com/goldenami/rehydrate/internal/testkit"
)

var imap = regexp.MustCompile(`located at block (\d+)`)

var onlyNumbers = regexp.MustCompile(`^[\d ]+$`)

// TestAMetadataWalkTouchesLittleMoreThanItMust asks debugfs where every inode and
// every directory of a Debian root lies: a walk cannot do with less.
func TestAMetadataWalkTouchesLittleMoreThanItMust(t *testing.T) {
	img := imagetest.Sparse(t, 2<<30)
	imagetest.Run(t, "mkfs.ext4", "-q", "-F", "-b", "4096", "-d", testkit.Root(t), img)
	f, size := imagetest.File(t, img)
	root, err := Open(f, size)
	if err != nil {
		t.Fatal(err)
	}
	var ask strings.Builder
	err = fs.WalkDir(root, ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		i, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(&ask, "imap <%d>\n", i.Sys().(*Attributes).Inode)
		if d.IsDir() || d.Type()&fs.ModeSymlink != 0 && i.Size() >= 60 {
			fmt.Fprintf(&ask, "blocks <%d>\n", i.Sys().(*Attributes).Inode)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "ask")
	if err := os.WriteFile(script, []byte(ask.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	must := map[int64]bool{0: true} // the superblock and the groups
	for line := range strings.Lines(imagetest.Run(t, "debugfs", "-f", script, img)) {
		if m := imap.FindStringSubmatch(line); m != nil {
			line = m[1]
		} else if !onlyNumbers.MatchString(strings.TrimSpace(line)) {
			continue // what was asked, and what it says of groups
		}
		for _, word := range strings.Fields(line) {
			if n, err := strconv.ParseInt(word, 10, 64); err == nil {
				must[n*4096>>19] = true
			}
		}
	}
	c := &imagetest.Counter{Disk: f}
	files := metadata(t, c, size)
	blocks, _, _ := c.Cost()
	t.Logf("%d files: %d blocks touched, %d needed", files, blocks, len(must))
	if blocks*10 > len(must)*12 || blocks < len(must) {
		t.Errorf("%d blocks touched, %d needed: %v", blocks, len(must), c.Touched())
	}
}
