package baseline

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/goldenami/rehydrate/baseline/internal/strict"
)

// The values of RejectedPatchesAction.
const (
	AllowAsDependency = "ALLOW_AS_DEPENDENCY"
	Block             = "BLOCK"
)

// Parse reads CreatePatchBaseline or GetPatchBaseline JSON and validates it. A
// field that is in neither shape is refused by name, because a misspelt rule
// would silently approve something else; so is one in another case or there twice.
func Parse(data []byte) (*Baseline, error) {
	doc, err := DecodeDocument(data)
	if err != nil {
		return nil, err
	}
	if err := doc.Validate(); err != nil {
		return nil, err
	}
	return &doc.Baseline, nil
}

// Decode is Parse without the validation, for callers that report faults of
// their own first.
func Decode(data []byte) (*Baseline, error) {
	doc, err := DecodeDocument(data)
	if err != nil {
		return nil, err
	}
	return &doc.Baseline, nil
}

// decodeStrict reads exactly one JSON value. Fields that are unknown, written in
// another case or there twice are refused together, by name.
func decodeStrict(data []byte, into any) error { return strict.Decode(data, into) }

// os is the operating system with the API's default (§1.1).
func (b *Baseline) os() OperatingSystem {
	if b.OperatingSystem == "" {
		return Windows
	}
	return b.OperatingSystem
}

// Canonical is the baseline's canonical JSON: the API's field names in a fixed
// order, defaults and empty values left out, no insignificant space. Baselines
// that mean the same by spelling out a default have the same canonical form; the
// order of filters, values and lists is kept.
func (b *Baseline) Canonical() []byte {
	c := *b
	c.OperatingSystem = b.os()
	c.ApprovedPatches, c.RejectedPatches = emptyAsNil(b.ApprovedPatches), emptyAsNil(b.RejectedPatches)
	c.Sources = emptyAsNil(b.Sources)
	if c.GlobalFilters != nil && len(c.GlobalFilters.PatchFilters) == 0 {
		c.GlobalFilters = nil
	}
	c.ApprovalRules = canonicalRules(b.ApprovalRules)
	c.ApprovedPatchesComplianceLevel = omitDefault(c.ApprovedPatchesComplianceLevel, LevelUnspecified)
	c.ApprovedPatchesEnableNonSecurity = omitFalse(c.ApprovedPatchesEnableNonSecurity)
	c.RejectedPatchesAction = omitDefault(c.RejectedPatchesAction, AllowAsDependency)
	return canonicalJSON(c)
}

func canonicalRules(g *PatchRuleGroup) *PatchRuleGroup {
	if g == nil || len(g.PatchRules) == 0 {
		return nil
	}
	out := &PatchRuleGroup{PatchRules: make([]PatchRule, len(g.PatchRules))}
	for i, r := range g.PatchRules {
		if r.PatchFilterGroup == nil || r.PatchFilterGroup.PatchFilters == nil {
			r.PatchFilterGroup = &PatchFilterGroup{PatchFilters: []PatchFilter{}}
		}
		r.ComplianceLevel = omitDefault(r.ComplianceLevel, LevelUnspecified)
		r.EnableNonSecurity = omitFalse(r.EnableNonSecurity)
		out.PatchRules[i] = r
	}
	return out
}

func emptyAsNil[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

func omitDefault(s, deflt string) string {
	if s == deflt {
		return ""
	}
	return s
}

func omitFalse(on *bool) *bool {
	if on == nil || !*on {
		return nil
	}
	return on
}

// Digest is the SHA-256 of Canonical, "sha256:" and hex. It names the policy:
// two texts that mean the same baseline share it.
func (b *Baseline) Digest() string { return digestOf(b.Canonical()) }

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// canonicalJSON encodes without HTML escapes and without a final newline. The
// domain's types cannot fail to encode: they hold no maps with odd keys, no
// channels and only times within JSON's years.
func canonicalJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
