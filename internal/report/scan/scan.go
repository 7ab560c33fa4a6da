// Package scan renders what a scan found, for people and machines.
package scan

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/report/junit"
	"github.com/goldenami/rehydrate/internal/report/sarif"
	"github.com/goldenami/rehydrate/internal/report/sbom"
)

// formats are the renderers by name.
func formats() map[string]func(io.Writer, *record.Scan) error {
	return map[string]func(io.Writer, *record.Scan) error{
		"table": Table, "json": JSON, "md": Markdown, "html": HTML, "csv": CSV,
		"cyclonedx": sbom.CycloneDX, "spdx": sbom.SPDX, "sarif": sarif.Write, "junit": junit.Write,
	}
}

// Formats are the names that Write knows.
func Formats() []string {
	return []string{"table", "json", "cyclonedx", "spdx", "sarif", "junit", "html", "md", "csv"}
}

// Known is an error of kind Usage for a format that Write does not know.
func Known(format string) error {
	if slices.Contains(Formats(), format) {
		return nil
	}
	return fault.New(fault.Usage, "", "unknown format %q: one of %s", format, strings.Join(Formats(), ", "))
}

// Write renders the scan in a format.
func Write(w io.Writer, format string, s *record.Scan) error {
	if err := Known(format); err != nil {
		return err
	}
	if err := formats()[format](w, s); err != nil {
		return fmt.Errorf("write the scan as %s: %w", format, err)
	}
	return nil
}

// JSON writes the document itself, which every other format can be made from.
func JSON(w io.Writer, s *record.Scan) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(s)
}
