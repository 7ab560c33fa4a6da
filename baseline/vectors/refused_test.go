package vectors

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

const aMatch = `{"id":"%ID%","kind":"match","title":"t","os":"DEBIAN","pattern":"bash","package":{"name":"bash","arch":"amd64","version":"1"},"expected":{"match":true}}`

func vector(id string) string { return strings.Replace(aMatch, "%ID%", id, 1) }

func TestOneFaultyVectorKeepsNoOtherFromRunning(t *testing.T) {
	text := `{"vectors":[` + strings.Join([]string{
		vector("first"),
		strings.NewReplacer(`"pattern"`, `"patern"`, `"arch"`, `"Arch"`).Replace(vector("misspelt")),
		strings.Replace(vector("twice"), `"title":"t"`, `"title":"t","title":"u"`, 1),
		strings.Replace(vector("idle"), `{"match":true}`, `{}`, 1),
		strings.Replace(vector("void"), `true`, `null`, 1),
		vector(""), vector("first"), strings.Replace(vector("odd"), `"match",`, `"guess",`, 1),
		`{"id":"count","kind":"evaluate","title":"t","os":"DEBIAN","product":"Debian12","operation":"Scan","now":"2025-01-01T00:00:00Z","baseline":{"Name":"abc"},"expected":{"counts":{"MissedCount":1,"FailCount":1}}}`,
		`{"id":"policy","kind":"evaluate","title":"t","os":"DEBIAN","product":"Debian12","operation":"Scan","now":"2025-01-01T00:00:00Z","baseline":{"Name":"abc","rejectedPatches":[]},"expected":{"status":"COMPLIANT"}}`,
		`7`, vector("last"),
	}, ",") + `]}`
	s, err := Run([]byte(text))
	if s.Total != 2 || s.Passed != 2 || s.Results[1].ID != "last" {
		t.Errorf("%+v", s)
	}
	var bad *RefusedError
	if !errors.As(err, &bad) {
		t.Fatal(err)
	}
	var got []string
	for _, f := range bad.Faults {
		got = append(got, f.Field+" "+f.Value)
	}
	for _, want := range []string{
		`misspelt "patern"`, `misspelt "package.Arch"`, `twice "title"`, "idle.expected nothing", "void.expected nothing", "vectors[5] the vector",
		"first the id", "odd the vector", `count "expected.counts.MissedCount"`, `count "expected.counts.FailCount"`, `policy "baseline.rejectedPatches"`, "vectors[10] the vector",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not among %q", want, got)
		}
	}
	if !strings.Contains(err.Error(), sourceFormat) || !strings.Contains(err.Error(), "field is written arch") {
		t.Error(err)
	}
}
