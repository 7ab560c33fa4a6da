package scan

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/report/scantest"
)

// A saved report is outside bytes: whatever it holds, every format is written without
// a panic, and nothing in it becomes a script or a control character.
func FuzzWrite(f *testing.F) {
	for _, s := range scantest.All() {
		text, err := json.Marshal(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var s record.Scan
		if json.Unmarshal(data, &s) != nil {
			t.Skip("no report")
		}
		for _, name := range Formats() {
			var b bytes.Buffer
			if err := Write(&b, name, &s); err != nil {
				if name == "json" || name == "spdx" || name == "cyclonedx" {
					continue // a time that JSON cannot hold
				}
				t.Fatalf("%s: %v", name, err)
			}
			text := b.String()
			switch name {
			case "html":
				if strings.Count(text, "<script") != 1 {
					t.Error("the page has another script")
				}
			case "table", "md":
				if strings.ContainsAny(text, "\x1b\x07") {
					t.Errorf("%s lets control characters through", name)
				}
			}
		}
	})
}
