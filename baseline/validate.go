package baseline

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Validate checks every limit and rule of §1 and reports all faults together as
// an *InvalidError.
func (b *Baseline) Validate() error {
	v := &faultList{}
	b.check(v)
	return v.err("baseline " + b.Name)
}

func (b *Baseline) check(v *faultList) {
	if !nameFits(b.Name, 3, 128) {
		v.add("Name", b.Name, "3 to 128 characters of a-z, A-Z, 0-9, _, - and .", sourceModel)
	}
	b.validateOverride(v, "")
	if n := utf8.RuneCountInString(b.Description); n > 1024 {
		v.add("Description", b.Description, "at most 1024 characters, not "+strconv.Itoa(n), sourceModel)
	}
}

// validateOverride checks the fields that a BaselineOverride shares with a
// baseline: everything but the name and the description.
func (b *Baseline) validateOverride(v *faultList, path string) {
	os := b.os()
	if !os.Known() {
		v.add(path+"OperatingSystem", string(os), "one of the fifteen operating systems", sourceModel)
	}
	checkFilters(v, path+"GlobalFilters", b.GlobalFilters, os)
	b.validateRules(v, path)
	checkLevel(v, path+"ApprovedPatchesComplianceLevel", b.ApprovedPatchesComplianceLevel)
	checkNonSecurity(v, path+"ApprovedPatchesEnableNonSecurity", b.ApprovedPatchesEnableNonSecurity, os)
	checkList(v, path+"ApprovedPatches", b.ApprovedPatches)
	checkList(v, path+"RejectedPatches", b.RejectedPatches)
	checkEnum(v, path+"RejectedPatchesAction", b.RejectedPatchesAction, AllowAsDependency, Block)
	checkEnum(v, path+"AvailableSecurityUpdatesComplianceStatus",
		b.AvailableSecurityUpdatesComplianceStatus, Compliant, NonCompliant)
	if b.AvailableSecurityUpdatesComplianceStatus != "" && os != Windows {
		v.add(path+"AvailableSecurityUpdatesComplianceStatus",
			b.AvailableSecurityUpdatesComplianceStatus, "Windows only, not "+string(os), sourceModel)
	}
	b.validateSources(v, path)
}

func (b *Baseline) validateRules(v *faultList, path string) {
	if b.ApprovalRules == nil {
		return
	}
	field := path + "ApprovalRules.PatchRules"
	rules := b.ApprovalRules.PatchRules
	if n := len(rules); n > 10 {
		v.add(field, strconv.Itoa(n)+" rules", "at most 10 rules", sourceModel)
	}
	for i := range rules {
		rules[i].validate(v, fmt.Sprintf("%s[%d]", field, i), b.os())
	}
}

func (r *PatchRule) validate(v *faultList, path string, os OperatingSystem) {
	if r.PatchFilterGroup == nil {
		v.add(path+".PatchFilterGroup", "", "required", sourceModel)
	}
	checkFilters(v, path+".PatchFilterGroup", r.PatchFilterGroup, os)
	checkLevel(v, path+".ComplianceLevel", r.ComplianceLevel)
	checkNonSecurity(v, path+".EnableNonSecurity", r.EnableNonSecurity, os)

	if d := r.ApproveAfterDays; d != nil && (*d < 0 || *d > 360) {
		v.add(path+".ApproveAfterDays", strconv.Itoa(*d), "0 to 360 days", sourceModel)
	}
	if s := r.ApproveUntilDate; s != "" {
		if _, ok := parseDay(s); !ok {
			v.add(path+".ApproveUntilDate", s, "a date YYYY-MM-DD", sourceModel)
		}
	}
	switch days, date := r.ApproveAfterDays != nil, r.ApproveUntilDate != ""; {
	case days && date: // AMB-23
		v.add(path, "both", "one of ApproveAfterDays and ApproveUntilDate, not both", sourceDates)
	case !days && !date && worldOf(os) != worldDeb:
		v.add(path, "neither", "one of ApproveAfterDays and ApproveUntilDate (not required on Debian-like systems)", sourceDates)
	}
}

func checkFilters(v *faultList, path string, g *PatchFilterGroup, os OperatingSystem) {
	if g == nil {
		return
	}
	path += ".PatchFilters"
	if n := len(g.PatchFilters); n > 4 {
		v.add(path, strconv.Itoa(n)+" filters", "at most 4 filters", sourceModel)
	}
	for i, f := range g.PatchFilters {
		at := fmt.Sprintf("%s[%d]", path, i)
		if keys := filterKeys(os); !slices.Contains(keys, f.Key) {
			v.add(at+".Key", f.Key, fmt.Sprintf("one of %s on %s", strings.Join(keys, ", "), os), sourceKeys)
		}
		if n := len(f.Values); n < 1 || n > 20 {
			v.add(at+".Values", strconv.Itoa(n)+" values", "1 to 20 values", sourceModel)
		}
		for j, value := range f.Values {
			at := fmt.Sprintf("%s.Values[%d]", at, j)
			if n := utf8.RuneCountInString(value); n < 1 || n > 64 {
				v.add(at, value, "1 to 64 characters", sourceModel)
			}
			if value == "All" {
				v.add(at, value, "All is not a value; write * for everything", sourceAll)
			}
		}
	}
}

// filterKeys lists the keys that a baseline of os may use (§1.2). PATCH_ID in a
// Windows rule is accepted, with a lint warning.
func filterKeys(os OperatingSystem) []string {
	switch worldOf(os) {
	case worldRPM:
		return []string{"PRODUCT", "CLASSIFICATION", "SEVERITY"}
	case worldDeb:
		return []string{"PRODUCT", "PRIORITY", "SECTION"}
	case worldMac:
		return []string{"PRODUCT", "CLASSIFICATION"}
	case worldWindows:
		return []string{"PRODUCT", "PRODUCT_FAMILY", "PATCH_SET", "CLASSIFICATION", "MSRC_SEVERITY", "PATCH_ID"}
	}
	return nil
}

func checkLevel(v *faultList, path, s string) {
	checkEnum(v, path, s, LevelCritical, LevelHigh, LevelMedium, LevelLow, LevelInformational, LevelUnspecified)
}

func checkEnum(v *faultList, path, s string, allowed ...string) {
	if s != "" && !slices.Contains(allowed, s) {
		v.add(path, s, "one of "+strings.Join(allowed, ", "), sourceModel)
	}
}

// checkNonSecurity refuses only true elsewhere than on Linux: predefined
// baselines of other systems state false.
func checkNonSecurity(v *faultList, path string, on *bool, os OperatingSystem) {
	if on != nil && *on && (os == Windows || os == MacOS) {
		v.add(path, "true", "Linux only, not "+string(os), sourceModel)
	}
}

func checkList(v *faultList, path string, list []string) {
	if n := len(list); n > 50 {
		v.add(path, strconv.Itoa(n)+" entries", "at most 50 entries", sourceModel)
	}
	for i, s := range list {
		if n := utf8.RuneCountInString(s); n < 1 || n > 100 {
			v.add(fmt.Sprintf("%s[%d]", path, i), s, "1 to 100 characters", sourceModel)
		}
	}
}

func (b *Baseline) validateSources(v *faultList, path string) {
	path += "Sources"
	if n := len(b.Sources); n > 20 {
		v.add(path, strconv.Itoa(n)+" sources", "at most 20 sources", sourceModel)
	}
	for i, s := range b.Sources {
		at := fmt.Sprintf("%s[%d]", path, i)
		if !nameFits(s.Name, 3, 50) {
			v.add(at+".Name", s.Name, "3 to 50 characters of a-z, A-Z, 0-9, _, - and .", sourceModel)
		}
		if n := len(s.Products); n < 1 || n > 20 {
			v.add(at+".Products", strconv.Itoa(n)+" products", "1 to 20 products", sourceModel)
		}
		for j, p := range s.Products {
			if n := utf8.RuneCountInString(p); n < 1 || n > 128 {
				v.add(fmt.Sprintf("%s.Products[%d]", at, j), p, "1 to 128 characters", sourceModel)
			}
		}
		// The configuration may hold credentials: its length, never its text.
		if n := utf8.RuneCountInString(s.Configuration); n < 1 || n > 1024 {
			v.add(at+".Configuration", strconv.Itoa(n)+" characters", "1 to 1024 characters", sourceModel)
		}
	}
}

func nameFits(s string, low, high int) bool {
	for _, c := range []byte(s) {
		if !isLetter(c) && !isDigit(c) && c != '_' && c != '-' && c != '.' {
			return false
		}
	}
	return len(s) >= low && len(s) <= high
}
