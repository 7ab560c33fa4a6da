//go:build linux

package rpmdb

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
)

// TestTheCommittedDatabasesAreMadeByRpm writes testdata anew with -update; without,
// it checks that rpm reads in it what we read.
func TestTheCommittedDatabasesAreMadeByRpm(t *testing.T) {
	if *update {
		r := world(t, append(crowd(25), rpmworld.Package{Name: "zsh", Version: "5.9"})...)
		plain := map[string][]byte{sqlitePath: stored(t, filepath.Join(r.Dir, "var/lib/rpm"))[sqlitePath]}
		commit(t, "small.sqlite", plain[sqlitePath])
		changed := inFlight(t, plain, "PRAGMA journal_mode=DELETE;\nUPDATE Packages SET blob=(SELECT blob FROM Packages WHERE hnum=9) WHERE hnum=10;\nCOPY\n")
		commit(t, "changed.sqlite", changed[sqlitePath])
		logged := inFlight(t, plain, "PRAGMA journal_mode=WAL;\nPRAGMA wal_autocheckpoint=0;\nDELETE FROM Packages WHERE hnum%3=0;\nCOPY\n")
		if !bytes.Equal(logged[sqlitePath], plain[sqlitePath]) {
			t.Fatal("the log does not belong to the small database")
		}
		commit(t, "small.sqlite-wal", logged[walPath])
		empty := inFlight(t, plain, "PRAGMA journal_mode=DELETE;\nDELETE FROM Packages;\nVACUUM;\nCOPY\n")
		commit(t, "empty.sqlite", empty[sqlitePath])
		commit(t, "tiny.bdb", asBDB(t, tinies(), 512, binary.LittleEndian))
		commit(t, "tiny.sqlite", tinySQLite(t))
		headers := blobs(t, filepath.Join(r.Dir, sqlitePath))
		commit(t, "small.ndb", asNDB(headers))
		commit(t, "small.bdb", asBDB(t, headers, 4096, binary.LittleEndian))
		commit(t, "inline.bdb", asBDB(t, headers, 16384, binary.BigEndian))
	}
	tools(t, "rpm")
	for name, format := range map[string]Format{"small.sqlite": SQLite, "changed.sqlite": SQLite, "small.bdb": BDB, "inline.bdb": BDB} {
		content := map[string][]byte{pathOf[format]: committed(t, name)}
		db, err := Read(newFiles(content))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		differ(t, name, rows(db), asked(t, format, content))
	}
}

// tinySQLite is a database with the smallest pages, and of them as few as can be.
func tinySQLite(t *testing.T) []byte {
	t.Helper()
	sql := "PRAGMA page_size=512;\nCREATE TABLE Packages(hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL);\n"
	for _, b := range tinies() {
		sql += fmt.Sprintf("INSERT INTO Packages(blob) VALUES(x'%x');\n", b)
	}
	file := filepath.Join(t.TempDir(), "rpmdb.sqlite")
	run(t, sql, "sqlite3", file)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
