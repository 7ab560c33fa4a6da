package ebs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// snapshot is a volume in memory with the API's shape.
type snapshot struct {
	data     []byte
	size     int
	mu       sync.Mutex
	gets     map[int64]int
	inFlight int
	most     int
	fail     error
	expires  time.Time
	lists    int
}

func (s *snapshot) List(context.Context, string) (Listing, error) {
	s.lists++
	l := Listing{Tokens: map[int64]string{}, BlockSize: s.size, VolumeSize: int64(len(s.data)), Expires: s.expires}
	for i := 0; i*s.size < len(s.data); i++ {
		if part := s.data[i*s.size : min(len(s.data), (i+1)*s.size)]; !bytes.Equal(part, make([]byte, len(part))) {
			l.Tokens[int64(i)] = fmt.Sprint("t", i)
		}
	}
	return l, nil
}

func (s *snapshot) Get(_ context.Context, _ string, i int64, token string) ([]byte, error) {
	s.mu.Lock()
	s.inFlight++
	s.most = max(s.most, s.inFlight)
	s.gets[i]++
	s.mu.Unlock()
	time.Sleep(time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight--
	if s.fail != nil {
		return nil, s.fail
	}
	if token != fmt.Sprint("t", i) {
		return nil, errors.New("wrong token")
	}
	b := make([]byte, s.size)
	copy(b, s.data[int(i)*s.size:])
	return b, nil
}

func volume(blocks, size int) *snapshot {
	s := &snapshot{data: make([]byte, blocks*size), size: size, gets: map[int64]int{}}
	for i := 0; i < blocks; i += 2 { // every other block is all zeros
		for j := range size {
			s.data[i*size+j] = byte(i + j + 1)
		}
	}
	return s
}

func TestDisk_reads_what_the_volume_holds(t *testing.T) {
	s := volume(16, 512)
	d, err := Open(t.Context(), s, "snap-1", Options{Ahead: 2})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		off, n := r.IntN(len(s.data)), r.IntN(2000)
		got := make([]byte, n)
		k, err := d.ReadAt(got, int64(off))
		want := s.data[off:min(len(s.data), off+n)]
		if !bytes.Equal(got[:k], want) || (err != nil) != (len(want) < n) || err != nil && !errors.Is(err, io.EOF) {
			t.Fatalf("at %d, %d bytes: got %d, %v", off, n, k, err)
		}
	}
	for i, n := range s.gets {
		if n > 1 {
			t.Errorf("block %d was fetched %d times", i, n)
		}
		if i%2 == 1 {
			t.Errorf("block %d holds no data and was fetched", i)
		}
	}
}

func TestDisk_bounds_calls_in_flight(t *testing.T) {
	s := volume(64, 512)
	d, err := Open(t.Context(), s, "snap-1", Options{Limit: 3})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.ReadAt(make([]byte, len(s.data)), 0); err != nil {
		t.Fatal(err)
	}
	if s.most > 3 {
		t.Errorf("%d calls in flight, want at most 3", s.most)
	}
	if got, total, n := d.Cost(); got != 32 || total != 32 || n != 32*512 {
		t.Errorf("cost %d of %d, %d bytes", got, total, n)
	}
}

func TestDisk_passes_a_failure_on(t *testing.T) {
	s := volume(4, 512)
	d, err := Open(t.Context(), s, "snap-1", Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.fail = errors.New("throttled")
	if _, err := d.ReadAt(make([]byte, 10), 0); !errors.Is(err, s.fail) {
		t.Errorf("got %v", err)
	}
}

func TestDisk_asks_again_when_tokens_expire(t *testing.T) {
	s := volume(4, 512)
	s.expires = time.Now()
	d, err := Open(t.Context(), s, "snap-1", Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.expires = time.Now().Add(time.Hour)
	if _, err := d.ReadAt(make([]byte, 10), 0); err != nil || s.lists != 2 {
		t.Errorf("listed %d times, %v", s.lists, err)
	}
}

func TestOpen_refuses_a_listing_that_makes_no_disk(t *testing.T) {
	for _, s := range []*snapshot{{size: 0}, {size: 512}, {size: 1 << 30, data: []byte{1}}} {
		if s.size == 0 {
			s.size = 1
			s.data = []byte{1}
		}
		if _, err := Open(t.Context(), s, "snap-1", Options{}); err == nil {
			t.Errorf("block size %d, %d bytes: opened", s.size, len(s.data))
		}
	}
}
