package policy

import (
	"slices"
	"strconv"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/policy/tree"
)

// reader turns one baseline of a document into the domain's value, gathering every
// fault on the way. Paths are the API's; faults show them in the dialect's spelling.
type reader struct {
	*dialect
	at     string // what stands before every path, such as Resources.Web.Properties.
	faults []baseline.Fault
	notes  []string
}

func (r *reader) fault(path, value, limit string) {
	r.faults = append(r.faults, baseline.Fault{Field: r.at + r.path(path), Value: value, Limit: limit, Source: r.source})
}

// wrong reports a value of the wrong kind. What the configuration of a repository
// says may be secret and is never shown.
func (r *reader) wrong(path string, v tree.Value, want string) {
	shown := v.String()
	if strings.HasSuffix(path, "Configuration") {
		shown = "(not shown)"
	}
	if v.Kind == tree.Opaque {
		want += ", written out: " + v.Why
	}
	r.fault(path, shown, want)
}

// object checks that v is an object of known fields; nil where there is none.
func (r *reader) object(v tree.Value, path string, known ...string) func(string) tree.Value {
	none := func(string) tree.Value { return tree.Value{} }
	switch v.Kind {
	case tree.Null:
		return none
	case tree.Object:
	default:
		r.wrong(path, v, "an object")
		return none
	}
	var spelt []string
	for _, k := range known {
		spelt = append(spelt, r.name(k))
	}
	for _, f := range v.Fields {
		if slices.Contains(spelt, f.Name) || r.lenient || path == "" && slices.Contains(r.beyond, f.Name) {
			continue
		}
		at := f.Name
		if path != "" {
			at = r.path(path) + "." + f.Name
		}
		r.faults = append(r.faults, baseline.Fault{Field: r.at + at, Value: f.Value.String(),
			Limit: "there is no such field" + nearest(f.Name, spelt), Source: r.source})
	}
	return func(name string) tree.Value { return v.Get(r.name(name)) }
}

func (r *reader) list(v tree.Value, path string) []tree.Value {
	switch v.Kind {
	case tree.Null:
		return nil
	case tree.List:
		return v.List
	case tree.Object:
		if r.flat { // HCL's JSON form and single blocks
			return []tree.Value{v}
		}
	}
	r.wrong(path, v, "a list")
	return nil
}

func (r *reader) text(v tree.Value, path string) string {
	switch {
	case v.Kind == tree.Null:
	case v.Kind == tree.String, r.converts && (v.Kind == tree.Number || v.Kind == tree.Bool):
		return v.Text
	default:
		r.wrong(path, v, "a text")
	}
	return ""
}

func (r *reader) texts(v tree.Value, path string) []string {
	if v.Kind == tree.Object {
		r.wrong(path, v, "a list of texts")
		return nil
	}
	list := r.list(v, path)
	if list == nil {
		return nil
	}
	out := make([]string, len(list))
	for i, e := range list {
		at := path + "[" + strconv.Itoa(i) + "]"
		if e.Kind == tree.Null {
			r.wrong(at, e, "a text")
		}
		out[i] = r.text(e, at)
	}
	return out
}

func (r *reader) truth(v tree.Value, path string) *bool {
	switch {
	case v.Kind == tree.Null:
		return nil
	case v.Kind == tree.Bool, r.converts && v.Kind == tree.String:
		switch strings.ToLower(v.Text) {
		case "true":
			return new(true)
		case "false":
			return new(false)
		}
	}
	r.wrong(path, v, "true or false")
	return nil
}

func (r *reader) number(v tree.Value, path string) *int {
	switch {
	case v.Kind == tree.Null:
		return nil
	case v.Kind == tree.Number, r.converts && v.Kind == tree.String:
		if n, err := strconv.Atoi(v.Text); err == nil {
			return &n
		}
	}
	r.wrong(path, v, "a whole number")
	return nil
}

// baseline reads a whole baseline; it does not validate.
func (r *reader) baseline(v tree.Value) *baseline.Baseline {
	fields := []string{
		"Name", "Description", "OperatingSystem", "ApprovedPatches", "ApprovedPatchesComplianceLevel",
		"ApprovedPatchesEnableNonSecurity", "RejectedPatches", "RejectedPatchesAction", "AvailableSecurityUpdatesComplianceStatus",
	}
	if !r.flat {
		fields = append(fields, "GlobalFilters", "ApprovalRules", "Sources")
	}
	if v.Kind == tree.Null {
		r.fault("", "nothing", "a baseline")
		return &baseline.Baseline{}
	}
	get := r.object(r.blocksAside(v), "", fields...)
	b := &baseline.Baseline{
		Name: r.text(get("Name"), "Name"), Description: r.text(get("Description"), "Description"),
		OperatingSystem:                          baseline.OperatingSystem(r.text(get("OperatingSystem"), "OperatingSystem")),
		ApprovedPatches:                          r.texts(get("ApprovedPatches"), "ApprovedPatches"),
		ApprovedPatchesComplianceLevel:           r.text(get("ApprovedPatchesComplianceLevel"), "ApprovedPatchesComplianceLevel"),
		ApprovedPatchesEnableNonSecurity:         r.truth(get("ApprovedPatchesEnableNonSecurity"), "ApprovedPatchesEnableNonSecurity"),
		RejectedPatches:                          r.texts(get("RejectedPatches"), "RejectedPatches"),
		RejectedPatchesAction:                    r.text(get("RejectedPatchesAction"), "RejectedPatchesAction"),
		AvailableSecurityUpdatesComplianceStatus: r.text(get("AvailableSecurityUpdatesComplianceStatus"), "AvailableSecurityUpdatesComplianceStatus"),
	}
	if r.flat {
		r.flatBlocks(v, b)
	} else {
		r.nested(get, b)
	}
	r.beyondPolicy(v)
	return b
}

func (r *reader) beyondPolicy(v tree.Value) {
	for _, name := range r.dialect.beyond {
		switch strings.ToLower(name) {
		case "patchgroups", "tags":
			if f := v.Get(name); len(f.List)+len(f.Fields) > 0 {
				r.notes = append(r.notes, r.at+name+" is no part of the policy and is left out")
			}
		case "defaultbaseline":
			if v.Get(name).Text == "true" {
				r.notes = append(r.notes, r.at+name+" is no part of the policy and is left out: it says which nodes get the baseline")
			}
		}
	}
}
