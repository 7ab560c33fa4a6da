package policydoc_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/goldenami/rehydrate/internal/twin/policydoc"
)

func TestAListOfOneMayBeWrittenWithoutBrackets(t *testing.T) {
	type statement struct{ Action policydoc.Strings }
	for text, want := range map[string]string{
		`{"Action": "a"}`:                          "[{[a]}]",
		`[{"Action": "a"}]`:                        "[{[a]}]",
		`[{"Action": ["a", "b"]}, {"Action": []}]`: "[{[a b]} {[]}]",
		`{"Action": 1}`:                            "",
		`{"Action": ["a", 1]}`:                     "",
		`{"Akshun": "a"}`:                          "",
		`[{"Akshun": "a"}]`:                        "",
		`"a"`:                                      "",
	} {
		var got policydoc.Statements[statement]
		err := json.Unmarshal([]byte(text), &got)
		if want == "" && err == nil || want != "" && (err != nil || fmt.Sprint(got) != want) {
			t.Errorf("%s: %v, %v, want %q", text, got, err, want)
		}
	}
}
