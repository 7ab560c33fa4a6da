package dpkg

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxStanza bounds one paragraph; the longest real one is some 100 KiB.
const maxStanza = 8 << 20

// stanzas reads the paragraphs of a deb822 file one at a time. A paragraph is copied
// only where it does not come in one piece.
type stanzas struct {
	pieces interface {
		// next gives the next piece of the text, valid until the following call, or
		// io.EOF.
		next() ([]byte, error)
	}
	piece []byte // what is left of the last piece
	carry []byte // the begin of a paragraph, from the pieces before
	given bool   // carry was returned and is done with
}

// newStanzas reads r piece by piece.
func newStanzas(r io.Reader) *stanzas {
	if f, ok := r.(*feeder); ok {
		return &stanzas{pieces: f}
	}
	return &stanzas{pieces: &buffered{r: r}}
}

// buffered makes pieces of what a reader gives.
type buffered struct {
	r   io.Reader
	buf []byte
}

func (b *buffered) next() ([]byte, error) {
	if b.buf == nil {
		b.buf = make([]byte, 64<<10)
	}
	text, err := whole(b.r, b.buf)
	if len(text) > 0 && errors.Is(err, io.EOF) {
		err = nil // the next call finds the end again
	}
	return text, err
}

var blank = []byte("\n\n")

// next returns the next non-empty paragraph, valid until the following call, or
// io.EOF.
func (s *stanzas) next() ([]byte, error) {
	if s.given {
		s.carry, s.given = s.carry[:0], false
	}
	for {
		if len(s.carry) == 0 {
			s.piece = bytes.TrimLeft(s.piece, "\n")
			if i := bytes.Index(s.piece, blank); i >= 0 {
				stanza := s.piece[:i+1]
				s.piece = s.piece[i+2:]
				return stanza, nil
			}
		} else if rest, ok := s.finish(); ok {
			s.piece, s.given = rest, true
			return s.carry, nil
		}
		if s.carry = append(s.carry, s.piece...); len(s.carry) > maxStanza {
			return nil, fmt.Errorf("a paragraph is longer than %d bytes", maxStanza)
		}
		var err error
		if s.piece, err = s.pieces.next(); err != nil {
			s.piece = nil
			if errors.Is(err, io.EOF) && len(s.carry) > 0 {
				s.given = true
				return s.carry, nil
			}
			return nil, err
		}
	}
}

// finish completes carry from the piece, if the paragraph ends in it.
func (s *stanzas) finish() (rest []byte, ok bool) {
	if s.carry[len(s.carry)-1] == '\n' && len(s.piece) > 0 && s.piece[0] == '\n' {
		return s.piece[1:], true
	}
	i := bytes.Index(s.piece, blank)
	if i < 0 {
		return nil, false
	}
	s.carry = append(s.carry, s.piece[:i+1]...)
	return s.piece[i+2:], true
}

// name returns the value of a leading Package field without allocating; nil when
// the paragraph begins with another field.
func leadingName(stanza []byte) []byte {
	rest, ok := bytes.CutPrefix(stanza, []byte("Package: "))
	if !ok {
		return nil
	}
	if i := bytes.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	return bytes.TrimSpace(rest)
}

// fields calls yield with every field of a paragraph; a folded value comes with
// its line breaks. Lines that are no field end the paragraph with an error. Values
// are parts of the paragraph, not copies, wherever they stand in it in one piece.
func fields(stanza []byte, yield func(key, value []byte)) error {
	var key, copied []byte // copied: the value, where it is not in one piece
	from, end := 0, 0      // of the value in stanza
	flush := func() {
		switch {
		case copied != nil:
			yield(key, copied)
		case key != nil:
			yield(key, stanza[from:end])
		}
	}
	for at := 0; at < len(stanza); {
		begin, next := at, len(stanza)
		if i := bytes.IndexByte(stanza[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		at = next
		line := bytes.TrimRight(stanza[begin:next], "\r\n")
		switch {
		case len(line) == 0 || line[0] == '#':
			continue
		case line[0] == ' ' || line[0] == '\t':
			switch {
			case key == nil:
				return fmt.Errorf("a continuation line comes before any field: %q", short(line))
			case copied == nil && end+1 == begin: // only a line break is between
				end = begin + len(line)
				continue
			case copied == nil:
				copied = bytes.Clone(stanza[from:end])
			}
			copied = append(append(copied, '\n'), line...)
		default:
			flush()
			i := bytes.IndexByte(line, ':')
			if i <= 0 {
				return fmt.Errorf("a line is no field: %q", short(line))
			}
			key, copied = line[:i], nil
			if !continued(stanza[next:]) {
				line = bytes.TrimRight(line, " \t")
			}
			end = begin + max(len(line), i+1)
			from = end - len(bytes.TrimLeft(stanza[begin+i+1:end], " \t"))
		}
	}
	flush()
	return nil
}

// continued reports whether rest begins with a continuation line.
func continued(rest []byte) bool { return len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') }

// paragraph is fields as a map with lower-case keys, for small files.
func paragraph(stanza []byte) (map[string]string, error) {
	m := map[string]string{}
	err := fields(stanza, func(k, v []byte) { m[string(bytes.ToLower(k))] = string(v) })
	return m, err
}

func short(b []byte) []byte { return b[:min(len(b), 60)] }
