package wua

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/goldenami/rehydrate/internal/testkit"
)

// program is a stand-in for powershell.exe: a shell script that finds its arguments in $@.
func program(t *testing.T, text string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		testkit.Missing(t, "the stand-in is a shell script")
	}
	name := filepath.Join(t.TempDir(), "powershell")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

func decode(t *testing.T, encoded string) string {
	t.Helper()
	wide, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil || len(wide)%2 != 0 {
		t.Fatalf("%d bytes, %v", len(wide), err)
	}
	units := make([]uint16, len(wide)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(wide[2*i:])
	}
	return string(utf16.Decode(units))
}

func TestTheScriptGoesInWholeAndItsOutputComesBack(t *testing.T) {
	p := PowerShell{Program: program(t, `for last; do :; done; case "$*" in *"-NoProfile -NonInteractive"*"-EncodedCommand "*) echo "$last";; esac`)}
	script := "$x = 'ä𝄞'\n" + Script(true, updates)
	out, err := p.Run(t.Context(), script)
	if err != nil || decode(t, string(out)) != script {
		t.Errorf("%v: got %.80q", err, out)
	}
}

func TestAShellThatDoesNotEndWellIsAnError(t *testing.T) {
	if _, err := (PowerShell{Program: program(t, "echo half; echo why >&2; exit 3")}).Run(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), "exit status 3: why") {
		t.Errorf("exit 3: %v", err)
	}
	if _, err := (PowerShell{Program: filepath.Join(t.TempDir(), "none")}).Run(t.Context(), "x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no program: %v", err)
	}
	if _, err := (PowerShell{Program: "none"}).Run(t.Context(), strings.Repeat("x", maxCommand)); err == nil || !strings.Contains(err.Error(), "command line") {
		t.Errorf("a script that is too long: %v", err)
	}
}

func TestTimeAndOutputAreBounded(t *testing.T) {
	begun := time.Now()
	if _, err := (PowerShell{Program: program(t, "exec sleep 60"), Limit: 50 * time.Millisecond}).Run(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), "did not end within") {
		t.Errorf("a shell that hangs: %v", err)
	}
	if _, err := (PowerShell{Program: program(t, "exec yes"), Output: 10_000}).Run(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), "more than 10000 bytes") {
		t.Errorf("a shell that does not stop talking: %v", err)
	}
	if _, err := (PowerShell{Program: program(t, "yes | head -c 100000 >&2; echo done")}).Run(t.Context(), "x"); err != nil {
		t.Errorf("a shell that complains at length: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := (PowerShell{Program: program(t, "exec sleep 60")}).Run(ctx, "x"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an interrupted run: %v", err)
	}
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("it took %s", took)
	}
}
