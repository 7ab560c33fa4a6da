package record

import (
	"time"

	"github.com/goldenami/rehydrate/baseline"
)

// ScanSchema is the version of Scan.
const ScanSchema = 1

// The kinds of a scan's target.
const (
	KindRoot     = "root"
	KindDisk     = "disk"
	KindSnapshot = "snapshot"
	KindImage    = "image"
	KindInstance = "instance"
)

// The standings of a Scan. Unknown is never compliant.
const (
	StandsCompliant    = "compliant"
	StandsNonCompliant = "non-compliant"
	StandsUnknown      = "unknown"
	StandsInventory    = "inventory" // nothing was judged: neither baseline nor lock was given
)

// Scan is what was found on a target, and how it stands.
type Scan struct {
	Schema    int       `json:"schema"`
	Tool      string    `json:"tool,omitempty"` // such as "rehydrate 0.1.0"
	Target    string    `json:"target"`
	Kind      string    `json:"kind"`
	Snapshot  string    `json:"snapshot,omitempty"` // what an image's root was read from
	Format    string    `json:"format,omitempty"`   // of a disk image, such as raw or qcow2
	ScannedAt time.Time `json:"scannedAt,omitzero"`
	// Modelled says in words what was modelled rather than real.
	Modelled []string `json:"modelled,omitempty"`
	Standing string   `json:"standing"`
	Reason   string   `json:"reason,omitempty"` // why unknown
	Hint     string   `json:"hint,omitempty"`   // the next thing to do about it

	Inventory baseline.Inventory `json:"inventory"`
	// Sources are the repositories that updates were looked for in, and when.
	Sources []baseline.Repository `json:"sources,omitempty"`
	// Updates are the pending updates of installed packages, by name and
	// architecture, whatever a baseline says about them.
	Updates []Update `json:"updates,omitempty"`
	// UpdatesKnown says that every source was read: without it, no update in Updates
	// says nothing, and UpdatesReason tells why. With it, UpdatesReason tells why to doubt them.
	UpdatesKnown  bool   `json:"updatesKnown"`
	UpdatesReason string `json:"updatesReason,omitempty"`
	// UpdatesFrom is the stored metadata that was used in place of the target's own.
	UpdatesFrom string `json:"updatesFrom,omitempty"`

	Baseline   *Judge                 `json:"baseline,omitempty"`
	Evaluation *baseline.Result       `json:"evaluation,omitempty"`
	Lock       *Judge                 `json:"lock,omitempty"`
	Findings   []baseline.LockFinding `json:"findings,omitempty"`

	Facts   *Facts      `json:"facts,omitempty"` // from the metadata depth on
	Remarks []string    `json:"remarks,omitempty"`
	Read    ReadCost    `json:"read,omitzero"`   // in all
	Costs   []DepthCost `json:"costs,omitempty"` // of each depth
}

// Judge is what a target was judged by.
type Judge struct {
	Name   string `json:"name"`
	Digest string `json:"digest,omitempty"`
}

// Update is the newest version that the sources offer for an installed package.
type Update struct {
	Name      string `json:"name"`
	Arch      string `json:"arch,omitempty"`
	Installed string `json:"installed"` // full versions
	Version   string `json:"version"`
	// Source is the ID of the repository, Origin its label and suite in words.
	Source   string `json:"source,omitempty"`
	Origin   string `json:"origin,omitempty"`
	Filename string `json:"filename,omitempty"`
	Size     int64  `json:"size,omitempty"`
	SHA256   string `json:"sha256,omitempty"`
	// Security says that an advisory of type security, or a security repository,
	// brings it.
	Security       bool       `json:"security,omitempty"`
	Classification string     `json:"classification,omitempty"`
	Severity       string     `json:"severity,omitempty"` // the publisher's word
	Advisories     []Advisory `json:"advisories,omitempty"`
	// CVEs are those that the vendor says this update fixes: of every version newer
	// than the installed one.
	CVEs   []string `json:"cves,omitempty"`
	Held   bool     `json:"held,omitempty"`
	Phased int      `json:"phased,omitempty"` // percentage of machines it is offered to
	// State, Rule and Level are the baseline's word on the package, if one was given.
	State string `json:"state,omitempty"`
	Rule  string `json:"rule,omitempty"`
	Level string `json:"level,omitempty"`
}

// Advisory is a vendor's notice about a version.
type Advisory struct {
	ID       string   `json:"id"`
	Type     string   `json:"type,omitempty"`
	Severity string   `json:"severity,omitempty"`
	Issued   string   `json:"issued,omitempty"`
	Version  string   `json:"version,omitempty"` // the version that it names
	CVEs     []string `json:"cves,omitempty"`
}
