package ec2

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// profileARN is the instance profile that a launch names by name or by ARN. There is no
// IAM here: which profiles exist is not known, but how one is named is ("CreateInstanceProfile",
// IAM API Reference: paths and names), and that it is the account's own.
func profileARN(account string, p *types.LaunchTemplateIamInstanceProfileSpecificationRequest) (string, error) {
	if p == nil {
		return "", nil
	}
	name, arn := aws.ToString(p.Name), aws.ToString(p.Arn)
	prefix := "arn:aws:iam::" + account + ":instance-profile/"
	switch {
	case name != "" && arn != "":
		return "", badCombination("The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'")
	case arn != "":
		rest, own := strings.CutPrefix(arn, prefix)
		if at := strings.LastIndex(rest, "/"); !own || !profilePath(rest[:at+1]) || !profileName(rest[at+1:]) {
			return "", badValue("Value (%s) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN", arn)
		}
		return arn, nil
	case name != "":
		if !profileName(name) {
			return "", badValue("Value (%s) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name", name)
		}
		return prefix + name, nil
	}
	return "", nil
}

func profileName(s string) bool {
	return len(s) >= 1 && len(s) <= 128 && !strings.ContainsFunc(s, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letter && !strings.ContainsRune("_+=,.@-", r)
	})
}

// profilePath is empty, or ends with a slash; any printable ASCII may be in it.
func profilePath(s string) bool {
	return len(s) <= 511 && !strings.ContainsFunc(s, func(r rune) bool { return r < '!' || r > '~' })
}
