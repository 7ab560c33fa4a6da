// Package record is the run document: versioned JSON structs that stages hand to
// one another, without behaviour. Fields are only ever added.
package record

import (
	"encoding/json"
	"time"

	"github.com/goldenami/rehydrate/baseline"
)

// Schema is the version of the run document.
const Schema = 1

// The kinds of runs that are no execution of the pipeline.
const (
	KindPromote  = "promote"  // a channel was given what another holds
	KindRollback = "rollback" // a channel went back
)

// Run is one execution of the pipeline, or a move of a channel: the fold of its journal.
type Run struct {
	Schema int    `json:"schema"`
	ID     string `json:"id"`
	Line   string `json:"line"` // image line: the config's image block
	// Kind is what the run is, besides an execution of the pipeline: promote or
	// rollback, which move a channel and nothing else. Empty: the pipeline.
	Kind      string    `json:"kind,omitempty"`
	Account   string    `json:"account,omitempty"`
	Region    string    `json:"region,omitempty"`
	StartedAt time.Time `json:"startedAt"`
	EndedAt   time.Time `json:"endedAt,omitzero"`
	// Twin is the endpoint of the twin when AWS was modelled; empty on AWS.
	Twin string `json:"twin,omitempty"`
	// Modelled lists what was modelled rather than real, in words.
	Modelled []string `json:"modelled,omitempty"`
	// Real lists what was real although AWS was modelled, in words.
	Real    []string `json:"real,omitempty"`
	Outcome string   `json:"outcome,omitempty"` // done, nothing-to-do, failed, gate, waiting, ...
	Message string   `json:"message,omitempty"`
	// Going says that a process is at work on the run, or was cut off in the middle: Outcome
	// and Message are then those of the process before.
	Going bool `json:"going,omitempty"`
	// Due is when a run whose outcome is waiting can go on; zero: nobody knows, as
	// when it waits for an approval.
	Due time.Time `json:"due,omitzero"`
	// Until is the last stage that was asked for; empty: the last there is.
	Until    string    `json:"until,omitempty"`
	Stages   []Stage   `json:"stages,omitempty"` // in order, with their times
	Bake     *Bake     `json:"bake,omitempty"`
	Validate *Verdict  `json:"validate,omitempty"`
	Spread   *Spread   `json:"spread,omitempty"` // how the image came to its accounts and Regions
	Publish  *Publish  `json:"publish,omitempty"`
	Roll     []Roll    `json:"roll,omitempty"`
	Patch    []Patched `json:"patch,omitempty"`

	// Unknown keeps fields that a newer version wrote.
	Unknown map[string]json.RawMessage `json:"-"`
}

// Stage is when one stage ran and how it ended.
type Stage struct {
	Name      string    `json:"name"` // bake, validate, publish, roll/<ring>, patch/<fleet>
	StartedAt time.Time `json:"startedAt"`
	EndedAt   time.Time `json:"endedAt,omitzero"`
	WallMS    int64     `json:"wallMs,omitempty"` // on the wall, beside the run's clock
	Outcome   string    `json:"outcome,omitempty"`
	Text      string    `json:"text,omitempty"`
}

// Bake is the result of a bake.
type Bake struct {
	Image        string    `json:"image,omitempty"` // candidate AMI id
	ImageName    string    `json:"imageName,omitempty"`
	Snapshot     string    `json:"snapshot,omitempty"`
	SourceImage  string    `json:"sourceImage"`
	Arch         string    `json:"arch,omitempty"` // the image's, as EC2 says it
	Skipped      bool      `json:"skipped,omitempty"`
	SkipReason   string    `json:"skipReason,omitempty"`
	Builder      string    `json:"builder,omitempty"` // such as "packer 1.15.0 amazon-ebs 1.8.0"
	InputDigest  string    `json:"inputDigest,omitempty"`
	LockDigest   string    `json:"lockDigest,omitempty"`
	LockIdentity string    `json:"lockIdentity,omitempty"`
	ReportDigest string    `json:"reportDigest,omitempty"`
	BundleDigest string    `json:"bundleDigest,omitempty"`
	Files        Files     `json:"files,omitzero"`
	Changes      []Change  `json:"changes,omitempty"`
	Marker       string    `json:"marker,omitempty"` // the random value planted for the gate to find
	Compliance   string    `json:"compliance,omitempty"`
	Counts       any       `json:"counts,omitempty"`
	CreatedAt    time.Time `json:"createdAt,omitzero"`
	// Left are resources of the bake that could not be removed and still cost money,
	// as "kind id".
	Left []string `json:"left,omitempty"`
}

// Files are the artifacts of a bake, as paths relative to the run's folder.
type Files struct {
	Lock   string `json:"lock,omitempty"`
	Report string `json:"report,omitempty"` // the NodeReport with its evidence
	Bundle string `json:"bundle,omitempty"` // folder of package files by SHA-256
	Log    string `json:"log,omitempty"`
}

// The outcomes of a verdict. Unknown is never a pass.
const (
	Pass    = "pass"
	Fail    = "fail"
	Unknown = "unknown"
)

// Verdict is the gate's answer about one candidate.
type Verdict struct {
	Image      string                 `json:"image"`
	Snapshot   string                 `json:"snapshot,omitempty"`
	Outcome    string                 `json:"outcome"`
	Reasons    []string               `json:"reasons,omitempty"` // why not pass
	Checks     []Check                `json:"checks"`
	LockDigest string                 `json:"lockDigest,omitempty"`
	Evaluation *baseline.Result       `json:"evaluation,omitempty"`
	Findings   []baseline.LockFinding `json:"findings,omitempty"`
	Against    string                 `json:"against,omitempty"` // what it was compared with: the image in use or, where there was none, the source
	Changes    []Change               `json:"changes,omitempty"`
	Marker     string                 `json:"marker,omitempty"`
	Packages   int                    `json:"packages,omitempty"`
	Read       ReadCost               `json:"read,omitzero"`
	JudgedAt   time.Time              `json:"judgedAt,omitzero"`
}

// Check is one check of the gate.
type Check struct {
	Name    string `json:"name"` // lock, baseline, hygiene, ...
	Outcome string `json:"outcome"`
	Text    string `json:"text,omitempty"`
}

// ReadCost is what reading an image cost.
type ReadCost struct {
	Bytes  int64 `json:"bytes"`
	Blocks int   `json:"blocks"`          // 512 KiB blocks fetched
	Total  int   `json:"total,omitempty"` // blocks the snapshot has
	MS     int64 `json:"ms"`
}

// Publish is the result of moving a channel.
type Publish struct {
	Channel  string    `json:"channel"`
	Build    string    `json:"build"` // the immutable builds/<id> entry; of what was held already, that it was published as, or empty
	Image    string    `json:"image"`
	From     string    `json:"from,omitempty"` // the image before
	Version  int64     `json:"version"`
	Previous int64     `json:"previousVersion,omitempty"`
	Skipped  bool      `json:"skipped,omitempty"`
	MovedAt  time.Time `json:"movedAt,omitzero"`
	// Pointers are all that were moved together; the fields above are the first's.
	Pointers []Pointer `json:"pointers,omitempty"`
	// Line are the pointers of the line's other architectures, moved with them.
	Line []Pointer `json:"line,omitempty"`
}

// Pointer is what became of one pointer of a channel.
type Pointer struct {
	Account  string    `json:"account,omitempty"` // empty: the run's own
	Region   string    `json:"region,omitempty"`
	Arch     string    `json:"arch,omitempty"`
	Channel  string    `json:"channel"`
	Build    string    `json:"build"`
	Image    string    `json:"image"`          // id in this account and Region
	From     string    `json:"from,omitempty"` // the image before
	Version  int64     `json:"version,omitempty"`
	Previous int64     `json:"previousVersion,omitempty"`
	Outcome  string    `json:"outcome"` // moved, held, superseded, put-back, left, refused, untouched
	Text     string    `json:"text,omitempty"`
	MovedAt  time.Time `json:"movedAt,omitzero"`
}

// Roll is the result for one Auto Scaling group.
type Roll struct {
	Ring       string    `json:"ring"`
	Fleet      string    `json:"fleet"`
	Account    string    `json:"account,omitempty"` // of the cell; empty: the run's own
	Region     string    `json:"region,omitempty"`
	Group      string    `json:"group"`
	From       string    `json:"from,omitempty"` // image before
	To         string    `json:"to"`
	Template   string    `json:"template,omitempty"` // launch template id
	FromV      string    `json:"fromVersion,omitempty"`
	ToV        string    `json:"toVersion,omitempty"`
	Refresh    string    `json:"refresh,omitempty"` // instance refresh id
	Outcome    string    `json:"outcome"`           // done, nothing-to-do, partial, rolled-back, halted, failed, gone, changed
	Text       string    `json:"text,omitempty"`
	Instances  []string  `json:"instances,omitempty"` // ids seen at the end
	OnImage    int       `json:"onImage"`             // how many run To
	Of         int       `json:"of"`
	StartedAt  time.Time `json:"startedAt,omitzero"`
	EndedAt    time.Time `json:"endedAt,omitzero"`
	MinHealthy int       `json:"minHealthy,omitempty"` // lowest count in service that was seen
	Drift      *Drift    `json:"drift,omitempty"`      // nil: nobody asked for a sample
	// Mixed says what runs what where not all instances run the same: ids by image.
	Mixed map[string][]string `json:"mixed,omitempty"`
	// Manual is what a person can do about a halted group, in order; Frozen says that
	// its rollback failed, and that nothing is tried again without one.
	Manual []string `json:"manual,omitempty"`
	Frozen bool     `json:"frozen,omitempty"`
}

// Patched is the result for one long-lived node.
type Patched struct {
	Fleet    string      `json:"fleet"`
	Instance string      `json:"instance"`
	Command  string      `json:"command,omitempty"`
	Outcome  string      `json:"outcome"` // done, nothing-to-do, failed
	Text     string      `json:"text,omitempty"`
	Report   *NodeReport `json:"report,omitempty"`
	Lock     string      `json:"lock,omitempty"`     // verdict by the lock: exact or not
	Today    string      `json:"today,omitempty"`    // verdict by the baseline today
	Obtained []Obtained  `json:"obtained,omitempty"` // where the files came from
}
