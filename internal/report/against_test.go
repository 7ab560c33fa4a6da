package report

import (
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/record"
)

func TestAReportSaysOnceWhatChangedAndAgainstWhat(t *testing.T) {
	one := []record.Change{{Name: "curl", From: "1", To: "2"}}
	two := []record.Change{{Name: "curl", From: "0", To: "2"}}
	for name, c := range map[string]struct {
		bake   *record.Bake
		gate   []record.Change
		from   string
		says   string
		tables int
	}{
		"the image in use":                      {&record.Bake{SourceImage: "ami-source", Changes: one}, two, "", "the image in use:", 2},
		"a first publication":                   {&record.Bake{SourceImage: "ami-0", Changes: one}, one, "", "which it was baked from: the same changes.", 1},
		"one where the gate saw something else": {&record.Bake{SourceImage: "ami-0", Changes: one}, two, "", "which it was baked from:", 2},
		"where nothing was baked":               {&record.Bake{SourceImage: "ami-0", Skipped: true, Changes: one}, one, "", "which it was baked from:", 1},
		"baked from the image in use":           {&record.Bake{SourceImage: "ami-0", Changes: one}, one, "ami-0", "the image in use: the same changes.", 1},
		"without a bake":                        {nil, one, "", "the image in use:", 1},
	} {
		for format, head := range map[string]string{"md": "| package |", "html": "<th>package</th>"} {
			var b strings.Builder
			if err := Write(&b, format, &record.Run{Bake: c.bake, Validate: &record.Verdict{Against: "ami-0", Changes: c.gate}, Publish: &record.Publish{From: c.from, Image: "ami-1"}}); err != nil {
				t.Fatal(err)
			}
			if out := b.String(); strings.Count(out, head) != c.tables || !strings.Contains(out, c.says) || strings.Contains(out, "in use") != strings.Contains(c.says, "in use") {
				t.Errorf("%s, %s:\n%s", format, name, out)
			}
		}
	}
}
