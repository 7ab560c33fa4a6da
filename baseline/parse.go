package baseline

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// The values of RejectedPatchesAction.
const (
	AllowAsDependency = "ALLOW_AS_DEPENDENCY"
	Block             = "BLOCK"
)

// Document is a baseline with what GetPatchBaseline returns, and CreatePatchBaseline
// takes, beyond the policy. None of it says which patches are approved; it is kept
// as it was written, so that reading and writing changes nothing.
type Document struct {
	Baseline
	BaselineID       string          `json:"BaselineId,omitempty"`
	PatchGroups      []string        `json:"PatchGroups,omitzero"`
	CreatedDate      json.RawMessage `json:"CreatedDate,omitempty"` // a string or epoch seconds
	ModifiedDate     json.RawMessage `json:"ModifiedDate,omitempty"`
	DefaultBaseline  *bool           `json:"DefaultBaseline,omitempty"`
	ResponseMetadata json.RawMessage `json:"ResponseMetadata,omitempty"`
	ClientToken      string          `json:"ClientToken,omitempty"`
	Tags             json.RawMessage `json:"Tags,omitempty"`
}

// DecodeDocument reads either shape without validating it. A field that is in
// neither is refused by name.
func DecodeDocument(data []byte) (*Document, error) {
	var doc Document
	if err := decodeStrict(data, &doc); err != nil {
		return nil, fmt.Errorf("reading baseline: %w", err)
	}
	return &doc, nil
}

// Parse reads CreatePatchBaseline or GetPatchBaseline JSON and validates it. A
// field that is in neither shape is refused by name, because a misspelt rule
// would silently approve something else.
func Parse(data []byte) (*Baseline, error) {
	b, err := Decode(data)
	if err != nil {
		return nil, err
	}
	if err := b.Validate(); err != nil {
		return nil, err
	}
	return b, nil
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

// decodeStrict reads exactly one JSON value without unknown fields.
func decodeStrict(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("unexpected text after the JSON value")
	}
	return nil
}

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
