package twincoverage

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/twin/wiretest"
)

// scenario is one test that calls an operation.
type scenario struct {
	pkg, test string
	code      string // of the error; "" if it went well
}

// calls are the scenarios by "service operation".
type calls map[string][]scenario

// record runs the tests of the packages, the quick ones, and takes in what they say
// they call. A test that fails says nothing, and fails this one.
func record(t *testing.T, packages []string) calls {
	t.Helper()
	cmd := exec.Command("go", append([]string{"test", "-short", "-json"}, packages...)...)
	cmd.Env = append(os.Environ(), wiretest.RecordVariable+"=1")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	c, failed, readErr := parse(out)
	if err != nil || readErr != nil || len(failed) > 0 {
		t.Fatalf("run the twin's tests: %v %v\nfailed: %s\n%s", err, readErr, strings.Join(failed, ", "), errs.Bytes())
	}
	return c
}

// parse reads the output of go test -json.
func parse(out []byte) (c calls, failed []string, err error) {
	c = calls{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var e struct{ Action, Package, Test, Output string }
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, nil, fmt.Errorf("read the output of go test: %w", err)
		}
		if e.Action == "fail" && e.Test != "" {
			failed = append(failed, e.Test)
		}
		_, said, ok := strings.Cut(e.Output, wiretest.RecordMark+" ")
		f := strings.Fields(said)
		if !ok || len(f) != 3 {
			continue
		}
		s := scenario{e.Package[strings.LastIndexByte(e.Package, '/')+1:], e.Test, f[2]}
		s.test, _, _ = strings.Cut(s.test, "/")
		if s.code == "ok" {
			s.code = ""
		}
		if key := f[0] + " " + f[1]; !slices.Contains(c[key], s) {
			c[key] = append(c[key], s)
		}
	}
	for _, of := range c {
		slices.SortFunc(of, func(a, b scenario) int {
			return strings.Compare(a.pkg+"/"+a.test+" "+a.code, b.pkg+"/"+b.test+" "+b.code)
		})
	}
	return c, failed, lines.Err()
}

func TestWhatTestsSayIsReadFromTheirOutput(t *testing.T) {
	out := `{"Action":"output","Package":"a/twin/ec2","Test":"TestA/b","Output":"    record.go:1: twin-call: ec2 RunInstances ok\n"}
{"Action":"output","Package":"a/twin/ec2","Test":"TestA/c","Output":"    record.go:1: twin-call: ec2 RunInstances ok\n"}
{"Action":"output","Package":"a/twin/ec2","Test":"TestA","Output":"    record.go:1: twin-call: ec2 RunInstances InvalidAMIID.NotFound\n"}
{"Action":"fail","Package":"a/twin/ec2","Test":"TestB","Output":""}
{"Action":"output","Package":"a/twin/ec2","Output":"twin-call: nonsense\n"}
`
	c, failed, err := parse([]byte(out))
	if err != nil || len(failed) != 1 || failed[0] != "TestB" || len(c) != 1 {
		t.Fatalf("%v %v %v", c, failed, err)
	}
	if got := fmt.Sprint(c["ec2 RunInstances"]); got != "[{ec2 TestA } {ec2 TestA InvalidAMIID.NotFound}]" {
		t.Error(got)
	}
	if _, _, err := parse([]byte("no JSON\n")); err == nil {
		t.Error("no error")
	}
}
