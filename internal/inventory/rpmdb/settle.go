package rpmdb

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
)

// attempts is how often a database that changes under the reader is read again.
const attempts = 5

// maxPackages bounds what a file of very many tiny headers can cost.
const maxPackages = 1 << 18

// errEmpty is a database without packages; it is never an answer.
var errEmpty = errors.New("it lists no package")

// each is called with every header; the bytes are valid during the call only.
type each func(blob []byte) error

// reading is one format's way to read an open database.
type reading interface {
	// headers reads every header. Its errors name the page.
	headers(each) error
	// mark describes the state of the files as the format itself counts it: equal
	// before and after a reading means that no writer came between.
	mark() (string, error)
	close()
}

// settled reads the database at p while it stands still.
func settled(root fs.FS, p place) (Database, error) {
	for range attempts {
		before, db, err := attempt(root, p)
		after, stateErr := state(root, p)
		if stateErr != nil || before != after {
			continue // a reading that failed may have failed because of the writer
		}
		if err != nil {
			return Database{}, fmt.Errorf("read RPM database %s: %w", p.path, err)
		}
		return db, nil
	}
	// Whatever keeps the state from being read shows once more without a comparison.
	if _, err := state(root, p); err != nil {
		return Database{}, fmt.Errorf("read RPM database %s: %w", p.path, err)
	}
	return Database{}, fault.New(fault.Conflict, "try again when rpm, dnf or zypper is done",
		"read RPM database %s: it changed during each of %d readings", p.path, attempts)
}

// attempt reads the database once, and returns the state it had at first.
func attempt(root fs.FS, p place) (before string, db Database, err error) {
	r, stats, err := begin(root, p)
	if err != nil {
		return "", db, err
	}
	defer r.close()
	counters, err := r.mark()
	before = stats + counters
	if err != nil {
		return before, db, err
	}
	db = Database{Path: p.path, Format: p.format}
	err = r.headers(func(blob []byte) error {
		one, err := parse(blob)
		switch {
		case err != nil:
			return err
		case one.Name == pubkey:
			db.Keys++
		case len(db.Packages) == maxPackages:
			return fmt.Errorf("it lists more than %d packages", maxPackages)
		default:
			db.Packages = append(db.Packages, one)
		}
		return nil
	})
	if err == nil && len(db.Packages) == 0 {
		err = errEmpty
	}
	sorted(db.Packages)
	return before, db, err
}

// state returns the state that the files have now.
func state(root fs.FS, p place) (string, error) {
	r, stats, err := begin(root, p)
	if err != nil {
		return "", err
	}
	defer r.close()
	counters, err := r.mark()
	return stats + counters, err
}

// begin opens the database, and describes its files by size and time of change.
func begin(root fs.FS, p place) (reading, string, error) {
	f, err := open(root, p.path)
	if err != nil {
		return nil, "", err
	}
	stats := fmt.Sprintf("%d %s;", f.size, f.info.ModTime().Format(time.RFC3339Nano))
	switch p.format {
	case SQLite:
		r, more, err := openSQLite(root, f)
		return r, stats + more, err
	case NDB:
		return &ndb{file: f}, stats, nil
	default:
		return &bdb{file: f}, stats, nil
	}
}
