package rpmmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Metalink is a list of mirrors with the digests that repomd.xml may have on them.
type Metalink struct {
	Mirrors []string // addresses of repositories, the preferred first
	SHA256  []string // lower-case hex; empty: the list states none
}

// ParseMetalink reads a metalink for a repomd.xml.
func ParseMetalink(file []byte) (Metalink, error) {
	var m Metalink
	type mirror struct {
		address    string
		preference int
	}
	var mirrors []mirror
	s := newScanner(bytes.NewReader(file))
	for {
		t, err := s.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return m, fmt.Errorf("metalink: %w", err)
		}
		if t != start {
			continue
		}
		switch name := string(s.name); {
		case s.depth() == 1 && name != "metalink":
			return m, fmt.Errorf("metalink: it is a <%s>", short(name))
		case name == "hash" && s.attr("type") == "sha256":
			text, err := s.content()
			if err != nil {
				return m, fmt.Errorf("metalink: %w", err)
			}
			m.SHA256 = append(m.SHA256, strings.ToLower(text))
		case name == "url":
			preference, _ := strconv.Atoi(s.attr("preference")) // absent: the last
			text, err := s.content()
			if err != nil {
				return m, fmt.Errorf("metalink: %w", err)
			}
			if at, ok := strings.CutSuffix(text, "repodata/repomd.xml"); ok && readable(at) {
				mirrors = append(mirrors, mirror{at, preference})
			}
		}
	}
	slices.SortStableFunc(mirrors, func(a, b mirror) int { return b.preference - a.preference })
	for _, one := range mirrors {
		m.Mirrors = append(m.Mirrors, one.address)
	}
	return m, nil
}

// ParseMirrors reads a plain list of mirrors, one address a line.
func ParseMirrors(file []byte) []string {
	var out []string
	for line := range strings.Lines(string(file)) {
		line = strings.TrimSuffix(strings.TrimSpace(line), "repodata/repomd.xml")
		if readable(line) {
			out = append(out, line)
		}
	}
	return out
}

// readable reports whether an address is of a kind that repositories are read from.
func readable(address string) bool {
	for _, scheme := range []string{"https://", "http://", "file:///"} {
		if strings.HasPrefix(address, scheme) && len(address) > len(scheme) {
			return true
		}
	}
	return false
}
