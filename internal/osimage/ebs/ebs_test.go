package ebs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// snapshot is a volume in memory with the API's shape: pages, tokens that count for
// one block, an end of their life.
type snapshot struct {
	data    []byte
	size    int           // of a block
	page    int           // most blocks of a page; 0: all
	takes   time.Duration // of every call
	life    time.Duration // of tokens; 0: for ever
	mangle  func(*Page)
	broken  func(index int64) error // of a Get
	unheard func(from int64) error  // of a Page

	mu       sync.Mutex
	age      int // of the tokens: older ones are refused
	gets     map[int64]int
	lists    int
	inFlight int
	most     int
}

func (s *snapshot) enter() func() {
	s.mu.Lock()
	s.inFlight++
	s.most = max(s.most, s.inFlight)
	s.mu.Unlock()
	time.Sleep(s.takes)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.inFlight--
	}
}

func (s *snapshot) Page(_ context.Context, _ string, from int64, next string) (Page, error) {
	defer s.enter()()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lists++
	if next != "" {
		age := 0
		if _, err := fmt.Sscanf(next, "p%d/%d", &age, &from); err != nil || age != s.age {
			return Page{}, fmt.Errorf("page %s: %w", next, ErrToken)
		}
	}
	if s.unheard != nil {
		if err := s.unheard(from); err != nil {
			return Page{}, err
		}
	}
	p := Page{BlockSize: s.size, VolumeSize: int64(len(s.data))}
	if s.life != 0 {
		p.Expires = time.Now().Add(s.life)
	}
	for i := int(from); i*s.size < len(s.data); i++ {
		part := s.data[i*s.size : min(len(s.data), (i+1)*s.size)]
		if bytes.Equal(part, make([]byte, len(part))) {
			continue
		}
		if s.page > 0 && len(p.Blocks) == s.page {
			p.Next = fmt.Sprintf("p%d/%d", s.age, i)
			break
		}
		p.Blocks = append(p.Blocks, Block{int64(i), fmt.Sprintf("t%d/%d", s.age, i)})
	}
	if s.mangle != nil {
		s.mangle(&p)
	}
	return p, nil
}

func (s *snapshot) Get(_ context.Context, _ string, i int64, token string) ([]byte, error) {
	defer s.enter()()
	s.mu.Lock()
	defer s.mu.Unlock()
	if token != fmt.Sprintf("t%d/%d", s.age, i) {
		return nil, fmt.Errorf("block %d by %s: %w", i, token, ErrToken)
	}
	if s.broken != nil {
		if err := s.broken(i); err != nil {
			return nil, err
		}
	}
	s.gets[i]++
	b := make([]byte, s.size)
	copy(b, s.data[int(i)*s.size:])
	return b, nil
}

// renew makes every token so far worthless.
func (s *snapshot) renew() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.age++
}

// breaks has every Get fail as f says from now on, also those that are under way.
func (s *snapshot) breaks(f func(index int64) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = f
}

// volume has blocks of size bytes; every step-th holds data.
func volume(blocks, size, step int) *snapshot {
	s := &snapshot{data: make([]byte, blocks*size), size: size, gets: map[int64]int{}}
	for i := 0; i < blocks; i += step {
		for j := range size {
			s.data[i*size+j] = byte(i + j + 1)
		}
	}
	return s
}

func opened(t *testing.T, s *snapshot, o Options) *Disk {
	t.Helper()
	d, err := Open(t.Context(), s, "snap-1", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() }) // it cannot fail
	return d
}

func TestDisk_reads_what_the_volume_holds(t *testing.T) {
	for name, c := range map[string]struct {
		s *snapshot
		o Options
	}{
		"read ahead":          {volume(64, 512, 2), Options{}},
		"nothing ahead":       {volume(64, 512, 2), Options{Ahead: -1}},
		"small cache":         {volume(64, 512, 3), Options{Limit: 1, Keep: 2, Ahead: 1}},
		"many pages":          {&snapshot{page: 3, data: volume(64, 512, 1).data, size: 512, gets: map[int64]int{}}, Options{}},
		"an odd end":          {&snapshot{data: volume(9, 512, 1).data[:512*8+100], size: 512, gets: map[int64]int{}}, Options{}},
		"everything is zeros": {&snapshot{data: make([]byte, 5000), size: 512, gets: map[int64]int{}}, Options{}},
	} {
		t.Run(name, func(t *testing.T) {
			d := opened(t, c.s, c.o)
			r := rand.New(rand.NewPCG(1, 2))
			for range 500 {
				off, n := r.IntN(len(c.s.data)), r.IntN(9000)
				got := make([]byte, n)
				k, err := d.ReadAt(got, int64(off))
				want := c.s.data[off:min(len(c.s.data), off+n)]
				if !bytes.Equal(got[:k], want) || (err != nil) != (len(want) < n) || err != nil && !errors.Is(err, io.EOF) {
					t.Fatalf("at %d, %d bytes: got %d, %v", off, n, k, err)
				}
			}
			if err := d.Close(); err != nil { // nothing is read ahead any more
				t.Fatal(err)
			}
			fetched, total, size := d.Cost()
			if size != int64(fetched)*512 || total*512 > len(c.s.data)+512 {
				t.Errorf("cost %d of %d, %d bytes", fetched, total, size)
			}
			for i, n := range c.s.gets {
				if n > 1 && c.o.Keep == 0 {
					t.Errorf("block %d was fetched %d times", i, n)
				}
				if part := c.s.data[i*512 : min(len(c.s.data), int(i+1)*512)]; bytes.Equal(part, make([]byte, len(part))) {
					t.Errorf("block %d holds no data and was fetched", i)
				}
			}
		})
	}
}

// Whatever the volume, the pages and the bounds, any reads from several goroutines
// give the volume's bytes.
func TestDisk_gives_the_volumes_bytes_to_anybody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := volume(rapid.IntRange(1, 40).Draw(t, "blocks"), 512, rapid.IntRange(1, 4).Draw(t, "step"))
		s.page = rapid.IntRange(0, 7).Draw(t, "page")
		d, err := Open(context.Background(), s, "snap-1", Options{Ahead: rapid.IntRange(-1, 5).Draw(t, "ahead"),
			Limit: rapid.IntRange(1, 4).Draw(t, "limit"), Keep: rapid.IntRange(1, 9).Draw(t, "keep")})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		var all sync.WaitGroup
		wrong := make(chan string, 64)
		for range 4 {
			offs := rapid.SliceOfN(rapid.IntRange(0, len(s.data)-1), 1, 8).Draw(t, "offsets")
			all.Go(func() {
				for _, off := range offs {
					got := make([]byte, 1500)
					n, err := d.ReadAt(got, int64(off))
					if err != nil && !errors.Is(err, io.EOF) || !bytes.Equal(got[:n], s.data[off:min(len(s.data), off+1500)]) {
						wrong <- fmt.Sprintf("at %d: %d bytes, %v", off, n, err)
					}
				}
			})
		}
		all.Wait()
		if len(wrong) > 0 {
			t.Fatal(<-wrong)
		}
	})
}

func TestDisk_bounds_calls_in_flight_and_uses_them(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := volume(64, 512, 1)
		s.takes = 30 * time.Millisecond
		d := opened(t, s, Options{Limit: 8})
		begun := time.Now()
		if _, err := d.ReadAt(make([]byte, len(s.data)), 0); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took != 8*s.takes {
			t.Errorf("64 blocks, 8 at a time, took %s", took)
		}
		if s.most != 8 || d.Stats().InFlight != 8 {
			t.Errorf("%d calls in flight, %d by its own count; want 8", s.most, d.Stats().InFlight)
		}
		if got, total, n := d.Cost(); got != 64 || total != 64 || n != 64*512 {
			t.Errorf("cost %d of %d, %d bytes", got, total, n)
		}
	})
}

func TestDisk_reads_ahead_of_a_sequential_reader_only(t *testing.T) {
	for name, c := range map[string]struct {
		order  []int64
		wasted int // at most, beside the head
		within time.Duration
	}{
		"one after the other": {[]int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, 8, 8 * 30 * time.Millisecond},
		"at random":           {[]int64{40, 3, 17, 60, 9, 33, 1, 50}, 0, 8 * 30 * time.Millisecond},
		"two in turns":        {[]int64{0, 32, 1, 33, 2, 34, 3, 35, 4, 36, 5, 37, 6, 38, 7, 39}, 16, 9 * 30 * time.Millisecond},
		"pairs":               {[]int64{0, 1, 20, 21, 40, 41}, 0, 6 * 30 * time.Millisecond},
		"backwards":           {[]int64{9, 8, 7, 6}, 0, 4 * 30 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := volume(64, 512, 1)
				s.takes = 30 * time.Millisecond
				d := opened(t, s, Options{})
				begun := time.Now()
				for _, i := range c.order {
					for half := range int64(2) { // file systems read a block in pieces
						if _, err := d.ReadAt(make([]byte, 256), i*512+half*256); err != nil {
							t.Fatal(err)
						}
					}
				}
				if took := time.Since(begun); took > c.within {
					t.Errorf("took %s, want at most %s", took, c.within)
				}
				if w := d.Stats().Wasted; w > c.wasted+head {
					t.Errorf("%d blocks were read in vain, want at most %d: %+v", w, c.wasted, d.Stats())
				}
			})
		})
	}
}

func TestDisk_needs_only_the_pages_that_it_reads_from(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := volume(60_000, 512, 1)
		s.page, s.takes = 10_000, 30*time.Millisecond
		d := opened(t, s, Options{})
		begun := time.Now()
		if _, err := d.ReadAt(make([]byte, 10), 55_000*512); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took != 2*s.takes {
			t.Errorf("the last page and a block took %s, want two calls' time", took)
		}
		if _, total, _ := d.Cost(); total != 60_000 || time.Since(begun) != 5*s.takes {
			t.Errorf("%d blocks were counted after %s", total, time.Since(begun))
		}
	})
}

func TestDisk_asks_again_when_tokens_grow_old_or_are_refused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := volume(16, 512, 1)
		s.life = 10 * time.Minute
		d := opened(t, s, Options{})
		read := func(block int64) {
			t.Helper()
			got := make([]byte, 512)
			if _, err := d.ReadAt(got, block*512); err != nil || !bytes.Equal(got, s.data[block*512:][:512]) {
				t.Fatal(err)
			}
		}
		read(4)
		time.Sleep(9*time.Minute + 30*time.Second) // too near their end
		s.renew()
		read(6)
		if s.lists != 2 {
			t.Errorf("listed %d times, want 2", s.lists)
		}
		s.renew() // before their time
		read(8)
		if s.lists != 3 {
			t.Errorf("listed %d times, want 3", s.lists)
		}
		read(10)
		if s.lists != 3 {
			t.Errorf("listed %d times, want 3", s.lists)
		}
	})
}

func TestDisk_goes_on_listing_behind_a_page_token_that_has_expired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := volume(30, 512, 1)
		s.page, s.takes = 10, time.Second
		d := opened(t, s, Options{})
		time.Sleep(500 * time.Millisecond)
		s.renew() // while the second page is on its way
		if _, total, _ := d.Cost(); total != 30 {
			t.Errorf("%d blocks were counted, want 30", total)
		}
	})
}

func TestDisk_passes_a_failure_on_and_tries_again_when_asked(t *testing.T) {
	s := volume(16, 512, 1)
	d := opened(t, s, Options{})
	down := errors.New("throttled")
	s.breaks(func(int64) error { return down })
	if _, err := d.ReadAt(make([]byte, 10), 8*512); !errors.Is(err, down) || !strings.Contains(err.Error(), "read block 8 of snap-1") {
		t.Errorf("got %v", err)
	}
	s.breaks(func(int64) error { return ErrToken })
	if _, err := d.ReadAt(make([]byte, 10), 8*512); !errors.Is(err, ErrToken) {
		t.Errorf("a token that is refused twice: %v", err)
	}
	s.breaks(nil)
	if _, err := d.ReadAt(make([]byte, 10), 8*512); err != nil {
		t.Error(err)
	}
}

func TestDisk_brings_the_head_at_once(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := volume(64, 512, 1)
		s.takes = 30 * time.Millisecond
		begun := time.Now()
		d := opened(t, s, Options{})
		for i := range int64(head) {
			if _, err := d.ReadAt(make([]byte, 512), i*512); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begun); took != 2*s.takes {
			t.Errorf("the list and the head took %s", took)
		}
	})
}
