package rpmmd

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

const node10 = `---
document: modulemd
version: 2
data:
  name: nodejs
  stream: "10"
  version: 8000020190801
  context: abcd1234
  arch: x86_64
  summary: a runtime
  description: >-
    long text: with a colon
    - and a dash
  dependencies:
  - buildrequires:
      platform: [el8]
    requires:
      platform: [el8]
      perl: []
      ruby: 2.10
  artifacts:
    rpms:
    - nodejs-1:10.1-1.module.x86_64
    - npm-1:6-1.module.noarch
    rpm-map:
      sha256:
        aa:
          name: nodejs
...
`

func TestModulesAreReadInEitherForm(t *testing.T) {
	want := Modules{
		Streams: []Stream{{Name: "nodejs", Stream: "10", Version: "8000020190801", Context: "abcd1234", Arch: "x86_64",
			Requires:  []map[string][]string{{"platform": {"el8"}, "perl": {}, "ruby": {"2.10"}}},
			Artifacts: []string{"nodejs-1:10.1-1.module.x86_64", "npm-1:6-1.module.noarch"}}},
		Defaults:  map[string]string{"nodejs": "1.10"},
		Obsoletes: []ObsoleteStream{{Name: "nodejs", Stream: "8", ByName: "nodejs", By: "10", EOL: "2020-01-01T00:00Z", Message: "gone"}},
	}
	rest := `---
document: modulemd-defaults
version: 1
data:
  module: nodejs
  stream: 1.10
  profiles:
    10: [common]
---
document: modulemd-obsoletes
version: 1
data:
  module: nodejs
  stream: '8'
  message: gone
  eol_date: 2020-01-01T00:00Z
  obsoleted_by: {module: nodejs, stream: "10"}
---
document: modulemd-translations
version: 1
data:
  module: nodejs
  modified: 1
`
	indented := strings.NewReplacer("  - buildr", "    - buildr", "      platform: [el8]\n    req", "        platform: [el8]\n      req",
		"      platform: [el8]\n      perl: []\n      ruby: 2.10", "        platform:\n        - el8\n        perl: []\n        ruby: [2.10]",
		"    - nodejs", "      - 'nodejs", "x86_64\n    - npm", "x86_64'\n      - npm").Replace(node10)
	for name, doc := range map[string]string{"flat lists": node10 + rest, "indented": indented + rest, "crlf": strings.ReplaceAll(node10+rest, "\n", "\r\n")} {
		got, err := ReadModules(strings.NewReader(doc))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v\n got %+v\nwant %+v", name, err, got, want)
		}
	}
}

func TestHostileModulesAreRefused(t *testing.T) {
	long := "document: modulemd\ndata:\n  name: a\n  stream: " + strings.Repeat("x", maxRest)
	for name, c := range map[string]struct{ doc, want string }{
		"no name":   {"document: modulemd\ndata:\n  stream: a\n", "lacks"},
		"no module": {"document: modulemd-defaults\ndata:\n  stream: a\n", "no module"},
		"no yaml":   {"document: [", "document 1"},
		"laughs":    {"document: modulemd\ndata:\n  name: &a [x,x]\n  stream: *a\n", "anchors"},
		"deep":      {"document: modulemd\ndata:\n  name: " + strings.Repeat("[", 1000), "deeply"},
		"long":      {long, "more than"},
		"a list":    {"document: modulemd\ndata:\n  name: a\n  stream: [b]\n", "plain"},
	} {
		if _, err := ReadModules(strings.NewReader(c.doc)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if m, err := ReadModules(strings.NewReader("")); err != nil || len(m.Streams) != 0 {
		t.Errorf("nothing: %+v, %v", m, err)
	}
}

func FuzzModules(f *testing.F) {
	f.Add([]byte(node10))
	f.Add([]byte("{document: modulemd-defaults, data: {module: a, stream: 1}}\n---\nx"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		m, err := ReadModules(bytes.NewReader(doc))
		for _, s := range m.Streams {
			if err == nil && (s.Name == "" || s.Stream == "") {
				t.Fatalf("half a stream: %+v", s)
			}
		}
	})
}
