package baseline

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"unicode/utf8"
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

	empty []string // fields that were written as "", which none may be
}

// DecodeDocument reads either shape without validating it. A field that is in
// neither is refused by name, as is one in another case or there twice.
func DecodeDocument(data []byte) (*Document, error) {
	var doc Document
	if err := decodeStrict(data, &doc); err != nil {
		return nil, fmt.Errorf("reading baseline: %w", err)
	}
	var s stated
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("reading baseline: %w", err)
	}
	doc.empty = s.empty()
	return &doc, nil
}

// stated tells an empty text from an absent one: every text that a baseline states
// has at least one character (§1.1).
type stated struct {
	OperatingSystem, Description, ApprovedPatchesComplianceLevel, RejectedPatchesAction *string
	AvailableSecurityUpdatesComplianceStatus, BaselineID, ClientToken                   *string
	ApprovalRules                                                                       *struct {
		PatchRules []struct{ ComplianceLevel, ApproveUntilDate *string }
	}
}

func (s *stated) empty() []string {
	var out []string
	note := func(field string, text *string) {
		if text != nil && *text == "" {
			out = append(out, field)
		}
	}
	note("OperatingSystem", s.OperatingSystem)
	note("Description", s.Description)
	note("ApprovedPatchesComplianceLevel", s.ApprovedPatchesComplianceLevel)
	note("RejectedPatchesAction", s.RejectedPatchesAction)
	note("AvailableSecurityUpdatesComplianceStatus", s.AvailableSecurityUpdatesComplianceStatus)
	note("BaselineId", s.BaselineID)
	note("ClientToken", s.ClientToken)
	if s.ApprovalRules == nil {
		return out
	}
	for i, r := range s.ApprovalRules.PatchRules {
		at := fmt.Sprintf("ApprovalRules.PatchRules[%d].", i)
		note(at+"ComplianceLevel", r.ComplianceLevel)
		note(at+"ApproveUntilDate", r.ApproveUntilDate)
	}
	return out
}

// Compiled when first needed: counters and Unicode classes make them slow to compile.
var (
	baselineID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9_\-:/]{20,128}$`) })
	patchGroup = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`) })
)

// Validate is Baseline.Validate together with the limits of what a document holds
// beyond the policy (§1.1).
func (d *Document) Validate() error {
	v := &faultList{}
	d.Baseline.check(v)
	for _, field := range d.empty {
		v.add(field, "", "at least 1 character, or leave the field out", sourceModel)
	}
	if d.BaselineID != "" && !baselineID().MatchString(d.BaselineID) {
		v.add("BaselineId", d.BaselineID, "20 to 128 characters of a-z, A-Z, 0-9, _, -, : and /", sourceModel)
	}
	for i, g := range d.PatchGroups {
		if n := utf8.RuneCountInString(g); n < 1 || n > 256 || !patchGroup().MatchString(g) {
			v.add(fmt.Sprintf("PatchGroups[%d]", i), g, "1 to 256 letters, digits, spaces and _.:/=+-@", sourceGroup)
		}
	}
	if n := utf8.RuneCountInString(d.ClientToken); n > 64 {
		v.add("ClientToken", d.ClientToken, "1 to 64 characters, not "+strconv.Itoa(n), sourceModel)
	}
	checkTags(v, d.Tags)
	return v.err("baseline " + d.Name)
}

func checkTags(v *faultList, raw json.RawMessage) {
	if len(raw) == 0 || string(raw) == "null" {
		return
	}
	var tags []struct{ Key, Value string }
	if err := decodeStrict(raw, &tags); err != nil {
		v.add("Tags", string(raw), "a list of objects with Key and Value: "+err.Error(), sourceModel)
	}
	if n := len(tags); n > 1000 {
		v.add("Tags", strconv.Itoa(n)+" tags", "at most 1000 tags", sourceModel)
	}
}
