package worldfile

import (
	"time"

	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/goldenami/rehydrate/internal/twin/backing"
)

// File is a description of a world.
type File struct {
	// Account and Region are where a thing is made that does not say so itself.
	Account string `json:"account"`
	Region  string `json:"region"`
	// Start is the time that the world begins at; the zero value is the wall's.
	Start time.Time `json:"start"`
	// Accounts are made with their default networks even if they hold nothing. A file that
	// names any says which there are: no role of another account can be assumed.
	Accounts  []Account  `json:"accounts"`
	Images    []Image    `json:"images"`
	Templates []Template `json:"templates"`
	// TargetGroups are Elastic Load Balancing's, for groups to name.
	TargetGroups []TargetGroup `json:"targetGroups"`
	Groups       []Group       `json:"groups"`
	Instances    []Instance    `json:"instances"`
	Archives     []Archive     `json:"archives"`
	// Roles are those that can be assumed.
	Roles []Role `json:"roles"`
	// Keys are customer keys of KMS.
	Keys []Key `json:"keys"`
	// Quotas are limits of running vCPUs; AWS's defaults stand for all others.
	Quotas []Quota `json:"quotas"`
	// Buckets are S3 buckets in Account and Region.
	Buckets      []Bucket              `json:"buckets"`
	Repositories map[string]Repository `json:"repositories"`
	// Hosts are names that every machine knows, to addresses.
	Hosts map[string]string `json:"hosts"`
	// Settle is how much virtual time passes once when groups have been made, so that
	// their target groups find the instances healthy, which run from the start. The zero
	// value is ten minutes. Negative is none, and the groups begin empty.
	Settle Duration `json:"settle"`
}

// Place is where a thing is; what is empty is the file's.
type Place struct {
	Account string `json:"account"`
	Region  string `json:"region"`
}

// Account is an account and the regions that it uses.
type Account struct {
	ID      string   `json:"id"`
	Regions []string `json:"regions"` // empty: the file's
	// Memberships are the ARNs of the organization and of every organizational unit that
	// the account is in: images can be shared with these.
	Memberships []string `json:"memberships"`
}

// Image is an AMI that is there from the start: a root, or package data.
type Image struct {
	Place
	Key          string            `json:"key"` // what the file calls it
	ID           string            `json:"id"`  // empty: the twin gives one
	Name         string            `json:"name"`
	Description  string            `json:"description"`
	Alias        string            `json:"alias"` // owner alias such as amazon
	Public       bool              `json:"public"`
	Users        []string          `json:"users"`        // accounts that may launch it
	Architecture string            `json:"architecture"` // empty: x86_64
	RootDevice   string            `json:"rootDevice"`   // empty: /dev/xvda
	Size         int32             `json:"size"`         // of the root volume in GiB; 0: 8
	User         string            `json:"user"`         // who logs in; empty: admin
	Created      time.Time         `json:"created"`
	Tags         map[string]string `json:"tags"`
	// Exactly one of these stands behind it.
	Root         string                 `json:"root"` // directory that is a root file system
	Modelled     *backing.ModelledImage `json:"modelled"`
	ModelledFile string                 `json:"modelledFile"` // JSON file of the same shape
}

// Template is a launch template with its first version.
type Template struct {
	Place
	Name  string            `json:"name"`
	Image string            `json:"image"` // key, AMI id or resolve:ssm:name
	Type  string            `json:"type"`
	Tags  map[string]string `json:"tags"` // of the template
	// InstanceTags are put on every instance.
	InstanceTags map[string]string `json:"instanceTags"`
	UserData     string            `json:"userData"` // plain text
	// Data is anything else, in the API's own names.
	Data *types.RequestLaunchTemplateData `json:"data"`
}

// TargetGroup is a target group of instances, with HTTP on port 80.
type TargetGroup struct {
	Place
	Name string `json:"name"`
	// Interval is between health checks (0: 30s), of which Healthy (0: 5) or Unhealthy
	// (0: 2) in a row change a target's health.
	Interval  Duration `json:"interval"`
	Healthy   int32    `json:"healthy"`
	Unhealthy int32    `json:"unhealthy"`
	// Drain is the deregistration delay; 0 is five minutes, negative none.
	Drain Duration `json:"drain"`
}

// Group is an Auto Scaling group.
type Group struct {
	Place
	Name     string            `json:"name"`
	Template string            `json:"template"` // name
	Version  string            `json:"version"`  // empty: 1
	Min      int32             `json:"min"`
	Max      int32             `json:"max"`
	Desired  int32             `json:"desired"`
	Zones    []string          `json:"zones"`  // empty: all
	Tags     map[string]string `json:"tags"`   // propagated to instances
	Warmup   Duration          `json:"warmup"` // default instance warm-up
	Grace    Duration          `json:"grace"`  // health check grace period
	// TargetGroups are names; with HealthCheck ELB the group heeds their health.
	TargetGroups []string `json:"targetGroups"`
	HealthCheck  string   `json:"healthCheck"` // EC2 or ELB; empty: EC2
	// MinHealthy and MaxHealthy are its instance maintenance policy, both or none.
	MinHealthy *int32 `json:"minHealthy"`
	MaxHealthy *int32 `json:"maxHealthy"`
	// Mixed is a mixed-instances policy in the API's own names, without its template.
	Mixed *asgtypes.MixedInstancesPolicy `json:"mixed"`
}

// Instance is one long-lived instance.
type Instance struct {
	Place
	Key   string            `json:"key"`
	Image string            `json:"image"` // key or AMI id
	Type  string            `json:"type"`
	Tags  map[string]string `json:"tags"`
}

// Archive is a folder served over HTTP, as package archives are.
type Archive struct {
	Listen string `json:"listen"` // 127.x.y.z:port
	Dir    string `json:"dir"`
	Host   string `json:"host"` // name that machines know it by; may be empty
}

// Repository is what modelled machines can install from: a JSON file of
// baseline.Available, read anew at each use, so that it can move on.
type Repository struct {
	File string `json:"file"`
}

// Duration is written as 90s or 5m.
type Duration time.Duration

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// MarshalText writes a duration.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }
