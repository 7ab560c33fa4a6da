package rpmdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
)

// The file format is SQLite's own document "Database File Format". Only what a walk
// over one table needs is here.

const sqliteMagic = "SQLite format 3\x00"

// sqlite is an open database with its write-ahead log.
type sqlite struct {
	*file
	wal    *file // nil: there is none
	log    walLog
	size   int // of a page
	usable int // of it, the rest is reserved
	pages  uint32
	used   pageSet
	blob   []byte // reused
}

// openSQLite opens f's log beside it, and describes the log as begin does. It owns f.
func openSQLite(root fs.FS, f *file) (_ *sqlite, stats string, err error) {
	s := &sqlite{file: f}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if err := refuseJournal(root, f.name+"-journal"); err != nil {
		return nil, "", err
	}
	s.wal, err = open(root, f.name+"-wal")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.wal = nil
	case err != nil:
		return nil, "", err
	case s.wal.size == 0: // a reader came by; the same as none
		s.wal.close()
		s.wal = nil
	default:
		stats = fmt.Sprintf("wal %d %s;", s.wal.size, s.wal.info.ModTime().Format(time.RFC3339Nano))
	}
	return s, stats, nil
}

// refuseJournal refuses a rollback journal that is hot: the database file then holds
// half a transaction, and only sqlite may take it back.
func refuseJournal(root fs.FS, name string) error {
	j, err := open(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer j.close()
	// sqlite's own rule: a journal that is empty or begins with a zero is spent.
	if b, err := j.direct(0, 1); err != nil || len(b) == 0 || b[0] == 0 {
		return err
	}
	return fault.New(fault.Failed, "let rpm on that system finish or take back its transaction (rpm -qa does), then read again",
		"%s: a transaction is unfinished, so what is installed is unknown", name)
}

func (s *sqlite) close() {
	s.file.close()
	s.wal.close()
}

// mark reads the database's header and the log. Without a log each transaction
// raises the change counter in the header; with one, it lengthens the committed part.
func (s *sqlite) mark() (string, error) {
	head, err := s.direct(0, 100)
	if err != nil {
		return "", err
	}
	if len(head) < 100 || string(head[:16]) != sqliteMagic {
		return "", errors.New("it is not an sqlite database")
	}
	text := string(head)
	if err := s.header(head); err != nil {
		return "", err
	}
	if s.wal == nil {
		return text, nil
	}
	if s.log, err = readWAL(s.wal, s.size); err != nil {
		return "", err
	}
	if s.log.pages > 0 {
		s.pages = s.log.pages
	}
	return text + s.log.mark, nil
}

// header checks the header of the database file.
func (s *sqlite) header(head []byte) error {
	s.size = int(binary.BigEndian.Uint16(head[16:]))
	if s.size == 1 {
		s.size = 1 << 16
	}
	s.usable = s.size - int(head[20])
	switch {
	case s.size < 512 || s.size&(s.size-1) != 0 || s.usable < 480:
		return fmt.Errorf("its header states pages of %d bytes, %d of them reserved", s.size, head[20])
	case head[18] > 2 || head[19] > 2:
		return fmt.Errorf("it is of file format %d/%d, not 1 or 2", head[18], head[19])
	case head[56+3] > 1:
		return errors.New("its texts are not in UTF-8")
	}
	// The count of pages is only kept by sqlite 3.7 and later, which says so.
	have := s.file.size / int64(s.size)
	s.pages = uint32(min(have, 1<<31))
	if stated := binary.BigEndian.Uint32(head[28:]); stated != 0 && bytes.Equal(head[24:28], head[92:96]) {
		s.pages = stated
	}
	return nil
}

// headers walks the table Packages.
func (s *sqlite) headers(do each) error {
	have := s.file.size / int64(s.size)
	if s.log.pages == 0 && int64(s.pages) > have {
		return fmt.Errorf("it is cut short: %d of %d pages", have, s.pages)
	}
	if int64(s.pages) > have+int64(len(s.log.frames)) { // else a header could claim any memory
		return fmt.Errorf("it is cut short: it has %d pages, %d in its file and %d in its log", s.pages, have, len(s.log.frames))
	}
	s.used = newPageSet(s.pages)
	var root uint32
	err := s.walk(1, 0, func(page uint32, payload []byte) error {
		row, err := record(payload)
		if err != nil {
			return pageError(s.name, page, "%w", err)
		}
		// type, name, table name, root page, SQL
		if len(row) < 4 || string(row[0].text) != "table" || !bytes.EqualFold(row[1].text, []byte("Packages")) {
			return nil
		}
		if root != 0 || row[3].number <= 1 || row[3].number > int64(s.pages) {
			return pageError(s.name, page, "the table Packages begins on page %d of %d", row[3].number, s.pages)
		}
		root = uint32(row[3].number)
		return nil
	})
	if err != nil {
		return err
	}
	if root == 0 {
		return errors.New("it has no table Packages")
	}
	return s.walk(root, 0, func(page uint32, payload []byte) error {
		row, err := record(payload)
		if err != nil {
			return pageError(s.name, page, "%w", err)
		}
		if len(row) != 2 || !row[1].blob { // hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL
			return pageError(s.name, page, "a row of Packages is not a number and a header")
		}
		if err := do(row[1].text); err != nil {
			return pageError(s.name, page, "%w", err)
		}
		return nil
	})
}

// page returns the contents of a page as of the last commit, valid until the next
// call. Each page is given once.
func (s *sqlite) page(no, from uint32) ([]byte, error) {
	if no == 0 || no > s.pages {
		return nil, pageError(s.name, from, "it refers to page %d of %d", no, s.pages)
	}
	if !s.used.add(no) {
		return nil, pageError(s.name, from, "it refers to page %d, which was used before", no)
	}
	f, off := s.file, int64(no-1)*int64(s.size)
	if at, ok := s.log.frames[no]; ok {
		f, off = s.wal, at
	}
	b, err := f.at(off, s.size)
	if err != nil {
		return nil, err
	}
	if len(b) < s.size {
		return nil, pageError(f.name, no, "the file ends within it")
	}
	return b, nil
}
