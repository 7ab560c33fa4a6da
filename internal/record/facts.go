package record

// The depths of a reading. Each holds the ones before it.
const (
	DepthPackages = "packages" // the package databases only
	DepthMetadata = "metadata" // also inodes, directories and a few small files
	DepthDigest   = "digest"   // also the content of every file
)

// DepthCost is what one depth read beyond the depths before it.
type DepthCost struct {
	Depth string `json:"depth"`
	ReadCost
	Files int `json:"files,omitempty"` // whose content was read
}

// Facts are what a root's files say beside its packages. Paths are relative to the
// root, without a leading slash; bytes that are no printable text stand in them as
// \x1b, and a backslash is doubled, so that a hostile name can harm no report.
type Facts struct {
	Depth    string    `json:"depth"`
	Users    []User    `json:"users"`  // by name
	Groups   []Group   `json:"groups"` // by name
	SetID    []Special `json:"setId"`  // regular files that are setuid or setgid, by path
	Services []Service `json:"services"`
	// Capable are files with capabilities; Unread names what could not be looked for.
	Capable []Special `json:"capable,omitempty"`
	// Writable are files and folders that everybody may write to, beside those in or
	// being a sticky folder.
	Writable []Special    `json:"worldWritable,omitempty"`
	Kernels  []Kernel     `json:"kernels,omitempty"` // by version
	Total    FolderSize   `json:"total"`
	Folders  []FolderSize `json:"folders"` // the top folders, by path
	// Digests are of every regular file, by path; only at the digest depth.
	Digests []Digest `json:"digests,omitempty"`
	// Altered are files that differ from what their package installed; only at the
	// digest depth, and only where the package database keeps digests (see Vouched).
	Altered []Altered `json:"altered,omitempty"`
	// Vouched is how many files were compared with their package's own digest.
	Vouched int      `json:"vouched,omitempty"`
	Unread  []string `json:"unread,omitempty"` // what is not known, and why
}

// The states of a user's password. The password itself, hashed or not, is never read
// out.
const (
	PasswordSet     = "set"
	PasswordLocked  = "locked"  // no password is accepted
	PasswordNone    = "none"    // none is needed
	PasswordUnknown = "unknown" // kept where it could not be read
)

// User is one line of etc/passwd.
type User struct {
	Name     string `json:"name"`
	UID      uint32 `json:"uid"`
	GID      uint32 `json:"gid"`
	Home     string `json:"home,omitempty"`
	Shell    string `json:"shell,omitempty"`
	Password string `json:"password"`
}

// Group is one line of etc/group.
type Group struct {
	Name    string   `json:"name"`
	GID     uint32   `json:"gid"`
	Members []string `json:"members,omitempty"` // sorted
}

// Special is a file that may do more than others.
type Special struct {
	Path string `json:"path"`
	Mode string `json:"mode"` // four octal digits, such as 4755
	UID  uint32 `json:"uid"`
	GID  uint32 `json:"gid"`
	// Capabilities is the text of setcap, such as cap_net_raw=ep.
	Capabilities string `json:"capabilities,omitempty"`
}

// Service is a unit that something starts, or that is kept from starting.
type Service struct {
	Unit string `json:"unit"` // such as ssh.service, or a System V script's name
	// How is wants, requires, alias, masked, or rc for a System V script.
	How string `json:"how"`
	// By is what pulls the unit in, such as multi-user.target or rc3.d.
	By string `json:"by,omitempty"`
	// Vendor says that a package set this up (usr/lib/systemd/system), not the
	// administrator or a package's script (etc).
	Vendor bool `json:"vendor,omitempty"`
}

// Kernel is one kernel version on the root.
type Kernel struct {
	Version string `json:"version"`
	Image   bool   `json:"image"`             // boot/vmlinuz-VERSION is there
	Modules bool   `json:"modules"`           // lib/modules/VERSION is there
	Default bool   `json:"default,omitempty"` // the boot loader's configuration names it first
}

// FolderSize is what lies below a folder. A file with several names counts once.
type FolderSize struct {
	Path    string `json:"path"`    // "." for the whole root's own files
	Bytes   int64  `json:"bytes"`   // of regular files, as their sizes say
	Files   int    `json:"files"`   // regular files
	Folders int    `json:"folders"` // folders below
	Links   int    `json:"links,omitempty"`
	Others  int    `json:"others,omitempty"` // devices, pipes, sockets
}

// Digest is the content of one file.
type Digest struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"` // lower-case hex
	Size   int64  `json:"size"`
}

// Altered is a file that is not what its package installed.
type Altered struct {
	Path    string `json:"path"`
	Package string `json:"package"`
	How     string `json:"how"` // content, missing or kind (no regular file any more)
}
