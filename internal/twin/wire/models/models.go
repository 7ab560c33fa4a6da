// Package models holds the AWS service models that drive the twin's codec,
// stripped of documentation (see NOTICE for where they come from).
package models

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
)

//go:generate go run gen.go -botocore ${BOTOCORE_DATA}

//go:embed *.json.gz NOTICE
var files embed.FS

// Read returns the model of a service, by endpoint prefix (ec2, ssm,
// monitoring, …), as JSON.
func Read(service string) ([]byte, error) {
	zipped, err := files.ReadFile(service + ".json.gz")
	if err != nil {
		return nil, fmt.Errorf("read model of %s: not embedded", service)
	}
	z, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return nil, fmt.Errorf("read model of %s: %w", service, err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("read model of %s: %w", service, err)
	}
	return text, nil
}
