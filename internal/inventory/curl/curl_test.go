package curl_test

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/inventory/curl"
	"github.com/goldenami/rehydrate/internal/testkit"
)

func TestCurlReadsWhatIsThereAndNothingLess(t *testing.T) {
	program, err := exec.LookPath("curl")
	if err != nil {
		testkit.Missing(t, "curl is not installed")
	}
	long := strings.Repeat("x", 1<<20)
	served := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/long":
			_, _ = io.WriteString(w, long)
		case "/empty":
		case "/moved":
			http.Redirect(w, r, "/long", http.StatusFound)
		case "/away":
			http.Redirect(w, r, "file:///etc/hostname", http.StatusFound)
		case "/short":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
		case "/broken":
			w.WriteHeader(http.StatusBadGateway)
		default:
			http.NotFound(w, r)
		}
	}))
	defer served.Close()
	read := func(address string) (string, error) {
		r, err := curl.Fetch(t.Context(), program)(address)
		if err != nil {
			return "", err
		}
		defer r.Close()
		text, err := io.ReadAll(r)
		return string(text), err
	}
	for path, want := range map[string]string{"/long": long, "/empty": "", "/moved": long} {
		if got, err := read(served.URL + path); err != nil || got != want {
			t.Errorf("%s: %d bytes, %v", path, len(got), err)
		}
	}
	if _, err := read(served.URL + "/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("not found: %v", err)
	}
	for _, path := range []string{"/short", "/broken", "/away"} {
		if got, err := read(served.URL + path); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %q, %v, want an error of its own", path, got, err)
		}
	}
	for _, address := range []string{"file:///etc/hostname", "-o/tmp/x", "http://", "http://x\nurl = \"file:///etc/hostname\""} {
		if got, err := read(address); err == nil {
			t.Errorf("%q was read: %q", address, got)
		}
	}
	_, err = read("http://user:secret@127.0.0.1:1/x")
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("an address that nobody serves: %v", err)
	}
}

func TestAStoppedReadingLeavesNoProcess(t *testing.T) {
	program, err := exec.LookPath("curl")
	if err != nil {
		testkit.Missing(t, "curl is not installed")
	}
	gone := make(chan struct{})
	served := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "begun")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(gone)
	}))
	defer served.Close()
	r, err := curl.Fetch(t.Context(), program)(served.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	<-gone
	if _, err := io.ReadAll(r); err == nil {
		t.Error("a closed body ends well")
	}
}
