package baseline

// State is a compliance state, spelt as Patch Manager's reports spell it.
type State string

// The states (§7).
const (
	StateInstalled               State = "Installed"
	StateInstalledOther          State = "InstalledOther"
	StateInstalledRejected       State = "InstalledRejected"
	StateInstalledPendingReboot  State = "InstalledPendingReboot"
	StateMissing                 State = "Missing"
	StateFailed                  State = "Failed"
	StateNotApplicable           State = "NotApplicable"
	StateAvailableSecurityUpdate State = "AvailableSecurityUpdate"
)

// Enum is the state as the API spells it, such as INSTALLED_PENDING_REBOOT.
func (s State) Enum() string {
	var out []byte
	for i, c := range []byte(s) {
		if c >= 'A' && c <= 'Z' {
			if i > 0 {
				out = append(out, '_')
			}
		} else {
			c -= 'a' - 'A'
		}
		out = append(out, c)
	}
	return string(out)
}

// nonCompliant says whether an item of state s makes its node non-compliant
// (§7.2); available security updates do only when the baseline says so.
func nonCompliant(s State, availableFails bool) bool {
	switch s {
	case StateMissing, StateFailed, StateInstalledRejected, StateInstalledPendingReboot:
		return true
	case StateAvailableSecurityUpdate:
		return availableFails
	}
	return false
}

// pendable says whether a reboot can be pending for a package in state s (§7.1).
func pendable(s State) bool {
	return s == StateInstalled || s == StateInstalledOther || s == StateInstalledRejected
}

// of finds the counter of a state.
func (c *Counts) of(s State) *int {
	switch s {
	case StateInstalled:
		return &c.InstalledCount
	case StateInstalledOther:
		return &c.InstalledOtherCount
	case StateInstalledRejected:
		return &c.InstalledRejectedCount
	case StateInstalledPendingReboot:
		return &c.InstalledPendingRebootCount
	case StateMissing:
		return &c.MissingCount
	case StateFailed:
		return &c.FailedCount
	case StateNotApplicable:
		return &c.NotApplicableCount
	case StateAvailableSecurityUpdate:
		return &c.AvailableSecurityUpdateCount
	}
	return nil
}
