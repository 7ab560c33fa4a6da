package elbv2

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// httpCodes are codes and ranges of them ("Matcher", API Reference).
var httpCodes = regexp.MustCompile(`^[1-5][0-9]{2}(-[1-5][0-9]{2})?(,[1-5][0-9]{2}(-[1-5][0-9]{2})?)*$`)

// checkHealthCheck refuses health checks that CreateTargetGroup's reference does not allow
// for the group's protocol.
func checkHealthCheck(in *elb.CreateTargetGroupInput) error {
	http := in.Protocol == types.ProtocolEnumHttp || in.Protocol == types.ProtocolEnumHttps
	if in.ProtocolVersion != nil && !http {
		return invalid("Protocol version cannot be specified for target groups of protocol %s", in.Protocol)
	}
	switch p := in.HealthCheckProtocol; {
	case p == "", p == types.ProtocolEnumHttp, p == types.ProtocolEnumHttps, p == types.ProtocolEnumTcp && !http:
	default: // "The GENEVE, TLS, UDP, and TCP_UDP protocols are not supported for health checks."
		return invalid("Health check protocol %s is not supported for target groups of protocol %s", p, in.Protocol)
	}
	if path := in.HealthCheckPath; path != nil && (!strings.HasPrefix(*path, "/") || len(*path) > 1024) {
		return invalid("Health check path '%s' must begin with a '/' character, and can have at most 1024 characters", *path)
	}
	if port := aws.ToString(in.HealthCheckPort); port != "" && port != "traffic-port" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return invalid("Health check port '%s' must be 'traffic-port' or in the range of 1-65535", port)
		}
	}
	if m := in.Matcher; m != nil && m.HttpCode != nil && !httpCodes.MatchString(*m.HttpCode) {
		return invalid("Health check matcher HTTP code '%s' is not a valid list of codes and ranges", *m.HttpCode)
	}
	return nil
}
