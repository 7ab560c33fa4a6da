package rpmmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Bounds of a document. Real metadata is 6 deep and its longest text, the
// description of a kernel advisory, has some hundred kilobytes.
const (
	maxDepth = 32
	maxToken = 8 << 20
	// maxEntries are of one list: what a package needs, an advisory names or refers to.
	// The kernel, the largest, provides some thousands.
	maxEntries = 1 << 17
)

// scanner is a pull parser for the XML of repositories. It knows no document types
// and no entities but XML's own five, so nothing in a document can grow, and it keeps
// no more of it than one tag or one text. Names are compared without their prefix.
//
// encoding/xml takes eight times as long for the same answer (BenchmarkPrimary).
type scanner struct {
	r          io.Reader
	buf        []byte
	pos, end   int
	eof        bool
	names      []byte // the open elements' names, one after the other
	opens      []int  // where each begins in names
	selfClosed bool   // the element just begun ends at once

	name  []byte // of the element that began or ended; valid until the next call
	attrs []byte // of the element that began
	raw   []byte // of a text, as written
	cdata bool   // raw is literal
}

type token int

const (
	start token = iota
	stop
	text
)

func newScanner(r io.Reader) *scanner { return &scanner{r: r, buf: make([]byte, 64<<10)} }

// depth is the number of open elements.
func (s *scanner) depth() int { return len(s.opens) }

// next reads up to the next start, end or text. io.EOF comes only after a whole
// document.
func (s *scanner) next() (token, error) {
	if s.selfClosed {
		s.selfClosed = false
		return stop, s.close(s.name)
	}
	for {
		if err := s.need(1); err != nil {
			if errors.Is(err, io.EOF) && len(s.opens) > 0 {
				return 0, fmt.Errorf("the document ends inside <%s>", s.inside())
			}
			if errors.Is(err, io.EOF) && s.names == nil {
				return 0, errors.New("the document is empty")
			}
			return 0, err
		}
		if s.buf[s.pos] != '<' {
			if err := s.readText(); err != nil {
				return 0, err
			}
			if len(s.opens) == 0 {
				if len(bytes.TrimSpace(bytes.TrimPrefix(s.raw, bom))) > 0 {
					return 0, errors.New("text outside of the document")
				}
				continue
			}
			return text, nil
		}
		if err := s.need(2); err != nil {
			return 0, unexpected(err)
		}
		switch s.buf[s.pos+1] {
		case '?':
			if err := s.instruction(); err != nil {
				return 0, err
			}
		case '!':
			literal, err := s.declaration()
			if err != nil {
				return 0, err
			}
			if literal {
				return text, nil
			}
		case '/':
			tag, err := s.upTo(">")
			if err != nil {
				return 0, err
			}
			s.name = local(trimRight(tag[2 : len(tag)-1]))
			return stop, s.close(s.name)
		default:
			return start, s.open()
		}
	}
}

var bom = []byte("\xef\xbb\xbf")

// instruction skips <? … ?>; an encoding other than UTF-8 is refused.
func (s *scanner) instruction() error {
	pi, err := s.upTo("?>")
	if err != nil {
		return err
	}
	if bytes.HasPrefix(pi, []byte("<?xml ")) {
		if e := attribute(pi[5:len(pi)-2], "encoding"); e != "" && !bytes.EqualFold([]byte(e), []byte("utf-8")) && !bytes.EqualFold([]byte(e), []byte("us-ascii")) {
			return fmt.Errorf("encoding %q is not read", short(e))
		}
	}
	return nil
}

// declaration skips a comment or reads a CDATA section.
func (s *scanner) declaration() (literal bool, err error) {
	switch {
	case s.has("<!--"):
		c, err := s.upTo("-->")
		if err == nil && len(c) < len("<!---->") {
			err = errors.New("a comment is not closed")
		}
		return false, err
	case s.has("<![CDATA["):
		if len(s.opens) == 0 {
			return false, errors.New("text outside of the document")
		}
		c, err := s.upTo("]]>")
		if err != nil {
			return false, err
		}
		s.raw, s.cdata = c[9:len(c)-3], true
		return true, nil
	}
	return false, errors.New("a document type or declaration is not allowed")
}

// has reports whether what follows begins with p.
func (s *scanner) has(p string) bool {
	return s.need(len(p)) == nil && string(s.buf[s.pos:s.pos+len(p)]) == p
}

func (s *scanner) open() error {
	tag, err := s.tag()
	if err != nil {
		return err
	}
	tag = tag[1 : len(tag)-1]
	if s.selfClosed = tag[len(tag)-1] == '/'; s.selfClosed {
		tag = tag[:len(tag)-1]
	}
	i, bad := 0, false
	for i < len(tag) && !space(tag[i]) {
		switch tag[i] {
		case '"', '\'', '=', '<', '&':
			bad = true
		}
		i++
	}
	if i == 0 || bad {
		return fmt.Errorf("%q is no tag", short(string(tag)))
	}
	s.name, s.attrs = local(tag[:i]), tag[i:]
	if len(s.opens) == maxDepth {
		return fmt.Errorf("elements are nested more than %d deep", maxDepth)
	}
	if len(s.opens) == 0 && s.names != nil {
		return errors.New("a second document follows the first")
	}
	s.opens = append(s.opens, len(s.names))
	s.names = append(s.names, s.name...)
	return nil
}

// tag reads up to the > that is not inside quotes.
func (s *scanner) tag() ([]byte, error) {
	// Nearly always the next > ends it: nothing before it that could say otherwise.
	if i := bytes.IndexByte(s.buf[s.pos:s.end], '>'); i > 1 {
		tag := s.buf[s.pos : s.pos+i+1]
		if bytes.IndexByte(tag, '\'') < 0 && bytes.Count(tag, []byte{'"'})%2 == 0 && bytes.IndexByte(tag[1:], '<') < 0 {
			s.pos += i + 1
			return tag, nil
		}
	}
	quote := byte(0)
	for i := 1; ; i++ {
		if s.pos+i >= s.end {
			if err := s.need(i + 1); err != nil {
				return nil, unexpected(err)
			}
		}
		switch c := s.buf[s.pos+i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '<':
			return nil, errors.New("a tag is not closed")
		case c == '>':
			if i == 1 {
				return nil, errors.New("a tag has no name")
			}
			tag := s.buf[s.pos : s.pos+i+1]
			s.pos += i + 1
			return tag, nil
		}
	}
}

func (s *scanner) close(name []byte) error {
	if len(s.opens) == 0 || string(s.names[s.opens[len(s.opens)-1]:]) != string(name) {
		return fmt.Errorf("</%s> closes what is not open", short(string(name)))
	}
	s.names = s.names[:s.opens[len(s.opens)-1]]
	s.opens = s.opens[:len(s.opens)-1]
	return nil
}

// inside is the name of the innermost open element.
func (s *scanner) inside() []byte {
	if len(s.opens) == 0 {
		return nil
	}
	return s.names[s.opens[len(s.opens)-1]:]
}

// readText reads up to the next <.
func (s *scanner) readText() error {
	s.cdata = false
	for i := 0; ; {
		if j := bytes.IndexByte(s.buf[s.pos+i:s.end], '<'); j >= 0 {
			s.raw = s.buf[s.pos : s.pos+i+j]
			s.pos += i + j
			return nil
		}
		i = s.end - s.pos
		if err := s.need(i + 1); err != nil {
			if errors.Is(err, io.EOF) {
				s.raw = s.buf[s.pos:s.end]
				s.pos = s.end
				return nil
			}
			return err
		}
	}
}

// upTo reads up to and including mark.
func (s *scanner) upTo(mark string) ([]byte, error) {
	for i := 0; ; {
		if j := bytes.Index(s.buf[s.pos+i:s.end], []byte(mark)); j >= 0 {
			out := s.buf[s.pos : s.pos+i+j+len(mark)]
			s.pos += i + j + len(mark)
			return out, nil
		}
		have := s.end - s.pos
		i = max(0, have-len(mark)+1)
		if err := s.need(have + 1); err != nil {
			return nil, unexpected(err)
		}
	}
}

// need has n bytes follow pos in the buffer; io.EOF if there are no more.
func (s *scanner) need(n int) error {
	for s.end-s.pos < n {
		if s.eof {
			return io.EOF
		}
		if n > maxToken {
			return fmt.Errorf("one piece of the document has more than %d bytes", maxToken)
		}
		if s.pos > 0 {
			s.end = copy(s.buf, s.buf[s.pos:s.end])
			s.pos = 0
		}
		if s.end == len(s.buf) {
			s.buf = append(s.buf, make([]byte, len(s.buf))...)
		}
		m, err := s.r.Read(s.buf[s.end:])
		s.end += m
		switch {
		case errors.Is(err, io.EOF):
			s.eof = true
		case err != nil:
			return err
		case m == 0:
			return io.ErrNoProgress
		}
	}
	return nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// rest is what follows of the innermost open element, its end tag included, when that
// can be told without parsing: it is all in the buffer, nothing in it could hide an
// end tag, and look, which gets what follows the < of every tag that opens, says that
// none matters. nil: parse it.
func (s *scanner) rest(endTag string, look func(tag []byte) bool) []byte {
	at := 0
	for {
		chunk := s.buf[s.pos:s.end]
		for {
			i := bytes.IndexByte(chunk[at:], '<')
			if i < 0 || len(chunk)-at-i < len(endTag) {
				break
			}
			tag := chunk[at+i+1:]
			switch tag[0] {
			case '!', '?':
				return nil
			case '/':
				if string(tag[1:len(endTag)-1]) == endTag[2:] {
					return chunk[:at+i+len(endTag)]
				}
			default:
				if look(tag) {
					return nil
				}
			}
			at += i + 1
		}
		// Most of a buffer is worth more than the little that is left in it.
		if s.pos == 0 || s.need(len(chunk)+1) != nil {
			return nil
		}
		at = 0
	}
}

// leap goes behind what rest returned.
func (s *scanner) leap(rest []byte) {
	s.pos += len(rest)
	s.names = s.names[:s.opens[len(s.opens)-1]]
	s.opens = s.opens[:len(s.opens)-1]
}
