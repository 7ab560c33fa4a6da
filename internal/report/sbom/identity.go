package sbom

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/goldenami/rehydrate/internal/record"
)

// uuid is the document's own, made from its content: rendering a report again gives
// the same document.
func uuid(s *record.Scan) string {
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(s); err != nil { // plain structs
		panic(err)
	}
	b := h.Sum(nil)[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80 // version 8: made by a rule of one's own
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// toolOf splits "rehydrate 0.1.0".
func toolOf(s *record.Scan) (name, version string) {
	name, version, _ = strings.Cut(s.Tool, " ")
	return or(name, "rehydrate"), version
}

// pending are the updates by "name.arch".
func pending(s *record.Scan) map[string]*record.Update {
	out := make(map[string]*record.Update, len(s.Updates))
	for i := range s.Updates {
		out[s.Updates[i].Name+"."+s.Updates[i].Arch] = &s.Updates[i]
	}
	return out
}

// unique gives what is installed twice at one version a name of its own.
func unique(seen map[string]int, ref string) string {
	seen[ref]++
	if n := seen[ref]; n > 1 {
		return ref + "#" + strconv.Itoa(n)
	}
	return ref
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
