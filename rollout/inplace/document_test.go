package inplace_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/rollout/inplace"
)

func TestEveryParameterOfTheDocumentIsBounded(t *testing.T) {
	name, content, hash := inplace.Document()
	if !strings.HasSuffix(name, hash[:12]) || hexSum([]byte(content)) != hash {
		t.Errorf("document %s does not carry its digest %s", name, hash)
	}
	var doc struct {
		Parameters map[string]struct{ AllowedPattern string }
		MainSteps  []struct{ Action, Name string }
	}
	if err := json.Unmarshal([]byte(content), &doc); err != nil {
		t.Fatal(err)
	}
	for _, s := range doc.MainSteps {
		if len(s.Name) < 4 {
			t.Errorf("step %s is too short a name for GetCommandInvocation", s.Name)
		}
	}
	for p, v := range doc.Parameters {
		re, err := regexp.Compile(v.AllowedPattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, evil := range []string{"", "$(reboot)", "a'b", "a\"b", "a;b", "a b", "a\nb", "`x`", "https://x/$(y)/", "/var/lib/rehydrate/../../etc"} {
			if re.MatchString(evil) {
				t.Errorf("parameter %s accepts %q", p, evil)
			}
		}
	}
	for _, ref := range regexp.MustCompile(`\{\{ (\w+) \}\}`).FindAllStringSubmatch(content, -1) {
		if _, ok := doc.Parameters[ref[1]]; !ok {
			t.Errorf("the document uses {{ %s }}, which is no parameter", ref[1])
		}
	}
}

// The script really runs here, in a folder of the test, with a stand-in for the node
// program.
func TestTheScript(t *testing.T) {
	for _, tool := range []string{"sh", "sha256sum", "gzip", "base64"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("REQUIRE_ALL") == "1" {
				t.Fatal(err)
			}
			t.Skip("no " + tool + " on this system")
		}
	}
	const node = "#!/bin/sh\necho progress\nprintf '{\"schema\":1,\"operation\":\"Install\",\"error\":\"%s\"}' \"$(cat \"$3\")\" > \"$5\"\nexit 3\n"
	run := func(t *testing.T, sum string) (string, string, int) {
		folder := filepath.Join(t.TempDir(), "kit")
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, data := range map[string]string{"rehydrate-node": node, "request.json": "hello"} {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(data), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command("sh", "-c", script(t, map[string]string{"folder": folder, "nodeSha256": sum, "requestSha256": hexSum([]byte("hello"))}))
		var out, errs strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &errs
		err := cmd.Run()
		if err == nil {
			t.Fatal("the script does not pass the exit code on")
		}
		if _, err := os.Stat(folder); !os.IsNotExist(err) {
			t.Errorf("the folder is still there: %v", err)
		}
		return out.String(), errs.String(), cmd.ProcessState.ExitCode()
	}
	t.Run("prints the report and removes the folder", func(t *testing.T) {
		out, errs, code := run(t, hexSum([]byte(node)))
		r, err := inplace.ParseReport([]byte(out))
		if err != nil || r.Error != "hello" || code != 3 || !strings.Contains(errs, "progress") {
			t.Errorf("report %+v (%v), code %d, stderr %q", r, err, code, errs)
		}
	})
	t.Run("runs nothing that was changed on the way", func(t *testing.T) {
		out, errs, code := run(t, hexSum([]byte("another program")))
		if code != 97 || out != "" || strings.Contains(errs, "progress") {
			t.Errorf("code %d, stdout %q, stderr %q", code, out, errs)
		}
	})
}

// script is the patch step's script with its parameters filled in, as the agent does.
func script(t *testing.T, values map[string]string) string {
	t.Helper()
	_, content, _ := inplace.Document()
	var doc struct {
		MainSteps []struct {
			Name   string
			Inputs struct{ RunCommand []string }
		}
	}
	if err := json.Unmarshal([]byte(content), &doc); err != nil {
		t.Fatal(err)
	}
	for _, s := range doc.MainSteps {
		if s.Name == "patch" {
			text := strings.Join(s.Inputs.RunCommand, "\n")
			for k, v := range values {
				text = strings.ReplaceAll(text, "{{ "+k+" }}", v)
			}
			return text
		}
	}
	t.Fatal("the document has no patch step")
	return ""
}

func FuzzParseReport(f *testing.F) {
	c := newCloud(patched("1.2"))
	f.Add([]byte(c.output()))
	f.Add([]byte("-----BEGIN REHYDRATE REPORT-----\nAAAA\n-----END REHYDRATE REPORT-----"))
	f.Add([]byte("noise"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := inplace.ParseReport(b)
		if (r == nil) == (err == nil) {
			t.Errorf("report %v and error %v", r, err)
		}
	})
}
