package ssm

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/record"
)

// patchDocument has the shape of the one that rollout/inplace sends.
func patchDocument(node, request string) string {
	doc, err := json.Marshal(map[string]any{
		"schemaVersion": "2.2",
		"mainSteps": []map[string]any{
			{"action": "aws:downloadContent", "name": "fetch", "inputs": map[string]any{"sourceType": "S3", "sourceInfo": map[string]string{"path": "https://s3.eu-west-1.amazonaws.com/kit/k/"}, "destinationPath": "/var/lib/rehydrate/x"}},
			{"action": "aws:runShellScript", "name": "patch", "inputs": map[string]any{"runCommand": []string{
				"{ echo '" + node + "  rehydrate-node'; echo '" + request + "  request.json'; } | sha256sum -c - || exit 97",
				"./rehydrate-node run --request request.json --report report.json", "echo '-----BEGIN REHYDRATE REPORT-----'", "gzip -c report.json | base64", "echo '-----END REHYDRATE REPORT-----'"}}},
			{"action": "aws:runShellScript", "name": "clean", "inputs": map[string]any{"finallyStep": true, "runCommand": []string{"rm -rf '/var/lib/rehydrate/x'"}}},
		},
	})
	if err != nil {
		panic(err)
	}
	return string(doc)
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestModelledInstanceAnswersThePatchDocument(t *testing.T) {
	const request = `{"schema":1,"operation":"Scan"}`
	for _, c := range []struct {
		name, request string
		report        record.NodeReport
		patchErr      error
		status        types.CommandStatus
		code          int32
	}{
		{"patched", request, record.NodeReport{Schema: 1, Operation: "Scan"}, nil, types.CommandStatusSuccess, 0},
		{"patched in part", request, record.NodeReport{Schema: 1, Operation: "Scan", Error: "gone"}, nil, types.CommandStatusFailed, 1},
		{"tampered", "other", record.NodeReport{}, nil, types.CommandStatusFailed, 97},
		{"infrastructure", request, record.NodeReport{}, errors.New("no such repository"), types.CommandStatusFailed, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.machines.modelled = true
			r.machines.patch = func(id string, q record.NodeRequest) (record.NodeReport, error) {
				if id != "i-00000000" || q.Operation != "Scan" {
					t.Errorf("asked %s for %+v", id, q)
				}
				return c.report, c.patchErr
			}
			r.object("k/rehydrate-node", "program")
			r.object("k/request.json", request)
			r.document("rehydrate-Patch", patchDocument(digest("program"), digest(c.request)))
			id := r.mustSend(func(in *sdk.SendCommandInput) {
				in.DocumentName, in.Parameters = aws.String("rehydrate-Patch"), nil
			}, "i-00000000")
			r.step(time.Minute)
			if got := r.command(id); got.Status != c.status {
				t.Fatal(got.Status)
			}
			i, err := r.invocation(id, "i-00000000", "patch")
			if err != nil || i.ResponseCode != c.code {
				t.Fatalf("%v %+v", err, i)
			}
			if clean, err := r.invocation(id, "i-00000000", "clean"); err != nil || clean.Status != types.CommandInvocationStatusSuccess {
				t.Fatalf("clean: %+v %v", clean, err)
			}
			if c.report.Schema == 0 {
				return
			}
			got := unpack(t, *i.StandardOutputContent)
			if !got.Modelled || got.Error != c.report.Error {
				t.Fatalf("%+v", got)
			}
			if len(r.machines.seen) != 0 {
				t.Fatal("a shell ran on a modelled instance")
			}
		})
	}
}

func unpack(t *testing.T, out string) record.NodeReport {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) < 3 || lines[0] != "-----BEGIN REHYDRATE REPORT-----" || lines[len(lines)-1] != "-----END REHYDRATE REPORT-----" {
		t.Fatalf("%q", out)
	}
	packed, err := base64.StdEncoding.DecodeString(strings.Join(lines[1:len(lines)-1], ""))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	var rep record.NodeReport
	if err := json.NewDecoder(z).Decode(&rep); err != nil {
		t.Fatal(err)
	}
	return rep
}

func TestModelledInstanceHasNoShell(t *testing.T) {
	r := newRig(t)
	r.machines.modelled = true
	id := r.mustSend(nil, "i-00000000")
	r.step(time.Minute)
	if c := r.command(id); c.Status != types.CommandStatusFailed {
		t.Fatal(c.Status)
	}
	if i, err := r.invocation(id, "i-00000000", ""); err != nil || i.ResponseCode != 127 {
		t.Fatalf("%+v %v", i, err)
	}
}
