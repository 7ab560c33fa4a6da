package inplace

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/goldenami/rehydrate/internal/record"
)

// maxReport bounds a report after decompression.
const maxReport = 256 << 20

// errNoReport says that an output holds no whole report.
var errNoReport = errors.New("the output holds no whole report")

// ParseReport finds the report in the output of the patch step. It fails with
// errNoReport when the output was cut off or the node printed none.
func ParseReport(output []byte) (*record.NodeReport, error) {
	_, rest, ok := bytes.Cut(output, []byte(reportBegin))
	if !ok {
		return nil, errNoReport
	}
	body, _, ok := bytes.Cut(rest, []byte(reportEnd))
	if !ok {
		return nil, errNoReport
	}
	text := strings.Join(strings.Fields(string(body)), "")
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("read the node's report: %w", err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("read the node's report: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(z, maxReport+1))
	if err != nil {
		return nil, fmt.Errorf("read the node's report: %w", err)
	}
	if len(data) > maxReport {
		return nil, fmt.Errorf("read the node's report: it is larger than %d bytes", maxReport)
	}
	var r record.NodeReport
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("read the node's report: %w", err)
	}
	if r.Schema > record.NodeSchema {
		return nil, fmt.Errorf("read the node's report: its schema %d is newer than %d", r.Schema, record.NodeSchema)
	}
	return &r, nil
}
