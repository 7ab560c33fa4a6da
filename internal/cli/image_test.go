package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/record"
)

// twoRoots are folders with one package, of two versions.
func twoRoots(t *testing.T) (a, b string) {
	t.Helper()
	var out []string
	for _, version := range []string{"1.1", "1.2"} {
		dir := t.TempDir()
		for name, body := range map[string]string{
			"etc/os-release":      "ID=debian\nVERSION_ID=\"12\"\n",
			"var/lib/dpkg/arch":   "amd64\n",
			"var/lib/dpkg/status": "Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: " + version + "\n\n",
		} {
			p := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(p, []byte(body), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		out = append(out, dir)
	}
	return out[0], out[1]
}

func TestImageDiffSaysWhatChangedInEveryFormat(t *testing.T) {
	a, b := twoRoots(t)
	t.Chdir(t.TempDir())
	for format, want := range map[string]string{
		"table": "tool amd64  upgraded  1.1  1.2", "md": "| tool amd64 | upgraded | 1.1 | 1.2 |",
		"html": `<td class="good">upgraded</td><td>1.1</td>`, "json": `"how": "upgraded"`,
	} {
		code, out, errs := try(t, "image", "diff", "--output", format, a, b)
		if code != 0 || errs != "" || !strings.Contains(out, want) {
			t.Errorf("%s: exit code %d, %s\n%s", format, code, errs, out)
		}
	}
	_, out, _ := try(t, "image", "diff", "--output", "json", a, b)
	var d record.ImageDiff
	if err := json.Unmarshal([]byte(out), &d); err != nil || d.Schema != record.ImageDiffSchema || len(d.Packages) != 1 || d.Same {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestImageDiffTellsByItsExitCodeOnlyWhenAsked(t *testing.T) {
	a, b := twoRoots(t)
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		args []string
		want int
	}{
		{[]string{a, b}, 0}, {[]string{"--exit-code", a, b}, 14}, {[]string{"--exit-code", a, a}, 0},
		{[]string{"--exit-code", a}, 2}, {[]string{a, b, a}, 2}, {[]string{"--depth", "deep", a, b}, 2}, {[]string{"--output", "csv", a, b}, 2},
		{[]string{a, filepath.Join(a, "none")}, 1}, {[]string{"--depth", "digest", a, b}, 2},
		{[]string{"--depth", "digest", "--yes", "--exit-code", a, b}, 14},
	} {
		if code, out, errs := try(t, append([]string{"image", "diff"}, c.args...)...); code != c.want {
			t.Errorf("%v: exit code %d, want %d\n%s%s", c.args, code, c.want, out, errs)
		}
	}
}
