package files

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

func TestDefaultKernel_is_named_only_where_the_boot_loader_says_so_plainly(t *testing.T) {
	const bls = "title Amazon Linux\nversion 6.1\nlinux /boot/vmlinuz-%\ninitrd x\n"
	entry := func(v string) node { return node{text: strings.ReplaceAll(bls, "%", v)} }
	for name, c := range map[string]struct {
		nodes map[string]node
		want  string
	}{
		"grubenv names an entry": {map[string]node{"boot/grub2/grubenv": {text: "# GRUB Environment Block\nsaved_entry=id-2\n"},
			"boot/loader/entries/id-1.conf": entry("1"), "boot/loader/entries/id-2.conf": entry("2")}, "2"},
		"it names another":               {map[string]node{"boot/grub2/grubenv": {text: "saved_entry=id-9\n"}, "boot/loader/entries/id-1.conf": entry("1")}, ""},
		"one entry only":                 {map[string]node{"boot/loader/entries/id-1.conf": entry("1")}, "1"},
		"two, and nothing says which":    {map[string]node{"boot/loader/entries/id-1.conf": entry("1"), "boot/loader/entries/id-2.conf": entry("2")}, ""},
		"grub.cfg begins with its first": {map[string]node{"boot/grub/grub.cfg": {text: "set default=\"0\"\n linux /vmlinuz-2 x\n linux /vmlinuz-1\n"}}, "2"},
		"grub.cfg begins with another":   {map[string]node{"boot/grub/grub.cfg": {text: "set default=\"1>2\"\n linux /vmlinuz-2 x\n"}}, ""},
		"as Debian's is written":         {map[string]node{"boot/grub/grub.cfg": {text: "if [ \"${next_entry}\" ] ; then\n set default=\"${next_entry}\"\nelse\n set default=\"0\"\nfi\n\tlinux\t/boot/vmlinuz-1 root=x\n"}}, "1"},
		"there is no boot loader":        {nil, ""},
		"a kernel that is not there":     {map[string]node{"boot/grub/grub.cfg": {text: "set default=0\nlinux /vmlinuz-7\n"}}, ""},
		"loaded the 16-bit way":          {map[string]node{"boot/grub/grub.cfg": {text: "linux16 /vmlinuz-1\n"}}, "1"},
	} {
		nodes := map[string]node{"boot/vmlinuz-1": {}, "boot/vmlinuz-2": {}}
		for k, v := range c.nodes {
			nodes[k] = v
		}
		f, _, err := read(t, tree(t, nodes), record.DepthMetadata, Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := ""
		for _, k := range f.Kernels {
			if k.Default {
				got = k.Version
			}
		}
		if got != c.want || (got == "") != strings.Contains(strings.Join(f.Unread, " "), "which kernel starts by default") {
			t.Errorf("%s: got %q, want %q; not known: %v", name, got, c.want, f.Unread)
		}
	}
}

func TestPasswords_are_told_by_their_state_only(t *testing.T) {
	got := passwords([]byte("a:$6$x:1\nb:!:1\nc:*:1\nd::1\ne:!!$6$x:1\na:!:again\nf\n:x:1\n"))
	want := map[string]string{"a": "set", "b": "locked", "c": "locked", "d": "none", "e": "locked"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestCapabilityText_writes_what_getcap_does(t *testing.T) {
	for b, want := range map[string]string{
		"\x01\x00\x00\x02\x00\x30\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00":                 "cap_net_admin,cap_net_raw=ep",
		"\x00\x00\x00\x02\x00\x00\x00\x00\x01\x00\x00\x00\x80\x00\x00\x00\x00\x00\x00\x00":                 "cap_chown=i cap_bpf=p",
		"\x01\x00\x00\x03\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xe8\x03\x00\x00": "cap_chown=ep [rootid=1000]",
		"\x01\x00\x00\x01\x01\x00\x00\x00\x00\x00\x00\x00":                                                 "cap_chown=ep",
		"\x01\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x00\x00\x00\x00":                 "63=ep",
	} {
		if got, err := capabilityText([]byte(b)); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", b, got, err, want)
		}
	}
	for _, b := range []string{"", "abc", "\x01\x00\x00\x02", "\x01\x00\x00\x09\x01\x00\x00\x00\x00\x00\x00\x00"} {
		if got, err := capabilityText([]byte(b)); err == nil {
			t.Errorf("%q: %q", b, got)
		}
	}
}

// odd is a file system whose folders hold what no folder does.
type odd struct {
	fstest.MapFS
	entries []fs.DirEntry
}

func (o odd) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == "." || strings.HasPrefix(name, "loop") {
		return o.entries, nil
	}
	return nil, fs.ErrNotExist
}

func (o odd) Stat(string) (fs.FileInfo, error) { return named{".", 1, true}, nil }

// named is a file of a name and number, owned by nobody in particular.
type named struct {
	name  string
	inode uint64
	dir   bool
}

func (n named) Name() string               { return n.name }
func (n named) Size() int64                { return -1 }
func (n named) ModTime() time.Time         { return time.Time{} }
func (n named) IsDir() bool                { return n.dir }
func (n named) Sys() any                   { return n }
func (n named) Type() fs.FileMode          { return n.Mode().Type() }
func (n named) Info() (fs.FileInfo, error) { return n, nil }
func (n named) Mode() fs.FileMode {
	if n.dir {
		return fs.ModeDir | 0o755
	}
	return 0o644
}
func (n named) Owner() (uid, gid uint32)          { return 0, 0 }
func (n named) Identity() (s, i uint64, l uint32) { return 0, n.inode, 1 }

func TestRead_refuses_what_no_file_system_holds(t *testing.T) {
	for says, entries := range map[string][]fs.DirEntry{
		"holds the name a/b":          {named{"a/b", 2, false}},
		"holds the name ..":           {named{"..", 2, true}},
		"holds the name .":            {named{".", 2, true}},
		"it holds the name":           {named{"", 2, true}},
		`holds the name x\x00`:        {named{"x\x00", 2, true}},
		"the name twin is there twi":  {named{"twin", 2, true}, named{"twin", 3, true}},
		"the folder is there twice":   {named{"loop", 1, true}},
		"the file has -1 bytes":       {named{"f", 2, false}},
		"more than 256 deep: given u": {named{"loop", 0, true}},
	} {
		_, _, err := Read(t.Context(), odd{entries: entries}, record.DepthMetadata, Options{})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v", says, err)
		}
	}
}

func TestRead_of_a_file_system_without_owners_is_refused(t *testing.T) {
	_, _, err := Read(t.Context(), fstest.MapFS{"etc/passwd": {}}, record.DepthMetadata, Options{})
	if fault.KindOf(err) != fault.Unsupported {
		t.Error(err)
	}
}
