package ssm

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Limits of Parameter Store ("AWS Systems Manager endpoints and quotas", General
// Reference).
const (
	maxVersions      = 100
	maxLabels        = 10
	maxStandardValue = 4096
	maxAdvancedValue = 8192
	maxLevels        = 15
)

// dataImage is the data type whose values are checked after the fact.
const dataImage = "aws:ec2:image"

// parameter is a parameter with the versions that can be seen.
type parameter struct {
	Name string            `json:"name"`
	Tags map[string]string `json:"tags,omitempty"`
	// Last is the last number that was given, to a version that failed its check too.
	Last     int64     `json:"last"`
	Versions []version `json:"versions"` // valid, oldest first
	// Waiting are the versions whose check has not ended.
	Waiting []version `json:"waiting,omitempty"`
}

// version is one version of a parameter.
type version struct {
	Number      int64               `json:"number"`
	Value       string              `json:"value"`
	Type        types.ParameterType `json:"type"`
	DataType    string              `json:"dataType"`
	Description *string             `json:"description,omitempty"`
	Pattern     *string             `json:"pattern,omitempty"`
	Tier        types.ParameterTier `json:"tier"`
	Key         *string             `json:"key,omitempty"`
	Labels      []string            `json:"labels,omitempty"`
	Modified    time.Time           `json:"modified"`
	By          string              `json:"by"`
}

func parameters(tx *world.Tx) *world.Rows[parameter] {
	return world.Table[parameter](tx, "ssm/parameters")
}

// visible says whether anything can be seen of the parameter: a new aws:ec2:image
// parameter cannot until it has passed its check.
func (p parameter) visible() bool { return len(p.Versions) > 0 }

func (p parameter) latest() version { return p.Versions[len(p.Versions)-1] }

// newest is the version written last, valid or not.
func (p parameter) newest() version {
	if n := len(p.Waiting); n > 0 {
		return p.Waiting[n-1]
	}
	return p.latest()
}

// find takes a name, an ARN, name:version or name:label apart and looks it up.
func find(tx *world.Tx, name string) (p parameter, v version, selector string, err error) {
	if strings.HasPrefix(name, "arn:") {
		parts := strings.SplitN(name, ":", 6)
		if len(parts) < 6 {
			return p, v, "", invalid("Invalid ARN: %s", name)
		}
		if parts[3] != tx.Region || parts[4] != tx.Account {
			return p, v, "", noParameter() // nothing is shared here
		}
		name = strings.TrimPrefix(parts[5], "parameter")
		if strings.Count(name, "/") == 1 { // the ARN of a plain name has one slash that is not the name's
			if _, ok := parameters(tx).Get(strings.TrimPrefix(name, "/")); ok {
				name = strings.TrimPrefix(name, "/")
			}
		}
	}
	name, selector, selected := strings.Cut(name, ":")
	p, ok := parameters(tx).Get(name)
	if !ok || !p.visible() {
		return p, v, "", noParameter()
	}
	if !selected {
		return p, p.latest(), "", nil
	}
	for _, v := range p.Versions {
		if strconv.FormatInt(v.Number, 10) == selector || slices.Contains(v.Labels, selector) {
			return p, v, ":" + selector, nil
		}
	}
	return p, v, "", noVersion(name, selector)
}

func arn(tx *world.Tx, name string) *string {
	return aws.String("arn:aws:ssm:" + tx.Region + ":" + tx.Account + ":parameter/" + strings.TrimPrefix(name, "/"))
}

// shown is the value as it is returned: a SecureString that is not to be decrypted
// gives an opaque text, for there is no KMS here.
func (v version) shown(decrypt *bool) *string {
	if v.Type == types.ParameterTypeSecureString && !aws.ToBool(decrypt) {
		sum := sha256.Sum256([]byte(v.Value))
		return aws.String(base64.StdEncoding.EncodeToString(sum[:]))
	}
	return aws.String(v.Value)
}

func sdkParameter(tx *world.Tx, p parameter, v version, selector string, decrypt *bool) types.Parameter {
	out := types.Parameter{
		Name: aws.String(p.Name), ARN: arn(tx, p.Name), Type: v.Type, Value: v.shown(decrypt), Version: v.Number,
		DataType: aws.String(v.DataType), LastModifiedDate: aws.Time(v.Modified),
	}
	if selector != "" {
		out.Selector = aws.String(selector)
	}
	return out
}

// checkName refuses names that Parameter Store refuses ("Requirements and constraints
// for parameter names", user guide).
func checkName(name string) error {
	trimmed := strings.ToLower(strings.TrimPrefix(name, "/"))
	switch {
	case name == "" || len(name) > 1011:
		return invalid("Parameter name must have between 1 and 1011 characters.")
	case strings.Contains(name, "/") && !strings.HasPrefix(name, "/"):
		return invalid("Parameter name must be a fully qualified name.")
	case !only(name):
		return invalid("Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_")
	case strings.HasPrefix(strings.ToLower(name), "/aws/"): // as moto recorded it
		return wire.Errorf("AccessDeniedException", "No access to reserved parameter name: %s.", name)
	case strings.HasPrefix(trimmed, "aws"), strings.HasPrefix(trimmed, "ssm"):
		return invalid("Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_")
	case strings.HasSuffix(name, "/") || strings.Contains(name, "//"):
		return invalid("Parameter name must be a fully qualified name.")
	case strings.Count(name, "/") > maxLevels:
		return wire.Errorf("HierarchyLevelLimitExceededException", "A parameter hierarchy can have at most %d levels.", maxLevels)
	}
	return nil
}

// only says whether every character may stand in a name.
func only(name string) bool {
	for _, r := range name {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_.-/", r)) {
			return false
		}
	}
	return true
}
