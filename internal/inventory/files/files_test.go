package files

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/inventory/rootfs"
	"github.com/goldenami/rehydrate/internal/record"
)

// node is one thing to make: a file of a text, or of another kind.
type node struct {
	text string
	link string
	mode os.FileMode // 0: 0644, or 0755 for a folder
	dir  bool
}

// tree makes a root.
func tree(t testing.TB, nodes map[string]node) string {
	t.Helper()
	root := t.TempDir()
	for name, n := range nodes {
		p := filepath.Join(root, filepath.FromSlash(name))
		must(t, os.MkdirAll(filepath.Dir(p), 0o755))
		switch {
		case n.link != "":
			must(t, os.Symlink(n.link, p))
			continue
		case n.dir:
			must(t, os.MkdirAll(p, 0o755))
		default:
			must(t, os.WriteFile(p, []byte(n.text), 0o644))
		}
		if n.mode != 0 {
			must(t, os.Chmod(p, n.mode))
		}
	}
	return root
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// read is the facts of a folder.
func read(t testing.TB, dir, depth string, o Options) (*record.Facts, []record.DepthCost, error) {
	t.Helper()
	root, err := rootfs.Open(dir)
	must(t, err)
	t.Cleanup(func() { must(t, root.Close()) })
	return Read(t.Context(), root, depth, o)
}

func TestRead_says_who_and_what_a_root_has(t *testing.T) {
	dir := tree(t, map[string]node{
		"etc/passwd": {text: "root:x:0:0:root:/root:/bin/bash\ndaemon:*:1:1::/:/usr/sbin/nologin\nopen::1000:1000::/home/open:/bin/sh\n"},
		"etc/group":  {text: "root:x:0:\nsudo:x:27:zoe,adam\n"},
		"etc/shadow": {text: "root:$6$salt$hash:19000:0:99999:7:::\ndaemon:*:19000::::::\n"},
		"etc/systemd/system/multi-user.target.wants/ssh.service": {link: "/lib/systemd/system/ssh.service"},
		"etc/systemd/system/sshd.service":                        {link: "/lib/systemd/system/ssh.service"},
		"etc/systemd/system/cups.service":                        {link: "/dev/null"},
		"usr/lib/systemd/system/sysinit.target.wants/a.mount":    {link: "../a.mount"},
		"etc/rc3.d/S01cron":                                      {link: "../init.d/cron"},
		"etc/rc3.d/K01apache2":                                   {link: "../init.d/apache2"},
		"usr/bin/su":                                             {text: "x", mode: 0o755 | os.ModeSetuid},
		"usr/bin/wall":                                           {text: "xy", mode: 0o755 | os.ModeSetgid},
		"tmp":                                                    {dir: true, mode: 0o777 | os.ModeSticky},
		"tmp/anything":                                           {text: "", mode: 0o666},
		"srv/open":                                               {dir: true, mode: 0o777},
		"srv/open/file":                                          {text: "abc", mode: 0o666},
		"boot/vmlinuz-6.1-1":                                     {text: "kernel"},
		"boot/vmlinuz-6.1-2":                                     {text: "kernel"},
		"boot/grub/grub.cfg":                                     {text: "set default=\"0\"\nmenuentry 'x' {\n\tlinux\t/boot/vmlinuz-6.1-2 root=UUID=1 ro\n}\n"},
		"usr/lib/modules/6.1-2/kernel/a.ko":                      {text: "ko"},
		"bin":                                                    {link: "usr/bin"},
	})
	must(t, os.Link(filepath.Join(dir, "boot/vmlinuz-6.1-1"), filepath.Join(dir, "boot/again")))
	got, costs, err := read(t, dir, record.DepthMetadata, Options{})
	must(t, err)
	uid := uint32(os.Getuid()) //nolint:gosec // a user id
	gid := uint32(os.Getgid()) //nolint:gosec // likewise
	want := &record.Facts{
		Depth: "metadata",
		Users: []record.User{{Name: "daemon", UID: 1, GID: 1, Home: "/", Shell: "/usr/sbin/nologin", Password: "locked"},
			{Name: "open", UID: 1000, GID: 1000, Home: "/home/open", Shell: "/bin/sh", Password: "none"},
			{Name: "root", Home: "/root", Shell: "/bin/bash", Password: "set"}},
		Groups: []record.Group{{Name: "root"}, {Name: "sudo", GID: 27, Members: []string{"adam", "zoe"}}},
		SetID: []record.Special{{Path: "usr/bin/su", Mode: "4755", UID: uid, GID: gid},
			{Path: "usr/bin/wall", Mode: "2755", UID: uid, GID: gid}},
		Writable: []record.Special{{Path: "srv/open", Mode: "0777", UID: uid, GID: gid}, {Path: "srv/open/file", Mode: "0666", UID: uid, GID: gid}},
		Services: []record.Service{{Unit: "a.mount", How: "wants", By: "sysinit.target", Vendor: true}, {Unit: "cron", How: "rc", By: "rc3.d"},
			{Unit: "cups.service", How: "masked"}, {Unit: "ssh.service", How: "wants", By: "multi-user.target"}, {Unit: "sshd.service", How: "alias", By: "ssh.service"}},
		Kernels: []record.Kernel{{Version: "6.1-1", Image: true}, {Version: "6.1-2", Image: true, Modules: true, Default: true}},
		Total:   got.Total, Folders: got.Folders,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("facts (-want +got):\n%s", d)
	}
	sizes := map[string]record.FolderSize{}
	for _, f := range got.Folders {
		sizes[f.Path] = f
	}
	if b := sizes["boot"]; b.Bytes != int64(2*len("kernel")+len("set default=\"0\"\nmenuentry 'x' {\n\tlinux\t/boot/vmlinuz-6.1-2 root=UUID=1 ro\n}\n")) || b.Files != 3 {
		t.Errorf("a file of two names must count once: %+v", b)
	}
	if sizes["."].Links != 1 || got.Total.Links != 6+1 {
		t.Errorf("links: %+v, %+v", sizes["."], got.Total)
	}
	if len(costs) != 1 || costs[0].Depth != "metadata" || costs[0].Files != 4 {
		t.Errorf("cost: %+v", costs)
	}
}

func TestRead_never_tells_a_hash(t *testing.T) {
	dir := tree(t, map[string]node{
		"etc/passwd": {text: "old:$1$SECRET$SECRET:5:5::/:/bin/sh\nnew:x:6:6::/:/bin/sh\n"},
		"etc/shadow": {text: "new:$6$SECRET$SECRET:19000::::::\n"},
	})
	got, _, err := read(t, dir, record.DepthMetadata, Options{})
	must(t, err)
	if s := fmt.Sprintf("%+v", got); strings.Contains(s, "SECRET") || strings.Contains(s, "$6") {
		t.Error(s)
	}
	for _, u := range got.Users {
		if u.Password != "set" {
			t.Errorf("%+v", u)
		}
	}
}

func TestRead_shows_what_digests_would_cost_and_can_be_stopped(t *testing.T) {
	dir := tree(t, map[string]node{"a/one": {text: "hello"}, "a/two": {text: "hello world"}, "a/none": {}, "l": {link: "a/one"}})
	stop := errors.New("too dear")
	var seen Plan
	_, _, err := read(t, dir, record.DepthDigest, Options{Plan: func(p Plan) error { seen = p; return stop }})
	if !errors.Is(err, stop) || seen != (Plan{Files: 3, Bytes: 16, Blocks: 1}) {
		t.Errorf("%+v, %v", seen, err)
	}
	got, costs, err := read(t, dir, record.DepthDigest, Options{})
	must(t, err)
	want := []record.Digest{
		{Path: "a/none", SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{Path: "a/one", SHA256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", Size: 5},
		{Path: "a/two", SHA256: "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9", Size: 11},
	}
	if d := cmp.Diff(want, got.Digests); d != "" {
		t.Error(d)
	}
	if len(costs) != 2 || costs[1].Depth != "digest" || costs[1].Files != 3 {
		t.Errorf("costs %+v", costs)
	}
}

func TestRead_refuses_an_unknown_depth(t *testing.T) {
	if _, _, err := read(t, t.TempDir(), "packages", Options{}); fault.KindOf(err) != fault.Usage {
		t.Error(err)
	}
}

func TestRead_ends_at_its_bounds_with_an_error(t *testing.T) {
	deep := map[string]node{strings.Repeat("d/", 20) + "f": {}}
	for name, c := range map[string]struct {
		nodes  map[string]node
		limits Limits
		says   string
	}{
		"entries": {map[string]node{"a": {}, "b": {}, "c": {}}, Limits{Entries: 2}, "more than 2 files"},
		"depth":   {deep, Limits{Depth: 10}, "more than 10 deep"},
		"path":    {deep, Limits{Path: 20}, "longer than 20 bytes"},
		"names":   {map[string]node{"a": {mode: 0o666}, "b": {mode: 0o666}}, Limits{Names: 1}, "more than 1 world-writable"},
	} {
		if _, _, err := read(t, tree(t, c.nodes), record.DepthMetadata, Options{Limits: c.limits}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRead_survives_hostile_names(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"line\nbreak", "esc\x1b[2Jape", "back\\slash", "\xff\xfe", "bidi\u202e", "zoë"} {
		must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o666))
		must(t, os.Chmod(filepath.Join(dir, name), 0o666))
	}
	must(t, os.Symlink("..", filepath.Join(dir, "up")))
	must(t, os.Symlink(".", filepath.Join(dir, "cycle")))
	got, _, err := read(t, dir, record.DepthMetadata, Options{})
	must(t, err)
	var names []string
	for _, w := range got.Writable {
		names = append(names, w.Path)
	}
	want := []string{`\xff\xfe`, `back\\slash`, `bidi\u202e`, `esc\x1b[2Jape`, `line\x0abreak`, "zoë"}
	if d := cmp.Diff(want, names); d != "" {
		t.Error(d)
	}
}
