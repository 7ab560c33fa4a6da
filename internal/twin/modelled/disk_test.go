package modelled

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/inventory"
	"github.com/goldenami/rehydrate/internal/inventory/product"
	"github.com/goldenami/rehydrate/internal/osimage"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/rawdisk"
)

// big is an image with as many packages and files as a real one.
func big(b *bench) backing.ModelledImage {
	i := *b.spec("x").Image.Modelled
	for n := range 3000 {
		i.Installed = append(i.Installed, baseline.Installed{Package: pkg(fmt.Sprintf("package-%04d", n), fmt.Sprintf("1:%d.2-3+deb12u1", n))})
	}
	i.Files = map[string][]byte{"/etc/rehydrate/marker": []byte("planted"), "/opt/large": []byte(strings.Repeat("0123456789abcdef", 1<<17)), "/opt/empty": nil}
	for n := range 300 {
		i.Files[fmt.Sprintf("/opt/many/file-with-a-long-name-%03d", n)] = []byte(strings.Repeat("x", n*7))
	}
	return i
}

func TestTheOfflineGateReadsAModelledDisk(t *testing.T) {
	b := newBench(t)
	i := big(b)
	for _, size := range []int64{0, 8 * rawdisk.GiB} {
		disk := filepath.Join(t.TempDir(), "disk.raw")
		if err := b.Disk(t.Context(), backing.Image{Modelled: &i}, disk, size); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(disk)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		fi, err := f.Stat()
		if err != nil || fi.Size() != max(size, 2*rawdisk.GiB) {
			t.Fatalf("size %d, %v", fi.Size(), err)
		}
		root, err := osimage.Open(f, fi.Size())
		if err != nil {
			t.Fatal(err)
		}
		if root.Table != "gpt" || root.Partition != 1 || root.Type != "ext4" {
			t.Errorf("got %+v", root)
		}
		inv, _, err := inventory.Installed(root, inventory.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if inv.Product != "Debian12" || inv.Arch != "amd64" || versions(inv.Installed) != versions(i.Installed) {
			t.Errorf("%s %s, %d packages of %d", inv.Product, inv.Arch, len(inv.Installed), len(i.Installed))
		}
		text, err := fs.ReadFile(root, strings.TrimPrefix(InventoryFile, "/"))
		var said baseline.Inventory
		if err != nil || json.Unmarshal(text, &said) != nil || versions(said.Installed) != versions(i.Installed) {
			t.Errorf("%s: %v", InventoryFile, err)
		}
		for name, want := range i.Files {
			if got, err := fs.ReadFile(root, strings.TrimPrefix(name, "/")); err != nil || string(got) != string(want) {
				t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(want), err)
			}
		}
		for _, dir := range []string{"proc", "sys", "dev", "run", "tmp"} {
			if fi, err := fs.Stat(root, dir); err != nil || !fi.IsDir() {
				t.Errorf("/%s: %v", dir, err)
			}
		}
	}
}

// TestE2fsprogsFindNoFault asks an independent reader.
func TestE2fsprogsFindNoFault(t *testing.T) {
	for _, tool := range []string{"fsck.ext4", "debugfs"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("REQUIRE_ALL") == "1" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	b := newBench(t)
	i := big(b)
	disk := filepath.Join(t.TempDir(), "disk.raw")
	if err := b.Disk(t.Context(), backing.Image{Modelled: &i}, disk, 0); err != nil {
		t.Fatal(err)
	}
	part := fmt.Sprintf("%s?offset=%d", disk, rawdisk.Start)
	if out, err := exec.Command("fsck.ext4", "-fn", part).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := exec.Command("debugfs", "-R", "cat /etc/rehydrate/marker", part).Output(); err != nil || string(out) != "planted" {
		t.Errorf("%q, %v", out, err)
	}
}

func TestOsReleaseNamesEveryProduct(t *testing.T) {
	for name, os := range map[string]baseline.OperatingSystem{
		"Debian12": baseline.Debian, "Ubuntu22.04": baseline.Ubuntu, "AmazonLinux2": baseline.AmazonLinux2, "AmazonLinux2023": baseline.AmazonLinux2023,
		"RedhatEnterpriseLinux9.4": baseline.RedHat, "Suse15.5": baseline.Suse, "RockyLinux9": baseline.Rocky, "AlmaLinux9.3": baseline.Alma, "OracleLinux8": baseline.Oracle,
	} {
		text, err := osRelease(backing.ModelledImage{OS: os, Product: name})
		if err != nil {
			t.Fatal(err)
		}
		if p, err := product.Identify(text); err != nil || p.Name != name || p.OS != os {
			t.Errorf("%s: read back as %s of %s, %v", name, p.Name, p.OS, err)
		}
	}
	for _, i := range []backing.ModelledImage{{}, {OS: baseline.Windows, Product: "WindowsServer2022"}, {OS: baseline.Debian, Product: "Debian"}} {
		if text, err := osRelease(i); err == nil {
			t.Errorf("%+v: %s", i, text)
		}
	}
}

func TestADiskThatCannotBeIsAnError(t *testing.T) {
	b := newBench(t)
	i := big(b)
	dir := t.TempDir()
	if err := b.Disk(t.Context(), backing.Image{Modelled: &i}, filepath.Join(dir, "small"), 16*rawdisk.MiB); err == nil || !strings.Contains(err.Error(), "do not fit") {
		t.Errorf("too small: %v", err)
	}
	if err := b.Disk(t.Context(), backing.Image{}, filepath.Join(dir, "none"), 0); !errors.Is(err, errNoData) {
		t.Errorf("no data: %v", err)
	}
	bad := i
	bad.Product = "?"
	if err := b.Disk(t.Context(), backing.Image{Modelled: &bad}, filepath.Join(dir, "bad"), 0); err == nil {
		t.Error("an unknown product was written")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
