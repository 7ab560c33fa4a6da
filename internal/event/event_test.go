package event

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func TestPlain_shows_time_stage_and_progress(t *testing.T) {
	var b bytes.Buffer
	Plain(&b, false).Emit(Event{Time: noon, Stage: "roll", Unit: "roll/web", Kind: Changed, Text: "replaced", Done: 1, Total: 6})
	if got, want := b.String(), "12:00:00  roll/web       * replaced (1 of 6)\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPlain_hides_tool_output_unless_verbose(t *testing.T) {
	var quiet, loud bytes.Buffer
	e := Event{Time: noon, Stage: "bake", Kind: Output, Text: "apt says"}
	Plain(&quiet, false).Emit(e)
	Plain(&loud, true).Emit(e)
	if quiet.Len() != 0 || !strings.Contains(loud.String(), "apt says") {
		t.Errorf("quiet %q, loud %q", quiet.String(), loud.String())
	}
}

func TestJSONLines_round_trip(t *testing.T) {
	var b bytes.Buffer
	Stamp(JSONLines(&b), "r1", func() time.Time { return noon }).Emit(Event{Stage: "bake", Kind: Found, Text: "x"})
	var e Event
	if err := json.Unmarshal(b.Bytes(), &e); err != nil {
		t.Fatal(err)
	}
	if e.Run != "r1" || !e.Time.Equal(noon) || e.Text != "x" {
		t.Errorf("got %+v", e)
	}
}

func TestAll_reaches_every_sink(t *testing.T) {
	n := 0
	count := Func(func(Event) { n++ })
	All(count, Discard, count).Emit(Event{})
	if n != 2 {
		t.Errorf("reached %d sinks, want 2", n)
	}
}
