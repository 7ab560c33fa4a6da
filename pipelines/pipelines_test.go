package pipelines

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"

	"github.com/goldenami/rehydrate/internal/fault"
)

func example() GitHub {
	return GitHub{Image: "web", Region: "eu-west-1", Role: "arn:aws:iam::111122223333:role/rehydrate", Version: "v0.1.0", Bucket: "golden-artifacts"}
}

func lint(t *testing.T, text []byte) []string {
	t.Helper()
	l, err := actionlint.NewLinter(&strings.Builder{}, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	faults, err := l.Lint("rehydrate.yml", text, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range faults {
		out = append(out, f.Error())
	}
	return out
}

func TestGitHub_is_accepted_by_actionlint(t *testing.T) {
	text, err := RenderGitHub(example())
	if err != nil {
		t.Fatal(err)
	}
	if faults := lint(t, text); len(faults) > 0 {
		t.Errorf("%s\n%s", strings.Join(faults, "\n"), text)
	}
}

func TestGitHub_lint_can_fail(t *testing.T) {
	text, err := RenderGitHub(example())
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.Replace(string(text), "needs: bake", "needs: bakery", 1)
	if len(lint(t, []byte(broken))) == 0 {
		t.Error("a job that needs a job that is not there was accepted")
	}
}

func TestGitHub_pins_every_action_and_runs_every_stage(t *testing.T) {
	text, err := RenderGitHub(example())
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		if _, uses, ok := strings.Cut(line, "uses: "); ok {
			_, sha, _ := strings.Cut(uses, "@")
			if sha, _, _ = strings.Cut(sha, " "); len(sha) != 40 {
				t.Errorf("not pinned by commit: %s", line)
			}
		}
	}
	for _, s := range []string{"bake", "validate", "publish", "roll", "patch"} {
		if !strings.Contains(string(text), "rehydrate "+s+" --yes") {
			t.Errorf("stage %s is not run", s)
		}
	}
}

func TestGitHub_example_is_what_is_rendered(t *testing.T) {
	text, err := RenderGitHub(example())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "examples", "github", "rehydrate.yml")
	if os.Getenv("UPDATE") == "1" {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil || string(have) != string(text) {
		t.Errorf("%s is not what is rendered (%v); run UPDATE=1 go test ./pipelines", path, err)
	}
}

func TestGitHub_refuses_what_would_escape_its_place(t *testing.T) {
	for name, change := range map[string]func(*GitHub){
		"a shell in the image": func(g *GitHub) { g.Image = "web; rm -rf /" },
		"an expression":        func(g *GitHub) { g.Config = "${{ github.token }}" },
		"a line in the region": func(g *GitHub) { g.Region = "eu-west-1\n  x: y" },
		"a role that is none":  func(g *GitHub) { g.Role = "admin" },
		"six fields of cron":   func(g *GitHub) { g.Cron = "0 2 ? * 3#2 *" },
		"a path for a bucket":  func(g *GitHub) { g.Bucket = "a/b" },
		"two runners":          func(g *GitHub) { g.RunsOn = "[self-hosted, linux]" },
		"no version":           func(g *GitHub) { g.Version = "" },
	} {
		g := example()
		change(&g)
		if _, err := RenderGitHub(g); fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
