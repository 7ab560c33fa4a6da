package wua

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os/exec"
	"time"
	"unicode/utf16"

	"github.com/goldenami/rehydrate/internal/fault"
)

// PowerShell runs scripts in a PowerShell of their own.
type PowerShell struct {
	Program string        // path of powershell.exe
	Limit   time.Duration // how long a script may run; zero: two hours
	// Output is how many bytes a script may print; zero: 32 MiB.
	Output int
}

const (
	defaultLimit  = 2 * time.Hour
	defaultOutput = 32 << 20
	// maxCommand is what Windows takes as a command line, less the rest of ours.
	maxCommand = 32_000
	// maxComplaint bounds what is kept of the error output.
	maxComplaint = 2000
)

// Run runs script and gives its standard output. The script goes in on the command line,
// encoded, so that no file has to be written, trusted and removed.
func (p PowerShell) Run(ctx context.Context, script string) ([]byte, error) {
	encoded := Encode(script)
	if len(encoded) > maxCommand {
		return nil, fmt.Errorf("run powershell: the script takes %d characters, a command line at most %d", len(encoded), maxCommand)
	}
	limit, size := p.Limit, p.Output
	if limit <= 0 {
		limit = defaultLimit
	}
	if size <= 0 {
		size = defaultOutput
	}
	timed, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(timed, p.Program, "-NoLogo", "-NoProfile", "-NonInteractive",
		"-ExecutionPolicy", "Bypass", "-OutputFormat", "Text", "-EncodedCommand", encoded)
	cmd.WaitDelay = 10 * time.Second
	out, errs := &bounded{max: size, full: cancel}, &bounded{max: maxComplaint}
	cmd.Stdout, cmd.Stderr = out, errs
	err := cmd.Run()
	switch {
	case out.over:
		return nil, fmt.Errorf("run powershell: it printed more than %d bytes", size)
	case ctx.Err() != nil:
		return nil, fmt.Errorf("run powershell: %w", ctx.Err())
	case errors.Is(timed.Err(), context.DeadlineExceeded):
		return nil, fault.New(fault.Failed, "look at the machine's Windows Update log", "run powershell: it did not end within %s", limit)
	case err != nil:
		return nil, fmt.Errorf("run powershell: %w: %s", err, bytes.TrimSpace(errs.text.Bytes()))
	}
	return out.text.Bytes(), nil
}

// Encode writes script as -EncodedCommand takes it: UTF-16, little end first, in base64.
func Encode(script string) string {
	var wide []byte
	for _, unit := range utf16.Encode([]rune(script)) {
		wide = binary.LittleEndian.AppendUint16(wide, unit)
	}
	return base64.StdEncoding.EncodeToString(wide)
}

// bounded keeps the first max bytes that are written to it.
type bounded struct {
	max  int
	full func() // called when there is more; nil: the rest is dropped
	text bytes.Buffer
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if room := b.max - b.text.Len(); len(p) > room {
		b.over = true
		b.text.Write(p[:room])
		if b.full != nil {
			b.full()
		}
		return len(p), nil
	}
	return b.text.Write(p)
}
