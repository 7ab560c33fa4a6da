package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	scanreport "github.com/goldenami/rehydrate/internal/report/scan"
)

// outputs are the reports of a scan: one on standard output, and any number of files.
type outputs struct {
	format string
	files  [][2]string // format, name
}

// scanOutputs reads --output and --report before anything is scanned.
func scanOutputs(c *cli.Context) (outputs, error) {
	o := outputs{format: c.String("output")}
	if err := scanreport.Known(o.format); err != nil {
		return o, fmt.Errorf("--output: %w", err)
	}
	seen := map[string]bool{}
	for _, r := range c.StringSlice("report") {
		format, name, ok := strings.Cut(r, "=")
		if !ok || name == "" {
			return o, fault.New(fault.Usage, "write it as --report html=scan.html", "--report %s: it names no file", r)
		}
		if err := scanreport.Known(format); err != nil {
			return o, fmt.Errorf("--report %s: %w", r, err)
		}
		if seen[name] {
			return o, fault.New(fault.Usage, "name another file", "--report %s: the file is written twice", r)
		}
		seen[name] = true
		o.files = append(o.files, [2]string{format, name})
	}
	return o, nil
}

func (o outputs) write(w io.Writer, s *record.Scan) error {
	for _, f := range o.files {
		if err := writeReport(f[0], f[1], s); err != nil {
			return err
		}
	}
	return scanreport.Write(w, o.format, s)
}

func writeReport(format, name string, s *record.Scan) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return scanreport.Write(f, format, s)
}

// terminal is where a person can be asked.
func terminal(c *cli.Context) (*os.File, bool) {
	in, ok := c.App.Reader.(*os.File)
	return in, ok && term.IsTerminal(int(in.Fd()))
}
