package provisioner

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestPrepare_names_every_fault(t *testing.T) {
	err := new(Provisioner).Prepare(map[string]any{
		"baseline_file": "/nonexistent/b.json", "bundle_in": "/nonexistent/in", "now": "yesterday", "remote_dir": "/tmp/../etc",
		"marker": "a b", "execute_command": "sudo sh", "reboot": "perhaps", "max_reboots": -1, "timeout": "-1s",
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"node_binary is required", "baseline_file", "bundle_in", `"yesterday"`, "remote_dir", "marker", ".Command", `"perhaps"`, "max_reboots", "timeout"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not named in:\n%v", part, err)
		}
	}
}

func TestPrepare_refuses_unknown_arguments(t *testing.T) {
	if err := new(Provisioner).Prepare(map[string]any{"node_binery": "x"}); err == nil || !strings.Contains(err.Error(), "node_binery") {
		t.Errorf("err = %v", err)
	}
}

func TestPrepare_takes_only_harmless_remote_folders(t *testing.T) {
	for dir, ok := range map[string]bool{
		"/tmp/rehydrate": true, "/var/tmp/a-b_c.d": true,
		"/": false, "/tmp": false, "tmp/x": false, "/tmp/a b": false, "/tmp/$(id)": false, "/tmp/x;id": false, "/tmp/..": false, "/tmp/x/": false, "/tmp/'x'": false,
	} {
		err := new(Provisioner).Prepare(map[string]any{"remote_dir": dir})
		if got := !strings.Contains(err.Error(), "remote_dir"); got != ok {
			t.Errorf("%q: accepted %v", dir, got)
		}
	}
}

func TestPrepare_gives_each_build_its_own_remote_folder(t *testing.T) {
	a, b := newBench(t, nil), newBench(t, nil)
	if a.p.config.RemoteDir == b.p.config.RemoteDir || filepath.Dir(a.p.config.RemoteDir) != "/tmp" {
		t.Errorf("%s and %s", a.p.config.RemoteDir, b.p.config.RemoteDir)
	}
}

func TestLineWriter_hands_on_whole_lines_and_remembers_the_last(t *testing.T) {
	var lines []string
	w := &lineWriter{show: func(s string) { lines = append(lines, s) }}
	for _, part := range []string{"a", "b\r\n\nc\n", "d"} {
		if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatalf("write: %d, %v", n, err)
		}
	}
	w.flush()
	if got := strings.Join(lines, "|"); got != "ab|c|d" || w.last != "d" {
		t.Errorf("lines %q, last %q", got, w.last)
	}
	_, _ = w.Write([]byte(strings.Repeat("x", 70<<10)))
	if len(w.part) != 0 {
		t.Error("an endless line is kept in memory")
	}
}

// The HCL schema is generated; one that was not generated again after a change of
// Config would refuse an argument.
func TestConfigSpec_knows_every_argument(t *testing.T) {
	spec := new(Provisioner).ConfigSpec()
	fields := reflect.TypeFor[Config]()
	for i := range fields.NumField() {
		name, squash, _ := strings.Cut(fields.Field(i).Tag.Get("mapstructure"), ",")
		if name == "" || squash != "" {
			continue
		}
		if _, ok := spec[name]; !ok {
			t.Errorf("the schema lacks %s: run go generate", name)
		}
	}
}
