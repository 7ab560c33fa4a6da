package baseline

// Switches are the named compatibility switches of §13. The zero value is the
// reading that the specification chose; every other value is refused unless it
// is one of those listed.
type Switches struct {
	// Date (AMB-01): "issued" reads only an advisory's issued date on dnf
	// systems; default: updated, else issued.
	Date string `json:"date,omitempty"`
	// NoDate (AMB-03): "excluded" never approves by a rule what has no readable
	// date; default: it counts as published in 1970.
	NoDate string `json:"noDate,omitempty"`
	// Severity (AMB-04): "required" demands type and severity of an advisory on
	// every rpm family but SUSE; "optional" on none; default: on dnf only.
	Severity string `json:"severity,omitempty"`
	// Ahead (AMB-11) is the state of a package newer than every approved version:
	// "installed" or "other" on all families; default: Installed on yum only.
	Ahead string `json:"ahead,omitempty"`
	// PendingReboot (AMB-14): "sinceBoot" also marks what was installed after the
	// last boot by anybody; default: only what our own run changed.
	PendingReboot string `json:"pendingReboot,omitempty"`
	// SuseGate (AMB-15): "advisory" demands a patch on SUSE, as EnableNonSecurity
	// does elsewhere; default: packages outside patches are not gated.
	SuseGate string `json:"suseGate,omitempty"`
	// ESM (AMB-18): "excluded" does not count *-apps-security and *-infra-security
	// archives as security; default: every archive whose name contains security.
	ESM string `json:"esm,omitempty"`
}

// The values of the switches.
const (
	DateIssued       = "issued"
	NoDateExcluded   = "excluded"
	SeverityRequired = "required"
	SeverityOptional = "optional"
	AheadInstalled   = "installed"
	AheadOther       = "other"
	PendingSinceBoot = "sinceBoot"
	SuseGateAdvisory = "advisory"
	ESMExcluded      = "excluded"
)

const sourceSwitch = "compatibility switches, specification §13"

// Validate refuses values that are not listed, as an *InvalidError.
func (s Switches) Validate() error {
	v := &faultList{}
	for _, f := range []struct {
		name, value string
		allowed     []string
	}{
		{"date", s.Date, []string{DateIssued}},
		{"noDate", s.NoDate, []string{NoDateExcluded}},
		{"severity", s.Severity, []string{SeverityRequired, SeverityOptional}},
		{"ahead", s.Ahead, []string{AheadInstalled, AheadOther}},
		{"pendingReboot", s.PendingReboot, []string{PendingSinceBoot}},
		{"suseGate", s.SuseGate, []string{SuseGateAdvisory}},
		{"esm", s.ESM, []string{ESMExcluded}},
	} {
		checkEnum(v, f.name, f.value, f.allowed...)
	}
	for i := range v.faults {
		v.faults[i].Source = sourceSwitch
	}
	return v.err("compatibility switches")
}
