package ahead

import (
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"
)

// slow is a root on which every file takes a second to open.
type slow struct {
	fs.FS
	mu     sync.Mutex
	opened []string
}

func (s *slow) Open(name string) (fs.File, error) {
	time.Sleep(time.Second)
	s.mu.Lock()
	s.opened = append(s.opened, name)
	s.mu.Unlock()
	return s.FS.Open(name)
}

func TestRead_asks_side_by_side_and_minds_nothing_that_is_missing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slow{FS: fstest.MapFS{
			"usr/lib/os-release":       {Data: []byte("ID=debian\n")},
			"var/lib/dpkg/status":      {Data: []byte(strings.Repeat("x", 2*most))},
			"var/lib/dpkg/updates/0":   {},
			"var/lib/rpm/rpmdb.sqlite": {},
		}}
		begun := time.Now()
		wait := Read(s)
		if took := time.Since(begun); took != 0 {
			t.Errorf("it returned after %s", took)
		}
		wait()
		if took := time.Since(begun); took != time.Second || len(s.opened) != len(names) {
			t.Errorf("%d files took %s", len(s.opened), took)
		}
	})
}
