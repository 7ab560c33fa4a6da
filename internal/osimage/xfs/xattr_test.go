package xfs

import "testing"

// packed are attributes as an inode keeps them.
const packed = "\x00\x20\x02\x00\x04\x03\x00user" + "one" + "\x0a\x05\x04capability" + "value" + "\x00\x00\x00\x00\x00\x00"

func TestAnAttributeInTheInodeIsFoundByItsFullName(t *testing.T) {
	for name, want := range map[string]string{"user.user": "one", "security.capability": "value", "user.capability": "", "trusted.user": "", "capability": ""} {
		if got, err := inFork([]byte(packed), name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
}

func FuzzAttributes(f *testing.F) {
	f.Add([]byte(packed), "security.capability")
	f.Add([]byte("\x00\x04\xff\x00"), "user.x")
	f.Fuzz(func(t *testing.T, b []byte, name string) {
		if got, err := inFork(b, name); err == nil && len(got) > len(b) {
			t.Errorf("%d bytes out of %d", len(got), len(b))
		}
	})
}
