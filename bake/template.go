package bake

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
)

// The files of one attempt, in its folder.
const (
	templateFile = "template.pkr.json"
	baselineFile = "baseline.json"
	optionsFile  = "options.json"
	pinnedFile   = "pinned-lock.json"
	seenFile     = "first-seen.json"
	reportFile   = "report.json"
	lockOutFile  = "lock.json"
	manifestFile = "manifest.json"
	bundleFolder = "bundle"
)

type object = map[string]any

// template renders the built-in Packer template, in Packer's JSON form of HCL2.
func (p Plan) template(folder, marker string) ([]byte, error) {
	source, err := p.amazonEBS()
	if err != nil {
		return nil, err
	}
	t := object{
		"source": object{"amazon-ebs": object{"candidate": source}},
		"build": object{
			"sources":        []string{"source.amazon-ebs.candidate"},
			"provisioner":    []object{{"rehydrate-patch": p.provisioner(folder, marker)}},
			"post-processor": []object{{"rehydrate-manifest": object{"output": filepath.Join(folder, manifestFile)}}},
		},
	}
	escaped, err := escape("template", t)
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(escaped, "", " ")
}

// privateRanges may reach a build instance by default; the amazon plugin's own
// default is the whole internet.
func privateRanges() []string {
	return []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"}
}

func (p Plan) amazonEBS() (object, error) {
	in := p.Request
	if in.InstanceType == "" || in.Packer.SSHUser == "" || in.Region == "" {
		return nil, fault.New(fault.Usage, "", "bake %s: instance type, SSH user and region are needed (%q, %q, %q)",
			in.Line, in.InstanceType, in.Packer.SSHUser, in.Region)
	}
	made, image := p.runTags(), p.imageTags()
	o := object{
		"region":          in.Region,
		"source_ami":      p.Source.ID,
		"instance_type":   in.InstanceType,
		"ami_name":        p.ImageName,
		"ami_description": fmt.Sprintf("%s baked from %s by rehydrate run %s", in.Line, p.Source.ID, in.Run),
		"communicator":    "ssh",
		"ssh_username":    in.Packer.SSHUser,
		"ssh_interface":   orDefault(in.Packer.SSHInterface, "private_ip"),
		"ssh_timeout":     "10m",
		// Found again by this name where key pairs cannot be tagged.
		"temporary_key_pair_name":               "rehydrate-" + clean(in.Run),
		"temporary_security_group_source_cidrs": in.Packer.SourceCIDRs,
		"run_tags":                              made,
		"run_volume_tags":                       made,
		"tags":                                  image,
		"snapshot_tags":                         image,
		"aws_polling":                           object{"delay_seconds": 10, "max_attempts": 360},
	}
	if len(in.Packer.SourceCIDRs) == 0 {
		o["temporary_security_group_source_cidrs"] = privateRanges()
	}
	if in.Subnet != "" {
		o["subnet_id"] = in.Subnet
	}
	if in.Profile != "" {
		o["iam_instance_profile"] = in.Profile
	}
	// cloud-init has put the temporary key there; other endpoints run no cloud-init.
	o["ssh_clear_authorized_keys"] = in.Packer.Endpoint == ""
	if in.Packer.Endpoint != "" {
		// What only AWS can answer is not asked of another endpoint, and it needs no
		// sparing.
		o["skip_region_validation"] = true
		o["skip_credential_validation"] = true
		o["skip_metadata_api_check"] = true
		o["max_retries"] = 3
		o["aws_polling"] = object{"delay_seconds": 1, "max_attempts": 1800}
	}
	return o, nil
}

func (p Plan) provisioner(folder, marker string) object {
	in := p.Request
	o := object{
		"node_binary":   in.Packer.NodeBinary,
		"baseline_file": filepath.Join(folder, baselineFile),
		"options_file":  filepath.Join(folder, optionsFile),
		"report_file":   filepath.Join(folder, reportFile),
		"lock_out":      filepath.Join(folder, lockOutFile),
		"bundle_out":    filepath.Join(folder, bundleFolder),
		"marker":        marker,
		"run":           in.Run,
		"reboot":        orDefault(in.Packer.Reboot, "never"),
		"timeout":       in.timeout().String(),
	}
	set := func(key, value string) {
		if value != "" {
			o[key] = value
		}
	}
	set("skip_identity", p.SkipIdentity)
	set("bundle_in", in.Bundle)
	if !in.Now.IsZero() {
		set("now", in.Now.UTC().Format(time.RFC3339))
	}
	if in.Lock != nil {
		set("lock_file", filepath.Join(folder, pinnedFile))
	}
	if len(in.FirstSeen) > 0 {
		set("first_seen_file", filepath.Join(folder, seenFile))
	}
	return o
}

// runTags are on everything that the bake makes.
func (p Plan) runTags() map[string]string {
	t := maps.Clone(p.Request.Tags)
	if t == nil {
		t = map[string]string{}
	}
	t["Name"] = "rehydrate bake of " + p.Request.Line
	t[TagRun], t[TagLine] = p.Request.Run, p.Request.Line
	return t
}

// imageTags are on the image and its snapshots from the beginning.
func (p Plan) imageTags() map[string]string {
	t := p.runTags()
	t["Name"] = p.ImageName
	t[TagSource], t[TagInput] = p.Source.ID, p.InputDigest
	return t
}

// escape keeps HCL from reading our values as templates. Packer's own template
// language has no escape that all its fields understand, so its braces are refused.
func escape(at string, v any) (any, error) {
	switch v := v.(type) {
	case string:
		if strings.Contains(v, "{{") {
			return nil, fault.New(fault.Usage, "", "bake: the value %q (%s) holds {{, which Packer would interpret", v, at)
		}
		return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(v), nil
	case object:
		out := object{}
		for k, e := range v {
			var err error
			if out[k], err = escape(at+"."+k, e); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]string:
		out := object{}
		for k, e := range v {
			key, err := escape(at, k)
			if err != nil {
				return nil, err
			}
			if out[key.(string)], err = escape(at+"."+k, e); err != nil {
				return nil, err
			}
		}
		return out, nil
	case []object:
		out := make([]any, len(v))
		for i, e := range v {
			var err error
			if out[i], err = escape(at, e); err != nil {
				return nil, err
			}
		}
		return out, nil
	case []string:
		out := make([]any, len(v))
		for i, e := range v {
			var err error
			if out[i], err = escape(at, e); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil // numbers and booleans
}

func orDefault(s, otherwise string) string {
	if s != "" {
		return s
	}
	return otherwise
}
