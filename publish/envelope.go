package publish

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/record"
)

// Envelope is what is known of a published version beside the image id. It is kept
// in the description of that version of the parameter, and as JSON in the parameter
// beside it (EnvelopeName).
type Envelope struct {
	Run     string    `json:"run"`               // that wrote the version
	Build   string    `json:"build,omitempty"`   // the id under builds/; the run's id if it is empty
	Lock    string    `json:"lock,omitempty"`    // the lock's digest
	Verdict string    `json:"verdict,omitempty"` // VerdictDigest of the gate's answer
	BakedAt time.Time `json:"bakedAt,omitzero"`
	// Generation counts how often somebody went back on purpose. Of two versions the
	// one of the higher generation is newer and, within a generation, what was baked
	// later.
	Generation int64 `json:"generation,omitempty"`
	// Fence is the version of the lease under which the version was written.
	Fence int64 `json:"fence,omitempty"`
	// Back is the run whose versions before this one are taken back by it.
	Back string `json:"back,omitempty"`
}

// envelopeMark opens every description that we write.
const envelopeMark = "rehydrate/1"

// String is the description: the mark, then key=value fields.
func (e Envelope) String() string {
	var b strings.Builder
	b.WriteString(envelopeMark)
	for _, f := range [...]struct{ key, value string }{
		{"run", e.Run}, {"build", e.Build}, {"lock", e.Lock}, {"verdict", e.Verdict}, {"baked", stamp(e.BakedAt)},
		{"gen", number(e.Generation)}, {"fence", number(e.Fence)}, {"back", e.Back},
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

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// ParseEnvelope reads a description; false when it is not one of ours. Fields that
// it does not know are left to newer versions.
func ParseEnvelope(description string) (Envelope, bool) {
	fields := strings.Fields(description)
	if len(fields) == 0 || fields[0] != envelopeMark {
		return Envelope{}, false
	}
	var e Envelope
	var err error
	for _, f := range fields[1:] {
		key, value, _ := strings.Cut(f, "=")
		switch key {
		case "run":
			e.Run = value
		case "build":
			e.Build = value
		case "lock":
			e.Lock = value
		case "verdict":
			e.Verdict = value
		case "back":
			e.Back = value
		case "baked":
			if e.BakedAt, err = time.Parse(time.RFC3339Nano, value); err != nil {
				return Envelope{}, false
			}
			e.BakedAt = e.BakedAt.UTC()
		case "gen":
			if e.Generation, err = strconv.ParseInt(value, 10, 64); err != nil {
				return Envelope{}, false
			}
		case "fence":
			if e.Fence, err = strconv.ParseInt(value, 10, 64); err != nil {
				return Envelope{}, false
			}
		}
	}
	return e, e.Run != ""
}

// BuildID is the id under builds/ of the entry that the version was published with.
func (e Envelope) BuildID() string { return cmp.Or(e.Build, e.Run) }

// VerdictDigest is a digest of a gate's answer: "sha256:" and that of its JSON form;
// empty for none.
func VerdictDigest(v *record.Verdict) string {
	if v == nil {
		return ""
	}
	data, err := json.Marshal(v)
	if err != nil { // no field of Verdict can fail to marshal
		panic(err)
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// EnvelopeName is the name of the parameter beside a pointer that holds what is known
// of the pointer's image as JSON (EnvelopeDocument).
func EnvelopeName(channel string) string { return channel + "/envelope" }

// EnvelopeDocument is the value of the parameter beside a pointer. All of it follows
// from the pointer's newest version, so that whoever finds the two apart can mend it.
type EnvelopeDocument struct {
	Schema  int    `json:"schema"`
	Channel string `json:"channel"`
	Image   string `json:"image"`
	Envelope
	// Withdrawn says that a roll took the image back and that nothing preceded it, so that
	// the channel holds it still.
	Withdrawn bool `json:"withdrawn,omitempty"`
}

// envelopeOf is the document that belongs beside a version; false for a version that
// is not ours.
func envelopeOf(p Parameter) (string, bool) {
	e, ok := ParseEnvelope(p.Description)
	if !ok {
		return "", false
	}
	data, err := json.Marshal(EnvelopeDocument{Schema: 1, Channel: p.Name, Image: p.Value, Envelope: e, Withdrawn: Withdrawn(p)})
	if err != nil { // no field can fail to marshal
		panic(err)
	}
	return string(data), true
}
