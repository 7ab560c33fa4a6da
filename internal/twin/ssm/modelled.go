package ssm

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/record"
)

// The exit codes of the modelled agent: a shell's "not found", and the patch script's
// "not the files that were sent".
const (
	notFoundCode = 127
	tamperedCode = 97
)

var (
	checkLine  = regexp.MustCompile(`'([0-9a-f]{64})  ([A-Za-z0-9._-]+)'`)
	removeLine = regexp.MustCompile(`^rm -rf '(/[^']+)'$`)
	beginMark  = regexp.MustCompile(`-----BEGIN [A-Z ]+-----`)
	endMark    = regexp.MustCompile(`-----END [A-Z ]+-----`)
)

// modelled is a shell step on an instance that has package data instead of a shell.
// It does what a step does that runs rehydrate-node on a request that was downloaded,
// the check of digests and the removal of the folder included, and says of anything
// else that it is not there.
func (j *job) modelled(ctx context.Context, st step) outcome {
	script := j.text(st, "runCommand")
	if m := removeLine.FindStringSubmatch(strings.TrimSpace(script)); m != nil {
		maps.DeleteFunc(j.fetched, func(p string, _ object) bool { return strings.HasPrefix(p, strings.TrimSuffix(m[1], "/")+"/") })
		return outcome{types.CommandInvocationStatusSuccess, "Success", 0, nil, nil}
	}
	request := ""
	for _, p := range slices.Sorted(maps.Keys(j.fetched)) {
		if path.Base(p) == "request.json" {
			request = p
		}
	}
	if !strings.Contains(script, "rehydrate-node") || request == "" {
		return failed(notFoundCode, "sh: this instance is modelled: it runs rehydrate-node on a downloaded request.json and nothing else")
	}
	folder := path.Dir(request)
	for _, m := range checkLine.FindAllStringSubmatch(script, -1) {
		data, err := j.read(path.Join(folder, m[2]))
		if err != nil {
			return failed(tamperedCode, "%s: %v", m[2], err)
		}
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != m[1] {
			return failed(tamperedCode, "%s: FAILED\nthe files that came are not the files that were sent", m[2])
		}
	}
	data, err := j.read(request)
	if err != nil {
		return failed(1, "rehydrate-node: read request: %v", err)
	}
	var q record.NodeRequest
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields() // as rehydrate-node reads it
	if err := dec.Decode(&q); err != nil {
		return failed(2, "rehydrate-node: read request: %v", err)
	}
	rep, err := j.s.Machines.Patch(ctx, j.p.Instance, q)
	if err != nil {
		return failed(1, "rehydrate-node: %v", err)
	}
	rep.Modelled = true
	out, err := printed(script, rep)
	if err != nil {
		return failed(1, "rehydrate-node: %v", err)
	}
	o := outcome{types.CommandInvocationStatusSuccess, "Success", 0, out, []byte("this instance is modelled: rehydrate-node was not run\n")}
	if rep.Error != "" {
		o.status, o.detail, o.code = types.CommandInvocationStatusFailed, "Failed", 1
		o.stderr = fmt.Appendf(o.stderr, "rehydrate-node: %s\n", rep.Error)
	}
	return o
}

func (j *job) read(p string) ([]byte, error) {
	o, ok := j.fetched[p]
	if !ok {
		return nil, fmt.Errorf("%s was not downloaded", p)
	}
	body, err := j.open(o)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(io.LimitReader(body, maxOutput))
}

// printed is the report as the script would have printed it: packed between its
// markers, if it has them, else as rehydrate-node writes it.
func printed(script string, rep record.NodeReport) ([]byte, error) {
	text, err := json.MarshalIndent(rep, "", " ")
	if err != nil {
		return nil, err
	}
	text = append(text, '\n')
	begin, end := beginMark.FindString(script), endMark.FindString(script)
	if begin == "" || end == "" {
		return text, nil
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(text); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	fmt.Fprintln(&out, begin)
	line := base64.StdEncoding.EncodeToString(packed.Bytes())
	for len(line) > 76 { // base64(1) breaks lines there
		fmt.Fprintln(&out, line[:76])
		line = line[76:]
	}
	fmt.Fprintf(&out, "%s\n%s\n", line, end)
	return out.Bytes(), nil
}
