package dpkg

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

func TestAFeederGivesTheTextAndItsDigest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := bytes.Repeat([]byte("some text\n"), rapid.IntRange(0, blocks*blockSize/5).Draw(t, "lines"))
		f := feed(bytes.NewReader(text), true)
		got, err := io.ReadAll(f)
		digest, size := f.end()
		sum := sha256.Sum256(text)
		if err != nil || !bytes.Equal(got, text) || size != int64(len(text)) || digest != hex.EncodeToString(sum[:]) {
			t.Fatalf("%d bytes with %s (%d), %v; want %d bytes with %x", len(got), digest, size, err, len(text), sum)
		}
	})
}

func TestAFeederEndsWheneverItsUserStops(t *testing.T) {
	for _, taken := range []int64{0, 1, blockSize, 3*blockSize + 1} {
		f := feed(iotest.TimeoutReader(bytes.NewReader(make([]byte, 100*blockSize))), taken%2 == 0)
		if _, err := io.CopyN(io.Discard, f, taken); err != nil && !errors.Is(err, iotest.ErrTimeout) {
			t.Errorf("after %d bytes: %v", taken, err)
		}
		f.end() // a goroutine that stayed would keep it waiting
	}
}

func TestAFeederPassesAnErrorOn(t *testing.T) {
	f := feed(io.MultiReader(bytes.NewReader(make([]byte, 10)), iotest.ErrReader(errors.New("disk"))), true)
	got, err := io.ReadAll(f)
	f.end()
	if len(got) != 10 || err == nil || err.Error() != "disk" {
		t.Errorf("read %d bytes, %v; want 10 and the error of the reader", len(got), err)
	}
}
