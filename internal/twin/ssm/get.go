package ssm

import (
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Resolve is the value of a parameter given as resolve:ssm: gives it, for EC2: name,
// name:version or name:label.
func (s *Service) Resolve(tx *world.Tx, name string) (string, error) {
	_, v, _, err := find(tx, name)
	if err != nil {
		var w *wire.Error
		if errors.As(err, &w) {
			return "", wire.Errorf("InvalidParameterValue", "The Systems Manager parameter %s could not be resolved: %s", name, w.Code)
		}
		return "", err
	}
	return v.Value, nil
}

// GetParameter reads one parameter by name, name:version, name:label or ARN.
func (s *Service) GetParameter(tx *world.Tx, in *ssm.GetParameterInput) (*ssm.GetParameterOutput, error) {
	p, v, selector, err := find(tx, aws.ToString(in.Name))
	if err != nil {
		return nil, err
	}
	if err := s.mayDecrypt(tx, v, in.WithDecryption); err != nil {
		return nil, err
	}
	out := sdkParameter(tx, p, v, selector, in.WithDecryption)
	return &ssm.GetParameterOutput{Parameter: &out}, nil
}

// GetParameters reads up to ten parameters; what is not there is listed as invalid.
func (s *Service) GetParameters(tx *world.Tx, in *ssm.GetParametersInput) (*ssm.GetParametersOutput, error) {
	if n := len(in.Names); n < 1 || n > 10 {
		return nil, invalid("1 validation error detected: Value at 'names' failed to satisfy constraint: Member must have length between 1 and 10")
	}
	out := &ssm.GetParametersOutput{}
	for _, name := range in.Names {
		p, v, selector, err := find(tx, name)
		if err != nil {
			out.InvalidParameters = append(out.InvalidParameters, name)
			continue
		}
		if err := s.mayDecrypt(tx, v, in.WithDecryption); err != nil {
			return nil, err
		}
		out.Parameters = append(out.Parameters, sdkParameter(tx, p, v, selector, in.WithDecryption))
	}
	return out, nil
}

// GetParametersByPath reads the parameters below a path, at most ten a page.
func (s *Service) GetParametersByPath(tx *world.Tx, in *ssm.GetParametersByPathInput) (*ssm.GetParametersByPathOutput, error) {
	path := aws.ToString(in.Path)
	if !strings.HasPrefix(path, "/") {
		return nil, invalid("The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\". It can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). It must use only letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, if specified, must use the forward slash symbol \"/\".")
	}
	path = strings.TrimSuffix(path, "/") + "/"
	if err := sound(in.ParameterFilters, func(f types.ParameterStringFilter) (bool, error) {
		if k := aws.ToString(f.Key); k != "Type" && k != "KeyId" && k != "Label" {
			return false, wire.Errorf("InvalidFilterKey", "The following filter key is not valid: %s. Valid filter keys include: [Type, KeyId].", k)
		}
		return passes(parameter{Versions: []version{{}}}, f)
	}); err != nil {
		return nil, err
	}
	var all []types.Parameter
	for _, p := range visible(tx) {
		rest, ok := strings.CutPrefix(p.Name, path)
		if !ok || !aws.ToBool(in.Recursive) && strings.Contains(rest, "/") {
			continue
		}
		// Label is this operation's own filter: it chooses the version.
		v := p.latest()
		ok, err := true, error(nil)
		for _, f := range in.ParameterFilters {
			if aws.ToString(f.Key) == "Label" {
				at := slices.IndexFunc(p.Versions, func(v version) bool {
					return slices.ContainsFunc(v.Labels, func(l string) bool { return slices.Contains(f.Values, l) })
				})
				if ok = ok && at >= 0; at >= 0 {
					v = p.Versions[at]
				}
				continue
			}
			var one bool
			if one, err = passes(p, f); err != nil {
				return nil, err
			}
			ok = ok && one
		}
		if ok {
			if err := s.mayDecrypt(tx, v, in.WithDecryption); err != nil {
				return nil, err
			}
			all = append(all, sdkParameter(tx, p, v, "", in.WithDecryption))
		}
	}
	cut, next, err := pageBy(all, func(p types.Parameter) string { return *p.Name }, in.NextToken, in.MaxResults, 10)
	return &ssm.GetParametersByPathOutput{Parameters: cut, NextToken: next}, err
}

// visible is the parameters that can be seen, by name.
func visible(tx *world.Tx) []parameter {
	var all []parameter
	for _, p := range parameters(tx).All() {
		if p.visible() {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b parameter) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// GetParameterHistory lists the versions that are kept, oldest first.
func (s *Service) GetParameterHistory(tx *world.Tx, in *ssm.GetParameterHistoryInput) (*ssm.GetParameterHistoryOutput, error) {
	p, ok := parameters(tx).Get(aws.ToString(in.Name))
	if !ok || !p.visible() {
		return nil, noParameter()
	}
	var all []types.ParameterHistory
	for _, v := range p.Versions {
		if err := s.mayDecrypt(tx, v, in.WithDecryption); err != nil {
			return nil, err
		}
		all = append(all, types.ParameterHistory{
			Name: aws.String(p.Name), Version: v.Number, Value: v.shown(in.WithDecryption), Type: v.Type, DataType: aws.String(v.DataType), Description: v.Description,
			AllowedPattern: v.Pattern, Tier: v.Tier, KeyId: v.Key, Labels: v.Labels, LastModifiedDate: aws.Time(v.Modified), LastModifiedUser: aws.String(v.By),
		})
	}
	cut, next, err := page(all, in.NextToken, in.MaxResults, 50)
	return &ssm.GetParameterHistoryOutput{Parameters: cut, NextToken: next}, err
}

// DescribeParameters lists what is known of parameters without their values.
func (s *Service) DescribeParameters(tx *world.Tx, in *ssm.DescribeParametersInput) (*ssm.DescribeParametersOutput, error) {
	if len(in.Filters) > 0 && len(in.ParameterFilters) > 0 {
		return nil, invalid("You can use either Filters or ParameterFilters in a single request.")
	}
	filters := in.ParameterFilters
	for _, f := range in.Filters { // the old form: names begin with the value
		option := "Equals"
		if f.Key == types.ParametersFilterKeyName {
			option = "BeginsWith"
		}
		filters = append(filters, types.ParameterStringFilter{Key: aws.String(string(f.Key)), Option: &option, Values: f.Values})
	}
	if err := sound(filters, func(f types.ParameterStringFilter) (bool, error) {
		return passes(parameter{Versions: []version{{}}}, f)
	}); err != nil {
		return nil, err
	}
	var all []types.ParameterMetadata
	for _, p := range visible(tx) {
		keep := true
		for _, f := range filters {
			ok, err := passes(p, f)
			if err != nil {
				return nil, err
			}
			keep = keep && ok
		}
		if v := p.latest(); keep {
			all = append(all, types.ParameterMetadata{
				Name: aws.String(p.Name), ARN: arn(tx, p.Name), Type: v.Type, Version: v.Number, DataType: aws.String(v.DataType), Description: v.Description,
				AllowedPattern: v.Pattern, Tier: v.Tier, KeyId: v.Key, LastModifiedDate: aws.Time(v.Modified), LastModifiedUser: aws.String(v.By),
			})
		}
	}
	cut, next, err := pageBy(all, func(p types.ParameterMetadata) string { return *p.Name }, in.NextToken, in.MaxResults, 50)
	return &ssm.DescribeParametersOutput{Parameters: cut, NextToken: next}, err
}

// passes says whether a parameter passes one filter ("ParameterStringFilter", API
// reference).
func passes(p parameter, f types.ParameterStringFilter) (bool, error) {
	key, option, v := aws.ToString(f.Key), aws.ToString(f.Option), p.latest()
	if key == "Path" {
		if option != "" && option != "Recursive" && option != "OneLevel" {
			return false, wire.Errorf("InvalidFilterOption", "The following filter option is not valid: %s. Valid options include: [Recursive, OneLevel].", option)
		}
		return slices.ContainsFunc(f.Values, func(path string) bool {
			rest, ok := strings.CutPrefix(p.Name, strings.TrimSuffix(path, "/")+"/")
			return ok && (option == "Recursive" || !strings.Contains(rest, "/"))
		}), nil
	}
	var have []string
	switch {
	case key == "Name":
		have = []string{p.Name}
	case key == "Type":
		have = []string{string(v.Type)}
	case key == "Tier":
		have = []string{string(v.Tier)}
	case key == "DataType":
		have = []string{v.DataType}
	case key == "KeyId":
		have = []string{aws.ToString(v.Key)}
	case key == "Label":
		for _, w := range p.Versions {
			have = append(have, w.Labels...)
		}
	case strings.HasPrefix(key, "tag:"):
		if value, ok := p.Tags[strings.TrimPrefix(key, "tag:")]; ok {
			if len(f.Values) == 0 {
				return true, nil
			}
			have = []string{value}
		}
	default:
		return false, wire.Errorf("InvalidFilterKey", "The following filter key is not valid: %s. Valid filter keys include: [Path, Name, Type, KeyId, Tier].", key)
	}
	match := map[string]func(a, b string) bool{
		"": func(a, b string) bool { return a == b }, "Equals": func(a, b string) bool { return a == b },
		"BeginsWith": strings.HasPrefix, "Contains": strings.Contains,
	}[option]
	if match == nil || option == "Contains" && key != "Name" { // "For filters used with DescribeParameters", ParameterStringFilter
		return false, wire.Errorf("InvalidFilterOption", "The following filter option is not valid: %s. Valid options include: [Equals, BeginsWith, Contains].", option)
	}
	for _, h := range have {
		if slices.ContainsFunc(f.Values, func(want string) bool { return match(h, want) }) {
			return true, nil
		}
	}
	return false, nil
}
