package rpmdb

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"
	"time"
)

// bounded checks what holds for every input: an answer or an error, soon, and memory
// in proportion to the input.
func bounded(t *testing.T, size int, read func() (Database, error)) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	db, err := read()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if err == nil && len(db.Packages) == 0 {
		t.Error("an empty answer without an error")
	}
	for _, p := range db.Packages {
		if p.Name == "" || p.Version == "" || p.Release == "" || p.Arch == "" || p.Epoch == "" {
			t.Errorf("half a package: %+v", p)
		}
		p.Provides()
		p.Obsoletes()
	}
	if took > time.Minute {
		t.Errorf("%d bytes took %s", size, took)
	}
	// Chunks and one header at a time, and what a header of the input's size can name.
	if used := after.TotalAlloc - before.TotalAlloc; used > uint64(64<<20+200*size) {
		t.Errorf("%d bytes took %d bytes of memory", size, used)
	}
}

// The seeds are tiny: a fuzzer gets nowhere with files of 100 KiB.

func FuzzSQLite(f *testing.F) {
	b := committed(f, "tiny.sqlite")
	f.Add(b, []byte{})
	f.Add(b, tinyWAL(b))
	f.Fuzz(func(t *testing.T, b, log []byte) {
		bounded(t, len(b)+len(log), func() (Database, error) {
			return Read(newFiles(map[string][]byte{sqlitePath: b, sqlitePath + "-wal": log}))
		})
	})
}

func FuzzNDB(f *testing.F) {
	f.Add(asNDB(tinies())[ndbPage:]) // the slots, which are of no use to the fuzzer, come back below
	f.Add(asNDB(tinies()[:1])[ndbPage:])
	f.Fuzz(func(t *testing.T, tail []byte) {
		b := append(asNDB(tinies())[:ndbPage:ndbPage], tail...)
		bounded(t, len(b), func() (Database, error) { return Read(only(ndbPath, b)) })
	})
}

func FuzzNDBSlots(f *testing.F) {
	all := asNDB(tinies())
	f.Add(all[:32+4*16])
	f.Fuzz(func(t *testing.T, head []byte) {
		b := append([]byte(nil), all...)
		copy(b, head)
		bounded(t, len(b), func() (Database, error) { return Read(only(ndbPath, b)) })
	})
}

func FuzzBDB(f *testing.F) {
	f.Add(committed(f, "tiny.bdb"))
	f.Fuzz(func(t *testing.T, b []byte) {
		bounded(t, len(b), func() (Database, error) { return Read(only(bdbPath, b)) })
	})
}

func FuzzHeader(f *testing.F) {
	f.Add(new(headerMaker).text(tagName, "a").text(tagVersion, "1").text(tagRelease, "1").text(tagArch, "noarch").
		words(tagEpoch, 3).words(tagTime, 1700000000).text(tagProvides, "a", "b").text(tagProvVers, "1", "").words(tagProvFlags, 8, 0).bytes())
	for _, b := range tinies() {
		f.Add(b)
	}
	f.Add(signed(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		bounded(t, len(b), func() (Database, error) {
			p, err := parse(b)
			if err != nil || p.Name == pubkey {
				return Database{}, errEmpty
			}
			return Database{Packages: []Package{p}}, nil
		})
	})
}

// tinies are small headers, one of them longer than a page of 512 bytes.
func tinies() [][]byte {
	one := func(name string, long int) []byte {
		return new(headerMaker).text(tagName, name).text(tagVersion, "1").text(tagRelease, "2").text(tagArch, "noarch").
			text(tagVendor, strings.Repeat("v", long)).bytes()
	}
	return [][]byte{one("a", 1), one("b", 1300), one("c", 1)}
}

// signed is the shortest real header with digests.
func signed(t testing.TB) []byte {
	t.Helper()
	whole := committed(t, "small.ndb")
	d := ndb{file: &file{name: "seed", size: int64(len(whole)), r: held(whole)}}
	var short []byte
	_, err := d.mark()
	if err == nil {
		err = d.headers(func(blob []byte) error {
			if short == nil || len(blob) < len(short) {
				short = bytes.Clone(blob)
			}
			return nil
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return short
}

// tinyWAL is a log that writes the database's pages again, in one commit.
func tinyWAL(db []byte) []byte {
	be := binary.BigEndian
	head := make([]byte, walHeader)
	for i, n := range []uint32{walMagic | 1, walVersion, 512, 0, 11, 22} {
		be.PutUint32(head[4*i:], n)
	}
	sum := checksum{order: be}
	sum.add(head[:24])
	be.PutUint32(head[24:], sum.a)
	be.PutUint32(head[28:], sum.b)
	log := head
	pages := len(db) / 512
	for i := range pages {
		frame := make([]byte, frameHeader, frameHeader+512)
		be.PutUint32(frame, uint32(i+1))
		if i == pages-1 {
			be.PutUint32(frame[4:], uint32(pages))
		}
		copy(frame[8:], head[16:24])
		page := db[i*512 : (i+1)*512]
		sum.add(frame[:8])
		sum.add(page)
		be.PutUint32(frame[16:], sum.a)
		be.PutUint32(frame[20:], sum.b)
		log = append(append(log, frame...), page...)
	}
	return log
}

func TestTheFuzzersSeedsAreDatabases(t *testing.T) {
	b := committed(t, "tiny.sqlite")
	for what, root := range map[string]*files{
		"sqlite": only(sqlitePath, b),
		// The database file itself is spoilt: the log has everything.
		"log": newFiles(map[string][]byte{sqlitePath: append(bytes.Clone(b[:512]), make([]byte, len(b)-512)...), sqlitePath + "-wal": tinyWAL(b)}),
		"ndb": only(ndbPath, asNDB(tinies())),
		"bdb": only(bdbPath, committed(t, "tiny.bdb")),
	} {
		if db, err := Read(root); err != nil || strings.Join(names(db), " ") != "a-0:1-2.noarch b-0:1-2.noarch c-0:1-2.noarch" {
			t.Errorf("%s: %q, %v", what, names(db), err)
		}
	}
}
