package dpkg

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxStanza bounds one paragraph; the longest real one is some 100 KiB.
const maxStanza = 8 << 20

// stanzas reads the paragraphs of a deb822 file one at a time, without copying: a
// list of 48 MB costs one buffer of 256 KiB.
type stanzas struct {
	r     io.Reader
	buf   []byte
	begin int // of unread bytes in buf
	end   int
	eof   bool
}

func newStanzas(r io.Reader) *stanzas { return &stanzas{r: r, buf: make([]byte, 256<<10)} }

var blank = []byte("\n\n")

// next returns the next non-empty paragraph, valid until the following call, or
// io.EOF.
func (s *stanzas) next() ([]byte, error) {
	searched := 0
	for {
		for s.begin < s.end && s.buf[s.begin] == '\n' {
			s.begin++
		}
		if i := bytes.Index(s.buf[s.begin+searched:s.end], blank); i >= 0 {
			from := s.begin
			s.begin += searched + i + 2
			return s.buf[from : s.begin-1], nil
		}
		if s.eof {
			rest := bytes.TrimLeft(s.buf[s.begin:s.end], "\n")
			s.begin = s.end
			if len(rest) == 0 {
				return nil, io.EOF
			}
			return rest, nil
		}
		searched = max(0, s.end-s.begin-1)
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
}

func (s *stanzas) fill() error {
	if s.begin > 0 {
		s.end = copy(s.buf, s.buf[s.begin:s.end])
		s.begin = 0
	}
	if s.end == len(s.buf) {
		if len(s.buf) >= maxStanza {
			return fmt.Errorf("a paragraph is longer than %d bytes", maxStanza)
		}
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
	n, err := s.r.Read(s.buf[s.end:])
	s.end += n
	if errors.Is(err, io.EOF) {
		s.eof = true
		return nil
	}
	return err
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
