package discover

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/rollout"
)

// Owner is who seems to own a group's launch template. A roll makes a new version and
// moves the group to it; whoever owns the template may want to move it back.
type Owner struct {
	Kind string `json:"kind"`           // cloudformation, terraform, cdk, service or unknown
	Name string `json:"name,omitempty"` // such as the stack's
	Why  string `json:"why,omitempty"`
	// Service is an AWS service that made the group and keeps it as it wants it.
	Service string `json:"service,omitempty"`
}

// services are tags by which AWS services mark groups of their own.
var services = []struct{ key, name string }{
	{"eks:nodegroup-name", "EKS (managed node group)"},
	{"elasticbeanstalk:environment-name", "Elastic Beanstalk"},
	{"aws:batch:compute-environment", "AWS Batch"},
}

// generated is the form of names that Terraform and OpenTofu give what has none:
// terraform- and a time with a counter.
var generated = regexp.MustCompile(`^(?:[\w.-]+-|terraform-)?20\d{12}\d{10,12}$`)

// ownerOf guesses by tags of the template, then of the group, then by the names.
func ownerOf(g rollout.Group, t rollout.TaggedTemplate) Owner {
	for _, s := range services {
		if name := g.Tags[s.key]; name != "" {
			return Owner{Kind: "service", Name: name, Service: s.name, Why: "the group has the tag " + s.key}
		}
	}
	for _, from := range []struct {
		what string
		tags map[string]string
	}{{"the launch template", t.Tags}, {"the group", g.Tags}} {
		if o, ok := byTags(from.what, from.tags); ok {
			return o
		}
	}
	switch {
	case strings.Contains(t.CreatedBy, "cloudformation"):
		return Owner{Kind: "cloudformation", Why: "the launch template was made by " + t.CreatedBy}
	case generated.MatchString(t.Name):
		return Owner{Kind: "terraform", Why: "the launch template's name has the form that Terraform gives"}
	case generated.MatchString(g.Name):
		return Owner{Kind: "terraform", Why: "the group's name has the form that Terraform gives"}
	}
	return Owner{Kind: "unknown"}
}

func byTags(what string, tags map[string]string) (Owner, bool) {
	const stack = "aws:cloudformation:stack-name"
	if name := tags[stack]; name != "" {
		o := Owner{Kind: "cloudformation", Name: name, Why: what + " has the tag " + stack}
		if tags["aws:cdk:path"] != "" {
			o.Kind = "cdk"
		}
		return o, true
	}
	for _, k := range []string{"managed-by", "ManagedBy", "managed_by", "Managed-By", "provisioner", "Provisioner", "CreatedBy", "created-by", "terraform", "Terraform", "IaC"} {
		v := strings.ToLower(tags[k])
		switch {
		case v == "":
		case strings.Contains(v, "terraform"), strings.Contains(v, "opentofu"), strings.EqualFold(k, "terraform") && v == "true":
			return Owner{Kind: "terraform", Name: tags["terraform:workspace"], Why: what + " has the tag " + k + "=" + tags[k]}, true
		case strings.Contains(v, "cloudformation"):
			return Owner{Kind: "cloudformation", Why: what + " has the tag " + k + "=" + tags[k]}, true
		}
	}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		if strings.HasPrefix(strings.ToLower(k), "terraform:") || strings.HasPrefix(strings.ToLower(k), "tf_") {
			return Owner{Kind: "terraform", Why: what + " has the tag " + k}, true
		}
	}
	return Owner{}, false
}
