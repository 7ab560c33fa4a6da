package ssm

import (
	"path"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// NoAgentTag on an instance, with any value but "" and "false", is an instance
// without an agent: Systems Manager does not see it.
const NoAgentTag = "twin:no-agent"

// online says whether an instance's agent can take commands.
func (s *Service) online(tx *world.Tx, i ec2.Instance) bool {
	return hasAgent(i) && i.State == "running" && !away(tx, i)
}

func hasAgent(i ec2.Instance) bool {
	v := i.Tags[NoAgentTag]
	return v == "" || v == "false"
}

func computer(i ec2.Instance) string { return "ip-" + strings.ReplaceAll(i.Address, ".", "-") }

// systems are operating systems as agents name them, by NAME of os-release.
var systems = map[baseline.OperatingSystem]string{
	baseline.AmazonLinux: "Amazon Linux AMI", baseline.AmazonLinux2: "Amazon Linux", baseline.AmazonLinux2022: "Amazon Linux", baseline.AmazonLinux2023: "Amazon Linux",
	baseline.Ubuntu: "Ubuntu", baseline.Debian: "Debian GNU/Linux", baseline.Raspbian: "Raspbian GNU/Linux", baseline.Suse: "SLES",
	baseline.RedHat: "Red Hat Enterprise Linux", baseline.CentOS: "CentOS Linux", baseline.Oracle: "Oracle Linux Server", baseline.Rocky: "Rocky Linux", baseline.Alma: "AlmaLinux",
}

// platform is the name and version of an instance's operating system, nil where it is not
// known.
func (s *Service) platform(tx *world.Tx, i ec2.Instance) (name, version *string) {
	system, product := s.EC2.Platform(tx, i)
	if text, ok := systems[system]; ok {
		name = &text
	}
	if n := strings.IndexAny(product, "0123456789"); n >= 0 && name != nil {
		version = aws.String(product[n:])
	}
	return name, version
}

// DescribeInstanceInformation lists the nodes that Systems Manager knows: every
// instance with an agent that is not terminated, lost while it is stopped.
func (s *Service) DescribeInstanceInformation(tx *world.Tx, in *ssm.DescribeInstanceInformationInput) (*ssm.DescribeInstanceInformationOutput, error) {
	filters := in.Filters
	for _, f := range in.InstanceInformationFilterList { // the old form
		filters = append(filters, types.InstanceInformationStringFilter{Key: aws.String(string(f.Key)), Values: f.ValueSet})
	}
	if err := sound(filters, func(f types.InstanceInformationStringFilter) (bool, error) { return managedBy(ec2.Instance{}, "", f) }); err != nil {
		return nil, err
	}
	var all []types.InstanceInformation
	for _, i := range s.EC2.Instances(tx) {
		if !hasAgent(i) {
			continue
		}
		ping := types.PingStatusOnline
		switch i.State {
		case "running":
			if away(tx, i) {
				ping = types.PingStatusConnectionLost
			}
		case "stopping", "stopped":
			ping = types.PingStatusConnectionLost
		default: // never registered, or gone
			continue
		}
		keep := true
		for _, f := range filters {
			ok, err := managedBy(i, ping, f)
			if err != nil {
				return nil, err
			}
			keep = keep && ok
		}
		if keep {
			name, version := s.platform(tx, i)
			all = append(all, types.InstanceInformation{
				InstanceId: aws.String(i.ID), PingStatus: ping, PlatformType: types.PlatformTypeLinux, PlatformName: name, PlatformVersion: version, ResourceType: types.ResourceTypeEc2Instance,
				ComputerName: aws.String(computer(i)), IPAddress: aws.String(i.Address), AgentVersion: aws.String(agentVersion),
				IsLatestVersion: aws.Bool(true), LastPingDateTime: aws.Time(tx.Now), RegistrationDate: aws.Time(i.Launched), SourceId: aws.String(i.ID), SourceType: types.SourceTypeAwsEc2Instance,
			})
		}
	}
	cut, next, err := page(all, in.NextToken, in.MaxResults, 50)
	return &ssm.DescribeInstanceInformationOutput{InstanceInformationList: cut, NextToken: next}, err
}

// agentVersion is what all agents are.
const agentVersion = "3.3.0.0"

// managedBy says whether an instance passes a filter ("InstanceInformationStringFilter",
// API reference).
func managedBy(i ec2.Instance, ping types.PingStatus, f types.InstanceInformationStringFilter) (bool, error) {
	var have string
	switch key := aws.ToString(f.Key); {
	case key == "InstanceIds":
		have = i.ID
	case key == "PingStatus":
		have = string(ping)
	case key == "PlatformTypes":
		have = "Linux"
	case key == "ResourceType":
		have = "EC2Instance"
	case key == "AgentVersion":
		have = agentVersion
	case key == "IamRole":
		have = path.Base(i.Profile)
	case key == "ActivationIds", key == "AssociationStatus": // there are no activations and no associations
		return false, nil
	case key == "tag-key":
		return slices.ContainsFunc(f.Values, func(k string) bool { _, ok := i.Tags[k]; return ok }), nil
	case strings.HasPrefix(key, "tag:"):
		have = i.Tags[strings.TrimPrefix(key, "tag:")]
	default:
		return false, wire.Errorf("InvalidFilterKey", "The specified filter key %s isn't valid.", key)
	}
	return slices.Contains(f.Values, have), nil
}
