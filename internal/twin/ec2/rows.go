package ec2

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

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
	Monitored        bool              `json:"monitored,omitempty"` // in detail
	Optimized        bool              `json:"optimized,omitempty"` // for EBS
	Tenancy          string            `json:"tenancy,omitempty"`   // empty: default
	PlacementGroup   string            `json:"placementGroup,omitempty"`
	Platform         string            `json:"platform,omitempty"`
	By               string            `json:"by,omitempty"` // who launched it: a caller or "autoscaling"
	Tags             map[string]string `json:"tags,omitempty"`
	User             string            `json:"user,omitempty"` // the image's
	// Content is the image's, kept because the image may be deregistered.
	Content string  `json:"content,omitempty"`
	Pending Pending `json:"pending,omitzero"`
	Machine Machine `json:"machine,omitzero"`
	// Denied is why it ends instead of running: a key that may not be used.
	Denied Reason `json:"denied,omitzero"`
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
	ID          string            `json:"id"`
	Protocol    string            `json:"protocol"`
	From        int32             `json:"from"`
	To          int32             `json:"to"`
	CIDR        string            `json:"cidr,omitempty"`
	CIDR6       string            `json:"cidr6,omitempty"`
	Group       string            `json:"group,omitempty"` // source security group
	Description string            `json:"description,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
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
