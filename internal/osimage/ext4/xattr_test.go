package ext4

import (
	"errors"
	"testing"
)

// packed are attributes as an inode keeps them, from the first entry: user.a and
// security.capability; the values stand at 48 and 52.
const packed = "\x01\x01\x30\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00a\x00\x00\x00" +
	"\x0a\x06\x34\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00capability\x00\x00"

func TestAnAttributeIsFoundByItsFullName(t *testing.T) {
	space := []byte(packed + "one\x00value")
	for name, want := range map[string]string{"user.a": "one", "security.capability": "value", "user.capability": "", "trusted.a": "", "a": ""} {
		if got, err := find(space[:48], space, name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
	elsewhere := []byte(packed)
	elsewhere[4] = 1 // in an inode of its own
	if _, err := find(elsewhere, elsewhere, "user.a"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a value elsewhere: %v", err)
	}
	if _, err := find(space[:48], space[:50], "user.a"); err == nil {
		t.Error("a value that ends outside was read")
	}
}

func FuzzAttributes(f *testing.F) {
	f.Add([]byte(packed+"one\x00value"), "security.capability")
	f.Add([]byte("\xff\x01\x00\x00"), "user.x")
	f.Fuzz(func(t *testing.T, b []byte, name string) {
		if got, err := find(b, b, name); err == nil && len(got) > len(b) {
			t.Errorf("%d bytes out of %d", len(got), len(b))
		}
	})
}
