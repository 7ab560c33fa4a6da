package files

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/osimage"
	"github.com/goldenami/rehydrate/internal/osimage/imagetest"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/testkit"
	"github.com/goldenami/rehydrate/internal/testkit/debroot"
)

// realRoot is a copy of a Debian root with all that the metadata depth looks for.
func realRoot(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("copies a whole root: left out by -short")
	}
	imagetest.NeedRoot(t)
	made, err := debroot.Make(t.Context(), testkit.Cache(t), "bookworm", io.Discard)
	if err != nil {
		testkit.Missing(t, "a Debian root: %v", err)
	}
	root := filepath.Join(t.TempDir(), "root")
	imagetest.Run(t, "cp", "-a", made, root)
	at := func(name string) string { return filepath.Join(root, name) }
	add := func(name, text string, mode os.FileMode, uid, gid int) {
		must(t, os.MkdirAll(filepath.Dir(at(name)), 0o755))
		f, err := os.OpenFile(at(name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
		must(t, err)
		_, err = f.WriteString(text)
		must(t, err)
		must(t, f.Close())
		if mode != 0 {
			must(t, os.Lchown(at(name), uid, gid))
			must(t, os.Chmod(at(name), mode))
		}
	}
	add("etc/passwd", "alice:x:1000:1000:Alice,,,:/home/alice:/bin/bash\nbob:x:1001:1001::/home/bob:/bin/sh\ncarol:x:1002:1002::/home/carol:/bin/sh\n", 0, 0, 0)
	add("etc/shadow", "alice:$6$abc$def:19000:0:99999:7:::\nbob:!$6$abc$def:19000::::::\ncarol::19000::::::\n", 0, 0, 0)
	add("etc/group", "alice:x:1000:\nops:x:2000:bob,alice\n", 0, 0, 0)
	add("usr/local/bin/root-shell", "#!", 0o755|os.ModeSetuid, 0, 0)
	add("opt/tool/bin/group", "#!", 0o755|os.ModeSetgid, 70000, 70001)
	add("srv/open", "x", 0o666, 33, 33)
	add("srv/escape\x1b[2J\nname", "x", 0o666, 33, 33)
	add("boot/vmlinuz-6.1.0-1-amd64", "kernel", 0o644, 0, 0)
	add("boot/vmlinuz-6.1.0-2-amd64", "kernel", 0o644, 0, 0)
	add("boot/grub/grub.cfg", "set default=\"0\"\n\tlinux /boot/vmlinuz-6.1.0-2-amd64 root=/dev/sda1\n", 0o644, 0, 0)
	add("usr/lib/modules/6.1.0-2-amd64/kernel/x.ko", "ko", 0o644, 0, 0)
	add("lib/systemd/system/web.service", "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\nAlias=www.service\n", 0o644, 0, 0)
	imagetest.Run(t, "systemctl", "--root="+root, "enable", "web.service")
	imagetest.Run(t, "systemctl", "--root="+root, "mask", "fstrim.service")
	imagetest.Run(t, "cp", at("usr/bin/true"), at("usr/local/bin/ping"))
	imagetest.Run(t, "setcap", "cap_net_raw,cap_net_admin=ep", at("usr/local/bin/ping"))
	imagetest.Run(t, "cp", at("usr/bin/true"), at("usr/local/bin/own"))
	imagetest.Run(t, "setcap", "cap_chown=i cap_bpf=p", at("usr/local/bin/own"))
	must(t, os.Link(at("usr/bin/true"), at("opt/tool/true")))
	must(t, os.Truncate(at("srv/open"), 3<<20)) // a hole
	for i := range 3000 {
		add(fmt.Sprintf("opt/many/a-file-with-a-long-name-%04d", i), "", 0, 0, 0)
	}
	return root
}

// images are the root as file systems of both kinds.
func images(t *testing.T, root string) map[string]fs.FS {
	t.Helper()
	out := map[string]fs.FS{}
	for kind, make := range map[string]func(img string){
		"ext4": func(img string) { imagetest.Run(t, "mkfs.ext4", "-q", "-d", root, img) },
		"xfs": func(img string) {
			imagetest.Run(t, "mkfs.xfs", "-q", img)
			imagetest.Mount(t, img, "", func(dir string) { imagetest.Run(t, "cp", "-a", root+"/.", dir) })
		},
	} {
		img := imagetest.Sparse(t, 1<<30)
		make(img)
		f, size := imagetest.File(t, img)
		r, err := osimage.Open(f, size)
		must(t, err)
		out[kind] = r
	}
	return out
}

// The facts of an image are those of the folder that it was made of.
func TestAnImageSaysWhatItsFolderSays(t *testing.T) {
	root := realRoot(t)
	want, _, err := read(t, root, record.DepthDigest, Options{})
	must(t, err)
	for kind, img := range images(t, root) {
		got, _, err := Read(t.Context(), img, record.DepthDigest, Options{})
		must(t, err)
		got.Folders = slices.DeleteFunc(got.Folders, func(f record.FolderSize) bool {
			if f.Path == "lost+found" { // mkfs makes it
				got.Total.Folders -= f.Folders
			}
			return f.Path == "lost+found"
		})
		if len(got.Digests) < 5000 || len(got.Users) < 20 || len(got.SetID) < 10 {
			t.Errorf("%s: there is little to compare: %d digests, %d users, %d setuid files", kind, len(got.Digests), len(got.Users), len(got.SetID))
		}
		if d := gocmp.Diff(want, got); d != "" {
			t.Errorf("%s (-folder +image):\n%.4000s", kind, d)
		}
	}
}

// lines runs a program and gives what it says line by line, sorted.
func lines(t *testing.T, name string, args ...string) []string {
	t.Helper()
	cmd := exec.Command(imagetest.Tool(t, name), args...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	out, err := cmd.Output()
	if err != nil && name != "systemctl" { // which says no by its exit code
		t.Fatalf("%s %v: %v", name, args, err)
	}
	var list []string
	for l := range strings.Lines(string(out)) {
		list = append(list, strings.TrimRight(l, "\n"))
	}
	slices.Sort(list)
	return list
}

func TestTheFactsAreWhatTheSystemsOwnToolsSay(t *testing.T) {
	root := realRoot(t)
	must(t, os.Remove(filepath.Join(root, "srv/escape\x1b[2J\nname"))) // no tool prints it on one line
	f, _, err := read(t, root, record.DepthDigest, Options{})
	must(t, err)
	same := func(what string, got, want []string) {
		t.Helper()
		slices.Sort(got)
		if d := gocmp.Diff(want, got); d != "" || len(want) == 0 {
			t.Errorf("%s, %d by the tool (-tool +ours):\n%.2000s", what, len(want), d)
		}
	}
	special := func(list []record.Special) (out []string) {
		for _, s := range list {
			out = append(out, fmt.Sprintf("%s %s %d:%d", strings.TrimLeft(s.Mode, "0"), s.Path, s.UID, s.GID))
		}
		return out
	}
	same("find -perm /6000", special(f.SetID), lines(t, "find", root, "-type", "f", "-perm", "/6000", "-printf", "%m %P %U:%G\n"))
	same("find -perm -2, not in sticky folders", special(f.Writable), slices.DeleteFunc(
		lines(t, "find", root, "(", "-type", "f", "-o", "-type", "d", ")", "-perm", "-2", "-not", "-perm", "/1000", "-printf", "%m %P %U:%G\n"), func(l string) bool {
			info, err := os.Stat(filepath.Dir(filepath.Join(root, strings.Fields(l)[1])))
			return err == nil && info.Mode()&os.ModeSticky != 0
		}))
	for kind, n := range map[string]int{"f": f.Total.Files, "d": f.Total.Folders, "l": f.Total.Links} {
		inodes := lines(t, "find", root, "-mindepth", "1", "-type", kind, "-printf", "%i\n")
		if n != len(slices.Compact(inodes)) {
			t.Errorf("find -type %s: %d, ours %d", kind, len(slices.Compact(inodes)), n)
		}
	}
	bytes := int64(0)
	for _, l := range slices.Compact(lines(t, "find", root, "-type", "f", "-printf", "%i %s\n")) {
		n, _ := strconv.ParseInt(strings.Fields(l)[1], 10, 64) // find prints digits
		bytes += n
	}
	if f.Total.Bytes != bytes {
		t.Errorf("find: %d bytes, ours %d", bytes, f.Total.Bytes)
	}
	var users, groups, capable, digests []string
	for _, u := range f.Users {
		users = append(users, fmt.Sprintf("%s:%d:%d:%s:%s", u.Name, u.UID, u.GID, u.Home, u.Shell))
	}
	for _, g := range f.Groups {
		groups = append(groups, fmt.Sprintf("%s:%d:%s", g.Name, g.GID, strings.Join(g.Members, ",")))
	}
	var wantUsers, wantGroups []string
	for _, l := range lines(t, "chroot", root, "getent", "passwd") {
		p := strings.Split(l, ":")
		wantUsers = append(wantUsers, strings.Join([]string{p[0], p[2], p[3], p[5], p[6]}, ":"))
	}
	for _, l := range lines(t, "chroot", root, "getent", "group") {
		p := strings.Split(l, ":")
		m := strings.Split(p[3], ",")
		slices.Sort(m)
		wantGroups = append(wantGroups, p[0]+":"+p[2]+":"+strings.Join(m, ","))
	}
	slices.Sort(wantUsers)
	slices.Sort(wantGroups)
	same("getent passwd", users, wantUsers)
	same("getent group", groups, wantGroups)
	states := map[string]string{"P": record.PasswordSet, "L": record.PasswordLocked, "NP": record.PasswordNone}
	for _, l := range lines(t, "chroot", root, "passwd", "-S", "-a") {
		p := strings.Fields(l)
		i := slices.IndexFunc(f.Users, func(u record.User) bool { return u.Name == p[0] })
		if i < 0 || f.Users[i].Password != states[p[1]] {
			t.Errorf("passwd -S says %s, ours %+v", l, f.Users[max(i, 0)])
		}
	}
	for _, c := range f.Capable {
		capable = append(capable, c.Path+" "+c.Capabilities)
	}
	var wantCapable []string
	for _, l := range lines(t, "getcap", "-r", root) {
		wantCapable = append(wantCapable, strings.ReplaceAll(strings.TrimPrefix(l, root+"/"), "+", "="))
	}
	same("getcap -r", words(capable), words(wantCapable))
	for _, d := range f.Digests {
		digests = append(digests, d.SHA256+"  ./"+d.Path)
	}
	same("sha256sum", digests, lines(t, "sh", "-c", `cd "$1" && find . -type f -exec sha256sum {} +`, "sh", root))
	var units []string
	for _, l := range lines(t, "systemctl", "--root="+root, "list-unit-files", "--no-legend", "--state=enabled,masked,alias", "--full") {
		if p := strings.Fields(l); p[1] != "alias" || p[0] == "www.service" { // the others are the packages' own names
			units = append(units, p[0]+" "+p[1])
		}
	}
	same("systemctl list-unit-files", enabled(f), units)
}

// dpkg --verify names the same files, but for configuration files, of which the
// package's list of digests says nothing.
func TestAlteredFilesAreThoseThatDpkgNames(t *testing.T) {
	root := realRoot(t)
	at := func(name string) string { return filepath.Join(root, name) }
	must(t, os.WriteFile(at("usr/bin/true"), []byte("other"), 0o755))
	must(t, os.Remove(at("usr/share/doc/tar/copyright")))
	must(t, os.Remove(at("usr/bin/tac")))
	must(t, os.Symlink("true", at("usr/bin/tac")))
	f, _, err := read(t, root, record.DepthDigest, Options{})
	must(t, err)
	var got, want []string
	for _, a := range f.Altered {
		got = append(got, a.Path)
	}
	for _, l := range lines(t, "dpkg", "--root="+root, "--verify") {
		if p := strings.Fields(l); p[len(p)-2] != "c" {
			want = append(want, strings.TrimPrefix(p[len(p)-1], "/"))
		}
	}
	slices.Sort(want)
	t.Logf("dpkg: %v; ours: %+v; %d compared", want, f.Altered, f.Vouched)
	if f.Vouched < 1000 || !slices.Contains(got, "usr/bin/true") {
		t.Errorf("%d files were compared: %v", f.Vouched, got)
	}
	unlinked := func(list []string) (out []string) { // as the tree has it, and not by a merged folder
		for _, n := range list {
			if to, err := filepath.EvalSymlinks(filepath.Dir(at(n))); err == nil {
				n, _ = filepath.Rel(root, filepath.Join(to, filepath.Base(n))) // both begin with root
			}
			out = append(out, n)
		}
		slices.Sort(out)
		return out
	}
	if d := gocmp.Diff(unlinked(want), unlinked(got)); d != "" {
		t.Error(d)
	}
}

// words makes capability texts comparable: each part sorted.
func words(list []string) []string {
	var out []string
	for _, l := range list {
		name, text, _ := strings.Cut(l, " ")
		parts := strings.Fields(text)
		slices.Sort(parts)
		out = append(out, name+" "+strings.Join(parts, " "))
	}
	slices.Sort(out)
	return out
}

// enabled is what systemctl would say of the units that the administrator's folder
// sets up.
func enabled(f *record.Facts) []string {
	seen := map[string]string{}
	for _, s := range f.Services {
		switch {
		case s.Vendor:
		case s.How == "masked":
			seen[s.Unit] = "masked"
		case s.How == "wants" || s.How == "requires":
			seen[s.Unit] = cmp.Or(seen[s.Unit], "enabled")
		case s.How == "alias":
			seen[s.Unit] = "alias"
		}
	}
	var out []string
	for unit, state := range seen {
		out = append(out, unit+" "+state)
	}
	return out
}
