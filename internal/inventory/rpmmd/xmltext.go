package rpmmd

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// skip reads to the end of the element that just began.
func (s *scanner) skip() error {
	for depth := s.depth(); ; {
		t, err := s.next()
		if err != nil {
			return err
		}
		if t == stop && s.depth() < depth {
			return nil
		}
	}
}

// content is the text of the element that just began, without that of elements in it.
func (s *scanner) content() (string, error) {
	var out []byte
	for depth := s.depth(); ; {
		t, err := s.next()
		switch {
		case err != nil:
			return "", err
		case t == stop && s.depth() < depth:
			return string(bytes.TrimSpace(out)), nil
		case t == text && s.depth() == depth:
			if len(out)+len(s.raw) > maxToken {
				return "", fmt.Errorf("one piece of the document has more than %d bytes", maxToken)
			}
			if s.cdata {
				out = append(out, s.raw...)
			} else if out, err = unescape(out, s.raw); err != nil {
				return "", err
			}
		}
	}
}

// attr is an attribute of the element that just began; empty when absent.
func (s *scanner) attr(name string) string { return attribute(s.attrs, name) }

// eachAttr yields the attributes of the element that just began, values as written.
func eachAttr(attrs []byte, yield func(name, value []byte) bool) {
	for {
		attrs = trimLeft(attrs)
		eq := bytes.IndexByte(attrs, '=')
		if eq <= 0 {
			return
		}
		name := trimRight(attrs[:eq])
		attrs = trimLeft(attrs[eq+1:])
		if len(attrs) == 0 || (attrs[0] != '"' && attrs[0] != '\'') {
			return
		}
		until := bytes.IndexByte(attrs[1:], attrs[0])
		if until < 0 {
			return
		}
		if !yield(name, attrs[1:until+1]) {
			return
		}
		attrs = attrs[until+2:]
	}
}

func attribute(attrs []byte, name string) string {
	out := ""
	eachAttr(attrs, func(n, v []byte) bool {
		if string(n) != name {
			return true
		}
		out = value(v)
		return false
	})
	return out
}

// value undoes the escapes of an attribute; what is no escape stays as it is.
func value(v []byte) string {
	if bytes.IndexByte(v, '&') < 0 {
		return string(v)
	}
	out, err := unescape(nil, v)
	if err != nil {
		return string(v)
	}
	return string(out)
}

// unescape appends text with XML's own entities and character references replaced.
func unescape(out, raw []byte) ([]byte, error) {
	for {
		i := bytes.IndexByte(raw, '&')
		if i < 0 {
			return append(out, raw...), nil
		}
		out = append(out, raw[:i]...)
		raw = raw[i+1:]
		j := bytes.IndexByte(raw[:min(len(raw), 12)], ';')
		if j < 0 {
			return nil, fmt.Errorf("an entity is not closed: &%s", short(string(raw[:min(len(raw), 12)])))
		}
		c, err := entity(string(raw[:j]))
		if err != nil {
			return nil, err
		}
		out, raw = utf8.AppendRune(out, c), raw[j+1:]
	}
}

func entity(name string) (rune, error) {
	switch name {
	case "lt":
		return '<', nil
	case "gt":
		return '>', nil
	case "amp":
		return '&', nil
	case "quot":
		return '"', nil
	case "apos":
		return '\'', nil
	}
	if len(name) > 1 && name[0] == '#' {
		digits, base := name[1:], 10
		if digits[0] == 'x' {
			digits, base = digits[1:], 16
		}
		if n, err := strconv.ParseUint(digits, base, 32); err == nil && n > 0 && n <= utf8.MaxRune && utf8.ValidRune(rune(n)) {
			return rune(n), nil
		}
	}
	return 0, fmt.Errorf("entity &%s; is not known", short(name))
}

// local is a name without its prefix.
func local(name []byte) []byte {
	if i := bytes.IndexByte(name, ':'); i >= 0 {
		return name[i+1:]
	}
	return name
}

func trimLeft(b []byte) []byte {
	for len(b) > 0 && space(b[0]) {
		b = b[1:]
	}
	return b
}

func trimRight(b []byte) []byte {
	for len(b) > 0 && space(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func space(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// short is s cut to a length that fits a message.
func short(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}
