package modelled

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/diskfs/go-diskfs/backend/file"
	"github.com/diskfs/go-diskfs/filesystem/ext4"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/inventory/product"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/rawdisk"
)

// InventoryFile holds the inventory of a modelled root as JSON (baseline.Inventory),
// for systems whose package database is not modelled, and as the mark of a model.
const InventoryFile = "/var/lib/rehydrate/modelled-inventory.json"

const (
	diskFile   = "disk.raw"
	statusFile = "/var/lib/dpkg/status"
)

// Capture implements backing.Backing.
func (d *Modelled) Capture(_ context.Context, spec backing.Machine, dir string, size int64) (backing.Image, error) {
	image, err := d.image(spec)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	made := backing.Image{Modelled: image, Disk: filepath.Join(dir, diskFile)}
	if err == nil {
		err = writeDisk(*image, made.Disk, size)
	}
	if err != nil {
		return backing.Image{}, fmt.Errorf("capture machine %s: %w", spec.ID, err)
	}
	return made, nil
}

// Disk implements backing.Backing.
func (d *Modelled) Disk(_ context.Context, i backing.Image, name string, size int64) error {
	if i.Modelled == nil {
		return fmt.Errorf("write disk image %s: %w", name, errNoData)
	}
	if err := writeDisk(*i.Modelled, name, size); err != nil {
		return fmt.Errorf("write disk image %s: %w", name, err)
	}
	return nil
}

// content is every file of a modelled root, by absolute path.
func content(i backing.ModelledImage) (map[string][]byte, error) {
	release, err := osRelease(i)
	if err != nil {
		return nil, err
	}
	inv, err := json.Marshal(baseline.Inventory{
		OS: i.OS, Product: i.Product, Arch: i.Arch, Installed: i.Installed, EnabledModules: i.EnabledModules,
	})
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{"/etc/os-release": release, InventoryFile: append(inv, '\n')}
	if usesDpkg(i.OS) {
		files[statusFile] = dpkgStatus(i.Installed)
	}
	maps.Copy(files, i.Files)
	return files, nil
}

// releaseIDs are the ID of os-release(5) for each system.
var releaseIDs = map[baseline.OperatingSystem]string{
	baseline.Debian: "debian", baseline.Ubuntu: "ubuntu", baseline.Raspbian: "raspbian",
	baseline.AmazonLinux: "amzn", baseline.AmazonLinux2: "amzn", baseline.AmazonLinux2022: "amzn", baseline.AmazonLinux2023: "amzn",
	baseline.RedHat: "rhel", baseline.CentOS: "centos", baseline.Oracle: "ol", baseline.Rocky: "rocky", baseline.Alma: "almalinux",
	baseline.Suse: "sles",
}

// osRelease is os-release(5) for a product such as Debian12: letters, then the version.
func osRelease(i backing.ModelledImage) ([]byte, error) {
	version := strings.TrimLeft(i.Product, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	text := fmt.Appendf(nil, "ID=%s\nVERSION_ID=\"%s\"\nPRETTY_NAME=\"%s (modelled)\"\n", releaseIDs[i.OS], version, i.Product)
	// Whoever reads the disk must find the product that the data is of.
	p, err := product.Identify(text)
	if err != nil || p.Name != i.Product || p.OS != i.OS {
		return nil, fmt.Errorf("model product %q of system %q: not a product that a root can be of", i.Product, i.OS)
	}
	return text, nil
}

func usesDpkg(o baseline.OperatingSystem) bool {
	return o == baseline.Debian || o == baseline.Ubuntu || o == baseline.Raspbian
}

// dpkgStatus is the database of deb-based systems (deb822(5), dpkg's status file).
func dpkgStatus(list []baseline.Installed) []byte {
	var b bytes.Buffer
	for _, p := range list {
		want := "install"
		if p.Held {
			want = "hold"
		}
		fmt.Fprintf(&b, "Package: %s\nStatus: %s ok installed\nArchitecture: %s\n", p.Name, want, p.Arch)
		if p.Source != "" {
			fmt.Fprintf(&b, "Source: %s\n", p.Source)
		}
		fmt.Fprintf(&b, "Version: %s\n\n", p.Version)
	}
	return b.Bytes()
}

// writeDisk writes a disk image. Its file system is no larger than it needs to be,
// whatever the volume's size, because all of its tables are written.
func writeDisk(i backing.ModelledImage, name string, size int64) error {
	files, err := content(i)
	if err != nil {
		return err
	}
	var need int64
	for _, data := range files {
		need += int64(len(data)) + 4096
	}
	need = 64*rawdisk.MiB + (need*2)/rawdisk.MiB*rawdisk.MiB
	if size == 0 {
		size = max(2*rawdisk.GiB, rawdisk.RoundUp(need+2*rawdisk.MiB))
	}
	if need > rawdisk.Partition(size) {
		return fmt.Errorf("%d bytes do not fit into a volume of %d", need, size)
	}
	f, err := rawdisk.Create(name, size)
	if err != nil {
		return err
	}
	err = fill(f, need, files)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

func fill(f *os.File, size int64, files map[string][]byte) error {
	root, err := ext4.Create(file.New(f, false), size, rawdisk.Start, 512, &ext4.Params{VolumeName: "root"})
	if err != nil {
		return fmt.Errorf("make file system: %w", err)
	}
	for _, dir := range folders(files) {
		if err := root.Mkdir(dir); err != nil {
			return fmt.Errorf("make folder %s: %w", dir, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := writeFile(root, strings.TrimPrefix(name, "/"), files[name]); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return root.Close()
}

func writeFile(root *ext4.FileSystem, name string, data []byte) error {
	f, err := root.OpenFile(name, os.O_CREATE|os.O_RDWR)
	if err != nil {
		return err
	}
	if len(data) > 0 {
		if _, err := f.Write(data); err != nil {
			return err
		}
	}
	if err := f.Close(); err != nil {
		return err
	}
	return root.Chmod(name, 0o644)
}

// folders are all that the files need, and those of every system, parents first and
// without a leading slash.
func folders(files map[string][]byte) []string {
	all := map[string]bool{"proc": true, "sys": true, "dev": true, "run": true, "tmp": true}
	for name := range files {
		for dir := path.Dir(strings.TrimPrefix(name, "/")); dir != "."; dir = path.Dir(dir) {
			all[dir] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}
