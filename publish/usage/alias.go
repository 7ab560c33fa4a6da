package usage

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// aliasMark opens an image that a launch template names by a parameter ("Use a
// Systems Manager parameter to find an AMI", EC2 User Guide).
const aliasMark = "resolve:ssm:"

// Alias is the parameter behind resolve:ssm:NAME, with its version number or label if
// one stands there; false for anything else.
func Alias(image string) (name, version string, ok bool) {
	rest, ok := strings.CutPrefix(image, aliasMark)
	if !ok {
		return "", "", false
	}
	if strings.HasPrefix(rest, "arn:") { // arn:aws:ssm:region:account:parameter/name[:version]
		part := strings.SplitN(rest, ":", 7)
		if len(part) == 7 {
			version = part[6]
		}
		return strings.Join(part[:min(6, len(part))], ":"), version, true
	}
	name, version, _ = strings.Cut(rest, ":")
	return name, version, name != ""
}

// amazons says that a parameter, by its name or ARN, is one of AWS's own, which never
// hold an image of ours. AWS's have no account in their ARNs.
func amazons(name string) bool {
	if arn := strings.SplitN(name, ":", 6); len(arn) == 6 && arn[0] == "arn" && arn[4] == "" {
		name = strings.TrimPrefix(arn[5], "parameter")
	}
	n := strings.TrimPrefix(name, "/")
	return n == "aws" || strings.HasPrefix(n, "aws/")
}

// Pick is the version of a history, oldest first, that a number or a label names; the
// newest for neither.
func Pick(history []Parameter, version string) (Parameter, bool) {
	if len(history) == 0 {
		return Parameter{}, false
	}
	if version == "" {
		return history[len(history)-1], true
	}
	n, err := strconv.ParseInt(version, 10, 64)
	for _, p := range history {
		if err == nil && p.Version == n || slices.Contains(p.Labels, version) {
			return p, true
		}
	}
	return Parameter{}, false
}

var imageID = regexp.MustCompile(`ami-[0-9a-f]{8,17}`)

// Named are the image ids in a text, each once.
func Named(text string) []string {
	ids := imageID.FindAllString(text, -1)
	slices.Sort(ids)
	return slices.Compact(ids)
}

// made is the description of a template version that a roll makes.
var made = regexp.MustCompile(`^rehydrate: version [0-9]+ with image (ami-[0-9a-f]+)$`)

// Made says that a roll of ours made the version and that its image has not been
// changed since, which EC2 does not allow anyway.
func (v TemplateVersion) Made() bool {
	m := made.FindStringSubmatch(v.Description)
	return m != nil && m[1] == v.Image
}
