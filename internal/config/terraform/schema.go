package terraform

import "github.com/hashicorp/hcl/v2"

// schema describes one body: its arguments, the blocks in it, and what Terraform
// itself understands in any resource.
type schema struct {
	args   []string
	blocks map[string]*schema
	// meta are arguments that say nothing about the policy.
	meta []string
	// computing are arguments and blocks under which the file does not state what
	// will be there.
	computing  []string
	metaBlocks map[string]int
}

var filter = &schema{args: []string{"key", "values"}}

// blocks are the same in both kinds.
var blocks = map[string]*schema{
	"approval_rule": {
		args:   []string{"approve_after_days", "approve_until_date", "compliance_level", "enable_non_security"},
		blocks: map[string]*schema{"patch_filter": filter},
	},
	"global_filter": filter,
	"source":        {args: []string{"name", "products", "configuration"}},
}

var args = []string{
	"name", "description", "operating_system", "approved_patches", "approved_patches_compliance_level",
	"approved_patches_enable_non_security", "rejected_patches", "rejected_patches_action",
	"available_security_updates_compliance_status",
}

var schemas = map[Kind]*schema{
	Resource: {
		args: append([]string{"tags"}, args...), blocks: blocks,
		meta: []string{"provider", "depends_on", "region", "tags_all"}, computing: []string{"count", "for_each"},
		metaBlocks: map[string]int{"lifecycle": 0, "provisioner": 1, "connection": 0, "timeouts": 0},
	},
	Config: {args: append([]string{"file", "apt_approval_delay"}, args...), blocks: blocks},
}

// body is the schema in the library's words. Every body may hold dynamic blocks in
// Terraform; they are found in order to be refused.
func (s *schema) body() *hcl.BodySchema {
	out := &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "dynamic", LabelNames: []string{"type"}}}}
	for _, list := range [][]string{s.args, s.meta, s.computing} {
		for _, name := range list {
			out.Attributes = append(out.Attributes, hcl.AttributeSchema{Name: name})
		}
	}
	for name := range s.blocks {
		out.Blocks = append(out.Blocks, hcl.BlockHeaderSchema{Type: name})
	}
	for name, labels := range s.metaBlocks {
		out.Blocks = append(out.Blocks, hcl.BlockHeaderSchema{Type: name, LabelNames: make([]string, labels)})
	}
	return out
}
