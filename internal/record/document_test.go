package record

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestRun_keeps_fields_of_a_newer_version(t *testing.T) {
	in := `{"schema":2,"id":"r1","line":"web","startedAt":"2026-01-02T03:04:05Z","attestation":{"digest":"sha256:1"},"bake":{"image":"ami-1","sourceImage":"ami-0"}}`
	var r Run
	if err := json.Unmarshal([]byte(in), &r); err != nil {
		t.Fatal(err)
	}
	r.Outcome = "done"
	out, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"attestation":{"digest":"sha256:1"}`, `"outcome":"done"`, `"image":"ami-1"`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%s is not in %s", want, out)
		}
	}
}

func TestRun_without_unknown_fields_round_trips(t *testing.T) {
	a := Run{Schema: Schema, ID: "r1", Line: "web", StartedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	data, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	var b Run
	if err := json.Unmarshal(data, &b); err != nil || b.Unknown != nil || b.ID != "r1" || !b.StartedAt.Equal(a.StartedAt) {
		t.Errorf("%+v, %v", b, err)
	}
}

func TestRun_an_unknown_field_never_hides_a_known_one(t *testing.T) {
	r := Run{ID: "r1", Unknown: map[string]json.RawMessage{"id": json.RawMessage(`"r2"`)}}
	data, err := json.Marshal(r)
	if err != nil || !strings.Contains(string(data), `"id":"r1"`) {
		t.Errorf("%s, %v", data, err)
	}
}
