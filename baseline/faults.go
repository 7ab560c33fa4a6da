package baseline

import (
	"fmt"
	"strings"
)

// Fault is one thing that is wrong with a baseline or another document.
type Fault struct {
	Field  string `json:"field"`  // path, such as ApprovalRules.PatchRules[0].ApproveAfterDays
	Value  string `json:"value"`  // what stands there, shortened
	Limit  string `json:"limit"`  // what is allowed
	Source string `json:"source"` // where the rule comes from
}

func (f Fault) String() string {
	return fmt.Sprintf("%s: %s: %s (%s)", f.Field, f.Value, f.Limit, f.Source)
}

// InvalidError reports every fault of a document at once.
type InvalidError struct {
	What   string // such as "baseline golden"
	Faults []Fault
}

func (e *InvalidError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "checking %s: ", e.What)
	for i, f := range e.Faults {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(f.String())
	}
	return b.String()
}

// faultList collects faults.
type faultList struct{ faults []Fault }

func (l *faultList) add(field, value, limit, source string) {
	l.faults = append(l.faults, Fault{field, shorten(value), limit, source})
}

func (l *faultList) err(what string) error {
	if len(l.faults) == 0 {
		return nil
	}
	return &InvalidError{What: what, Faults: l.faults}
}

func shorten(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return fmt.Sprintf("%q...", string(r[:most]))
	}
	return fmt.Sprintf("%q", s)
}

// The sources of the rules, as faults name them.
const (
	sourceModel   = "SSM API model, CreatePatchBaseline"
	sourceKeys    = "SSM user guide, filter keys per operating system"
	sourceDates   = "SSM API reference, PatchRule: one of ApproveAfterDays and ApproveUntilDate"
	sourceAll     = "SSM answers ValidationException; the wildcard is *"
	sourceGroup   = "SSM API model, RegisterPatchBaselineForPatchGroup"
	sourceWindows = "SSM user guide, patching applications on Windows"
)
