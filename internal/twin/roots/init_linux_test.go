package roots

import (
	"encoding/json"
	"os"
	"runtime"
	"testing"
)

func TestReadRequest_leaves_its_descriptor_to_whoever_opens_it_next(t *testing.T) {
	for range 20 {
		out, in, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := json.NewEncoder(in).Encode(request{Mode: modePut, Path: "/a"}); err != nil {
			t.Fatal(err)
		}
		_ = in.Close()
		if r, err := readRequest(out); err != nil || r.Path != "/a" {
			t.Fatalf("read %+v: %v", r, err)
		}
		f, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		collect()
		if _, err := f.WriteString("kept"); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
}

// collect returns when a collection has ended whose finalizers have begun to run.
func collect() {
	done := make(chan struct{})
	runtime.SetFinalizer(new([64]byte), func(*[64]byte) { close(done) })
	runtime.GC()
	<-done
	runtime.GC()
}
