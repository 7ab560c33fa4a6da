//go:build linux

package rpmdb

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/testkit"
)

func TestASqliteDatabaseHasWhatRpmSays(t *testing.T) {
	r := world(t, crowd(450)...)
	content := stored(t, filepath.Join(r.Dir, "var/lib/rpm"))
	db, err := Read(r.FS(t))
	if err != nil {
		t.Fatal(err)
	}
	want := asked(t, SQLite, content)
	if len(want) < 450 || db.Format != SQLite || db.Path != sqlitePath {
		t.Fatalf("rpm lists %d packages; we read %s at %s", len(want), db.Format, db.Path)
	}
	differ(t, "rpm", rows(db), want)
	for what, sql := range map[string]string{
		"pages of 512 bytes": "PRAGMA journal_mode=DELETE; PRAGMA page_size=512; VACUUM;",
		"pages of 64 KiB":    "PRAGMA journal_mode=DELETE; PRAGMA page_size=65536; VACUUM;",
		"incremental vacuum": "PRAGMA journal_mode=DELETE; PRAGMA auto_vacuum=2; VACUUM; DELETE FROM Packages WHERE hnum%5=1;",
		"reserved bytes":     ".filectrl reserve_bytes 32\nPRAGMA journal_mode=DELETE; VACUUM;",
		"holes":              "DELETE FROM Packages WHERE hnum%3=1; UPDATE Packages SET blob=(SELECT blob FROM Packages WHERE length(blob)>9000 LIMIT 1) WHERE hnum%7=2;",
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			for name, b := range content {
				if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), b, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			run(t, sql, "sqlite3", filepath.Join(dir, "rpmdb.sqlite"))
			content := stored(t, dir)
			db, err := Read(newFiles(content))
			if err != nil {
				t.Fatal(err)
			}
			differ(t, "rpm", rows(db), asked(t, SQLite, content))
		})
	}
}

func TestABerkeleyDatabaseHasWhatRpmSays(t *testing.T) {
	tools(t, "db5.3_load")
	r := world(t, crowd(60)...)
	blobs := blobs(t, filepath.Join(r.Dir, sqlitePath))
	want, err := Read(r.FS(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, size := range []int{512, 1024, 4096, 8192, 16384, 65536} {
			t.Run(fmt.Sprintf("%s/%d", order, size), func(t *testing.T) {
				file := asBDB(t, blobs, size, order)
				db, err := Read(only(bdbPath, file))
				if err != nil {
					t.Fatal(err)
				}
				differ(t, "rpm", rows(db), asked(t, BDB, map[string][]byte{"Packages": file}))
				differ(t, "the sqlite database", rows(db), rows(want))
			})
		}
	}
}

// distributions is the folder with databases of real systems that the other reader's
// module brings for its own tests.
func distributions(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("reads databases of real systems out of a module: left out by -short")
	}
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/anchore/go-rpmdb")
	cmd.Dir = "peer"
	out, err := cmd.Output()
	if err == nil && strings.TrimSpace(string(out)) == "" {
		cmd := exec.Command("go", "mod", "download", "github.com/anchore/go-rpmdb")
		cmd.Dir = "peer"
		if err = cmd.Run(); err == nil {
			return distributions(t)
		}
	}
	if err != nil {
		testkit.Missing(t, "the other reader's module: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "pkg", "testdata")
}

// databases are the files of real systems, by system.
func databases(t testing.TB) map[string]map[string][]byte {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(distributions(t), "*", "*"))
	if err != nil || len(found) < 15 {
		t.Fatalf("%d databases of real systems: %v", len(found), err)
	}
	out := map[string]map[string][]byte{}
	for _, f := range found {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(filepath.Dir(f))] = map[string][]byte{"var/lib/rpm/" + filepath.Base(f): b}
	}
	return out
}

func TestDatabasesOfRealSystemsHaveWhatRpmSays(t *testing.T) {
	all := databases(t)
	tools(t, "rpm")
	seen := map[Format]int{}
	for system, content := range all {
		db, err := Read(newFiles(content))
		if err != nil {
			t.Errorf("%s: %v", system, err)
			continue
		}
		seen[db.Format]++
		if db.Format == NDB {
			continue // Debian's rpm reads none; the other reader is asked below
		}
		differ(t, system, rows(db), asked(t, db.Format, content))
	}
	if seen[SQLite] < 5 || seen[BDB] < 11 || seen[NDB] < 1 {
		t.Errorf("read %v", seen)
	}
}

func TestDatabasesOfRealSystemsHaveWhatTheOtherReaderSays(t *testing.T) {
	dir := distributions(t)
	all := databases(t)
	found, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for system, said := range peer(t, found...) {
		db, err := Read(newFiles(all[system]))
		if err != nil {
			t.Errorf("%s: %v", system, err)
			continue
		}
		differ(t, system, peerRows(db), said)
	}
}

func TestAFlippedBitInARealDatabaseNeverChangesThePackages(t *testing.T) {
	all := databases(t)
	for _, system := range []string{"sle15-bci", "rockylinux-9", "libuuid", "ubi8-s390x"} {
		t.Run(system, func(t *testing.T) {
			for path, whole := range all[system] {
				if flipped(t, path, whole, 150) == 0 {
					t.Error("none was refused")
				}
			}
		})
	}
}

func TestAnNDBDatabaseHasWhatTheOtherReaderSays(t *testing.T) {
	r := world(t, crowd(300)...)
	want, err := Read(r.FS(t))
	if err != nil {
		t.Fatal(err)
	}
	file := asNDB(blobs(t, filepath.Join(r.Dir, sqlitePath)))
	db, err := Read(only(ndbPath, file))
	if err != nil {
		t.Fatal(err)
	}
	differ(t, "the sqlite database", rows(db), rows(want))
	name := filepath.Join(t.TempDir(), "made", "Packages.db")
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, file, 0o644); err != nil {
		t.Fatal(err)
	}
	differ(t, "the other reader", peerRows(db), peer(t, name)["made"])
}

// peer asks the other reader, by the name of the file's folder.
func peer(t testing.TB, files ...string) map[string][]string {
	t.Helper()
	tool := filepath.Join(t.TempDir(), "peer")
	cmd := exec.Command("go", "build", "-o", tool, ".")
	cmd.Dir = "peer"
	if out, err := cmd.CombinedOutput(); err != nil {
		testkit.Missing(t, "the other reader: %v: %s", err, out)
	}
	answers := json.NewDecoder(strings.NewReader(run(t, "", tool, files...)))
	said := map[string][]string{}
	for answers.More() {
		var a struct {
			File, Error string
			Rows        []struct {
				Name, Epoch, Version, Release, Arch, Vendor, SourceRPM, ModularityLabel string

				InstallTime int64
				Provides    []string
			}
		}
		if err := answers.Decode(&a); err != nil {
			t.Fatal(err)
		}
		if a.Error != "" {
			t.Fatalf("the other reader on %s: %s", a.File, a.Error)
		}
		var list []string
		for _, r := range a.Rows {
			list = append(list, fmt.Sprint(r.Name, "|", r.Epoch, "|", r.Version, "|", r.Release, "|", r.Arch, "|", r.Vendor, "|", r.SourceRPM, "|",
				r.ModularityLabel, "|", r.InstallTime, "|", r.Provides))
		}
		slices.Sort(list)
		said[filepath.Dir(a.File)] = list
	}
	return said
}

func peerRows(db Database) []string {
	var out []string
	for _, p := range db.Packages {
		var provides []string
		for _, c := range p.Provides() {
			provides = append(provides, c.Name)
		}
		// It knows (none) as a value for these.
		out = append(out, fmt.Sprint(p.Name, "|", p.Epoch, "|", p.Version, "|", p.Release, "|", p.Arch, "|", strings.TrimPrefix(p.Vendor, "(none)"), "|", p.SourceRPM, "|",
			p.ModularityLabel, "|", p.InstallTime.Unix(), "|", provides))
	}
	slices.Sort(out)
	return out
}
