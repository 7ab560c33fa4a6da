package notify_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/notify"
)

func TestNoHalfOfASecretIsLeftWhereAVeryLongTextIsCut(t *testing.T) {
	t.Setenv("HOOK_SECRET", "open-sesame-open")
	for cut := range 20 {
		text := strings.Repeat(" ", 16<<10-cut) + "open-sesame-open and more " + strings.Repeat("x", 1<<20)
		if m := notify.NewMessage(event.Event{Text: text}); strings.Contains(m.Text, "op") || strings.Contains(m.Text, "x") {
			t.Errorf("cut %d before the secret's end: %q", cut, m.Text)
		}
	}
}

// Events quote what AWS, tools and people say.
func FuzzMessageOfAnyEventIsOneBoundedLine(f *testing.F) {
	f.Add("roll", "roll/dev", "changed", "ring dev waits until 2026-01-01T00:00:00Z: no window is open")
	f.Add("", "", "", "")
	f.Add("roll\r\nBcc: x", "ü\x00\xff", "failed", strings.Repeat("ä\n", 3000))
	f.Fuzz(func(t *testing.T, stage, unit, kind, text string) {
		m := notify.NewMessage(event.Event{Time: time.Unix(0, 0), Stage: stage, Unit: unit, Kind: event.Kind(kind), Text: text})
		if n := utf8.RuneCountInString(m.Text); n > 2001 || strings.ContainsAny(m.Text, "\r\n") {
			t.Errorf("a text of %d characters: %q", n, m.Text)
		}
		s := m.Subject()
		if len(s) > 100 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("subject %q", s)
		}
		var back notify.Message
		if err := json.Unmarshal(m.JSON(), &back); err != nil || back.ID != m.ID || len(m.ID) != 32 {
			t.Errorf("%s: %v", m.JSON(), err)
		}
	})
}
