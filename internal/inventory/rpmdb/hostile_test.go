package rpmdb

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// smalls are the committed databases.
var smalls = map[string]Format{"small.sqlite": SQLite, "small.ndb": NDB, "small.bdb": BDB, "inline.bdb": BDB}

func TestATruncatedDatabaseIsAnErrorAtEveryLength(t *testing.T) {
	for name, format := range smalls {
		whole := committed(t, name)
		for n := 0; n < len(whole); n += 1 + len(whole)/300 {
			db, err := Read(only(pathOf[format], whole[:n]))
			if err == nil {
				t.Errorf("%s cut to %d of %d bytes gives %d packages", name, n, len(whole), len(db.Packages))
			} else if !strings.Contains(err.Error(), pathOf[format]) {
				t.Errorf("%s cut to %d bytes: the error does not name the file: %v", name, n, err)
			}
		}
	}
}

func TestAFlippedBitNeverChangesThePackages(t *testing.T) {
	flips := 1000
	if testing.Short() {
		flips = 300
	}
	for name, format := range smalls {
		t.Run(name, func(t *testing.T) {
			if refused := flipped(t, pathOf[format], committed(t, name), flips); refused < flips/10 {
				t.Errorf("only %d of %d were refused", refused, flips)
			}
		})
	}
}

// flipped reads a database with one bit flipped at a time and returns how many times
// it was refused.
//
// A flipped bit may strike what nobody reads, or what no digest covers (when a package
// was installed, links between pages of other tables). It must never hide a package or
// show it as another.
func flipped(t *testing.T, path string, whole []byte, flips int) (refused int) {
	t.Helper()
	first, err := Read(only(path, whole))
	if err != nil {
		t.Fatal(err)
	}
	want := names(first)
	random := rand.New(rand.NewPCG(3, 4))
	damaged := slices.Clone(whole)
	for i := range flips {
		at := random.IntN(len(whole))
		if i%2 == 0 { // where the structure is
			at = min(at&^4095+random.IntN(64), len(whole)-1)
		}
		bit := byte(1) << random.IntN(8)
		damaged[at] ^= bit
		db, err := Read(only(path, damaged))
		damaged[at] ^= bit
		if err != nil {
			refused++
			continue
		}
		if !slices.Equal(names(db), want) {
			t.Errorf("bit at %d: %d packages instead of %d", at, len(db.Packages), len(want))
		}
	}
	t.Logf("%d of %d were refused, the others changed nothing", refused, flips)
	return refused
}

func TestLiesAreRefusedSoonAndByPage(t *testing.T) {
	be, le := binary.BigEndian, binary.LittleEndian
	for _, c := range []struct {
		what, name string
		lie        func(b []byte)
		say        string
	}{
		{"a table that leads to itself", "small.sqlite", func(b []byte) {
			root := tableRoot(t, b)
			page := b[(root-1)*4096:]
			be.PutUint32(page[be.Uint16(page[12:]):], uint32(root))
		}, "used before"},
		{"a row chain that leads to itself", "small.sqlite", func(b []byte) {
			page := overflowOf(t, b)
			be.PutUint32(b[(page-1)*4096:], uint32(page))
		}, "used before"},
		{"a page beyond the file", "small.sqlite", func(b []byte) {
			page := overflowOf(t, b)
			be.PutUint32(b[(page-1)*4096:], 1<<30)
		}, "refers to page 1073741824"},
		{"a file of four billion pages", "small.sqlite", func(b []byte) { be.PutUint32(b[28:], 1<<32-1); copy(b[92:96], b[24:28]) }, "cut short"},
		{"pages of 100 bytes", "small.sqlite", func(b []byte) { be.PutUint16(b[16:], 100) }, "100 bytes"},
		{"another format version", "small.sqlite", func(b []byte) { b[19] = 3 }, "file format"},
		{"four billion slots", "small.ndb", func(b []byte) { le.PutUint32(b[12:], 1<<32-1) }, "pages of slots"},
		{"a package of 64 GiB", "small.ndb", func(b []byte) { le.PutUint32(b[32+12:], 1<<32-1) }, "page 0"},
		{"two packages in one place", "small.ndb", func(b []byte) { copy(b[32+16+8:], b[32+8:32+16]) }, "there is package number 1"},
		{"another version", "small.ndb", func(b []byte) { b[4] = 1 }, "version is 1"},
		{"a bit of a package", "small.ndb", func(b []byte) { b[len(b)-100] ^= 1 }, "checksum is wrong"},
		{"four billion buckets", "small.bdb", func(b []byte) { le.PutUint32(b[72:], 1<<32-1) }, "buckets"},
		{"fewer buckets", "small.bdb", func(b []byte) { le.PutUint32(b[72:], 0) }, "nothing refers to it"},
		{"a page of 3 bytes", "small.bdb", func(b []byte) { le.PutUint32(b[20:], 3) }, "pages of 3 bytes"},
		{"encryption", "small.bdb", func(b []byte) { b[24] = 1 }, "encryption"},
		{"a chain that leads to itself", "small.bdb", func(b []byte) {
			for at := 4096; at < len(b); at += 4096 {
				if b[at+pageKind] == overflowPage {
					le.PutUint32(b[at+pageNext:], uint32(at/4096))
				}
			}
		}, "used before"},
		{"a chain that goes on for ever", "small.bdb", func(b []byte) {
			for at := 4096; at < len(b)-4096; at += 4096 {
				if b[at+pageKind] == overflowPage {
					le.PutUint32(b[at+pageNext:], uint32(at/4096+1))
				}
			}
		}, "in a chain for"},
	} {
		t.Run(c.what, func(t *testing.T) {
			b := committed(t, c.name)
			c.lie(b)
			start := time.Now()
			_, err := Read(only(pathOf[smalls[c.name]], b))
			if err == nil || !strings.Contains(err.Error(), c.say) || !strings.Contains(err.Error(), pathOf[smalls[c.name]]) {
				t.Errorf("got %v, want %q", err, c.say)
			}
			if took := time.Since(start); took > time.Minute {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// tableRoot is the root page of Packages, which the schema on page 1 names.
func tableRoot(t *testing.T, b []byte) int {
	t.Helper()
	s := sqlite{file: &file{name: "test", size: int64(len(b)), r: held(b)}}
	if _, err := s.mark(); err != nil {
		t.Fatal(err)
	}
	s.used = newPageSet(s.pages)
	root := 0
	if err := s.walk(1, 0, func(_ uint32, payload []byte) error {
		row, err := record(payload)
		if err == nil && string(row[1].text) == "Packages" {
			root = int(row[3].number)
		}
		return err
	}); err != nil || root == 0 || b[(root-1)*4096] != interiorPage {
		t.Fatalf("the table begins on page %d: %v", root, err)
	}
	return root
}

// overflowOf is an overflow page of the table: the first of the first row that has one.
func overflowOf(t *testing.T, b []byte) int {
	t.Helper()
	be := binary.BigEndian
	root := (tableRoot(t, b) - 1) * 4096
	for child := range int(be.Uint16(b[root+3:])) {
		leaf := (int(be.Uint32(b[root+int(be.Uint16(b[root+12+2*child:])):])) - 1) * 4096
		for i := range int(be.Uint16(b[leaf+3:])) {
			cell := b[leaf+int(be.Uint16(b[leaf+8+2*i:])) : leaf+4096]
			length, n := varint(cell)
			_, m := varint(cell[n:])
			if size := int(length); size > 4061 {
				local := 489 + (size-489)%4092
				if local > 4061 {
					local = 489
				}
				return int(be.Uint32(cell[n+m+local:]))
			}
		}
	}
	t.Fatal("no row has an overflow page")
	return 0
}

func TestHostileHeadersAreRefused(t *testing.T) {
	good := func() *headerMaker {
		return new(headerMaker).text(tagName, "a").text(tagVersion, "1").text(tagRelease, "1").text(tagArch, "noarch")
	}
	if p, err := parse(good().bytes()); err != nil || p.Name != "a" || p.Epoch != "0" {
		t.Fatalf("%+v: %v", p, err)
	}
	for what, c := range map[string]struct {
		blob []byte
		say  string
	}{
		"nothing":                 {nil, "cut short"},
		"no entries":              {make([]byte, 8), "0 entries"},
		"four billion entries":    {append([]byte{255, 255, 255, 255}, good().bytes()[4:]...), "entries"},
		"a byte too many":         {append(good().bytes(), 0), "states"},
		"data outside":            {good().entry(tagVendor, typeString, 1<<20, 1).bytes(), "would start at"},
		"data before":             {good().entry(tagVendor, typeString, -1, 1).bytes(), "would start at"},
		"a name that is a number": {new(headerMaker).words(tagName, 1).bytes(), "not a text"},
		"an epoch that is a text": {good().text(tagEpoch, "1").bytes(), "not a number"},
		"numbers beyond the data": {good().entry(tagEpoch, typeInt32, 0, 1<<31).bytes(), "do not fit"},
		"texts beyond the data":   {good().entry(tagProvides, typeStrings, 0, 1<<32-1).bytes(), "do not end"},
		"no name":                 {new(headerMaker).text(tagVersion, "1").bytes(), "has no name"},
		"no version":              {new(headerMaker).text(tagName, "a").text(tagRelease, "1").text(tagArch, "x").bytes(), "has no version"},
		"no architecture":         {new(headerMaker).text(tagName, "a").text(tagVersion, "1").text(tagRelease, "1").bytes(), "has no architecture"},
		"a name with a newline":   {good().text(tagName, "a\nb").bytes(), "impossible name"},
		"a name not in UTF-8":     {good().text(tagName, "\xff").bytes(), "impossible name"},
		"a name of 5000 bytes":    {good().text(tagName, strings.Repeat("a", 5000)).bytes(), "impossible name"},
		"a digest without region": {good().text(tagSHA256, "00").first(tagImmutable, typeBinary, 1<<20, 16).bytes(), "region"},
		"a region before itself":  {good().text(tagSHA256, "00").first(tagImmutable, typeBinary, -16, 16).bytes(), "region"},
	} {
		if _, err := parse(c.blob); err == nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: %v, want %q", what, err, c.say)
		}
	}
}

func TestACrowdOfTinyHeadersIsRefused(t *testing.T) {
	blob := new(headerMaker).text(tagName, "a").text(tagVersion, "1").text(tagRelease, "1").text(tagArch, "noarch").bytes()
	blobs := slices.Repeat([][]byte{blob}, maxPackages+1)
	if _, err := Read(only(ndbPath, asNDB(blobs))); err == nil || !strings.Contains(err.Error(), fmt.Sprint(maxPackages)) {
		t.Errorf("got %v", err)
	}
}

// headerMaker writes a header without region.
type headerMaker struct {
	index, data []byte
}

func (h *headerMaker) entry(tag, kind uint32, offset int32, count uint32) *headerMaker {
	h.index = appendEntry(h.index, tag, kind, offset, count)
	return h
}

// first puts an entry before all others.
func (h *headerMaker) first(tag, kind uint32, offset int32, count uint32) *headerMaker {
	h.index = append(appendEntry(nil, tag, kind, offset, count), h.index...)
	return h
}

func appendEntry(b []byte, tag, kind uint32, offset int32, count uint32) []byte {
	for _, n := range []uint32{tag, kind, uint32(offset), count} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}

func (h *headerMaker) text(tag uint32, texts ...string) *headerMaker {
	at := int32(len(h.data))
	for _, s := range texts {
		h.data = append(append(h.data, s...), 0)
	}
	kind := uint32(typeString)
	if len(texts) > 1 {
		kind = typeStrings
	}
	return h.entry(tag, kind, at, uint32(len(texts)))
}

func (h *headerMaker) words(tag uint32, numbers ...uint32) *headerMaker {
	for len(h.data)%4 != 0 {
		h.data = append(h.data, 0)
	}
	at := int32(len(h.data))
	for _, n := range numbers {
		h.data = binary.BigEndian.AppendUint32(h.data, n)
	}
	return h.entry(tag, typeInt32, at, uint32(len(numbers)))
}

func (h *headerMaker) bytes() []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(h.index)/16))
	b = binary.BigEndian.AppendUint32(b, uint32(len(h.data)))
	return append(append(b, h.index...), h.data...)
}
