package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"
)

// awsWait is the longest checkpoint delay and soak that instance refresh takes
// (API reference of Amazon EC2 Auto Scaling, RefreshPreferences: CheckpointDelay and
// BakeTime are 0 to 172800 s).
const awsWait = 172800 * time.Second

var imageIDRE = regexp.MustCompile(`^ami-[0-9a-f]{8,17}$`)

// parameterRE is a Parameter Store name (PutParameter, "Name"). Its counter makes it
// slow to compile, which commands without a configuration should not pay for.
var parameterRE = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^/?[a-zA-Z0-9_.\-/]{1,1000}$`) })

func (r *resolver) image(s *imageSchema) {
	if _, dup := r.cfg.ImageNamed(s.Label); dup && s.Label != "" {
		r.fault(s.Range, "Duplicate image", "An image named %q stands above.", s.Label)
		return
	}
	i := &Image{
		Label: s.Label, Architecture: s.Architecture, InstanceType: s.InstanceType, SSHUsername: s.SSHUsername,
		Template: s.Template, Channel: s.Channel, Rings: s.Rings, Builder: s.Builder, Profile: s.Profile, Line: s.Line,
		Subnet: s.Subnet, Hygiene: s.SkipChecks, Tags: s.Tags,
	}
	i.Baseline = r.cfg.Baselines[r.reference(s.Baseline, "baseline", slices.Sorted(maps.Keys(r.cfg.Baselines)))]
	i.Source = r.source(s)
	setDefault(&i.Architecture, "x86_64")
	setDefault(&i.Builder, "packer")
	setDefault(&i.SSHUsername, "admin")
	if i.InstanceType == "" {
		i.InstanceType = map[string]string{"x86_64": "t3.micro", "arm64": "t4g.micro"}[i.Architecture]
	}
	r.oneOf(s.Range, "architecture", i.Architecture, "x86_64", "arm64")
	r.oneOf(s.Range, "builder", i.Builder, "packer", "run-command")
	for _, c := range i.Hygiene {
		r.skippable(s.Range, c)
	}
	// Packer's amazon plugin looks a profile up by name; EC2 itself takes either.
	if strings.HasPrefix(i.Profile, "arn:") && i.Builder == "packer" {
		r.fault(s.Range, "Wrong instance profile", "instance_profile is %q; Packer takes the profile's name, %q.", i.Profile, i.Profile[strings.LastIndex(i.Profile, "/")+1:])
	}
	if why := notAChannel(i.Channel, s.Label, "latest"); why != "" {
		r.fault(s.Range, "Wrong channel", "channel is %q; %s.", i.Channel, why)
	}
	seen := map[string]bool{}
	for _, ring := range i.Rings {
		if seen[ring] {
			r.fault(s.Range, "Ring order goes in a circle", "Ring %q stands twice in rings.", ring)
		}
		seen[ring] = true
	}
	i.Distribute = r.distribute(s.Distribute)
	i.Retire = r.retire(s.Retire)
	r.channels(s, i)
	for n := range s.RingBlocks {
		r.ring(i, &s.RingBlocks[n])
	}
	r.member(s.Range, i)
	r.cfg.Images = append(r.cfg.Images, i)
}

func (r *resolver) source(s *imageSchema) Source {
	if (s.Source == "") == (s.SourceName == "") {
		r.fault(s.Range, "Source missing or doubled", "image %q needs either source (an AMI id or ssm(\"NAME\")) or source_name (with source_owners).", s.Label)
		return Source{}
	}
	if s.SourceName != "" {
		if len(s.SourceOwners) == 0 {
			r.fault(s.Range, "Owner missing", "source_name without source_owners would take anybody's image of that name; name the owners' account ids, \"amazon\" or \"self\".")
		}
		return Source{Name: s.SourceName, Owners: s.SourceOwners}
	}
	if p, ok := strings.CutPrefix(s.Source, parameterMark); ok {
		return Source{Parameter: p}
	}
	if !imageIDRE.MatchString(s.Source) {
		r.fault(s.Range, "Wrong source", "source is %q; write an AMI id such as ami-0123456789abcdef0, or ssm(\"/a/parameter\").", s.Source)
	}
	return Source{ID: s.Source}
}

func (r *resolver) fleet(s *fleetSchema) {
	for _, f := range r.cfg.Fleets {
		if f.Label == s.Label {
			r.fault(s.Range, "Duplicate fleet", "A fleet named %q stands above.", s.Label)
			return
		}
	}
	f := &Fleet{Label: s.Label, Ring: s.Ring, ASGTags: s.ASGTags, ASGNames: s.ASGNames, ASGTemplate: s.ASGTemplate, NodeTags: s.NodeTags, DeclRange: s.Range.String()}
	var labels []string
	for _, i := range r.cfg.Images {
		labels = append(labels, i.Label)
	}
	if name := r.reference(s.Follows, "image", labels); name != "" {
		f.Image, _ = r.cfg.ImageNamed(name)
	}
	r.places(s, f)
	groups, nodes := s.selectors() > 0, len(s.NodeTags) > 0
	switch {
	case groups == nodes:
		r.fault(s.Range, "Fleet of what?", "fleet %q needs either asg_tags, asg_names or asg_template, or node_tags.", s.Label)
	case s.selectors() > 1:
		r.fault(s.Range, "Fleet of what?", "fleet %q has more than one of asg_tags, asg_names and asg_template; leave all but one, or write several fleets.", s.Label)
	case groups:
		f.Refresh = r.refresh(s.Range, s.Refresh)
		if f.Image != nil && !slices.Contains(f.Image.Rings, f.Ring) {
			r.fault(s.Range, "Unknown ring", "fleet %q is in ring %q, which is not in the rings of image %q.%s", s.Label, f.Ring, f.Image.Label, nearest(f.Ring, f.Image.Rings))
		}
	default:
		f.InPlace = r.inPlace(s.Range, s.InPlace)
	}
	if s.Refresh != nil && nodes {
		r.fault(s.Range, "Wrong block", "fleet %q has node_tags; refresh is for Auto Scaling groups, in_place for nodes.", s.Label)
	}
	r.cfg.Fleets = append(r.cfg.Fleets, f)
}

func (r *resolver) refresh(at hcl.Range, s *refreshSchema) *Refresh {
	if s == nil {
		s = &refreshSchema{}
	}
	f := &Refresh{
		MinHealthy: r.percent(at, "min_healthy", s.MinHealthy, 90, 0, 100),
		MaxHealthy: r.percent(at, "max_healthy", s.MaxHealthy, 100, 100, 200),
		Warmup:     r.duration(at, "warmup", s.Warmup, 0), Checkpoints: s.Checkpoints,
		CheckpointDelay: r.duration(at, "checkpoint_delay", s.CheckpointDelay, awsWait),
		Soak:            r.duration(at, "soak", s.Soak, 0), Alarms: s.Alarms, Rollback: s.Rollback == nil || *s.Rollback,
	}
	if f.MaxHealthy-f.MinHealthy > 100 {
		r.fault(at, "Percentages too far apart", "max_healthy - min_healthy is %d; Auto Scaling takes at most 100.", f.MaxHealthy-f.MinHealthy)
	}
	for n, c := range f.Checkpoints {
		if c < 1 || c > 100 || n > 0 && c <= f.Checkpoints[n-1] {
			r.fault(at, "Wrong checkpoints", "checkpoints are ascending whole percentages from 1 to 100; %d is not.", c)
		}
	}
	r.exceptions(at, s, f)
	if len(f.Alarms) > 10 {
		r.fault(at, "Too many alarms", "an instance refresh takes at most 10 alarms; there are %d.", len(f.Alarms))
	}
	return f
}

func (r *resolver) inPlace(at hcl.Range, s *inPlaceSchema) *InPlace {
	p := &InPlace{Batch: 1, Reboot: "never"}
	if s == nil {
		return p
	}
	if s.Batch != nil {
		p.Batch = *s.Batch
	}
	if p.Batch != 1 {
		r.fault(at, "Wrong batch", "batch is %d; not supported yet: nodes are patched one at a time, so leave it out or write 1.", p.Batch)
	}
	if s.Reboot != "" {
		p.Reboot = s.Reboot
	}
	r.oneOf(at, "reboot", p.Reboot, "never", "if-needed")
	return p
}

// schedule refuses the block: nothing would start a run at that time.
func (r *resolver) schedule(s *scheduleSchema) {
	r.fault(s.Range, "Schedules are not supported yet", "schedule %q would never start a run; start `rehydrate run` from a timer or a CI schedule (examples/github has one).", s.Label)
}

// The gate's checks by name: those that may be switched off, and those that prove
// what the image is.
var (
	optionalChecks = []string{"changes", "hygiene"}
	fixedChecks    = []string{"marker", "lock", "baseline"}
)

func (r *resolver) skippable(at hcl.Range, check string) {
	switch {
	case slices.Contains(optionalChecks, check):
	case slices.Contains(fixedChecks, check):
		r.fault(at, "Check that cannot be skipped", "skip_checks names %q, without which nothing is proved; only %s can be switched off.", check, strings.Join(optionalChecks, " and "))
	default:
		r.fault(at, "Unknown check", "skip_checks names %q, which is no check of the gate.%s", check, nearest(check, optionalChecks))
	}
}

func (r *resolver) oneOf(at hcl.Range, field, got string, valid ...string) {
	if !slices.Contains(valid, got) {
		r.fault(at, "Wrong "+field, "%s is %q; it is one of %s.%s", field, got, strings.Join(valid, ", "), nearest(got, valid))
	}
}

func setDefault(s *string, v string) {
	if *s == "" {
		*s = v
	}
}
