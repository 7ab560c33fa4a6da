// Package notify tells other systems what happens in a run: topics, event buses and
// webhooks. It listens to events and never blocks or fails the run: each target has a
// bounded queue and a sender of its own, and what is lost is counted and said at the end.
package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/hush"
)

// Version is that of the message's shape. Fields are only ever added to it.
const Version = 1

// Message is what targets get, as JSON. It holds the event without its data, and no
// secret.
type Message struct {
	Version int `json:"version"`
	// ID is the same for every delivery of one event: receivers drop what they have.
	ID    string    `json:"id"`
	Time  time.Time `json:"time"` // on the run's clock
	Run   string    `json:"run,omitempty"`
	Stage string    `json:"stage"`
	Unit  string    `json:"unit,omitempty"`
	Kind  string    `json:"kind"`
	Text  string    `json:"text"`
	Done  int       `json:"done,omitempty"`
	Total int       `json:"total,omitempty"`
}

// maxText is how long a text is sent, in characters: chats and topics have limits.
const maxText = 2000

// maxLook is how much of a text is looked at, in bytes.
const maxLook = 16 << 10

// NewMessage is an event as a message.
func NewMessage(e event.Event) Message {
	text := hush.Clean(strings.Join(strings.Fields(beginning(e.Text)), " "), os.Environ())
	if r := []rune(text); len(r) > maxText {
		text = string(r[:maxText]) + "…"
	}
	m := Message{Version: Version, Time: sayable(e.Time), Run: e.Run, Stage: e.Stage, Unit: e.Unit, Kind: string(e.Kind), Text: text, Done: e.Done, Total: e.Total}
	sum := sha256.Sum256(m.JSON())
	m.ID = hex.EncodeToString(sum[:16])
	return m
}

// sayable is a time in UTC, or the zero time for one that JSON cannot say (RFC 3339 has
// years of four digits).
func sayable(t time.Time) time.Time {
	t = t.UTC()
	if y := t.Year(); y < 0 || y > 9999 {
		return time.Time{}
	}
	return t
}

// beginning is what of a text is looked at: looking for secrets takes a while. The word in
// which it is cut off goes whole, so that no half of a secret is left, which would not be
// known for one.
func beginning(text string) string {
	if len(text) <= maxLook {
		return text
	}
	text = strings.ToValidUTF8(text[:maxLook], "")
	return text[:strings.LastIndexAny(text, " \t\r\n")+1]
}

// JSON is the message on the wire.
func (m Message) JSON() []byte {
	body, err := json.Marshal(m)
	if err != nil {
		panic(err) // plain strings and a sayable time
	}
	return body
}

// Subject is one line of plain ASCII, at most 100 characters, as a mail's subject.
func (m Message) Subject() string {
	s := "rehydrate: " + m.Kind + " in " + m.Stage
	if m.Unit != "" && m.Unit != m.Stage {
		s += " (" + m.Unit + ")"
	}
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), 100)]
}
