//go:build linux

package rpmdb

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
)

// inFlight runs sql on a copy of content in the sqlite3 shell, where "COPY" stands for
// taking the files away while the connection is open, and returns what was taken.
func inFlight(t testing.TB, content map[string][]byte, sql string) map[string][]byte {
	t.Helper()
	dir, away := t.TempDir(), t.TempDir()
	for name, b := range content {
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	db := filepath.Join(dir, "rpmdb.sqlite")
	sql = strings.ReplaceAll(sql, "COPY", fmt.Sprintf(".shell cp -p %s* %s/", db, away))
	run(t, sql, "sqlite3", "-bail", db)
	taken := stored(t, away)
	if len(taken) == 0 {
		t.Fatal("nothing was taken")
	}
	return taken
}

const walPath, journalPath = sqlitePath + "-wal", sqlitePath + "-journal"

// begun is a database without a log, by rpm.
func begun(t testing.TB) map[string][]byte {
	t.Helper()
	r := world(t, crowd(60)...)
	content := stored(t, filepath.Join(r.Dir, "var/lib/rpm"))
	return map[string][]byte{sqlitePath: content[sqlitePath]}
}

func TestTheLogsCommittedPartCountsAndNothingElse(t *testing.T) {
	plain := begun(t)
	before, err := Read(newFiles(plain))
	if err != nil {
		t.Fatal(err)
	}
	const open = "PRAGMA journal_mode=WAL;\nPRAGMA wal_autocheckpoint=0;\nPRAGMA cache_size=4;\n"
	for what, sql := range map[string]string{
		"one commit":            open + "DELETE FROM Packages WHERE hnum%3=0;\nCOPY\n",
		"several commits":       open + "DELETE FROM Packages WHERE hnum%3=0;\nDELETE FROM Packages WHERE hnum%3=1;\nINSERT INTO Packages(blob) SELECT blob FROM Packages;\nCOPY\n",
		"growing":               open + "INSERT INTO Packages(blob) SELECT blob FROM Packages;\nINSERT INTO Packages(blob) SELECT blob FROM Packages;\nCOPY\n",
		"shrinking":             open + "DELETE FROM Packages WHERE hnum>5;\nVACUUM;\nCOPY\n",
		"an open transaction":   open + "DELETE FROM Packages WHERE hnum%3=0;\nBEGIN;\nUPDATE Packages SET blob=blob||x'00';\nDELETE FROM Packages WHERE hnum%2=0;\nCOPY\nROLLBACK;\n",
		"only an open one":      open + "BEGIN;\nUPDATE Packages SET blob=blob||x'00';\nCOPY\nROLLBACK;\n",
		"a log begun again":     open + "INSERT INTO Packages(blob) SELECT blob FROM Packages;\nPRAGMA wal_checkpoint(RESTART);\nDELETE FROM Packages WHERE hnum=9;\nCOPY\n",
		"a log wholly written":  open + "DELETE FROM Packages WHERE hnum%3=0;\nPRAGMA wal_checkpoint(PASSIVE);\nCOPY\n",
		"begun again, unused":   open + "DELETE FROM Packages WHERE hnum%3=0;\nPRAGMA wal_checkpoint(RESTART);\nCOPY\n",
		"an emptied log":        open + "DELETE FROM Packages WHERE hnum%3=0;\nPRAGMA wal_checkpoint(TRUNCATE);\nCOPY\n",
		"rpm's own large pages": "PRAGMA journal_mode=DELETE;\nPRAGMA page_size=32768;\nVACUUM;\n" + open + "DELETE FROM Packages WHERE hnum%3=0;\nCOPY\n",
	} {
		t.Run(what, func(t *testing.T) {
			content := inFlight(t, plain, sql)
			db, err := Read(newFiles(content))
			if err != nil {
				t.Fatal(err)
			}
			want := asked(t, SQLite, content)
			differ(t, "rpm", rows(db), want)
			if same := slices.Equal(rows(before), want); same != (what == "only an open one") {
				t.Error("the case shows nothing: before and after are the same")
			}
			if what == "one commit" {
				without, err := Read(only(sqlitePath, content[sqlitePath]))
				if err != nil || len(without.Packages) == len(db.Packages) {
					t.Errorf("the log makes no difference (%v)", err)
				}
			}
		})
	}
}

func TestADamagedLogEndsWhereSqliteEndsIt(t *testing.T) {
	content := inFlight(t, begun(t), "PRAGMA journal_mode=WAL;\nPRAGMA wal_autocheckpoint=0;\nDELETE FROM Packages WHERE hnum%3=0;\n"+
		"DELETE FROM Packages WHERE hnum%3=1;\nDELETE FROM Packages WHERE hnum%5=1;\nDELETE FROM Packages WHERE hnum%5=2;\nCOPY\n")
	whole := content[walPath]
	random := rand.New(rand.NewPCG(1, 2))
	answers := map[int]bool{}
	for i := range 60 {
		log := slices.Clone(whole)
		switch at := random.IntN(len(log)); {
		case i < 16:
			log[2*i] ^= 0x10 // its header
		case i%2 == 0:
			log[at] ^= 1 << random.IntN(8)
		default:
			log = log[:at]
		}
		damaged := maps.Clone(content)
		damaged[walPath] = log
		want := asked(t, SQLite, damaged)
		db, err := Read(newFiles(damaged))
		if err != nil { // a header that is whole in all but what it says
			t.Errorf("case %d: %v, rpm lists %d", i, err, len(want))
			continue
		}
		differ(t, fmt.Sprintf("case %d", i), rows(db), want)
		answers[len(want)] = true
	}
	if len(answers) < 4 {
		t.Errorf("the damage led to %d different answers only", len(answers))
	}
}

func TestAnUnfinishedRollbackJournalIsRefusedByName(t *testing.T) {
	plain := begun(t)
	const open = "PRAGMA journal_mode=PERSIST;\nPRAGMA cache_size=4;\n"
	hot := inFlight(t, plain, open+"BEGIN;\nUPDATE Packages SET blob=blob||x'00';\nCOPY\nROLLBACK;\n")
	if _, err := Read(newFiles(hot)); err == nil || !strings.Contains(err.Error(), journalPath) || !strings.Contains(err.Error(), "unknown") {
		t.Errorf("a hot journal gave %v", err)
	}
	spent := inFlight(t, plain, open+"DELETE FROM Packages WHERE hnum%3=0;\nCOPY\n")
	if len(spent[journalPath]) == 0 {
		t.Fatal("no spent journal was left")
	}
	db, err := Read(newFiles(spent))
	if err != nil {
		t.Fatal(err)
	}
	differ(t, "a spent journal", rows(db), asked(t, SQLite, spent))
}

func TestAnotherEncodingIsRefused(t *testing.T) {
	tools(t, "sqlite3")
	file := filepath.Join(t.TempDir(), "rpmdb.sqlite")
	run(t, "PRAGMA encoding='UTF-16';\nCREATE TABLE Packages(hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL);\nINSERT INTO Packages VALUES(1, x'00');\n", "sqlite3", file)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Read(only(sqlitePath, b)); err == nil || !strings.Contains(err.Error(), "UTF-8") {
		t.Errorf("got %v", err)
	}
}

func TestReadingWhileRpmInstallsGivesWholeAnswers(t *testing.T) {
	r := world(t, crowd(200)...)
	base, err := Read(r.FS(t))
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string]bool{strings.Join(names(base), "\n"): true}
	extra := []rpmworld.Package{{Name: "zsh", Version: "5.9"}}
	r.Install(t, extra)
	with, err := Read(r.FS(t))
	if err != nil || len(with.Packages) != len(base.Packages)+1 {
		t.Fatalf("%d packages, then %d: %v", len(base.Packages), len(with.Packages), err)
	}
	wanted[strings.Join(names(with), "\n")] = true
	// rpm works until enough was read, or until it is clear that it never will be.
	var enough atomic.Bool
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		for i := range 400 {
			switch {
			case enough.Load():
				return
			case i%2 == 0:
				r.Erase(t, "zsh")
			default:
				r.Install(t, extra)
			}
		}
	}()
	readings, refused := map[string]int{}, 0
	for !enough.Load() {
		select {
		case <-finished:
			t.Fatalf("rpm is done; readings of each state: %v; refused: %d", slices.Collect(maps.Values(readings)), refused)
		default:
		}
		db, err := Read(r.FS(t))
		if err != nil {
			refused++ // it says so; what it must not do is answer wrongly
			if !strings.Contains(err.Error(), "changed during") {
				t.Error(err)
				break
			}
			continue
		}
		key := strings.Join(names(db), "\n")
		if !wanted[key] {
			t.Errorf("a reading gave %d packages that were never installed together", len(db.Packages))
			break
		}
		readings[key]++
		enough.Store(len(readings) == 2 && slices.Min(slices.Collect(maps.Values(readings))) >= 15)
	}
	enough.Store(true)
	<-finished
	t.Logf("readings of each state: %v; refused: %d", slices.Collect(maps.Values(readings)), refused)
}
