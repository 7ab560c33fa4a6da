package config

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Notify is a place that hears what happens. Exactly one of SNS, EventBus and Webhook
// is set.
type Notify struct {
	Label    string
	SNS      string // ARN of a topic
	EventBus string // name or ARN
	Webhook  string // URL; it may be a secret itself and is never printed
	// SecretEnv and SecretFile are where the key of the webhook's signature is; empty:
	// messages are not signed.
	SecretEnv  string
	SecretFile string // absolute or relative to the working directory
	Kinds      []string
}

// notifyKinds are the kinds of event that can be told. Output of tools cannot: it is
// much, and not ours to vouch for.
var notifyKinds = []string{"started", "progress", "changed", "found", "warned", "ended", "failed"}

// DefaultKinds are told when a block names none.
var DefaultKinds = []string{"changed", "warned", "failed", "ended"}

type notifySchema struct {
	Label      string    `hcl:"label,label"`
	SNS        string    `hcl:"sns,optional"`
	EventBus   string    `hcl:"event_bus,optional"`
	Webhook    string    `hcl:"webhook,optional"`
	SecretEnv  string    `hcl:"secret_env,optional"`
	SecretFile string    `hcl:"secret_file,optional"`
	Kinds      []string  `hcl:"kinds,optional"`
	Range      hcl.Range `hcl:",def_range"`
}

func (r *resolver) notify(s *notifySchema) {
	for _, n := range r.cfg.Notify {
		if n.Label == s.Label {
			r.fault(s.Range, "Duplicate notify", "A notify block named %q stands above.", s.Label)
			return
		}
	}
	n := &Notify{Label: s.Label, SNS: s.SNS, EventBus: s.EventBus, Webhook: s.Webhook, SecretEnv: s.SecretEnv, Kinds: s.Kinds}
	if s.SecretFile != "" {
		n.SecretFile = r.beside(s.SecretFile)
	}
	if len(n.Kinds) == 0 {
		n.Kinds = slices.Clone(DefaultKinds)
	}
	for _, k := range n.Kinds {
		if !slices.Contains(notifyKinds, k) {
			r.fault(s.Range, "Unknown kind", "kinds names %q; it is one of %s.%s", k, strings.Join(notifyKinds, ", "), nearest(k, notifyKinds))
		}
	}
	to := slices.DeleteFunc([]string{n.SNS, n.EventBus, n.Webhook}, func(s string) bool { return s == "" })
	switch {
	case len(to) != 1:
		r.fault(s.Range, "Notify whom?", "notify %q needs exactly one of sns, event_bus and webhook.", s.Label)
	case n.SNS != "" && !ringForms().topic.MatchString(n.SNS):
		r.fault(s.Range, "Wrong topic", "sns is %q; write the topic's ARN, arn:aws:sns:REGION:ACCOUNT:NAME.", n.SNS)
	case n.EventBus != "" && !ringForms().bus.MatchString(n.EventBus):
		r.fault(s.Range, "Wrong event bus", "event_bus is %q; write its name, such as default, or its ARN.", n.EventBus)
	case n.Webhook != "":
		r.checkURL(s.Range, "webhook", n.Webhook, "https", "http")
	}
	switch {
	case n.SecretEnv != "" && n.SecretFile != "":
		r.fault(s.Range, "Two secrets", "notify %q has secret_env and secret_file; one is enough.", s.Label)
	case n.Webhook == "" && (n.SecretEnv != "" || n.SecretFile != ""):
		r.fault(s.Range, "Wrong argument", "in notify %q a secret goes with webhook only; it signs the message.", s.Label)
	}
	r.cfg.Notify = append(r.cfg.Notify, n)
}
