package inplace_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/rollout/inplace"
)

var errInjected = errors.New("injected")

// cloud is one node with an agent, a bucket and a document store.
type cloud struct {
	nodes     []inplace.Node
	objects   map[string][]byte
	documents map[string]string // content by name
	sent      []inplace.Command
	looks     map[string]int // Invocations per command
	writes    []string
	status    string              // how commands end
	report    *record.NodeReport  // what the node answers; nil: nothing
	mangle    func(string) string // of the output
	late      int                 // how often a new document is not found yet
	unlisted  int                 // how often a new command is not listed yet
	hook      func(call string, after bool) error
	inBucket  bool // the output goes to the bucket
	cut       int  // the API's copy of the output ends here
	unseen    bool // invocations never show
	fetch     inplace.Invocation
	events    []event.Event
}

func newCloud(report *record.NodeReport) *cloud {
	return &cloud{objects: map[string][]byte{}, documents: map[string]string{}, looks: map[string]int{}, status: "Success",
		report: report, inBucket: true, cut: 24000,
		nodes: []inplace.Node{{ID: "i-db1", Name: "db-1", State: "running", Arch: "x86_64", Managed: true}}}
}

func (c *cloud) at(call string, after bool) error {
	if c.hook == nil {
		return nil
	}
	return c.hook(call, after)
}

func (c *cloud) output() string {
	if c.report == nil {
		return "nothing to see"
	}
	data, _ := json.Marshal(c.report)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data)
	z.Close()
	out := "-----BEGIN REHYDRATE REPORT-----\n" + base64.StdEncoding.EncodeToString(b.Bytes()) + "\n-----END REHYDRATE REPORT-----\n"
	if c.mangle != nil {
		out = c.mangle(out)
	}
	return out
}

type nodes struct{ *cloud }

func (c nodes) Find(context.Context, map[string]string) ([]inplace.Node, error) { return c.nodes, nil }

type documents struct{ *cloud }

func (c documents) Hash(_ context.Context, name string) (string, error) {
	if err := c.at("Hash", false); err != nil {
		return "", err
	}
	content, ok := c.documents[name]
	if !ok {
		return "", fault.New(fault.NotFound, "", "no document")
	}
	return hexSum([]byte(content)), c.at("Hash", true)
}

func (c documents) Create(_ context.Context, name, content string) error {
	if err := c.at("Create", false); err != nil {
		return err
	}
	if _, ok := c.documents[name]; ok {
		return fault.New(fault.Conflict, "", "document exists")
	}
	c.documents[name] = content
	c.writes = append(c.writes, "document "+name)
	return c.at("Create", true)
}

type commands struct{ *cloud }

func (c commands) Find(_ context.Context, instance, comment string) (string, error) {
	if err := c.at("Find", false); err != nil {
		return "", err
	}
	if c.unlisted > 0 && len(c.sent) > 0 {
		c.unlisted--
		return "", c.at("Find", true)
	}
	for i, s := range c.sent {
		if s.Instance == instance && s.Comment == comment {
			return fmt.Sprintf("c-%d", i), c.at("Find", true)
		}
	}
	return "", c.at("Find", true)
}

func (c commands) Send(_ context.Context, in inplace.Command) (string, error) {
	if err := c.at("Send", false); err != nil {
		return "", err
	}
	if c.late > 0 {
		c.late--
		return "", fault.New(fault.NotFound, "", "InvalidDocument")
	}
	c.sent = append(c.sent, in)
	c.writes = append(c.writes, "command to "+in.Instance)
	return fmt.Sprintf("c-%d", len(c.sent)-1), c.at("Send", true)
}

func (c commands) Invocation(_ context.Context, id, _, step string) (inplace.Invocation, error) {
	if err := c.at("Invocation", false); err != nil {
		return inplace.Invocation{}, err
	}
	if step == "fetch" {
		if c.fetch.Status == "" {
			return inplace.Invocation{Status: "Success", Detail: "Success", Stdout: "Content downloaded"}, c.at("Invocation", true)
		}
		return c.fetch, c.at("Invocation", true)
	}
	if step != "patch" {
		return inplace.Invocation{}, fault.New(fault.Failed, "", "InvalidPluginName %s", step)
	}
	if c.unseen {
		return inplace.Invocation{}, fault.New(fault.NotFound, "", "InvocationDoesNotExist")
	}
	c.looks[id]++
	switch c.looks[id] {
	case 1:
		return inplace.Invocation{}, fault.New(fault.NotFound, "", "InvocationDoesNotExist")
	case 2:
		return inplace.Invocation{Status: "InProgress", Detail: "InProgress"}, c.at("Invocation", true)
	}
	out := c.output()
	inv := inplace.Invocation{Status: c.status, Detail: c.status, Stdout: out[:min(len(out), c.cut)], Stderr: "it said why"}
	if c.inBucket {
		inv.StdoutKey = "outputs/run-1/" + id + "/i-db1/patch/stdout"
		c.objects[inv.StdoutKey] = []byte(out)
	}
	return inv, c.at("Invocation", true)
}

type store struct{ *cloud }

func (c store) Bucket() string { return "bucket" }
func (c store) Region() string { return "eu-central-1" }

func (c store) List(_ context.Context, prefix string) (map[string]int64, error) {
	if err := c.at("List", false); err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for k, v := range c.objects {
		if strings.HasPrefix(k, prefix) {
			out[k] = int64(len(v))
		}
	}
	return out, c.at("List", true)
}

func (c store) Put(_ context.Context, key string, body io.ReadSeeker, sum string) error {
	if err := c.at("Put", false); err != nil {
		return err
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	if hexSum(data) != sum {
		return fault.New(fault.Failed, "", "BadDigest")
	}
	if _, ok := c.objects[key]; !ok {
		c.objects[key] = data
		c.writes = append(c.writes, "put "+key)
	}
	return c.at("Put", true)
}

func (c store) Get(_ context.Context, key string, _ int64) ([]byte, error) {
	if err := c.at("Get", false); err != nil {
		return nil, err
	}
	data, ok := c.objects[key]
	if !ok {
		return nil, fault.New(fault.NotFound, "", "NoSuchKey")
	}
	return data, c.at("Get", true)
}

func hexSum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// files writes a node program and a bundle with one package file, whose digest it
// returns.
func files(t *testing.T) (binary, bundle, sum string) {
	t.Helper()
	dir := t.TempDir()
	binary, bundle = filepath.Join(dir, "rehydrate-node"), filepath.Join(dir, "bundle")
	content := []byte("a package")
	sum = hexSum(content)
	if err := os.Mkdir(bundle, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{binary: []byte("a program"), filepath.Join(bundle, sum): content,
		filepath.Join(bundle, "stray"): []byte("not of the lock")} {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return binary, bundle, sum
}

func (c *cloud) stage(binary string) *inplace.Stage {
	return &inplace.Stage{Nodes: nodes{c}, Documents: documents{c}, Commands: commands{c}, Store: store{c},
		Events: event.Func(func(e event.Event) { c.events = append(c.events, e) }),
		Binary: func(string) (string, error) { return binary, nil }}
}

func theLock(sum string) *baseline.Lock {
	return &baseline.Lock{Schema: 1, Baseline: "demo", OS: baseline.Debian, Product: "Debian12", Arch: "amd64",
		Packages: []baseline.LockedPackage{{Package: baseline.Package{Name: "libdemo", Arch: "amd64", Version: "1.2"}, From: "1.0", SHA256: sum}}}
}

func inventory(version string) *baseline.Inventory {
	return &baseline.Inventory{OS: baseline.Debian, Product: "Debian12", Arch: "amd64", Installed: []baseline.Installed{
		{Package: baseline.Package{Name: "libdemo", Arch: "amd64", Version: version}}}}
}

func input(sum, bundle string) inplace.Input {
	return inplace.Input{Run: "run-1", Fleet: "db", Tags: map[string]string{"Patch Group": "db"}, Bundle: bundle,
		Request: record.NodeRequest{Schema: 1, Operation: "Install", Lock: theLock(sum)}}
}

// patched is the report of a node that went from 1.0 to version.
func patched(version string) *record.NodeReport {
	r := &record.NodeReport{Schema: 1, Operation: "Install", After: inventory(version), Evaluation: &baseline.Result{Status: baseline.Compliant},
		Obtained: []record.Obtained{{Name: "libdemo", Version: version, From: "bundle"}}}
	if version != "1.0" {
		r.Changes = []record.Change{{Name: "libdemo", Arch: "amd64", From: "1.0", To: version}}
	}
	return r
}

func drive(t *testing.T, u unit.Unit) (json.RawMessage, error) {
	t.Helper()
	var state json.RawMessage
	ctx := t.Context()
	for range 500 {
		out, next, err := u.Advance(ctx, state)
		if errors.Is(err, errInjected) {
			ctx = unit.Repeat(t.Context())
			continue
		}
		if err != nil {
			return state, err
		}
		state, ctx = out, t.Context()
		if next.Done {
			return state, nil
		}
	}
	t.Fatal("the unit does not end")
	return nil, nil
}

type clock struct{}

func (clock) Now() time.Time                               { return time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC) }
func (clock) Sleep(ctx context.Context, _ time.Time) error { return ctx.Err() }
