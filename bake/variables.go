package bake

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// variables are what a user's own template may declare as input variables; each is
// given in the environment, so that a template declares only what it uses.
//
//	rehydrate_region, rehydrate_source_ami, rehydrate_image_name   for the source block
//	rehydrate_instance_type, rehydrate_subnet, rehydrate_ssh_user  may be empty
//	rehydrate_run_tags, rehydrate_image_tags                       map(string); run_tags are obligatory
//	rehydrate_<argument>                                           each argument of rehydrate-patch
//	rehydrate_manifest                                             output of rehydrate-manifest
//
// The template must name the image rehydrate_image_name, put rehydrate_run_tags on
// everything it makes, and use rehydrate-patch with node_binary, baseline_file,
// report_file, lock_out and bundle_out as given: by these the run finds, finishes
// or removes what the template made.
func (p Plan) variables(folder, marker string) ([]string, error) {
	v := map[string]any{
		"region":        p.Request.Region,
		"source_ami":    p.Source.ID,
		"image_name":    p.ImageName,
		"instance_type": p.Request.InstanceType,
		"subnet":        p.Request.Subnet,
		"ssh_user":      p.Request.Packer.SSHUser,
		"run_tags":      p.runTags(),
		"image_tags":    p.imageTags(),
		"manifest":      folder + "/" + manifestFile,
	}
	maps.Copy(v, p.provisioner(folder, marker))
	var env []string
	for _, k := range slices.Sorted(maps.Keys(v)) {
		text, ok := v[k].(string)
		if !ok {
			b, err := json.Marshal(v[k])
			if err != nil {
				return nil, fmt.Errorf("render the variable rehydrate_%s: %w", k, err)
			}
			text = string(b)
		}
		env = append(env, "PKR_VAR_rehydrate_"+k+"="+text)
	}
	return env, nil
}
