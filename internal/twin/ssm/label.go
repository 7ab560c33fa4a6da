package ssm

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// validLabel follows "Label requirements and restrictions", user guide: letters,
// digits, period, hyphen, underscore; at most 100; not beginning with a digit, aws or
// ssm.
func validLabel(l string) bool {
	ok, _ := regexp.MatchString(`^[A-Za-z_.-][A-Za-z0-9_.-]{0,99}$`, l)
	lower := strings.ToLower(l)
	return ok && !strings.HasPrefix(lower, "aws") && !strings.HasPrefix(lower, "ssm")
}

// numbered finds a visible parameter and the place of one of its versions, the latest
// for no number.
func numbered(tx *world.Tx, name *string, number *int64) (parameter, int, error) {
	p, ok := parameters(tx).Get(aws.ToString(name))
	if !ok || !p.visible() {
		return p, 0, noParameter()
	}
	at := len(p.Versions) - 1
	if number != nil {
		at = slices.IndexFunc(p.Versions, func(v version) bool { return v.Number == *number })
	}
	if at < 0 {
		return p, 0, noVersion(p.Name, strconv.FormatInt(*number, 10))
	}
	p.Versions = slices.Clone(p.Versions)
	return p, at, nil
}

// LabelParameterVersion puts labels on a version; a label that another version has
// moves. One call is atomic on its parameter.
func (s *Service) LabelParameterVersion(tx *world.Tx, in *ssm.LabelParameterVersionInput) (*ssm.LabelParameterVersionOutput, error) {
	p, at, err := numbered(tx, in.Name, in.ParameterVersion)
	if err != nil {
		return nil, err
	}
	out := &ssm.LabelParameterVersionOutput{ParameterVersion: p.Versions[at].Number}
	labels := slices.Clone(p.Versions[at].Labels)
	for _, l := range in.Labels {
		switch {
		case !validLabel(l):
			out.InvalidLabels = append(out.InvalidLabels, l)
		case !slices.Contains(labels, l):
			labels = append(labels, l)
		}
	}
	if len(labels) > maxLabels {
		return nil, wire.Errorf("ParameterVersionLabelLimitExceeded", "A parameter version can have a maximum of ten labels. Move one or more labels to another version and try again.")
	}
	for i := range p.Versions {
		p.Versions[i].Labels = without(p.Versions[i].Labels, labels)
	}
	p.Versions[at].Labels = labels
	parameters(tx).Put(p.Name, p)
	tx.Event("parameter.labelled", map[string]any{"name": p.Name, "version": p.Versions[at].Number, "labels": labels})
	return out, nil
}

// UnlabelParameterVersion takes labels from a version.
func (s *Service) UnlabelParameterVersion(tx *world.Tx, in *ssm.UnlabelParameterVersionInput) (*ssm.UnlabelParameterVersionOutput, error) {
	p, at, err := numbered(tx, in.Name, in.ParameterVersion)
	if err != nil {
		return nil, err
	}
	out := &ssm.UnlabelParameterVersionOutput{}
	for _, l := range in.Labels {
		if slices.Contains(p.Versions[at].Labels, l) {
			out.RemovedLabels = append(out.RemovedLabels, l)
		} else {
			out.InvalidLabels = append(out.InvalidLabels, l)
		}
	}
	p.Versions[at].Labels = without(p.Versions[at].Labels, in.Labels)
	parameters(tx).Put(p.Name, p)
	return out, nil
}

func without(have, gone []string) []string {
	return slices.DeleteFunc(slices.Clone(have), func(l string) bool { return slices.Contains(gone, l) })
}

// DeleteParameter removes a parameter with its versions.
func (s *Service) DeleteParameter(tx *world.Tx, in *ssm.DeleteParameterInput) (*ssm.DeleteParameterOutput, error) {
	if p, ok := parameters(tx).Get(aws.ToString(in.Name)); !ok || !p.visible() {
		return nil, noParameter()
	}
	parameters(tx).Delete(*in.Name)
	tx.Event("parameter.deleted", map[string]any{"name": *in.Name})
	return &ssm.DeleteParameterOutput{}, nil
}

// DeleteParameters removes up to ten parameters.
func (s *Service) DeleteParameters(tx *world.Tx, in *ssm.DeleteParametersInput) (*ssm.DeleteParametersOutput, error) {
	if n := len(in.Names); n < 1 || n > 10 {
		return nil, invalid("1 validation error detected: Value at 'names' failed to satisfy constraint: Member must have length between 1 and 10")
	}
	out := &ssm.DeleteParametersOutput{}
	for _, n := range in.Names {
		if _, err := s.DeleteParameter(tx, &ssm.DeleteParameterInput{Name: &n}); err != nil {
			out.InvalidParameters = append(out.InvalidParameters, n)
		} else {
			out.DeletedParameters = append(out.DeletedParameters, n)
		}
	}
	return out, nil
}
