package baseline

import (
	"errors"
	"time"
)

var errStub = errors.New("baseline: not written yet")

// Options are the choices of an evaluation that are not part of a baseline.
type Options struct {
	Switches Switches `json:"switches,omitzero"`
	// AptApprovalDelay honours ApproveAfterDays on Debian and Ubuntu, which SSM
	// does not (DESIGN §6.10). It is an extension and marked in every report.
	AptApprovalDelay bool `json:"aptApprovalDelay,omitempty"`
}

// Switches are the named compatibility switches of §13.
type Switches struct{}

// Evaluate judges a node against a baseline at now (UTC): what is Installed,
// Missing and so on (a Scan).
func Evaluate(b *Baseline, n Node, now time.Time, o Options) (*Result, error) { return nil, errStub }

// MakeLock evaluates and freezes what would be installed. deps are the further
// packages that the package manager's own solver adds.
func MakeLock(b *Baseline, n Node, now time.Time, o Options, deps ...AvailablePackage) (*Lock, error) {
	return nil, errStub
}

// Result is the outcome of an evaluation.
type Result struct {
	Items           []Item   `json:"items"` // by name, then architecture
	Counts          Counts   `json:"counts"`
	Status          string   `json:"status"` // COMPLIANT or NON_COMPLIANT
	OverallSeverity string   `json:"overallSeverity,omitempty"`
	ToInstall       []string `json:"toInstall,omitempty"` // name.arch=version
	Notes           []string `json:"notes,omitempty"`     // extensions used, pins ignored, ...
}

// Item is one package's state.
type Item struct {
	ID              string    `json:"id"`    // name.arch (Linux), name (macOS), KB id (Windows)
	Title           string    `json:"title"` // §7
	Name            string    `json:"name"`
	Arch            string    `json:"arch,omitempty"`
	State           State     `json:"state"`
	Installed       string    `json:"installed,omitempty"` // full version, if any
	Version         string    `json:"version,omitempty"`   // the version the item shows: the target if Missing or Failed
	ComplianceLevel string    `json:"complianceLevel"`
	Classification  string    `json:"classification,omitempty"`
	Severity        string    `json:"severity,omitempty"` // the publisher's
	CVEs            []string  `json:"cves,omitempty"`
	Rule            string    `json:"rule,omitempty"` // what approved it
	Reason          string    `json:"reason,omitempty"`
	InstalledTime   time.Time `json:"installedTime,omitzero"`
}

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

// Counts are the counters of InstancePatchState (§7.2).
type Counts struct {
	InstalledCount               int `json:"InstalledCount"`
	InstalledOtherCount          int `json:"InstalledOtherCount"`
	InstalledPendingRebootCount  int `json:"InstalledPendingRebootCount"`
	InstalledRejectedCount       int `json:"InstalledRejectedCount"`
	MissingCount                 int `json:"MissingCount"`
	FailedCount                  int `json:"FailedCount"`
	NotApplicableCount           int `json:"NotApplicableCount"`
	UnreportedNotApplicableCount int `json:"UnreportedNotApplicableCount"`
	AvailableSecurityUpdateCount int `json:"AvailableSecurityUpdateCount"`
	CriticalNonCompliantCount    int `json:"CriticalNonCompliantCount"`
	SecurityNonCompliantCount    int `json:"SecurityNonCompliantCount"`
	OtherNonCompliantCount       int `json:"OtherNonCompliantCount"`
}

// The values of Result.Status.
const (
	Compliant    = "COMPLIANT"
	NonCompliant = "NON_COMPLIANT"
)

// Parse reads CreatePatchBaseline or GetPatchBaseline JSON and validates it.
func Parse(data []byte) (*Baseline, error) { return nil, errStub }

// Validate checks every limit and rule of §1; it reports several faults together.
func (b *Baseline) Validate() error { return errStub }

// Digest is the SHA-256 of the baseline's canonical JSON, "sha256:" and hex.
func (b *Baseline) Digest() string { return "" }

// CompareVersions orders two full versions by the operating system's own rules
// (dpkg or rpm); a full rpm version is epoch:version-release.
func CompareVersions(os OperatingSystem, a, b string) int { return 0 }

// FullVersion renders p's version as items and lock entries show it:
// epoch:version-release for rpm, the plain version elsewhere.
func FullVersion(os OperatingSystem, p Package) string { return "" }

// Canonical is the lock's canonical JSON: sorted, without insignificant space.
func (l *Lock) Canonical() []byte { return nil }

// Digest is the SHA-256 of Canonical, "sha256:" and hex.
func (l *Lock) Digest() string { return "" }

// Identity is the digest of what would be installed: baseline digest, product,
// architecture and packages, but not when or from which index state. Two locks of
// one identity patch alike; the bake is skipped when it would not change.
func (l *Lock) Identity() string { return "" }

// InstallList is the exact list for the native package manager, such as
// "openssl:amd64=3.0.11-1" for apt or "openssl-1:3.0.8-1.x86_64" for dnf.
func (l *Lock) InstallList() []string { return nil }

// LockFinding is how one locked package stands on a root.
type LockFinding struct {
	LockedPackage
	Installed string `json:"installed,omitempty"` // full version found, if any
	// Standing is "exact", "newer", "older" or "absent".
	Standing string `json:"standing"`
}

// Judge compares a root's installed set with the lock, package by package. A root
// honours the lock when every finding is "exact".
func (l *Lock) Judge(inv Inventory) []LockFinding { return nil }
