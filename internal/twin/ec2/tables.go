package ec2

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/world"
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
	Size                int32  `json:"size"` // GiB
	Type                string `json:"type"` // gp3, ...
	Encrypted           bool   `json:"encrypted,omitempty"`
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
	State        string            `json:"state"`                // pending, available, failed
	Reason       Reason            `json:"reason,omitzero"`
	Public       bool              `json:"public,omitempty"`
	Users        []string          `json:"users,omitempty"` // accounts that may launch it
	Created      time.Time         `json:"created"`
	RootDevice   string            `json:"rootDevice"`
	Disks        []Disk            `json:"disks,omitempty"`
	BootMode     string            `json:"bootMode,omitempty"`
	IMDS         string            `json:"imds,omitempty"` // v2.0 or empty
	ENA          bool              `json:"ena,omitempty"`
	Platform     string            `json:"platform,omitempty"` // windows or empty
	SourceImage  string            `json:"sourceImage,omitempty"`
	Instance     string            `json:"instance,omitempty"` // CreateImage's source
	Live         bool              `json:"live,omitempty"`     // made with NoReboot
	LastLaunched time.Time         `json:"lastLaunched,omitzero"`
	Deprecation  time.Time         `json:"deprecation,omitzero"`
	Tags         map[string]string `json:"tags,omitempty"`
	// User is who logs in first, such as admin; AWS leaves it to the image's notes.
	User string `json:"user,omitempty"`
	// Content is the key of what stands behind the image; its snapshots share it.
	Content string  `json:"content,omitempty"`
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
	Public      bool              `json:"public,omitempty"`
	Users       []string          `json:"users,omitempty"` // accounts that may create volumes
	Tags        map[string]string `json:"tags,omitempty"`
	Image       string            `json:"image,omitempty"`   // made with this image
	Content     string            `json:"content,omitempty"` // key
}

// Volume is an EBS volume.
type Volume struct {
	ID        string            `json:"id"`
	Zone      string            `json:"zone"`
	Size      int32             `json:"size"` // GiB
	Type      string            `json:"type"`
	Encrypted bool              `json:"encrypted,omitempty"`
	Snapshot  string            `json:"snapshot,omitempty"`
	Created   time.Time         `json:"created"`
	Instance  string            `json:"instance,omitempty"` // attached to
	Device    string            `json:"device,omitempty"`
	Keep      bool              `json:"keep,omitempty"` // not deleted with the instance
	Tags      map[string]string `json:"tags,omitempty"`
}

// Instance is an EC2 instance.
type Instance struct {
	ID               string            `json:"id"`
	Reservation      string            `json:"reservation"`
	Index            int32             `json:"index,omitempty"` // within the reservation
	Image            string            `json:"image"`
	Architecture     string            `json:"architecture"`
	Type             string            `json:"type"`
	State            string            `json:"state"` // pending running stopping stopped shutting-down terminated
	Reason           Reason            `json:"reason,omitzero"`
	TransitionReason string            `json:"transitionReason,omitempty"`
	Launched         time.Time         `json:"launched"`
	Address          string            `json:"address,omitempty"` // its loopback address
	Subnet           string            `json:"subnet,omitempty"`
	VPC              string            `json:"vpc,omitempty"`
	Zone             string            `json:"zone,omitempty"`
	Groups           []string          `json:"groups,omitempty"` // security group ids
	Key              string            `json:"key,omitempty"`    // key pair name
	PublicKey        string            `json:"publicKey,omitempty"`
	UserData         string            `json:"userData,omitempty"` // base64
	Profile          string            `json:"profile,omitempty"`
	Template         string            `json:"template,omitempty"` // launch template id
	TemplateVersion  int64             `json:"templateVersion,omitempty"`
	Metadata         Metadata          `json:"metadata,omitzero"`
	Interface        string            `json:"interface,omitempty"` // network interface id
	RootDevice       string            `json:"rootDevice"`
	Volumes          []string          `json:"volumes,omitempty"`
	ClientToken      string            `json:"clientToken,omitempty"`
	Shutdown         string            `json:"shutdown,omitempty"` // InstanceInitiatedShutdownBehavior
	Protected        bool              `json:"protected,omitempty"`
	Platform         string            `json:"platform,omitempty"`
	By               string            `json:"by,omitempty"` // who launched it: a caller or "autoscaling"
	Tags             map[string]string `json:"tags,omitempty"`
	User             string            `json:"user,omitempty"` // the image's
	// Content is the image's, kept because the image may be deregistered.
	Content string  `json:"content,omitempty"`
	Pending Pending `json:"pending,omitzero"`
	Machine Machine `json:"machine,omitzero"`
}

// Metadata are the instance's IMDS options.
type Metadata struct {
	Tokens   string `json:"tokens"`   // optional, required
	Endpoint string `json:"endpoint"` // enabled, disabled
	Hops     int32  `json:"hops"`
	Tags     string `json:"tags,omitempty"`
}

// Machine is what is known of the thing behind an instance.
type Machine struct {
	Wanted bool   `json:"wanted,omitempty"` // start it as soon as the instance may run
	Made   bool   `json:"made,omitempty"`   // it has state of its own: never used means never made
	Error  string `json:"error,omitempty"`  // why it could not be started
}

// LaunchTemplate is a launch template; its versions are rows of their own.
type LaunchTemplate struct {
	ID      string            `json:"id"`
	Name    string            `json:"name"`
	Created time.Time         `json:"created"`
	By      string            `json:"by,omitempty"`
	Default int64             `json:"default"`
	Latest  int64             `json:"latest"`
	Tags    map[string]string `json:"tags,omitempty"`
}

// TemplateVersion is one numbered, unchangeable version of a launch template.
type TemplateVersion struct {
	Template    string                          `json:"template"` // id
	Name        string                          `json:"name"`
	Version     int64                           `json:"version"`
	Description string                          `json:"description,omitempty"`
	Created     time.Time                       `json:"created"`
	By          string                          `json:"by,omitempty"`
	Data        types.RequestLaunchTemplateData `json:"data"`
}

// KeyPair is a key pair; the private half is never kept.
type KeyPair struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	Type        string            `json:"type"` // rsa, ed25519
	Fingerprint string            `json:"fingerprint"`
	PublicKey   string            `json:"publicKey"` // authorized_keys form
	Created     time.Time         `json:"created"`
	Tags        map[string]string `json:"tags,omitempty"`
}

// SecurityGroup is a security group; its rules are recorded, not enforced.
type SecurityGroup struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	Description string            `json:"description"`
	VPC         string            `json:"vpc"`
	Rules       []Rule            `json:"rules,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
}

// Rule is one inbound rule.
type Rule struct {
	ID          string `json:"id"`
	Protocol    string `json:"protocol"`
	From        int32  `json:"from"`
	To          int32  `json:"to"`
	CIDR        string `json:"cidr,omitempty"`
	Group       string `json:"group,omitempty"` // source security group
	Description string `json:"description,omitempty"`
}

func images(tx *world.Tx) *world.Rows[Image]       { return world.Table[Image](tx, "ec2/images") }
func snapshots(tx *world.Tx) *world.Rows[Snapshot] { return world.Table[Snapshot](tx, "ec2/snapshots") }
func volumes(tx *world.Tx) *world.Rows[Volume]     { return world.Table[Volume](tx, "ec2/volumes") }
func instances(tx *world.Tx) *world.Rows[Instance] { return world.Table[Instance](tx, "ec2/instances") }
func keyPairs(tx *world.Tx) *world.Rows[KeyPair]   { return world.Table[KeyPair](tx, "ec2/key-pairs") }
func templates(tx *world.Tx) *world.Rows[LaunchTemplate] {
	return world.Table[LaunchTemplate](tx, "ec2/templates")
}
func versions(tx *world.Tx) *world.Rows[TemplateVersion] {
	return world.Table[TemplateVersion](tx, "ec2/template-versions")
}
func groups(tx *world.Tx) *world.Rows[SecurityGroup] {
	return world.Table[SecurityGroup](tx, "ec2/security-groups")
}
