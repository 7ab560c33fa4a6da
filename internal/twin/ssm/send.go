package ssm

import (
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

var (
	concurrencyPattern = regexp.MustCompile(`^([1-9][0-9]*|[1-9][0-9]%|[1-9]%|100%)$`)
	errorsPattern      = regexp.MustCompile(`^([1-9][0-9]*|[0]|[1-9][0-9]%|[0-9]%|100%)$`)
)

// SendCommand sends a document to instances. It has no client token: the comment is
// what a sender can find its command by.
func (s *Service) SendCommand(tx *world.Tx, in *ssm.SendCommandInput) (*ssm.SendCommandOutput, error) {
	d, err := lookup(tx, in.DocumentName)
	if err != nil {
		return nil, err
	}
	v, err := d.version(in.DocumentVersion, nil)
	if err != nil {
		return nil, err
	}
	if h := aws.ToString(in.DocumentHash); h != "" && !strings.EqualFold(h, v.hash()) {
		return nil, wire.Errorf("InvalidDocument", "The document hash %s does not match the hash of document %s.", h, d.Name)
	}
	c := command{
		ID: tx.UUID(), Document: d.Name, Version: orElse(aws.ToString(in.DocumentVersion), "$DEFAULT"), Parameters: in.Parameters, Comment: aws.ToString(in.Comment),
		Instances: in.InstanceIds, Targets: in.Targets, Requested: tx.Now, Timeout: 3600,
		Concurrent: orElse(aws.ToString(in.MaxConcurrency), "50"), MaxErrors: orElse(aws.ToString(in.MaxErrors), "0"),
		Bucket: aws.ToString(in.OutputS3BucketName), Prefix: aws.ToString(in.OutputS3KeyPrefix), BucketIn: orElse(aws.ToString(in.OutputS3Region), tx.Region),
		Status: types.CommandStatusPending, Detail: "Pending",
	}
	if err := c.check(in); err != nil {
		return nil, err
	}
	if c.Content, err = parse(v.Content, v.Format); err != nil {
		return nil, err
	}
	if c.Bound, err = c.Content.bind(in.Parameters); err != nil {
		return nil, err
	}
	if c.Nodes, err = s.nodes(tx, in.InstanceIds, in.Targets); err != nil {
		return nil, err
	}
	s.forget(tx)
	if len(c.Nodes) == 0 {
		// A tag target that matches nothing succeeds, with status detail NoInstancesInTag.
		c.Status, c.Detail = types.CommandStatusSuccess, "NoInstancesInTag"
	} else {
		tx.At(tx.Now.Add(dispatchDelay), timerDispatch, place{Command: c.ID})
		tx.At(c.expires(), timerExpire, place{Command: c.ID})
	}
	commands(tx).Put(c.ID, c)
	tx.Event("command.sent", map[string]any{"command": c.ID, "document": c.Document, "nodes": c.Nodes, "comment": c.Comment})
	out := describeCommand(c)
	return &ssm.SendCommandOutput{Command: &out}, nil
}

func (c *command) check(in *ssm.SendCommandInput) error {
	switch {
	case len(in.InstanceIds) == 0 && len(in.Targets) == 0:
		return invalid("InstanceIds or Targets must be specified.")
	case len(in.InstanceIds) > 0 && len(in.Targets) > 0:
		return invalid("You can specify either InstanceIds or Targets, but not both.")
	case len(in.InstanceIds) > 50:
		return invalid("1 validation error detected: Value at 'instanceIds' failed to satisfy constraint: Member must have length less than or equal to 50")
	case len(in.Targets) > 5:
		return invalid("1 validation error detected: Value at 'targets' failed to satisfy constraint: Member must have length less than or equal to 5")
	case len(c.Comment) > 100:
		return invalid("1 validation error detected: Value at 'comment' failed to satisfy constraint: Member must have length less than or equal to 100")
	case !concurrencyPattern.MatchString(c.Concurrent):
		return invalid("1 validation error detected: Value '%s' at 'maxConcurrency' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", c.Concurrent, concurrencyPattern)
	case !errorsPattern.MatchString(c.MaxErrors):
		return invalid("1 validation error detected: Value '%s' at 'maxErrors' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", c.MaxErrors, errorsPattern)
	case in.AlarmConfiguration != nil || in.NotificationConfig != nil || in.CloudWatchOutputConfig != nil && in.CloudWatchOutputConfig.CloudWatchOutputEnabled:
		return unmodelled("alarms, notifications and CloudWatch output of commands")
	}
	if t := in.TimeoutSeconds; t != nil {
		if *t < 30 || *t > 2592000 {
			return invalid("1 validation error detected: Value '%d' at 'timeoutSeconds' failed to satisfy constraint: Member must have value between 30 and 2592000", *t)
		}
		c.Timeout = *t
	}
	return nil
}

// nodes is what a command goes to. Instances that are named must be running; a tag
// finds those that are ("a stopped instance cannot" take a command).
func (s *Service) nodes(tx *world.Tx, ids []string, targets []types.Target) ([]string, error) {
	var out []string
	for _, id := range ids {
		if slices.Contains(out, id) {
			return nil, wire.Errorf("DuplicateInstanceId", "")
		}
		i, ok := s.EC2.InstanceByID(tx, id)
		if !ok || !accepts(i) {
			return nil, wire.Errorf("InvalidInstanceId", "Instances [[%s]] not in a valid state for account %s", id, tx.Account)
		}
		out = append(out, id)
	}
	if len(targets) == 0 {
		return out, nil
	}
	for _, t := range targets {
		key := aws.ToString(t.Key)
		if strings.HasPrefix(key, "resource-groups:") {
			return nil, unmodelled("targets by resource group")
		}
		if key != "InstanceIds" && key != "tag-key" && !strings.HasPrefix(key, "tag:") {
			return nil, wire.Errorf("InvalidTarget", "The target %s is not supported.", key)
		}
	}
	for id, i := range s.EC2.Instances(tx) {
		if accepts(i) && !slices.ContainsFunc(targets, func(t types.Target) bool { return !hits(i, t) }) {
			out = append(out, id)
		}
	}
	return out, nil
}

// accepts says whether commands to an instance are accepted: it runs, and its agent has
// once registered. Whether that agent is there shows only when nothing takes the command.
func accepts(i ec2.Instance) bool {
	v := i.Tags[NoAgentTag]
	return i.State == "running" && (v == "" || v == "false")
}

// hits says whether an instance is one of a target; several targets add up.
func hits(i ec2.Instance, t types.Target) bool {
	switch key := aws.ToString(t.Key); key {
	case "InstanceIds":
		return slices.Contains(t.Values, i.ID)
	case "tag-key":
		return slices.ContainsFunc(t.Values, func(k string) bool { _, ok := i.Tags[k]; return ok })
	default:
		v, ok := i.Tags[strings.TrimPrefix(key, "tag:")]
		return ok && slices.Contains(t.Values, v)
	}
}

// forget drops commands that are no longer told of.
func (s *Service) forget(tx *world.Tx) {
	for id, c := range commands(tx).All() {
		if tx.Now.Sub(c.Requested) < keepCommands {
			return // in order of sending
		}
		if !c.ended() {
			continue
		}
		for _, n := range c.Nodes {
			invocations(tx).Delete(invocationKey(id, n))
		}
		commands(tx).Delete(id)
	}
}
