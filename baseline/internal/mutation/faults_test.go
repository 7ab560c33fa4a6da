package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestEveryFaultStillFitsTheSource(t *testing.T) {
	for _, f := range faults {
		source, err := os.ReadFile(filepath.Join("..", "..", f.file))
		if err != nil {
			t.Error(err)
			continue
		}
		bad, err := f.apply(string(source))
		if err != nil {
			t.Errorf("%s, %s: %v", f.section, f.what, err)
		} else if bad == string(source) {
			t.Errorf("%s, %s changes nothing", f.section, f.what)
		}
	}
}

func TestFailingNamesTheTest(t *testing.T) {
	for out, want := range map[string]string{
		"--- FAIL: TestA (0.00s)\n    x\nFAIL":              "TestA",
		"--- FAIL: TestA (0.00s)\n--- FAIL: TestB (0.1s)\n": "TestA and 1 more",
		"panic: runtime error\n":                            "panic or timeout",
	} {
		if got := failing(out); got != want {
			t.Errorf("%q: got %q, want %q", out, got, want)
		}
	}
}
