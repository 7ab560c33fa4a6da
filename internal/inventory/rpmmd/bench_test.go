//go:build linux

package rpmmd

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
)

// primaryText is a large primary.xml.
func primaryText(b *testing.B) []byte {
	b.Helper()
	r := rpmworld.Large(1200).Repositories[0]
	r.Compression = "none"
	list, err := filepath.Glob(filepath.Join(rpmworld.Repo(b, r), "repodata/*primary.xml"))
	if err != nil || len(list) != 1 {
		b.Fatalf("%q, %v", list, err)
	}
	text, err := os.ReadFile(list[0])
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	return text
}

// BenchmarkPrimary compares a full reading, one for a quarter of the names, and what
// encoding/xml needs for the bare tokens.
func BenchmarkPrimary(b *testing.B) {
	b.Run("all", func(b *testing.B) {
		text := primaryText(b)
		for b.Loop() {
			if err := ReadPrimary(bytes.NewReader(text), nil, func(Package) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("a quarter", func(b *testing.B) {
		text := primaryText(b)
		for b.Loop() {
			wanted := func(n []byte) bool { return (n[len(n)-1]-'0')%4 == 0 }
			if err := ReadPrimary(bytes.NewReader(text), wanted, func(Package) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("tokens of encoding xml", func(b *testing.B) {
		text := primaryText(b)
		for b.Loop() {
			d := xml.NewDecoder(bytes.NewReader(text))
			for {
				if _, err := d.RawToken(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
