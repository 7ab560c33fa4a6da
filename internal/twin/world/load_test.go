package world

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzStateLine: where the quick parser takes a line, it takes out of it what the JSON
// parser does.
func FuzzStateLine(f *testing.F) {
	for _, seed := range []string{
		`{"t":"a/b/ec2/instances","k":"i-1","v":{"id":"i-1","tags":{"a":"\"}"}}}`,
		`{"t":"a","k":"b","d":true}`,
		`{"t":"a","k":"b","v":1,"v":2}`,
		`{"t":"a","k":"b","v":1,"d":true}`,
		`{"t":"a\u0041","k":"\"","v":null}`,
		`{"t":"ä","k":"\xff","v":"\xff"}`,
		`{"t":"a","k":"b","v": {"x" : [ ] } }`,
		`{"T":"a","k":"b","v":1}`,
		`{"c":{"now":"2026-03-01T12:00:00Z","wall":"2026-03-01T12:00:00Z","seq":1,"seed":-1}}`,
		`{"t":"","k":"","v":}`,
		`{"t":"a","k":"b","v":1}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if bytes.IndexByte(text, '\n') >= 0 {
			return
		}
		got, ok := plainLine(append(text, '\n'), map[string]string{})
		if !ok {
			return
		}
		var want line
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatalf("%q is no JSON, and was taken: %v", text, err)
		}
		if d := cmp.Diff(want, got, cmp.Comparer(sameJSON)); d != "" {
			t.Errorf("%q: %s", text, d)
		}
	})
}

// sameJSON compares values: the JSON parser keeps the spaces around one out.
func sameJSON(a, b json.RawMessage) bool {
	return bytes.Equal(bytes.TrimSpace(a), bytes.TrimSpace(b))
}

// FuzzStateFile: whatever a state file holds, it is taken in or refused; what is taken in
// ends at a commit, and is the same when only so much of the file is there.
func FuzzStateFile(f *testing.F) {
	const row, end = `{"t":"a/b/c","k":"1","v":{"x":1}}` + "\n", `{"c":{"now":"2026-03-01T12:00:00Z","wall":"2026-03-01T12:00:00Z","seq":3,"seed":1}}` + "\n"
	for _, seed := range []string{row + end, row + end + `{"t":"a/b/c","k":"1","d":true}` + "\n" + end, row, end + row + `{"t":"a`, row + "nonsense\n" + end, "\n", ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		all := &replay{tables: map[string]*rawTable{}}
		if err := all.read(bytes.NewReader(text)); err != nil {
			return
		}
		if all.size > int64(len(text)) || all.size > 0 && text[all.size-1] != '\n' {
			t.Fatalf("%d of %d bytes were taken", all.size, len(text))
		}
		whole := &replay{tables: map[string]*rawTable{}}
		if err := whole.read(bytes.NewReader(text[:all.size])); err != nil {
			t.Fatalf("without its tail it is refused: %v", err)
		}
		for name, rows := range all.tables {
			if d := cmp.Diff(rows.sorted(), whole.tables[name].sorted(), cmp.AllowUnexported(rawRows{})); d != "" {
				t.Error(d)
			}
			if rows.live < 0 {
				t.Errorf("table %s has %d bytes alive", name, rows.live)
			}
		}
	})
}
