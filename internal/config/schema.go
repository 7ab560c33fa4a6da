package config

import "github.com/hashicorp/hcl/v2"

// The schema types mirror the file; gohcl reads both HCL and its JSON form.

type fileSchema struct {
	Region    string           `hcl:"region,optional"`
	Artifacts *artifactsSchema `hcl:"artifacts,block"`
	Baselines []baselineSchema `hcl:"baseline,block"`
	Accounts  []accountSchema  `hcl:"account,block"`
	Images    []imageSchema    `hcl:"image,block"`
	Fleets    []fleetSchema    `hcl:"fleet,block"`
	Schedules []scheduleSchema `hcl:"schedule,block"`
	Freezes   []freezeSchema   `hcl:"freeze,block"`
	Notify    []notifySchema   `hcl:"notify,block"`
	Twin      *twinSchema      `hcl:"twin,block"`
	Journal   *journalSchema   `hcl:"journal,block"`
	Andon     *andonSchema     `hcl:"andon,block"`
}

type twinSchema struct {
	World string            `hcl:"world"`
	Set   map[string]string `hcl:"set,optional"`
}

type artifactsSchema struct {
	Bucket string    `hcl:"bucket"`
	Prefix string    `hcl:"prefix,optional"`
	Range  hcl.Range `hcl:",def_range"`
}

type baselineSchema struct {
	Label                       string              `hcl:"label,label"`
	File                        string              `hcl:"file,optional"`
	Name                        string              `hcl:"name,optional"`
	Description                 string              `hcl:"description,optional"`
	OperatingSystem             string              `hcl:"operating_system,optional"`
	ApprovedPatches             []string            `hcl:"approved_patches,optional"`
	ApprovedComplianceLevel     string              `hcl:"approved_patches_compliance_level,optional"`
	ApprovedEnableNonSecurity   *bool               `hcl:"approved_patches_enable_non_security,optional"`
	RejectedPatches             []string            `hcl:"rejected_patches,optional"`
	RejectedPatchesAction       string              `hcl:"rejected_patches_action,optional"`
	AvailableSecurityCompliance string              `hcl:"available_security_updates_compliance_status,optional"`
	ApprovalRules               []ruleSchema        `hcl:"approval_rule,block"`
	GlobalFilters               []filterSchema      `hcl:"global_filter,block"`
	Sources                     []sourceBlockSchema `hcl:"source,block"`
	AptApprovalDelay            bool                `hcl:"apt_approval_delay,optional"`
	Range                       hcl.Range           `hcl:",def_range"`
}

type ruleSchema struct {
	ApproveAfterDays  *int           `hcl:"approve_after_days,optional"`
	ApproveUntilDate  string         `hcl:"approve_until_date,optional"`
	ComplianceLevel   string         `hcl:"compliance_level,optional"`
	EnableNonSecurity *bool          `hcl:"enable_non_security,optional"`
	Filters           []filterSchema `hcl:"patch_filter,block"`
}

type filterSchema struct {
	Key    string   `hcl:"key"`
	Values []string `hcl:"values"`
}

type sourceBlockSchema struct {
	Name          string   `hcl:"name"`
	Products      []string `hcl:"products"`
	Configuration string   `hcl:"configuration"`
}

type imageSchema struct {
	Label        string            `hcl:"label,label"`
	Baseline     hcl.Expression    `hcl:"baseline"`
	Source       string            `hcl:"source,optional"`
	SourceName   string            `hcl:"source_name,optional"`
	SourceOwners []string          `hcl:"source_owners,optional"`
	Architecture string            `hcl:"architecture,optional"`
	InstanceType string            `hcl:"instance_type,optional"`
	SSHUsername  string            `hcl:"ssh_username,optional"`
	Template     string            `hcl:"template,optional"`
	Channel      string            `hcl:"channel"`
	Rings        []string          `hcl:"rings,optional"`
	RingBlocks   []ringSchema      `hcl:"ring,block"`
	Builder      string            `hcl:"builder,optional"`
	Profile      string            `hcl:"instance_profile,optional"`
	Subnet       string            `hcl:"subnet_id,optional"`
	SkipChecks   []string          `hcl:"skip_checks,optional"`
	Tags         map[string]string `hcl:"tags,optional"`
	Distribute   *distributeSchema `hcl:"distribute,block"`
	Channels     map[string]string `hcl:"channels,optional"`
	Retire       *retireSchema     `hcl:"retire,block"`
	Line         string            `hcl:"line,optional"`
	Range        hcl.Range         `hcl:",def_range"`
}

type fleetSchema struct {
	Label       string            `hcl:"label,label"`
	Follows     hcl.Expression    `hcl:"follows"`
	Ring        string            `hcl:"ring,optional"`
	ASGTags     map[string]string `hcl:"asg_tags,optional"`
	ASGNames    []string          `hcl:"asg_names,optional"`
	ASGTemplate string            `hcl:"asg_template,optional"`
	NodeTags    map[string]string `hcl:"node_tags,optional"`
	Accounts    []string          `hcl:"accounts,optional"`
	Regions     []string          `hcl:"regions,optional"`
	Refresh     *refreshSchema    `hcl:"refresh,block"`
	InPlace     *inPlaceSchema    `hcl:"in_place,block"`
	Range       hcl.Range         `hcl:",def_range"`
}

type refreshSchema struct {
	MinHealthy      string   `hcl:"min_healthy,optional"`
	MaxHealthy      string   `hcl:"max_healthy,optional"`
	Warmup          string   `hcl:"warmup,optional"`
	Checkpoints     []int    `hcl:"checkpoints,optional"`
	CheckpointDelay string   `hcl:"checkpoint_delay,optional"`
	Soak            string   `hcl:"soak,optional"`
	Alarms          []string `hcl:"alarms,optional"`
	Rollback        *bool    `hcl:"rollback,optional"`
	Protected       string   `hcl:"protected,optional"`
	Standby         string   `hcl:"standby,optional"`
	AllowOutage     bool     `hcl:"allow_outage,optional"`
}

type inPlaceSchema struct {
	Batch  *int   `hcl:"batch,optional"`
	Reboot string `hcl:"reboot,optional"`
}

// scheduleSchema is read so that the refusal can name the block.
type scheduleSchema struct {
	Label      string         `hcl:"label,label"`
	Run        hcl.Expression `hcl:"run"`
	At         string         `hcl:"at"`
	OffsetDays int            `hcl:"offset_days,optional"`
	Range      hcl.Range      `hcl:",def_range"`
}
