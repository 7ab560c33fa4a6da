package publish

import (
	"strings"
	"time"
)

// Envelope is what is known of a published version beside the image id. It is kept
// in the description of that version of the parameter.
type Envelope struct {
	Run     string    `json:"run"`
	Lock    string    `json:"lock,omitempty"` // the lock's digest
	BakedAt time.Time `json:"bakedAt,omitzero"`
}

// envelopeMark opens every description that we write.
const envelopeMark = "rehydrate/1"

// String is the description: the mark, then key=value fields.
func (e Envelope) String() string {
	var b strings.Builder
	b.WriteString(envelopeMark)
	for _, f := range [...]struct{ key, value string }{
		{"run", e.Run}, {"lock", e.Lock}, {"baked", stamp(e.BakedAt)},
	} {
		if f.value != "" {
			b.WriteString(" " + f.key + "=" + f.value)
		}
	}
	return b.String()
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// ParseEnvelope reads a description; false when it is not one of ours. Fields that
// it does not know are left to newer versions.
func ParseEnvelope(description string) (Envelope, bool) {
	fields := strings.Fields(description)
	if len(fields) == 0 || fields[0] != envelopeMark {
		return Envelope{}, false
	}
	var e Envelope
	for _, f := range fields[1:] {
		key, value, _ := strings.Cut(f, "=")
		switch key {
		case "run":
			e.Run = value
		case "lock":
			e.Lock = value
		case "baked":
			t, err := time.Parse(time.RFC3339Nano, value)
			if err != nil {
				return Envelope{}, false
			}
			e.BakedAt = t.UTC()
		}
	}
	return e, e.Run != ""
}
