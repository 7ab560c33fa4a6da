package elbv2

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/goldenami/rehydrate/internal/twin/cursor"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

const (
	// defaultDrain is deregistration_delay.timeout_seconds, at most maxDrain ("Target
	// group attributes", Application Load Balancers guide).
	defaultDrain = 300
	maxDrain     = 3600
	// maxGroups is the quota of target groups in a Region.
	maxGroups = 3000
	// pageSize is DescribeTargetGroups' PageSize and its greatest value.
	pageSize = 400
	drainKey = "deregistration_delay.timeout_seconds"
)

// group is a target group.
type group struct {
	Spec  types.TargetGroup `json:"spec"`
	Drain int               `json:"drain"` // seconds
}

func (g group) arn() string { return *g.Spec.TargetGroupArn }

// passes is how long an instance must pass its checks to be healthy.
func (g group) passes() time.Duration {
	return time.Duration(*g.Spec.HealthCheckIntervalSeconds**g.Spec.HealthyThresholdCount) * time.Second
}

// fails is how long it must fail them to be unhealthy.
func (g group) fails() time.Duration {
	return time.Duration(*g.Spec.HealthCheckIntervalSeconds**g.Spec.UnhealthyThresholdCount) * time.Second
}

// groups are the rows, by ARN.
func groups(tx *world.Tx) *world.Rows[group] {
	return world.Table[group](tx, "elasticloadbalancing/groups")
}

func find(tx *world.Tx, arn *string) (group, error) {
	g, ok := groups(tx).Get(aws.ToString(arn))
	if !ok {
		return g, notFound(aws.ToString(arn))
	}
	return g, nil
}

func notFound(what string) error {
	return wire.Errorf("TargetGroupNotFound", "One or more target groups not found: %s", what)
}

// goodName is what the reference of CreateTargetGroup allows, but for a hyphen at
// either end.
var goodName = regexp.MustCompile(`^[A-Za-z0-9-]{1,32}$`)

// CreateTargetGroup makes a group of instances. The same name with the same settings
// gives the same group again, with others an error (API reference).
func (s *Service) CreateTargetGroup(tx *world.Tx, in *elb.CreateTargetGroupInput) (*elb.CreateTargetGroupOutput, error) {
	name := aws.ToString(in.Name)
	switch {
	case !goodName.MatchString(name) || strings.HasPrefix(name, "-") || strings.HasSuffix(name, "-"):
		return nil, invalid("Target group name '%s' can only contain 1 to 32 characters that are alphanumeric characters or hyphens(-), and cannot begin or end with a hyphen", name)
	case in.TargetType != "" && in.TargetType != types.TargetTypeEnumInstance:
		return nil, wire.Errorf("UnsupportedOperation", "the twin does not model targets of the type %s", in.TargetType)
	case in.Protocol == "" || in.Port == nil:
		return nil, invalid("A protocol and a port must be specified")
	case in.VpcId == nil:
		return nil, invalid("A VPC ID must be specified")
	case in.HealthCheckEnabled != nil && !*in.HealthCheckEnabled:
		return nil, wire.Errorf("InvalidConfigurationRequest", "Health check enabled must be true for target groups with target type 'instance'")
	}
	if err := checkHealthCheck(in); err != nil {
		return nil, err
	}
	g := group{Drain: defaultDrain, Spec: types.TargetGroup{
		TargetGroupName: &name, Protocol: in.Protocol, Port: in.Port, VpcId: in.VpcId, ProtocolVersion: in.ProtocolVersion, TargetType: types.TargetTypeEnumInstance,
		IpAddressType: or(in.IpAddressType, types.TargetGroupIpAddressTypeEnumIpv4), HealthCheckEnabled: aws.Bool(true),
		// Defaults of the reference: 30 s, five successes, two failures.
		HealthCheckIntervalSeconds: orInt(in.HealthCheckIntervalSeconds, 30), HealthyThresholdCount: orInt(in.HealthyThresholdCount, 5), UnhealthyThresholdCount: orInt(in.UnhealthyThresholdCount, 2),
		HealthCheckTimeoutSeconds: orInt(in.HealthCheckTimeoutSeconds, timeout(in.Protocol)), HealthCheckPort: orText(in.HealthCheckPort, "traffic-port"),
	}}
	sp := &g.Spec
	sp.HealthCheckProtocol = or(in.HealthCheckProtocol, checkProtocol(in.Protocol))
	if sp.HealthCheckProtocol != types.ProtocolEnumTcp {
		sp.HealthCheckPath, sp.Matcher = orText(in.HealthCheckPath, "/"), in.Matcher
		if sp.Matcher == nil {
			sp.Matcher = &types.Matcher{HttpCode: aws.String("200")}
		}
	}
	if _, err := s.ec2.DescribeVpcs(tx, &sdk.DescribeVpcsInput{VpcIds: []string{*in.VpcId}}); err != nil {
		return nil, invalid("The VPC ID '%s' is not found", *in.VpcId)
	}
	if *sp.HealthCheckTimeoutSeconds >= *sp.HealthCheckIntervalSeconds {
		return nil, invalid("Health check timeout '%d' must be smaller than the interval '%d'", *sp.HealthCheckTimeoutSeconds, *sp.HealthCheckIntervalSeconds)
	}
	for _, have := range groups(tx).All() {
		if *have.Spec.TargetGroupName != name {
			continue
		}
		if same(have.Spec, g.Spec) {
			return &elb.CreateTargetGroupOutput{TargetGroups: []types.TargetGroup{have.Spec}}, nil
		}
		return nil, wire.Errorf("DuplicateTargetGroupName", "A target group with the same name '%s' exists, but with different settings", name)
	}
	if groups(tx).Len() >= maxGroups {
		return nil, wire.Errorf("TooManyTargetGroups", "The quota of %d target groups has been reached", maxGroups)
	}
	sp.TargetGroupArn = aws.String(fmt.Sprintf("arn:aws:elasticloadbalancing:%s:%s:targetgroup/%s/%s", tx.Region, tx.Account, name, tx.Hex(16)))
	groups(tx).Put(g.arn(), g)
	tx.Event("targetgroup.created", map[string]any{"targetGroup": name})
	return &elb.CreateTargetGroupOutput{TargetGroups: []types.TargetGroup{g.Spec}}, nil
}

// timeout is HealthCheckTimeoutSeconds' default.
func timeout(p types.ProtocolEnum) int32 {
	if p == types.ProtocolEnumHttp {
		return 6
	}
	return 10
}

// checkProtocol is HTTP for what an Application Load Balancer serves, else TCP.
func checkProtocol(p types.ProtocolEnum) types.ProtocolEnum {
	if p == types.ProtocolEnumHttp || p == types.ProtocolEnumHttps {
		return types.ProtocolEnumHttp
	}
	return types.ProtocolEnumTcp
}

func same(a, b types.TargetGroup) bool {
	return a.Protocol == b.Protocol && *a.Port == *b.Port && *a.VpcId == *b.VpcId && a.HealthCheckProtocol == b.HealthCheckProtocol &&
		*a.HealthCheckIntervalSeconds == *b.HealthCheckIntervalSeconds && *a.HealthyThresholdCount == *b.HealthyThresholdCount && *a.UnhealthyThresholdCount == *b.UnhealthyThresholdCount &&
		*a.HealthCheckTimeoutSeconds == *b.HealthCheckTimeoutSeconds && aws.ToString(a.HealthCheckPath) == aws.ToString(b.HealthCheckPath)
}

// DescribeTargetGroups lists groups by ARN or name, or all; an unknown one is an
// error, unlike with Auto Scaling groups.
func (s *Service) DescribeTargetGroups(tx *world.Tx, in *elb.DescribeTargetGroupsInput) (*elb.DescribeTargetGroupsOutput, error) {
	if in.LoadBalancerArn != nil {
		return nil, wire.Errorf("LoadBalancerNotFound", "One or more load balancers not found: %s", *in.LoadBalancerArn)
	}
	if len(in.Names) > 0 && len(in.TargetGroupArns) > 0 {
		return nil, invalid("Target group names and target group ARNs cannot be specified at the same time")
	}
	var all []types.TargetGroup
	seen := map[string]bool{}
	for arn, g := range groups(tx).All() {
		name := *g.Spec.TargetGroupName
		if len(in.Names) == 0 && len(in.TargetGroupArns) == 0 || slices.Contains(in.Names, name) || slices.Contains(in.TargetGroupArns, arn) {
			all = append(all, g.Spec)
			seen[name], seen[arn] = true, true
		}
	}
	for _, want := range slices.Concat(in.Names, in.TargetGroupArns) {
		if !seen[want] {
			return nil, notFound(want)
		}
	}
	slices.SortFunc(all, func(a, b types.TargetGroup) int { return strings.Compare(*a.TargetGroupName, *b.TargetGroupName) })
	scope := []any{tx.Account, tx.Region, in.Names, in.TargetGroupArns}
	if in.Marker != nil {
		after, ok := cursor.Open(*in.Marker, scope...)
		if !ok {
			return nil, invalid("The marker is invalid")
		}
		all = slices.DeleteFunc(all, func(g types.TargetGroup) bool { return *g.TargetGroupName <= after })
	}
	out := &elb.DescribeTargetGroupsOutput{TargetGroups: append([]types.TargetGroup{}, all...)}
	if n := int(*orInt(in.PageSize, pageSize)); len(all) > n {
		out.TargetGroups = out.TargetGroups[:n]
		out.NextMarker = aws.String(cursor.Seal(*all[n-1].TargetGroupName, scope...))
	}
	return out, nil
}

// DeleteTargetGroup deletes a group with its targets. The API reference says nothing of
// one that is gone already; as strict as the others, it is TargetGroupNotFound.
func (s *Service) DeleteTargetGroup(tx *world.Tx, in *elb.DeleteTargetGroupInput) (*elb.DeleteTargetGroupOutput, error) {
	g, err := find(tx, in.TargetGroupArn)
	if err != nil {
		return nil, err
	}
	arn := g.arn()
	for id := range targets(tx, arn).All() {
		s.drop(tx, arn, id)
	}
	groups(tx).Delete(arn)
	return &elb.DeleteTargetGroupOutput{}, nil
}

// ModifyTargetGroupAttributes sets the deregistration delay, the one attribute that
// the twin models.
func (s *Service) ModifyTargetGroupAttributes(tx *world.Tx, in *elb.ModifyTargetGroupAttributesInput) (*elb.ModifyTargetGroupAttributesOutput, error) {
	g, err := find(tx, in.TargetGroupArn)
	if err != nil {
		return nil, err
	}
	for _, a := range in.Attributes {
		if aws.ToString(a.Key) != drainKey {
			return nil, wire.Errorf("UnsupportedOperation", "the twin does not model the attribute %s", aws.ToString(a.Key))
		}
		if g.Drain, err = strconv.Atoi(aws.ToString(a.Value)); err != nil || g.Drain < 0 || g.Drain > maxDrain {
			return nil, wire.Errorf("InvalidConfigurationRequest", "The value for %s must be between 0 and %d", drainKey, maxDrain)
		}
	}
	groups(tx).Put(g.arn(), g)
	return &elb.ModifyTargetGroupAttributesOutput{Attributes: g.attributes()}, nil
}

// DescribeTargetGroupAttributes shows the deregistration delay, the one attribute that the
// twin models.
func (s *Service) DescribeTargetGroupAttributes(tx *world.Tx, in *elb.DescribeTargetGroupAttributesInput) (*elb.DescribeTargetGroupAttributesOutput, error) {
	g, err := find(tx, in.TargetGroupArn)
	if err != nil {
		return nil, err
	}
	return &elb.DescribeTargetGroupAttributesOutput{Attributes: g.attributes()}, nil
}

func (g group) attributes() []types.TargetGroupAttribute {
	return []types.TargetGroupAttribute{{Key: aws.String(drainKey), Value: aws.String(strconv.Itoa(g.Drain))}}
}

func or[T ~string](have, d T) T {
	if have != "" {
		return have
	}
	return d
}

func orInt(p *int32, d int32) *int32 {
	if p != nil {
		return p
	}
	return &d
}

func orText(p *string, d string) *string {
	if p != nil {
		return p
	}
	return &d
}

// MakeTargetGroup makes an HTTP group on port 80 in the account's default network, for
// the loader of world files; what is zero is the default, and a negative drain none.
func (s *Service) MakeTargetGroup(tx *world.Tx, name string, interval, drain time.Duration, healthy, unhealthy int32) (arn string, err error) {
	vpcs, err := s.ec2.DescribeVpcs(tx, &sdk.DescribeVpcsInput{})
	if err != nil || len(vpcs.Vpcs) == 0 {
		return "", fmt.Errorf("find a network for target group %s: %w", name, err)
	}
	in := &elb.CreateTargetGroupInput{Name: &name, Protocol: types.ProtocolEnumHttp, Port: aws.Int32(80), VpcId: vpcs.Vpcs[0].VpcId}
	for _, f := range []struct {
		to   **int32
		from int32
	}{{&in.HealthCheckIntervalSeconds, int32(interval / time.Second)}, {&in.HealthyThresholdCount, healthy}, {&in.UnhealthyThresholdCount, unhealthy}} {
		if f.from > 0 {
			*f.to = aws.Int32(f.from)
		}
	}
	out, err := s.CreateTargetGroup(tx, in)
	if err != nil {
		return "", err
	}
	arn = *out.TargetGroups[0].TargetGroupArn
	if drain != 0 {
		g, _ := groups(tx).Get(arn)
		g.Drain = int(max(0, drain) / time.Second)
		groups(tx).Put(arn, g)
	}
	return arn, nil
}
