package rpmdb

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/inventory/rootfs"
)

func TestTheDatabaseIsFoundInEitherFolderThroughLinksEitherWay(t *testing.T) {
	content := committed(t, "small.ndb")
	for _, c := range []struct{ real, link, target string }{
		{"var/lib/rpm", "usr/lib/sysimage/rpm", "../../../var/lib/rpm"},
		{"usr/lib/sysimage/rpm", "var/lib/rpm", "../../usr/lib/sysimage/rpm"},
		{"usr/lib/sysimage/rpm", "var/lib/rpm", "/usr/lib/sysimage/rpm"},
		{"var/lib/rpm", "", ""},
		{"usr/lib/sysimage/rpm", "", ""},
	} {
		dir := t.TempDir()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(os.MkdirAll(filepath.Join(dir, c.real), 0o755))
		must(os.WriteFile(filepath.Join(dir, c.real, "Packages.db"), content, 0o644))
		if c.link != "" {
			must(os.MkdirAll(filepath.Join(dir, filepath.Dir(c.link)), 0o755))
			must(os.Symlink(c.target, filepath.Join(dir, c.link)))
		}
		root, err := rootfs.Open(dir)
		must(err)
		db, err := Read(root)
		root.Close()
		if err != nil || len(db.Packages) == 0 || db.Format != NDB {
			t.Errorf("%+v: %d packages: %v", c, len(db.Packages), err)
		}
	}
}

func TestTwoDatabasesAreOneOrAnErrorThatNamesBoth(t *testing.T) {
	small, other := committed(t, "small.sqlite"), committed(t, "changed.sqlite")
	const second = "usr/lib/sysimage/rpm/rpmdb.sqlite"
	// Readers of disk images cannot always tell that two paths are one file.
	if _, err := Read(newFiles(map[string][]byte{sqlitePath: small, second: small})); err != nil {
		t.Errorf("the same database twice: %v", err)
	}
	for what, content := range map[string]map[string][]byte{
		"different packages": {sqlitePath: small, second: other},
		"different formats":  {sqlitePath: small, "var/lib/rpm/Packages": committed(t, "small.bdb")},
		"a damaged one":      {sqlitePath: small, second: small[:8192]},
	} {
		_, err := Read(newFiles(content))
		if err == nil || !strings.Contains(err.Error(), sqlitePath) || !strings.Contains(err.Error(), " and ") || fault.HintOf(err) == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestNoDatabaseAndAnEmptyOneAreErrors(t *testing.T) {
	if _, err := Read(fstest.MapFS{}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("no database: %v", err)
	}
	for name, content := range map[string][]byte{
		sqlitePath: committed(t, "empty.sqlite"),
		ndbPath:    asNDB(nil),
		bdbPath:    {},
	} {
		if db, err := Read(only(name, content)); err == nil {
			t.Errorf("%s gave %d packages", name, len(db.Packages))
		}
	}
	if _, err := Read(only(ndbPath, asNDB(nil))); err == nil || !strings.Contains(err.Error(), "lists no package") {
		t.Errorf("an empty database: %v", err)
	}
	if _, err := Read(fstest.MapFS{sqlitePath: &fstest.MapFile{Mode: fs.ModeDir | 0o755}}); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder: %v", err)
	}
}

// sequential hides every way to read by position.
type sequential struct{ fs.FS }

func (s sequential) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return struct{ fs.File }{f}, nil
}

// seeking leaves seeking only.
type seeking struct{ fs.FS }

func (s seeking) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return struct {
		fs.File
		io.Seeker
	}{f, f.(io.Seeker)}, nil
}

func TestFilesThatCannotBeReadByPositionGiveTheSame(t *testing.T) {
	m := fstest.MapFS{sqlitePath: &fstest.MapFile{Data: committed(t, "small.sqlite")}, sqlitePath + "-wal": &fstest.MapFile{Data: committed(t, "small.sqlite-wal")}}
	want, err := Read(m)
	if err != nil {
		t.Fatal(err)
	}
	for what, root := range map[string]fs.FS{"sequential": sequential{m}, "seeking": seeking{m}} {
		db, err := Read(root)
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		differ(t, what, rows(db), rows(want))
	}
}
