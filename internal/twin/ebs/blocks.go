package ebs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// blockMap is which blocks of a file hold data. Snapshots never change, so it is
// made once; time and size guard against a file that was replaced all the same.
type blockMap struct {
	mod    time.Time
	size   int64
	blocks []int64
}

// maxMaps bounds how many maps are kept.
const maxMaps = 64

func (s *Service) blocks(path string) ([]int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the snapshot's disk: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open the snapshot's disk: %w", err)
	}
	if m, ok := s.maps[path]; ok && m.mod.Equal(st.ModTime()) && m.size == st.Size() {
		return m.blocks, nil
	}
	blocks, err := scan(f, st.Size())
	if err != nil {
		return nil, fmt.Errorf("read the snapshot's disk: %w", err)
	}
	if len(s.maps) >= maxMaps {
		clear(s.maps)
	}
	s.maps[path] = blockMap{st.ModTime(), st.Size(), blocks}
	return blocks, nil
}

// scan lists the blocks that are not all zeros, skipping the file's holes.
func scan(f *os.File, size int64) ([]int64, error) {
	var out []int64
	data, zeros := make([]byte, BlockSize), make([]byte, BlockSize)
	for at := int64(0); at < size; {
		next, err := nextData(f, at)
		if err != nil {
			return nil, err
		}
		if next >= size {
			break
		}
		at = next / BlockSize * BlockSize
		n, err := f.ReadAt(data, at)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if !bytes.Equal(data[:n], zeros[:n]) {
			out = append(out, at/BlockSize)
		}
		at += BlockSize
	}
	return out, nil
}
