package baseline

import "time"

// Baseline is a patch baseline in the shape of CreatePatchBaseline; it reads and
// writes that JSON unchanged.
type Baseline struct {
	Name                                     string            `json:"Name"`
	OperatingSystem                          OperatingSystem   `json:"OperatingSystem,omitempty"`
	GlobalFilters                            *PatchFilterGroup `json:"GlobalFilters,omitempty"`
	ApprovalRules                            *PatchRuleGroup   `json:"ApprovalRules,omitempty"`
	ApprovedPatches                          []string          `json:"ApprovedPatches,omitzero"`
	ApprovedPatchesComplianceLevel           string            `json:"ApprovedPatchesComplianceLevel,omitempty"`
	ApprovedPatchesEnableNonSecurity         *bool             `json:"ApprovedPatchesEnableNonSecurity,omitempty"`
	RejectedPatches                          []string          `json:"RejectedPatches,omitzero"`
	RejectedPatchesAction                    string            `json:"RejectedPatchesAction,omitempty"`
	AvailableSecurityUpdatesComplianceStatus string            `json:"AvailableSecurityUpdatesComplianceStatus,omitempty"`
	Description                              string            `json:"Description,omitempty"`
	Sources                                  []PatchSource     `json:"Sources,omitzero"`
}

// PatchFilterGroup is a list of filters, ANDed.
type PatchFilterGroup struct {
	PatchFilters []PatchFilter `json:"PatchFilters"`
}

// PatchFilter is one key with 1 to 20 values, ORed.
type PatchFilter struct {
	Key    string   `json:"Key"`
	Values []string `json:"Values"`
}

// PatchRuleGroup is a list of approval rules, ORed.
type PatchRuleGroup struct {
	PatchRules []PatchRule `json:"PatchRules"`
}

// PatchRule approves what passes its filters once it is old enough.
type PatchRule struct {
	PatchFilterGroup  *PatchFilterGroup `json:"PatchFilterGroup,omitempty"`
	ComplianceLevel   string            `json:"ComplianceLevel,omitempty"`
	ApproveAfterDays  *int              `json:"ApproveAfterDays,omitempty"`
	ApproveUntilDate  string            `json:"ApproveUntilDate,omitempty"`
	EnableNonSecurity *bool             `json:"EnableNonSecurity,omitempty"`
}

// PatchSource is an alternative repository (§10). Configuration is sensitive.
type PatchSource struct {
	Name          string   `json:"Name"`
	Products      []string `json:"Products"`
	Configuration string   `json:"Configuration"`
}

// Package is one version of a package.
//
// For rpm, Epoch, Version and Release are apart (a missing epoch is "0"); for
// deb and macOS, Version holds the whole version string.
type Package struct {
	Name    string `json:"name"`
	Arch    string `json:"arch,omitempty"`
	Epoch   string `json:"epoch,omitempty"`
	Version string `json:"version"`
	Release string `json:"release,omitempty"`
}

// Installed is a completely installed package.
type Installed struct {
	Package
	InstalledTime time.Time `json:"installedTime,omitzero"`
	// Held says that the package manager was told not to change it.
	Held bool `json:"held,omitempty"`
	// Source is the source package's name, where the database states it.
	Source string `json:"source,omitempty"`
	// Manager is macOS only: softwareupdate, installer, brew or brew_cask.
	Manager string `json:"manager,omitempty"`
}

// Notice is an advisory (updateinfo notice, SUSE patch) that names a version.
type Notice struct {
	ID        string   `json:"id"`
	Type      string   `json:"type,omitempty"`
	Severity  *string  `json:"severity,omitempty"` // nil: the element is absent
	Status    string   `json:"status,omitempty"`   // "retracted" approves nothing (§16.1)
	Issued    string   `json:"issued,omitempty"`
	Updated   string   `json:"updated,omitempty"`
	CVEs      []string `json:"cves,omitempty"`
	Bugzillas []string `json:"bugzillas,omitempty"`
	Module    string   `json:"module,omitempty"` // "name:stream"
}

// Origin is where a deb version comes from, as its Release file states it.
type Origin struct {
	Origin    string `json:"origin,omitempty"`
	Label     string `json:"label,omitempty"`
	Suite     string `json:"suite,omitempty"` // apt calls it archive
	Codename  string `json:"codename,omitempty"`
	Component string `json:"component,omitempty"`
	Site      string `json:"site,omitempty"`
	Trusted   bool   `json:"trusted,omitempty"`
}

// Changelog is what the top entries of a .deb's changelog say. It feeds the
// marked extension "approval delay on Debian and Ubuntu", never SSM mode.
type Changelog struct {
	Date    time.Time `json:"date,omitzero"` // when the maintainer signed the top entry
	Urgency string    `json:"urgency,omitempty"`
	CVEs    []string  `json:"cves,omitempty"` // of all entries newer than the installed version
}

// AvailablePackage is one version that an enabled repository offers.
type AvailablePackage struct {
	Package
	Notices   []Notice   `json:"notices,omitempty"`
	BuildTime time.Time  `json:"buildTime,omitzero"`
	Module    string     `json:"module,omitempty"` // "name:stream" of the modular build
	Requires  []Package  `json:"requires,omitempty"`
	Obsoletes []string   `json:"obsoletes,omitempty"`
	Priority  string     `json:"priority,omitempty"` // deb
	Section   string     `json:"section,omitempty"`  // deb
	Origins   []Origin   `json:"origins,omitempty"`  // deb
	Phased    int        `json:"phased,omitempty"`   // Phased-Update-Percentage, 0: not phased
	Hotfix    bool       `json:"hotfix,omitempty"`   // from a module_hotfixes=1 repository (§16.4)
	Manager   string     `json:"manager,omitempty"`  // macOS: softwareupdate, installer, brew, brew_cask
	Changelog *Changelog `json:"changelog,omitempty"`
	FirstSeen time.Time  `json:"firstSeen,omitzero"` // extension: when our ledger first saw it

	// Repository is the ID of the Repository that offers the file below.
	Repository string `json:"repository,omitempty"`
	Filename   string `json:"filename,omitempty"` // relative to the repository's URL
	Size       int64  `json:"size,omitempty"`     // bytes
	SHA256     string `json:"sha256,omitempty"`   // lower-case hex, as the index states it
}

// Repository is the state of one repository at the time of reading.
type Repository struct {
	ID    string `json:"id"`
	URL   string `json:"url"`             // what packages' Filename is relative to
	Suite string `json:"suite,omitempty"` // deb
	// IndexSHA256 is the digest of the Release, InRelease or repomd.xml file.
	IndexSHA256 string    `json:"indexSha256,omitempty"`
	Date        time.Time `json:"date,omitzero"`       // the index's own date
	ValidUntil  time.Time `json:"validUntil,omitzero"` // deb
	TimeTravel  string    `json:"timeTravel,omitempty"`
	Origin      Origin    `json:"origin,omitzero"`
	// Verified says that the index signature was checked against a pinned key.
	Verified bool `json:"verified,omitempty"`
	// SignedBy is the fingerprint of the key whose signature counted, upper-case hex.
	SignedBy string `json:"signedBy,omitempty"`
	// SeenFrom is where the index was read: a path under the root, or an address.
	SeenFrom string `json:"seenFrom,omitempty"`
}

// Inventory is what a root has.
type Inventory struct {
	OS             OperatingSystem `json:"os"`
	Product        string          `json:"product"` // such as Debian12
	Arch           string          `json:"arch"`    // the package manager's word, such as amd64
	Installed      []Installed     `json:"installed"`
	EnabledModules []string        `json:"enabledModules,omitempty"` // "name:stream", active streams
	Kernel         string          `json:"kernel,omitempty"`         // running, if any
	BootTime       time.Time       `json:"bootTime,omitzero"`
}

// Available is what the enabled repositories of a root offer.
type Available struct {
	Packages     []AvailablePackage `json:"packages"`
	Repositories []Repository       `json:"repositories,omitempty"`
	// Updates is the Windows catalogue as this node sees it (§4).
	Updates []Update `json:"updates,omitempty"`
}

// Node is everything an evaluation reads about one root.
type Node struct {
	Inventory Inventory `json:"inventory"`
	Available Available `json:"available"`
}
