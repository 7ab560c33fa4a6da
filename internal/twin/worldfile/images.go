package worldfile

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/sts"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Images puts images into a world.
type Images interface {
	AddImage(tx *world.Tx, i ec2.Image, content backing.Image) (ec2.Image, error)
	Open(tx *world.Tx)
}

// places opens the accounts and notes hosts, archives and repositories.
func (l *Loader) places(tx *world.Tx, f *File) error {
	if len(f.Accounts) > 0 {
		sts.DeclareAccount(tx, f.Account)
	}
	for _, a := range f.Accounts {
		sts.DeclareAccount(tx, a.ID)
		regions := a.Regions
		if len(regions) == 0 {
			regions = []string{f.Region}
		}
		for _, r := range regions {
			p := Place{a.ID, r}
			if err := p.check(); err != nil {
				return fmt.Errorf("accounts: %w", err)
			}
			l.EC2.Open(tx.In(a.ID, r))
		}
		if len(a.Memberships) > 0 {
			if err := l.EC2.Join(tx, a.ID, a.Memberships...); err != nil {
				return fmt.Errorf("accounts: %s: memberships: %w", a.ID, err)
			}
		}
	}
	for name, addr := range f.Hosts {
		l.EC2.SetHost(tx, name, addr)
	}
	for listen := range archives(tx).All() {
		archives(tx).Delete(listen) // the file's are all there are
	}
	for _, a := range f.Archives {
		if a.Host != "" {
			l.EC2.SetHost(tx, a.Host, a.host())
		}
		archives(tx).Put(a.Listen, a)
	}
	for name, r := range f.Repositories {
		repositories(tx).Put(name, r)
	}
	return nil
}

func (l *Loader) images(tx *world.Tx, f *File) (int, error) {
	return each(f.Images, func(i Image) (int, error) {
		return once(tx, i.Place, "image", i.Key, func(tx *world.Tx) (string, error) {
			content, err := i.content()
			if err != nil {
				return "", err
			}
			made, err := l.EC2.AddImage(tx, i.row(), content)
			return made.ID, err
		})
	})
}

// row is the image with the usual values for what the file leaves out.
func (i Image) row() ec2.Image {
	row := ec2.Image{
		ID: i.ID, Name: i.Name, Description: i.Description, OwnerAlias: i.Alias, Public: i.Public, Users: i.Users, Architecture: i.Architecture,
		RootDevice: i.RootDevice, User: i.User, Created: i.Created, Tags: i.Tags,
	}
	if row.RootDevice == "" {
		row.RootDevice = "/dev/xvda"
	}
	if row.User == "" {
		row.User = "admin"
	}
	size := i.Size
	if size == 0 {
		size = 8
	}
	row.Disks = []ec2.Disk{{Device: row.RootDevice, Size: size, Type: "gp3", DeleteOnTermination: true}}
	return row
}

// content is what stands behind the image; a root must be there.
func (i Image) content() (backing.Image, error) {
	if i.Root != "" {
		if _, err := os.Stat(filepath.Join(i.Root, "etc")); err != nil {
			return backing.Image{}, fmt.Errorf("root %s is not a root file system: %w", i.Root, err)
		}
		return backing.Image{Layers: []string{i.Root}}, nil
	}
	if i.Modelled != nil {
		return backing.Image{Modelled: i.Modelled}, nil
	}
	m, err := readStrict[backing.ModelledImage](i.ModelledFile)
	return backing.Image{Modelled: &m}, err
}

// readStrict reads a JSON file in which every field must be known.
func readStrict[T any](name string) (v T, err error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return v, err
	}
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		return v, fmt.Errorf("%s: %w", name, where(data, err))
	}
	if err := known[T](tree); err != nil {
		return v, fmt.Errorf("%s: %w", name, err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return v, fmt.Errorf("%s: %w", name, err)
	}
	return v, nil
}

// imageID finds the id of an image by its key, in whatever account the file put it.
func (f *File) imageID(tx *world.Tx, ref string) string {
	for _, i := range f.Images {
		if i.Key == ref {
			return id(tx.In(i.Account, i.Region), "image", ref)
		}
	}
	return ref
}

func sorted(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
