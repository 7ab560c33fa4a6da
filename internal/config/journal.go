package config

import (
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Journal is where the records of runs are kept, so that another machine can go on
// with them.
type Journal struct {
	Bucket string // empty: in the state folder
	Prefix string // of every key, without slashes at its ends; empty: none
}

type journalSchema struct {
	Bucket string    `hcl:"bucket"`
	Prefix string    `hcl:"prefix,optional"`
	Range  hcl.Range `hcl:",def_range"`
}

// bucketRE: "Bucket naming rules", S3 User Guide.
var bucketRE = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

func (r *resolver) journal(s *journalSchema) {
	if s == nil {
		return
	}
	j := Journal{Bucket: s.Bucket, Prefix: strings.Trim(s.Prefix, "/")}
	if !bucketRE.MatchString(j.Bucket) || strings.Contains(j.Bucket, "..") {
		r.fault(s.Range, "Wrong bucket", "bucket is %q; write the name of an S3 bucket, such as golden-journal.", j.Bucket)
	}
	if !prefixRE.MatchString(j.Prefix) {
		r.fault(s.Range, "Wrong prefix", "prefix is %q; write folders of letters, digits, dots, hyphens and underscores, such as golden/web.", j.Prefix)
	}
	r.cfg.Journal = j
}
