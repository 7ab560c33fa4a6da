package baseline

import "time"

// LockSchema is the version of the lock's JSON shape.
const LockSchema = 1

// Lock is a baseline evaluated once: exact packages, why each, and from which
// repository state. Its canonical JSON is hashed; one lock drives the bake, the
// gate and the in-place path.
type Lock struct {
	Schema         int             `json:"schema"`
	Baseline       string          `json:"baseline"` // the baseline's name
	BaselineDigest string          `json:"baselineDigest"`
	OS             OperatingSystem `json:"os"`
	Product        string          `json:"product"`
	Arch           string          `json:"arch"`
	EvaluatedAt    time.Time       `json:"evaluatedAt"`
	Extensions     []string        `json:"extensions,omitempty"` // such as apt-approval-delay
	Repositories   []Repository    `json:"repositories"`
	Packages       []LockedPackage `json:"packages"` // by name, then architecture
}

// LockedPackage is one exact package file of a lock.
type LockedPackage struct {
	Package
	// From is the full version installed when the lock was made; empty for a
	// package that comes in as a dependency.
	From            string   `json:"from,omitempty"`
	Repository      string   `json:"repository"` // Repository.ID
	Filename        string   `json:"filename"`
	Size            int64    `json:"size"`
	SHA256          string   `json:"sha256"`
	Advisories      []string `json:"advisories,omitempty"`
	CVEs            []string `json:"cves,omitempty"`
	Rule            string   `json:"rule"` // such as "approval_rule[0]", "approved_patches", "dependency"
	ComplianceLevel string   `json:"complianceLevel"`
}
