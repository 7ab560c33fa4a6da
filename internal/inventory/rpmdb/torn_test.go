package rpmdb

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
)

func TestAChangeDuringAReadingIsNoticedAndReadAgain(t *testing.T) {
	old, changed := committed(t, "small.sqlite"), committed(t, "changed.sqlite")
	want, err := Read(only(sqlitePath, changed))
	if err != nil {
		t.Fatal(err)
	}
	for moment := 1; moment <= 3; moment++ {
		t.Run(fmt.Sprint("read ", moment), func(t *testing.T) {
			f := only(sqlitePath, old)
			// Size and time stay: the change counter alone tells.
			f.onRead = func(f *files, n int) {
				if n == moment {
					f.put(sqlitePath, changed, time.Time{})
				}
			}
			db, err := Read(f)
			if err != nil {
				t.Fatal(err)
			}
			differ(t, "the new state", rows(db), rows(want))
		})
	}
}

func TestALogThatAppearsGrowsOrGoesIsNoticed(t *testing.T) {
	plain, log := committed(t, "small.sqlite"), committed(t, "small.sqlite-wal")
	want, err := Read(newFiles(map[string][]byte{sqlitePath: plain, sqlitePath + "-wal": log}))
	if err != nil {
		t.Fatal(err)
	}
	without, err := Read(only(sqlitePath, plain))
	if err != nil || len(without.Packages) == len(want.Packages) {
		t.Fatalf("the log makes no difference: %v", err)
	}
	const name = sqlitePath + "-wal"
	for what, c := range map[string]struct {
		first, then []byte
		want        Database
	}{
		"appears": {nil, log, want},
		"grows":   {log[:32+24+4096], log, want},
		"goes":    {log, nil, without},
	} {
		t.Run(what, func(t *testing.T) {
			f := newFiles(map[string][]byte{sqlitePath: plain, name: c.first})
			reads := 0
			f.onRead = func(f *files, n int) {
				// After the beginning of the reading, before its end.
				if reads++; reads == 2 {
					f.put(name, c.then, time.Time{})
				}
			}
			db, err := Read(f)
			if err != nil {
				t.Fatal(err)
			}
			differ(t, what, rows(db), rows(c.want))
		})
	}
}

func TestADatabaseThatNeverStandsStillIsAConflict(t *testing.T) {
	for format, name := range map[Format]string{SQLite: "small.sqlite", NDB: "small.ndb", BDB: "small.bdb"} {
		t.Run(string(format), func(t *testing.T) {
			content := committed(t, name)
			f := only(pathOf[format], content)
			f.onRead = func(f *files, n int) { f.put(pathOf[format], content, time.Unix(int64(n), 0)) }
			_, err := Read(f)
			if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "changed during each of 5 readings") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAChangeThatOnlyTheGenerationTellsIsNoticed(t *testing.T) {
	old := committed(t, "small.ndb")
	changed := append([]byte(nil), old...)
	changed[8]++                          // generation
	copy(changed[32+4:], make([]byte, 4)) // the first package is gone
	f := only(ndbPath, old)
	f.onRead = func(f *files, n int) {
		if n == 1 {
			f.put(ndbPath, changed, time.Time{})
		}
	}
	before, err := Read(only(ndbPath, old))
	if err != nil {
		t.Fatal(err)
	}
	db, err := Read(f)
	if err != nil || len(db.Packages) != len(before.Packages)-1 {
		t.Errorf("%d packages, then %d: %v", len(before.Packages), len(db.Packages), err)
	}
}
