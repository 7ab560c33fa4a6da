package vectors

import (
	"encoding/json"
	"time"

	"github.com/goldenami/rehydrate/baseline"
)

// Kinds of vectors.
const (
	KindEvaluate = "evaluate"
	KindMatch    = "match"
	KindResolve  = "resolve"
	KindValidate = "validate"
	KindReboot   = "reboot"
)

// header is what every vector has; its other fields depend on the kind.
type header struct {
	ID        string          `json:"id"`
	Kind      string          `json:"kind"`
	Title     string          `json:"title"`
	Source    json.RawMessage `json:"source,omitempty"`    // where the expectation comes from
	Ambiguity string          `json:"ambiguity,omitempty"` // an AMB-nn id
	// Options are ours: compatibility switches and extensions of the evaluation.
	Options baseline.Options `json:"options,omitzero"`
}

type evaluateVector struct {
	header
	OS        baseline.OperatingSystem `json:"os"`
	Product   string                   `json:"product"`
	Operation baseline.Operation       `json:"operation"`
	Now       time.Time                `json:"now"`
	Baseline  json.RawMessage          `json:"baseline"`

	Available      []pkg               `json:"available,omitempty"`
	MetadataOnly   []pkg               `json:"metadataOnly,omitempty"` // an engine ignores them
	Updates        []update            `json:"updates,omitempty"`
	Installed      []pkg               `json:"installed,omitempty"`
	EnabledModules map[string][]string `json:"enabledModules,omitempty"`
	PostInstall    *[]pkg              `json:"postInstall,omitempty"`
	InstalledByRun []string            `json:"installedByRun,omitempty"`
	Failed         []string            `json:"failed,omitempty"`

	RebootOption        baseline.RebootOption `json:"rebootOption,omitempty"`
	Prior               *baseline.Prior       `json:"prior,omitempty"`
	InstallOverrideList json.RawMessage       `json:"installOverrideList,omitempty"`
	LastBoot            time.Time             `json:"lastBoot,omitzero"`

	Expected struct {
		Packages         map[string]expectedItem `json:"packages"`
		Status           *string                 `json:"status,omitempty"`
		OverallSeverity  json.RawMessage         `json:"overallSeverity,omitempty"`
		Counts           map[string]int          `json:"counts,omitempty"`
		ToInstall        *[]string               `json:"toInstall,omitempty"`
		DeploymentStatus *map[string]string      `json:"deploymentStatus,omitempty"`
	} `json:"expected"`
}

type expectedItem struct {
	State           *string   `json:"state,omitempty"`
	Version         *string   `json:"version,omitempty"`
	ComplianceLevel *string   `json:"complianceLevel,omitempty"`
	Classification  *string   `json:"classification,omitempty"`
	Severity        *string   `json:"severity,omitempty"`
	CVEs            *[]string `json:"cves,omitempty"`
	Rule            *string   `json:"rule,omitempty"`
}

// pkg is a package of a vector, installed or available.
type pkg struct {
	baseline.Package
	Notices       []notice            `json:"notices,omitempty"`
	BuildTime     text                `json:"buildTime,omitempty"`
	Module        *module             `json:"module,omitempty"`
	Requires      []baseline.Package  `json:"requires,omitempty"`
	Obsoletes     []string            `json:"obsoletes,omitempty"`
	Priority      string              `json:"priority,omitempty"`
	Section       string              `json:"section,omitempty"`
	Origins       []origin            `json:"origins,omitempty"`
	Manager       string              `json:"manager,omitempty"`
	Repository    string              `json:"repository,omitempty"`
	Hotfix        bool                `json:"hotfix,omitempty"`
	Held          bool                `json:"held,omitempty"`
	InstalledTime text                `json:"installedTime,omitempty"`
	Changelog     *baseline.Changelog `json:"changelog,omitempty"`
	FirstSeen     text                `json:"firstSeen,omitempty"`
}

type notice struct {
	ID        string   `json:"id"`
	Type      string   `json:"type,omitempty"`
	Severity  *string  `json:"severity,omitempty"`
	Status    string   `json:"status,omitempty"`
	Issued    text     `json:"issued,omitempty"`
	Updated   text     `json:"updated,omitempty"`
	CVEs      []string `json:"cves,omitempty"`
	Bugzillas []string `json:"bugzillas,omitempty"`
	Module    *module  `json:"module,omitempty"`
}

// text is a string or a number as it was written: dates may be epoch seconds.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(data []byte) error {
	var n json.Number
	if err := json.Unmarshal(data, &n); err == nil {
		*t = text(n)
		return nil
	}
	var s string
	err := json.Unmarshal(data, &s)
	*t = text(s)
	return err
}

// time is the date that t holds; zero, as if it were absent, if it holds none.
func (t text) time() time.Time {
	d, ok := baseline.ParseDate(string(t))
	if !ok {
		return time.Time{}
	}
	return d
}

type module struct {
	Name   string `json:"name"`
	Stream string `json:"stream"`
}

func (m *module) String() string {
	if m == nil || m.Name == "" {
		return ""
	}
	return m.Name + ":" + m.Stream
}

type origin struct {
	Archive   string `json:"archive,omitempty"`
	Suite     string `json:"suite,omitempty"` // the same as archive
	Origin    string `json:"origin,omitempty"`
	Label     string `json:"label,omitempty"`
	Codename  string `json:"codename,omitempty"`
	Component string `json:"component,omitempty"`
	Site      string `json:"site,omitempty"`
	Trusted   bool   `json:"trusted,omitempty"`
}

type update struct {
	KB             string   `json:"kb"`
	Bulletin       string   `json:"bulletin,omitempty"`
	Title          string   `json:"title,omitempty"`
	Product        string   `json:"product,omitempty"`
	ProductFamily  string   `json:"productFamily,omitempty"`
	PatchSet       string   `json:"patchSet,omitempty"`
	Classification string   `json:"classification,omitempty"`
	MSRCSeverity   string   `json:"msrcSeverity,omitempty"`
	Revision       int      `json:"revision,omitempty"`
	ReleaseDate    text     `json:"releaseDate,omitempty"`
	Supersedes     []string `json:"supersedes,omitempty"`
	BundledKBs     []string `json:"bundledKbs,omitempty"`
	Installed      bool     `json:"installed,omitempty"`
	Applicable     *bool    `json:"applicable,omitempty"` // absent: true
	CVEs           []string `json:"cves,omitempty"`
}

type matchVector struct {
	header
	OS       baseline.OperatingSystem `json:"os"`
	Pattern  string                   `json:"pattern"`
	Package  pkg                      `json:"package"`
	Expected struct {
		Match bool `json:"match"`
	} `json:"expected"`
}

type resolveVector struct {
	header
	Account baseline.Account `json:"account"`
	Node    struct {
		OS                  baseline.OperatingSystem `json:"os"`
		Tags                map[string]string        `json:"tags,omitempty"`
		BaselineTags        string                   `json:"baselineTags,omitempty"`
		BaselineOverride    json.RawMessage          `json:"baselineOverride,omitempty"`
		InstallOverrideList json.RawMessage          `json:"installOverrideList,omitempty"`
	} `json:"node"`
	Expected struct {
		Baseline   *string `json:"baseline,omitempty"`
		PatchGroup *string `json:"patchGroup,omitempty"`
		Error      *string `json:"error,omitempty"`
		ExitCode   *int    `json:"exitCode,omitempty"`
	} `json:"expected"`
}

type validateVector struct {
	header
	Baseline json.RawMessage `json:"baseline"`
	Expected struct {
		Valid bool    `json:"valid"`
		Field *string `json:"field,omitempty"`
	} `json:"expected"`
}

type rebootVector struct {
	header
	Input    baseline.RebootInput `json:"input"`
	Expected struct {
		Reboot              *bool `json:"reboot,omitempty"`
		ExitCode            *int  `json:"exitCode,omitempty"`
		ExitCodeAfterReboot *int  `json:"exitCodeAfterReboot,omitempty"`
	} `json:"expected"`
}

// document is the whole file.
type document struct {
	Meta    json.RawMessage   `json:"_meta,omitempty"`
	Vectors []json.RawMessage `json:"vectors"`
}
