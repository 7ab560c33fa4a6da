package wire

import (
	"testing"

	"github.com/aws/smithy-go/encoding/cbor"
)

// FuzzCheckCBOR: what is well formed, the library can take apart.
func FuzzCheckCBOR(f *testing.F) {
	for _, s := range []string{
		"\xa0", "\xbf\xff", "\xff\xff", "\x1f\xff", "\xa1\x61a\x9f\x01\xff", "\xa1\x61a\x7f\x61a\xff", "\xa1\x61a\x5f\x41a\xff",
		"\xa1\x61a\xc1\xfb\x00\x00\x00\x00\x00\x00\x00\x00", "\xa1\x61a\xf9\x00\x00", "\xa1\x61a\x3b\xff\xff\xff\xff\xff\xff\xff\xff",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if checkCBOR(body) != nil {
			return
		}
		if _, err := cbor.Decode(body); err != nil {
			t.Errorf("%x: %v", body, err)
		}
	})
}

func TestABreakIsNoValue(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"\xff", "\xff\xff", "\x1f\xff", "\x3f\xff", "\xdf\xff", "\x81\xff", "\xa1\xff"} {
		if checkCBOR([]byte(bad)) == nil {
			t.Errorf("%x is taken for well formed", bad)
		}
	}
}
