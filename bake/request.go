package bake

import (
	"encoding/json"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
)

// Request asks for a bake.
type Request struct {
	Run    string `json:"run"`
	Line   string `json:"line"` // image line
	Region string `json:"region"`
	// Source is the image to start from; of several that match, the newest.
	Source ImageFilter `json:"source"`
	// Arch is what the source image must be, as EC2 says it; empty: whatever it is.
	Arch string `json:"arch,omitempty"`
	// Baseline is the patch baseline in the API's JSON.
	Baseline json.RawMessage  `json:"baseline"`
	Options  baseline.Options `json:"options,omitzero"`
	// Now is the evaluation time.
	Now       time.Time            `json:"now"`
	FirstSeen map[string]time.Time `json:"firstSeen,omitempty"`
	// Lock, when given, is installed as it is; Bundle is the folder of its files.
	Lock   *baseline.Lock `json:"lock,omitempty"`
	Bundle string         `json:"bundle,omitempty"`

	InstanceType string            `json:"instanceType"`
	Subnet       string            `json:"subnet,omitempty"`
	Profile      string            `json:"profile,omitempty"` // instance profile: its name or, with Run Command, its ARN
	Tags         map[string]string `json:"tags,omitempty"`    // the user's, for everything made
	// Folder is the run's folder; everything local goes to Folder/bake.
	Folder string `json:"folder"`
	// Timeout bounds the building, default 2 h.
	Timeout time.Duration `json:"timeout,omitempty"`

	// Last is the line's last bake that made an image, if known; it is what a skip is
	// judged by.
	Last *Last `json:"-"`
	// Force bakes even if nothing would change.
	Force bool `json:"force,omitempty"`

	Packer Packer `json:"packer,omitzero"`
}

// Last is the outcome of an earlier bake, with its evidence.
type Last struct {
	Bake record.Bake
	// Report is the earlier node report; its Before is evaluated again. Without it no
	// bake is skipped beforehand, but the node may still skip.
	Report *record.NodeReport
}

// Packer is how Packer is run. It is not needed by RunCommand.
type Packer struct {
	Path string `json:"path,omitempty"` // the packer program
	// Plugins are installed into PluginFolder, which may be shared by runs.
	Plugins      []Plugin `json:"plugins,omitempty"`
	PluginFolder string   `json:"pluginFolder,omitempty"`
	// NodeBinary is rehydrate-node for the instance's architecture.
	NodeBinary string `json:"nodeBinary,omitempty"`
	// Template is the user's own template; empty: the built-in one.
	Template string `json:"template,omitempty"`
	// Endpoint is the AWS endpoint when it is not AWS's own; it shortens waits and
	// leaves out checks that only AWS can answer.
	Endpoint string `json:"endpoint,omitempty"`

	SSHUser string `json:"sshUser,omitempty"`
	// SSHInterface is the address that Packer connects to, default private_ip; see
	// the amazon plugin's ssh_interface.
	SSHInterface string `json:"sshInterface,omitempty"`
	// SourceCIDRs may reach the build instance by SSH; default: private ranges.
	SourceCIDRs []string `json:"sourceCidrs,omitempty"`
	// Reboot is never (the default), if-needed or always.
	Reboot string `json:"reboot,omitempty"`
	// Grace is how long Packer may clean up when it is ended, default 2 min.
	Grace time.Duration `json:"grace,omitempty"`
	// Env is added to this process's environment, such as AWS_ENDPOINT_URL. It is
	// never written down.
	Env []string `json:"-"`
}

// Plugin is a Packer plugin binary.
type Plugin struct {
	Source string `json:"source"` // such as github.com/hashicorp/amazon
	Path   string `json:"path"`
}

// The tags that a bake sets. TagRun and TagLine are on everything it makes; the
// others are set on the finished image and its snapshots.
const (
	TagRun    = "rehydrate:run"
	TagLine   = "rehydrate:line"
	TagSource = "rehydrate:source"
	TagInput  = "rehydrate:input"
	TagLock   = "rehydrate:lock"
	TagReport = "rehydrate:report"
	TagBundle = "rehydrate:bundle"
	// TagComplete is "true" on an image whose digests are tagged. An image of ours
	// without it is unfinished and is never returned.
	TagComplete = "rehydrate:complete"
)

// Complete says whether an image carries the tags of a finished bake.
func Complete(i Image) bool {
	return i.State == ImageAvailable && i.Tags[TagComplete] == "true" && i.Tags[TagLock] != "" && i.Tags[TagReport] != ""
}
