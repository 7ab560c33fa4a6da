package config

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Andon is the stop switch of rolls.
type Andon struct {
	// Parameter is the Parameter Store name that holds its order; empty: andon beside the
	// image's channel.
	Parameter string
}

type andonSchema struct {
	Parameter string    `hcl:"parameter"`
	Range     hcl.Range `hcl:",def_range"`
}

func (r *resolver) andon(s *andonSchema) {
	if s == nil {
		return
	}
	r.cfg.Andon = Andon{Parameter: s.Parameter}
	if !parameterRE().MatchString(s.Parameter) || strings.HasPrefix(strings.TrimPrefix(s.Parameter, "/"), "aws") {
		r.fault(s.Range, "Wrong parameter", "parameter is %q; write a Parameter Store name such as /golden/andon.", s.Parameter)
	}
	for _, i := range r.cfg.Images {
		if i.Channel == s.Parameter {
			r.fault(s.Range, "Andon on a channel", "parameter %q is the channel of image %q; give the andon a name of its own.", s.Parameter, i.Label)
		}
	}
}
