package ec2

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// What callers name things by is taken apart here: whatever it is, the answer is a value
// of the promised form or a refusal.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"", "/dev/sda1", "xvdba", "10.0.0.1/8", "2001:db8::/32", "::ffff:10.0.0.0/104", "eu-west-1", "arn:aws:iam::111122223333:instance-profile/a/b", "tcp", "255", "-1", "$Latest", "007"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, four := range []bool{true, false} {
			if c, err := canonical(s, four); err == nil {
				if n, err := netip.ParsePrefix(c); err != nil || n.Masked() != n || n.Addr().Is4() != four {
					t.Errorf("%q is kept as %q", s, c)
				}
			}
		}
		if arn, err := profileARN("111122223333", &types.LaunchTemplateIamInstanceProfileSpecificationRequest{Arn: &s}); err == nil && arn != s {
			t.Errorf("the profile %q became %q", s, arn)
		}
		if err := checkDevice(s); err == nil && (len(s) > len("/dev/xvdba")+2 || strings.ContainsAny(s, " \n.")) {
			t.Errorf("%q is a device", s)
		}
		if regionShape(s) && strings.Count(s, "-") < 2 {
			t.Errorf("%q is a Region", s)
		}
		if n, err := (LaunchTemplate{Default: 1, Latest: 2}).number(s); err == nil && n < 1 {
			t.Errorf("%q is version %d", s, n)
		}
		if r, err := readPorts(types.IpPermission{IpProtocol: &s}); err == nil && (r.From > r.To || r.Protocol == "tcp" || r.Protocol == "udp") {
			t.Errorf("%q has ports %d to %d", s, r.From, r.To)
		}
	})
}
