package record

import (
	"encoding/json"
	"time"

	"github.com/goldenami/rehydrate/baseline"
)

// NodeSchema is the version of NodeRequest and NodeReport.
const NodeSchema = 1

// NodeRequest is what rehydrate-node is asked to do on a root.
type NodeRequest struct {
	Schema    int    `json:"schema"`
	Operation string `json:"operation"` // Collect, Scan or Install
	// Baseline is the baseline in the SSM API's shape.
	Baseline json.RawMessage  `json:"baseline,omitempty"`
	Options  baseline.Options `json:"options,omitzero"`
	Now      time.Time        `json:"now,omitzero"` // evaluation time; zero: the node's clock
	// Lock, when given, is installed as it is; otherwise Install makes one.
	Lock *baseline.Lock `json:"lock,omitempty"`
	// SkipIdentity ends an Install before anything is changed when the lock that
	// would be made has this identity (the report then says Skipped).
	SkipIdentity string `json:"skipIdentity,omitempty"`
	// FirstSeen is when our ledger first saw "name=version"; it feeds the delay
	// extension.
	FirstSeen map[string]time.Time `json:"firstSeen,omitempty"`
	// Bundle is a folder on the node. Package files of a lock are read from it and,
	// when Install makes a lock, written to it as <sha256>.
	Bundle       string `json:"bundle,omitempty"`
	RebootOption string `json:"rebootOption,omitempty"` // RebootIfNeeded or NoReboot
	// LockTimeout is how long to wait for the package manager's own lock, in seconds.
	LockTimeout int `json:"lockTimeout,omitempty"`
	// NoRefresh reads the package lists as they are, without updating them first.
	NoRefresh bool `json:"noRefresh,omitempty"`
}

// NodeReport is what rehydrate-node answers.
type NodeReport struct {
	Schema    int       `json:"schema"`
	Node      string    `json:"node,omitempty"` // the host name or instance id, if known
	Operation string    `json:"operation"`
	StartedAt time.Time `json:"startedAt"`
	EndedAt   time.Time `json:"endedAt"`
	Modelled  bool      `json:"modelled,omitempty"` // true: data stood in for a root
	Skipped   bool      `json:"skipped,omitempty"`
	// Before is what was found first; it is the evidence that the gate evaluates
	// again.
	Before *baseline.Node `json:"before,omitempty"`
	// After is the inventory after an Install.
	After      *baseline.Inventory `json:"after,omitempty"`
	Evaluation *baseline.Result    `json:"evaluation,omitempty"` // from the last scan
	Before0    *baseline.Result    `json:"before0,omitempty"`    // from the first scan
	Lock       *baseline.Lock      `json:"lock,omitempty"`       // made or used
	LockDigest string              `json:"lockDigest,omitempty"` //
	Identity   string              `json:"identity,omitempty"`   // the lock's
	Changes    []Change            `json:"changes,omitempty"`    // what really changed
	Obtained   []Obtained          `json:"obtained,omitempty"`   // where each file came from
	Findings   []string            `json:"findings,omitempty"`   // holds, pins, phased updates, refusals
	RebootNeed bool                `json:"rebootNeeded,omitempty"`
	// RebootAsked says that the machine is to restart by the request's RebootOption:
	// RebootIfNeeded, and something changed or has been waiting for a restart.
	RebootAsked bool     `json:"rebootAsked,omitempty"`
	Error       string   `json:"error,omitempty"` // why an Install did not finish
	FailedItems []string `json:"failedItems,omitempty"`
}

// Change is one package that differs between two roots or two moments.
type Change struct {
	Name string `json:"name"`
	Arch string `json:"arch,omitempty"`
	From string `json:"from,omitempty"` // empty: new
	To   string `json:"to,omitempty"`   // empty: removed
}

// Obtained says where a locked package file came from.
type Obtained struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	From    string `json:"from"` // source, time-travel or bundle
	SHA256  string `json:"sha256,omitempty"`
}
