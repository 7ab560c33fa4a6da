package ebs

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
)

func TestOpen_refuses_a_list_that_makes_no_disk(t *testing.T) {
	for says, mangle := range map[string]func(*Page){
		"make no disk":                func(p *Page) { p.BlockSize = 1 },
		"block size 1073741824":       func(p *Page) { p.BlockSize = 1 << 30 },
		"volume size 0":               func(p *Page) { p.VolumeSize = 0 },
		"volume size 9223372036":      func(p *Page) { p.VolumeSize = 1<<63 - 1 },
		"lies outside the volume":     func(p *Page) { p.Blocks[3].Index = 4 },
		"it is there twice":           func(p *Page) { p.Blocks[1].Index = 0 },
		"out of order":                func(p *Page) { p.Blocks[1], p.Blocks[2] = p.Blocks[2], p.Blocks[1] },
		"have the same token":         func(p *Page) { p.Blocks[2].Token = p.Blocks[0].Token },
		"block 1 has no token":        func(p *Page) { p.Blocks[1].Token = "" },
		"comes where block 0 or a la": func(p *Page) { p.Blocks[0].Index = -1 },
	} {
		s := volume(4, 512, 1)
		s.mangle = mangle
		if _, err := Open(t.Context(), s, "snap-1", Options{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v", says, err)
		}
	}
}

func TestDisk_refuses_pages_that_contradict_one_another_or_never_end(t *testing.T) {
	for says, mangle := range map[string]func(*Page){
		"on one page":              func(p *Page) { p.VolumeSize *= 2 },
		"on another":               func(p *Page) { p.BlockSize = 1024 },
		"pages in a row without":   func(p *Page) { p.Blocks, p.Next = nil, "p0/10" },
		"it is there twice, or ou": func(p *Page) { p.Blocks[0] = Block{9, "again"} },
	} {
		s := volume(30, 512, 1)
		s.page = 10
		first := true
		s.mangle = func(p *Page) {
			if !first {
				mangle(p)
			}
			first = false
		}
		d := opened(t, s, Options{})
		if _, err := d.ReadAt(make([]byte, 10), 20*512); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v", says, err)
		}
		if _, total, _ := d.Cost(); total != 0 {
			t.Errorf("%s: a list that has no end counts %d blocks", says, total)
		}
	}
}

func TestDisk_ends_with_its_context(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := volume(4, 512, 1)
	d, err := Open(ctx, s, "snap-1", Options{})
	if err != nil {
		t.Fatal(err)
	}
	read := func() error {
		_, err := d.ReadAt(make([]byte, 10), 512)
		return err
	}
	if err := read(); err != nil { // the block is here from now on
		t.Fatal(err)
	}
	cancel()
	for range 20 {
		if err := read(); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	if _, total, _ := d.Cost(); total != 4 { // it was listed before
		t.Errorf("total %d", total)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := read(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after it was closed: %v", err)
	}
}
