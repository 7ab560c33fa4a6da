package ec2

import (
	"time"

	"github.com/goldenami/rehydrate/internal/twin/backing"
)

// Reason is a StateReason: AWS's code and a message.
type Reason struct {
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

// Disk is one device of an image.
type Disk struct {
	Device              string `json:"device"`
	Snapshot            string `json:"snapshot,omitempty"`
	Size                int32  `json:"size"`                 // GiB
	Type                string `json:"type"`                 // gp3, ...
	IOPS                int32  `json:"iops,omitempty"`       // as asked for; zero: the type's own
	Throughput          int32  `json:"throughput,omitempty"` // MiB/s, as asked for
	Encrypted           bool   `json:"encrypted,omitempty"`
	Key                 string `json:"key,omitempty"` // ARN of the KMS key that it is encrypted with
	DeleteOnTermination bool   `json:"deleteOnTermination"`
}

// Image is an AMI. It lives in its owner's account.
type Image struct {
	ID           string            `json:"id"`
	Name         string            `json:"name"`
	Description  string            `json:"description,omitempty"`
	Owner        string            `json:"owner"`
	OwnerAlias   string            `json:"ownerAlias,omitempty"` // amazon, ...
	Architecture string            `json:"architecture"`         // x86_64, arm64
	State        string            `json:"state"`                // pending, available, failed, disabled
	Reason       Reason            `json:"reason,omitzero"`
	Public       bool              `json:"public,omitempty"`
	Users        []string          `json:"users,omitempty"` // accounts that may launch it
	Orgs         []string          `json:"orgs,omitempty"`  // ARNs of organizations and units that may
	Created      time.Time         `json:"created"`
	RootDevice   string            `json:"rootDevice"`
	Disks        []Disk            `json:"disks,omitempty"`
	BootMode     string            `json:"bootMode,omitempty"`
	IMDS         string            `json:"imds,omitempty"` // v2.0 or empty
	ENA          bool              `json:"ena,omitempty"`
	Platform     string            `json:"platform,omitempty"` // windows or empty
	SourceImage  string            `json:"sourceImage,omitempty"`
	SourceRegion string            `json:"sourceRegion,omitempty"` // empty: the image's own
	Instance     string            `json:"instance,omitempty"`     // CreateImage's source
	Live         bool              `json:"live,omitempty"`         // made with NoReboot
	LastLaunched time.Time         `json:"lastLaunched,omitzero"`
	Deprecation  time.Time         `json:"deprecation,omitzero"`
	Protection   string            `json:"protection,omitempty"` // of DescribeImages; empty: disabled
	Cooldown     time.Time         `json:"cooldown,omitzero"`    // protected until then, though disabled
	Tags         map[string]string `json:"tags,omitempty"`
	// User is who logs in first, such as admin; AWS leaves it to the image's notes.
	User string `json:"user,omitempty"`
	// Content is the key of what stands behind the image; its snapshots share it.
	Content string `json:"content,omitempty"`
	// Fails is why it will not become available: what AWS finds out asynchronously.
	Fails   Reason  `json:"fails,omitzero"`
	Pending Pending `json:"pending,omitzero"`
}

// Content is what stands behind images, snapshots and instances: a root or package
// data. It is kept once and referred to by its key, because thousands of instances
// may share it, and removed when nothing refers to it.
type Content struct {
	Key   string        `json:"key"`
	Image backing.Image `json:"image"`
	// Dir is the folder to remove with it; empty when the content is not ours.
	Dir string `json:"dir,omitempty"`
	// Failed is why its disk image could not be written.
	Failed string `json:"failed,omitempty"`
}

// Pending is how something on its way becomes ready.
type Pending struct {
	Timer string    `json:"timer,omitempty"`
	Due   time.Time `json:"due,omitzero"`
	Looks int       `json:"looks,omitempty"` // by callers with a clock of their own
	Work  string    `json:"work,omitempty"`  // "", running, done
}

// Snapshot is an EBS snapshot.
type Snapshot struct {
	ID          string            `json:"id"`
	Owner       string            `json:"owner"`
	Volume      string            `json:"volume,omitempty"`
	Size        int32             `json:"size"`  // GiB
	State       string            `json:"state"` // pending, completed, error
	Message     string            `json:"message,omitempty"`
	Started     time.Time         `json:"started"`
	Completed   time.Time         `json:"completed,omitzero"`
	Description string            `json:"description,omitempty"`
	Encrypted   bool              `json:"encrypted,omitempty"`
	Key         string            `json:"key,omitempty"` // ARN of its KMS key
	Public      bool              `json:"public,omitempty"`
	Users       []string          `json:"users,omitempty"` // accounts that may create volumes
	Tags        map[string]string `json:"tags,omitempty"`
	Image       string            `json:"image,omitempty"`   // made with this image
	Content     string            `json:"content,omitempty"` // key
	// Lineage is what it shares with every snapshot of the same volume, and of volumes
	// made from such snapshots; empty: its own id.
	Lineage string `json:"lineage,omitempty"`
	// Upload is set while blocks are written to it.
	Upload *Upload `json:"upload,omitempty"`
	// Pending is a copy's way; a snapshot of an image goes the image's.
	Pending Pending `json:"pending,omitzero"`
	Fails   string  `json:"fails,omitempty"` // StateMessage that a copy will end with
}

// Volume is an EBS volume.
type Volume struct {
	ID         string            `json:"id"`
	Zone       string            `json:"zone"`
	Size       int32             `json:"size"` // GiB
	Type       string            `json:"type"`
	IOPS       int32             `json:"iops,omitempty"` // see Disk
	Throughput int32             `json:"throughput,omitempty"`
	Encrypted  bool              `json:"encrypted,omitempty"`
	Key        string            `json:"key,omitempty"` // ARN of its KMS key
	Snapshot   string            `json:"snapshot,omitempty"`
	Lineage    string            `json:"lineage,omitempty"` // see Snapshot
	Created    time.Time         `json:"created"`
	Instance   string            `json:"instance,omitempty"` // attached to
	Device     string            `json:"device,omitempty"`
	Keep       bool              `json:"keep,omitempty"` // not deleted with the instance
	Tags       map[string]string `json:"tags,omitempty"`
}
