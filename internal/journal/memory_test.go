package journal

import (
	"errors"
	"io/fs"
	"slices"
	"testing"
)

func TestMemory_creates_a_key_once_and_lists_in_order(t *testing.T) {
	m := NewMemory()
	body := []byte("1")
	for _, k := range []string{"runs/b/x/000001.json", "runs/a/x/000001.json", "other"} {
		if err := m.Create(t.Context(), k, body); err != nil {
			t.Fatal(err)
		}
	}
	body[0] = '2' // the caller's, not the store's
	if err := m.Create(t.Context(), "other", body); !errors.Is(err, ErrExists) {
		t.Errorf("got %v, want ErrExists", err)
	}
	if got, err := m.Get(t.Context(), "other"); err != nil || string(got) != "1" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := m.Get(t.Context(), "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if got, err := m.List(t.Context(), "runs/"); err != nil || !slices.Equal(got, []string{"runs/a/x/000001.json", "runs/b/x/000001.json"}) {
		t.Errorf("%q, %v", got, err)
	}
}
