package record

import "time"

// ImageDiffSchema is the version of ImageDiff.
const ImageDiffSchema = 1

// ImageDiff is what changed from one root, image or snapshot to another.
type ImageDiff struct {
	Schema int       `json:"schema"`
	Tool   string    `json:"tool,omitempty"`
	From   DiffSide  `json:"from"`
	To     DiffSide  `json:"to"`
	At     time.Time `json:"comparedAt,omitzero"`
	// Depth is to what both sides were compared.
	Depth string `json:"depth"`
	// Same says that nothing differs, as far as was looked; never without a side's
	// packages.
	Same     bool            `json:"same"`
	Packages []PackageChange `json:"packages,omitempty"`
	Modules  []Difference    `json:"modules,omitempty"` // enabled module streams

	// From the metadata depth on.
	Kernels  []Difference `json:"kernels,omitempty"`
	Services []Difference `json:"services,omitempty"`
	Users    []Difference `json:"users,omitempty"`
	Groups   []Difference `json:"groups,omitempty"`
	SetID    []Difference `json:"setId,omitempty"`
	Capable  []Difference `json:"capable,omitempty"`
	Writable []Difference `json:"worldWritable,omitempty"`
	// Sizes are the top folders whose size differs; "." is the total, "./" the files
	// of the root folder itself.
	Sizes []SizeChange `json:"sizes,omitempty"`

	// From the digest depth on.
	Files []Difference `json:"files,omitempty"`

	// Unknown is what could not be compared, and why.
	Unknown  []string `json:"unknown,omitempty"`
	Modelled []string `json:"modelled,omitempty"`
}

// DiffSide is one side of a comparison.
type DiffSide struct {
	Target    string      `json:"target"`
	Kind      string      `json:"kind"`
	Snapshot  string      `json:"snapshot,omitempty"`
	Product   string      `json:"product"`
	Arch      string      `json:"arch,omitempty"`
	Packages  int         `json:"packages"`
	Depth     string      `json:"depth"`
	ScannedAt time.Time   `json:"scannedAt,omitzero"`
	Read      ReadCost    `json:"read,omitzero"`
	Costs     []DepthCost `json:"costs,omitempty"`
}

// How something differs.
const (
	Added      = "added"
	Removed    = "removed"
	Changed    = "changed"
	Upgraded   = "upgraded"   // packages: to a newer version
	Downgraded = "downgraded" // packages: to an older one
)

// PackageChange is one package that differs.
type PackageChange struct {
	Change
	How    string `json:"how"`
	Kernel bool   `json:"kernel,omitempty"` // it brings a kernel
}

// Difference is one thing that differs; From and To say in words what it was and is.
type Difference struct {
	Name string `json:"name"`
	How  string `json:"how"` // added, removed or changed
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// SizeChange is a folder whose size differs.
type SizeChange struct {
	Path      string `json:"path"`
	FromBytes int64  `json:"fromBytes"`
	ToBytes   int64  `json:"toBytes"`
	FromFiles int    `json:"fromFiles"`
	ToFiles   int    `json:"toFiles"`
}
