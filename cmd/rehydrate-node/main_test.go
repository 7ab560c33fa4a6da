package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

func do(t *testing.T, in string, args ...string) (string, error) {
	t.Helper()
	var out, errs bytes.Buffer
	err := command(t.Context(), args, strings.NewReader(in), &out, &errs)
	return out.String(), err
}

func TestVersionSaysWhatRunsWhere(t *testing.T) {
	out, err := do(t, "", "version")
	if err != nil || !strings.HasPrefix(out, "rehydrate-node dev ") || !strings.Contains(out, "/") {
		t.Errorf("version = %q, %v", out, err)
	}
}

func TestWrongUsageTouchesNothing(t *testing.T) {
	for _, args := range [][]string{{}, {"help"}, {"run"}, {"run", "--request"}, {"run", "--request", "-", "more"}, {"run", "--what"}, {"run", "--request", "/nonexistent/file"}} {
		if _, err := do(t, "{}", args...); fault.KindOf(err) != fault.Usage || err == nil {
			t.Errorf("%q: %v, want a usage error", args, err)
		}
	}
	for _, in := range []string{"", "no json", `{"operation":"Scan","onlyThis":true}`, `{"operation":7}`} {
		if _, err := do(t, in, "run", "--request", "-"); fault.KindOf(err) != fault.Usage || err == nil {
			t.Errorf("request %q: %v, want a usage error", in, err)
		}
	}
}

func TestAReportIsWholeAndReadableByEveryone(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "report.json")
	if err := writeReport(name, &record.NodeReport{Operation: "Scan", Node: "n"}, nil); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode = %v, %v; want 0644", info.Mode(), err)
	}
	text, err := os.ReadFile(name)
	var back record.NodeReport
	if err != nil || json.Unmarshal(text, &back) != nil || back.Node != "n" {
		t.Errorf("report = %s, %v", text, err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
		t.Errorf("beside the report there is %v, %v", list, err)
	}
	if err := writeReport(filepath.Join(dir, "none", "report.json"), &back, nil); err == nil {
		t.Error("a report into a folder that does not exist was written")
	}
}
