package baseline

import "time"

// Update is one update of the Windows catalogue together with how it stands on
// the node (§4).
type Update struct {
	KB             string    `json:"kb"`
	Bulletin       string    `json:"bulletin,omitempty"` // MSnn-nnn
	Title          string    `json:"title,omitempty"`
	Product        string    `json:"product"`
	ProductFamily  string    `json:"productFamily,omitempty"`
	PatchSet       string    `json:"patchSet,omitempty"` // OS or APPLICATION; absent: OS
	Classification string    `json:"classification,omitempty"`
	MSRCSeverity   string    `json:"msrcSeverity,omitempty"` // absent: Unspecified
	Revision       int       `json:"revision,omitempty"`
	ReleaseDate    time.Time `json:"releaseDate,omitzero"` // of this revision; absent: 1970-01-01
	Supersedes     []string  `json:"supersedes,omitempty"` // KB ids
	BundledKBs     []string  `json:"bundledKbs,omitempty"`
	Installed      bool      `json:"installed,omitempty"`
	NotApplicable  bool      `json:"notApplicable,omitempty"`
	InstalledTime  time.Time `json:"installedTime,omitzero"`
	CVEs           []string  `json:"cves,omitempty"`
}
