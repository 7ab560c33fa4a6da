package rpmdb

import "fmt"

// pageError says where in a file something is wrong.
func pageError(file string, page uint32, format string, args ...any) error {
	return fmt.Errorf("%s, page %d: %w", file, page, fmt.Errorf(format, args...))
}

// pageSet remembers pages that were used: a page belongs to one place only, so a
// second use is a loop or a lie.
type pageSet []uint64

func newPageSet(pages uint32) pageSet { return make(pageSet, uint64(pages)/64+1) }

// add reports whether page was not in the set; it must be below the set's size.
func (s pageSet) add(page uint32) bool {
	was := s[page/64]
	s[page/64] |= 1 << (page % 64)
	return s[page/64] != was
}
