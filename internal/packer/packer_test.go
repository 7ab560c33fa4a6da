package packer

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// program writes a script that answers as Packer of a version does.
func program(t *testing.T, dir, version string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in is a shell script")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "packer")
	body := fmt.Sprintf("#!/bin/sh\necho 'Packer v%s'\necho\necho 'Your version of Packer is out of date'\n", version)
	if err := os.WriteFile(path, []byte(body), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFind_takes_the_path_only_when_it_is_new_enough(t *testing.T) {
	cache, bin := t.TempDir(), t.TempDir()
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	program(t, filepath.Join(cache, "tools", "packer-1.9.4"), "1.9.4")
	newest := program(t, filepath.Join(cache, "tools", "packer-1.15.0"), "1.15.0")
	for version, want := range map[string]string{
		"1.9.4": newest, "1.10.3": newest, "nonsense": newest,
		"1.11.0": filepath.Join(bin, "packer"), "1.15.0": filepath.Join(bin, "packer"), "2.0": filepath.Join(bin, "packer"),
	} {
		program(t, bin, version)
		if got := Find(t.Context(), cache); got != want {
			t.Errorf("with %s on the path: got %q, want %q", version, got, want)
		}
	}
}

func TestNewest_orders_by_number_not_by_letter(t *testing.T) {
	dir := t.TempDir()
	for _, v := range []string{"1.9.0", "1.15.0", "1.8.12"} {
		program(t, filepath.Join(dir, "p-"+v), v)
	}
	if got, want := Newest(filepath.Join(dir, "p-*", "packer")), filepath.Join(dir, "p-1.15.0", "packer"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := Newest(filepath.Join(dir, "none-*", "packer")); got != "" {
		t.Errorf("got %s", got)
	}
}
