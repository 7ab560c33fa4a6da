package files

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/record"
)

// metadata walks the tree once and reads the few small files that it takes.
func (r *reader) metadata() error {
	s := survey{reader: r, folders: map[string]*record.FolderSize{}, counted: map[file]bool{}, kernels: map[string]*record.Kernel{}}
	if err := r.walk(s.visit); err != nil {
		return err
	}
	if err := r.accounts(); err != nil {
		return err
	}
	if err := s.links(); err != nil {
		return err
	}
	if err := s.bootLoader(); err != nil {
		return err
	}
	if err := s.capabilities(); err != nil {
		return err
	}
	s.conclude()
	return nil
}

// survey gathers the facts of a walk.
type survey struct {
	*reader
	folders map[string]*record.FolderSize // by top folder
	counted map[file]bool                 // files of several names
	units   []unitLink
	kernels map[string]*record.Kernel
	loader  []string // boot loader entries
	able    []program
}

func (s *survey) visit(e entry, parent *folder) error {
	mode := e.info.Mode()
	top, _, below := strings.Cut(e.path, "/")
	if !below && !mode.IsDir() {
		top = "."
	}
	size := s.folders[top]
	if size == nil {
		size = &record.FolderSize{Path: clean(top)}
		s.folders[top] = size
	}
	switch {
	case mode.IsDir():
		size.Folders++
	case mode.IsRegular():
		if e.links > 1 && e.inode != 0 {
			if s.counted[e.file] {
				break
			}
			s.counted[e.file] = true
		}
		if e.info.Size() < 0 {
			return fmt.Errorf("%s: damaged file system: the file has %d bytes", clean(e.path), e.info.Size())
		}
		size.Files++
		size.Bytes += e.info.Size()
	case mode&fs.ModeSymlink != 0:
		size.Links++
	default:
		size.Others++
	}
	s.special(e, parent)
	s.kernel(e)
	s.unit(e)
	switch {
	case mode.IsRegular():
		s.regular = append(s.regular, regular{e.path, e.info.Size(), e.file})
	case s.facts.Depth == record.DepthDigest && !mode.IsDir():
		s.present = append(s.present, e.path)
	}
	return s.bounded()
}

// special notes what may do, or be done to, more than others.
func (s *survey) special(e entry, parent *folder) {
	mode := e.info.Mode()
	x := record.Special{Path: clean(e.path), Mode: octal(mode), UID: e.uid, GID: e.gid}
	if mode.IsRegular() && mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
		s.facts.SetID = append(s.facts.SetID, x)
	}
	open := mode.IsRegular() || mode.IsDir()
	if open && mode&0o002 != 0 && mode&fs.ModeSticky == 0 && !parent.sticky {
		s.facts.Writable = append(s.facts.Writable, x)
	}
	if mode.IsRegular() && mode&0o111 != 0 {
		s.able = append(s.able, program{x, e.path})
	}
}

// program is a file that can be run, and its path as the file system has it.
type program struct {
	record.Special
	raw string
}

// octal is a mode as chmod takes it.
func octal(m fs.FileMode) string {
	n := uint32(m.Perm())
	for bit, of := range map[fs.FileMode]uint32{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if m&bit != 0 {
			n |= of
		}
	}
	return fmt.Sprintf("%04o", n)
}

// bounded refuses lists that no real root fills.
func (s *survey) bounded() error {
	f := s.facts
	for what, n := range map[string]int{"setuid files": len(f.SetID), "world-writable files": len(f.Writable),
		"services": len(s.units), "kernels": len(s.kernels), "top folders": len(s.folders)} {
		if n > s.limits.Names {
			return fmt.Errorf("there are more than %d %s: given up", s.limits.Names, what)
		}
	}
	return nil
}

// conclude sorts and sums.
func (s *survey) conclude() {
	f := s.facts
	f.Total.Path = "."
	for _, x := range s.folders {
		f.Folders = append(f.Folders, *x)
		f.Total.Bytes += x.Bytes
		f.Total.Files += x.Files
		f.Total.Folders += x.Folders
		f.Total.Links += x.Links
		f.Total.Others += x.Others
	}
	for _, k := range s.kernels {
		f.Kernels = append(f.Kernels, *k)
	}
	byPath := func(a, b record.Special) int { return cmp.Compare(a.Path, b.Path) }
	slices.SortFunc(f.SetID, byPath)
	slices.SortFunc(f.Writable, byPath)
	slices.SortFunc(f.Capable, byPath)
	slices.SortFunc(f.Folders, func(a, b record.FolderSize) int { return cmp.Compare(a.Path, b.Path) })
	slices.SortFunc(f.Kernels, func(a, b record.Kernel) int { return cmp.Compare(a.Version, b.Version) })
	slices.SortFunc(f.Services, func(a, b record.Service) int {
		return cmp.Or(cmp.Compare(a.Unit, b.Unit), cmp.Compare(a.How, b.How), cmp.Compare(a.By, b.By))
	})
}

// kernel notes a kernel's image or its modules.
func (s *survey) kernel(e entry) {
	dir, base := path.Split(e.path)
	version, image := strings.CutPrefix(base, "vmlinuz-")
	image = image && dir == "boot/" && version != "" && !e.info.IsDir()
	modules := e.info.IsDir() && (dir == "usr/lib/modules/" || dir == "lib/modules/")
	if dir == "boot/loader/entries/" && strings.HasSuffix(base, ".conf") && e.info.Mode().IsRegular() {
		s.loader = append(s.loader, e.path)
	}
	if !image && !modules {
		return
	}
	if modules {
		version = base
	}
	k := s.kernels[version]
	if k == nil {
		k = &record.Kernel{Version: clean(version)}
		s.kernels[version] = k
	}
	k.Image, k.Modules = k.Image || image, k.Modules || modules
}
