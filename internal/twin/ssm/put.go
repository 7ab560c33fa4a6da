package ssm

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

const (
	timerValidate = "ssm/validate"
	// validateDelay is how long the check of an image takes; AWS states no number.
	validateDelay = 2 * time.Second
)

type validation struct {
	Name   string `json:"name"`
	Number int64  `json:"number"`
}

// PutParameter writes a version. It has no compare-and-set and no client token. A
// value of type aws:ec2:image is checked after the answer and cannot be seen before:
// the old value stays ("Native parameter support for AMI IDs", Parameter Store
// user guide).
func (s *Service) PutParameter(tx *world.Tx, in *ssm.PutParameterInput) (*ssm.PutParameterOutput, error) {
	name := aws.ToString(in.Name)
	if err := checkName(name); err != nil {
		return nil, err
	}
	p, exists := parameters(tx).Get(name)
	overwrite := aws.ToBool(in.Overwrite)
	switch {
	case in.Policies != nil:
		return nil, unmodelled("parameter policies")
	case len(in.Tags) > 0 && overwrite:
		return nil, invalid("Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.")
	case exists && !overwrite:
		return nil, wire.Errorf("ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
	}
	var before *version
	if exists {
		v := p.newest()
		before = &v
	}
	v, err := newVersion(in, before)
	if err != nil {
		return nil, err
	}
	if err := s.checkKey(tx, v); err != nil {
		return nil, err
	}
	if !exists {
		p = parameter{Name: name, Tags: tagMap(in.Tags)}
	}
	p.Last++
	v.Number, v.Modified, v.By = p.Last, tx.Now, "arn:aws:iam::"+tx.Account+":root"
	if v.DataType == dataImage {
		if err := p.room(v); err != nil {
			return nil, err
		}
		p.Waiting = append(slices.Clone(p.Waiting), v)
		tx.At(tx.Now.Add(validateDelay), timerValidate, validation{name, v.Number})
	} else if p.Versions, err = p.with(v); err != nil {
		return nil, err
	}
	parameters(tx).Put(name, p)
	if v.DataType != dataImage {
		tx.Event("parameter.changed", map[string]any{"name": name, "version": v.Number, "value": loggable(v)})
	}
	return &ssm.PutParameterOutput{Version: v.Number, Tier: v.Tier}, nil
}

// managedKey is the key of a SecureString that names none ("KeyId" of PutParameter).
const managedKey = "alias/aws/ssm"

// mayDecrypt refuses the value of a SecureString whose key is gone or disabled.
func (s *Service) mayDecrypt(tx *world.Tx, v version, asked *bool) error {
	if !aws.ToBool(asked) {
		return nil
	}
	return s.checkKey(tx, v)
}

// checkKey refuses a SecureString under a key that there is not, or that cannot be used
// now ("InvalidKeyId" of PutParameter and GetParameter, API reference).
func (s *Service) checkKey(tx *world.Tx, v version) error {
	key := aws.ToString(v.Key)
	if v.Type != types.ParameterTypeSecureString || key == "" || key == managedKey || s.Key == nil {
		return nil
	}
	err := s.Key(tx, key)
	if w, ok := errors.AsType[*wire.Error](err); ok && w.Code != "NotFoundException" {
		return wire.Errorf("InvalidKeyId", "%s (Service: AWSKMS; Status Code: 400; Error Code: %s)", w.Message, w.Code)
	}
	if err != nil {
		return wire.Errorf("InvalidKeyId", "Invalid keyId %s", key)
	}
	return nil
}

func loggable(v version) string {
	if v.Type == types.ParameterTypeSecureString {
		return "(secret)"
	}
	return v.Value
}

// nested is a value that would be another parameter's in a document ("Value", PutParameter:
// "Parameters can't be referenced or nested in the values of other parameters").
var nested = regexp.MustCompile(`\{\{.*\}\}`)

// perl is what AWS's regular expressions can do and Go's cannot.
var perl = regexp.MustCompile(`\(\?<?[=!>]|\\[1-9]|\\k<`)

// newVersion checks a request against the version before it, if there is one.
func newVersion(in *ssm.PutParameterInput, before *version) (version, error) {
	v := version{
		Value: aws.ToString(in.Value), Type: in.Type, DataType: aws.ToString(in.DataType),
		Description: in.Description, Pattern: in.AllowedPattern, Tier: in.Tier, Key: in.KeyId,
	}
	if before != nil {
		v.Type = orElse(v.Type, before.Type)
		v.DataType = orElse(v.DataType, before.DataType)
		v.Tier = orElse(v.Tier, before.Tier)
		if v.Description == nil {
			v.Description = before.Description
		}
	}
	v.DataType = orElse(v.DataType, "text")
	if v.Tier == types.ParameterTierIntelligentTiering {
		v.Tier = types.ParameterTierStandard
		if len(v.Value) > maxStandardValue {
			v.Tier = types.ParameterTierAdvanced
		}
	}
	v.Tier = orElse(v.Tier, types.ParameterTierStandard)
	switch {
	case v.Type == "":
		return v, invalid("A parameter type is required when you create a parameter.")
	case !slices.Contains(v.Type.Values(), v.Type):
		return v, wire.Errorf("UnsupportedParameterType", "The parameter type %s is not supported.", v.Type)
	case before != nil && before.Type != v.Type:
		// "HierarchyTypeMismatchException" of PutParameter, API reference.
		return v, wire.Errorf("HierarchyTypeMismatchException", "Parameter Store doesn't support changing a parameter type in a hierarchy: %s to %s. You must create a new, unique parameter.", before.Type, v.Type)
	case v.Value == "":
		return v, invalid("1 validation error detected: Value at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1")
	case nested.MatchString(v.Value):
		return v, invalid("Parameter value can't nest another parameter. Do not use \"{{}}\" in the value of the parameter.")
	case v.DataType != "text" && v.DataType != dataImage && v.DataType != "aws:ssm:integration":
		return v, invalid("The following data type is not supported: %s (Data type names are all lowercase.)", v.DataType)
	case v.DataType == dataImage && v.Type != types.ParameterTypeString:
		return v, invalid("The data type aws:ec2:image is only supported with String parameters.")
	case before != nil && before.Tier == types.ParameterTierAdvanced && v.Tier == types.ParameterTierStandard:
		return v, invalid("This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier.")
	case v.Tier == types.ParameterTierStandard && len(v.Value) > maxStandardValue:
		return v, invalid("Standard tier parameters support a maximum parameter value of %d characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier.", maxStandardValue)
	case len(v.Value) > maxAdvancedValue:
		return v, invalid("Advanced tier parameters support a maximum parameter value of %d characters.", maxAdvancedValue)
	}
	if v.Type == types.ParameterTypeSecureString && v.Key == nil {
		v.Key = aws.String(managedKey)
	}
	if v.Pattern != nil {
		re, err := regexp.Compile(*v.Pattern)
		if err != nil && perl.MatchString(*v.Pattern) {
			return v, unmodelled("patterns with lookarounds and back references")
		}
		if err != nil {
			return v, wire.Errorf("InvalidAllowedPatternException", "The request does not meet the regular expression requirement.")
		}
		if !re.MatchString(v.Value) {
			return v, wire.Errorf("ParameterPatternMismatchException", "Parameter value, cannot be validated against allowedPattern: %s", *v.Pattern)
		}
	}
	return v, nil
}

func orElse[T comparable](a, b T) T {
	var zero T
	if a == zero {
		return b
	}
	return a
}

// with is the versions with one more. The oldest of a hundred goes, unless it has a
// label ("ParameterMaxVersionLimitExceeded", PutParameter, API reference).
func (p parameter) with(v version) ([]version, error) {
	vs := append(slices.Clone(p.Versions), v)
	slices.SortFunc(vs, func(a, b version) int { return int(a.Number - b.Number) })
	if len(vs) <= maxVersions {
		return vs, nil
	}
	if len(vs[0].Labels) > 0 {
		return nil, wire.Errorf("ParameterMaxVersionLimitExceeded",
			"You attempted to create a new version of %s by calling the PutParameter API with the overwrite flag. Version %d, the oldest version, can't be deleted because it has a label associated with it. Move the label to another version of the parameter, and try again.",
			p.Name, vs[0].Number)
	}
	return vs[1:], nil
}

// room refuses a version that with would, should all that wait before it become versions:
// the answer to a request is the only place where its caller can be told.
func (p parameter) room(v version) (err error) {
	then := p
	for _, w := range append(slices.Clone(p.Waiting), v) {
		if then.Versions, err = then.with(w); err != nil {
			return err
		}
	}
	return nil
}

// validateImage ends the check of an aws:ec2:image value: the image must exist and be
// available to the account. One that fails never becomes current.
func (s *Service) validateImage(tx *world.Tx, payload json.RawMessage) error {
	var w validation
	if err := json.Unmarshal(payload, &w); err != nil {
		return err
	}
	p, ok := parameters(tx).Get(w.Name)
	at := slices.IndexFunc(p.Waiting, func(v version) bool { return v.Number == w.Number })
	if !ok || at < 0 {
		return nil // deleted meanwhile
	}
	v := p.Waiting[at]
	p.Waiting = slices.Delete(slices.Clone(p.Waiting), at, at+1)
	_, err := s.EC2.ImageByID(tx, v.Value)
	if err == nil {
		var vs []version
		if vs, err = p.with(v); err == nil {
			p.Versions = vs
		}
	}
	if err != nil {
		tx.Event("parameter.rejected", map[string]any{"name": w.Name, "version": v.Number, "value": v.Value, "reason": err.Error()})
	} else {
		tx.Event("parameter.changed", map[string]any{"name": w.Name, "version": v.Number, "value": v.Value})
	}
	if !p.visible() && len(p.Waiting) == 0 {
		parameters(tx).Delete(w.Name) // nothing was ever there
		return nil
	}
	parameters(tx).Put(w.Name, p)
	return nil
}
