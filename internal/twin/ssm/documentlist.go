package ssm

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// describeDocument is a version's description. Documents are active at once.
func describeDocument(d document, v docVersion) *types.DocumentDescription {
	out := &types.DocumentDescription{
		Name: &d.Name, Owner: &d.Owner, CreatedDate: aws.Time(v.Created), Status: types.DocumentStatusActive, DocumentVersion: aws.String(strconv.Itoa(v.Number)),
		DefaultVersion: aws.String(strconv.Itoa(d.Default)), LatestVersion: aws.String(strconv.Itoa(d.Versions[len(d.Versions)-1].Number)),
		Hash: aws.String(v.hash()), HashType: types.DocumentHashTypeSha256, DocumentType: types.DocumentTypeCommand, DocumentFormat: types.DocumentFormat(v.Format),
		PlatformTypes: []types.PlatformType{types.PlatformTypeLinux, types.PlatformTypeMacos}, Tags: tagList(d.Tags),
	}
	if d.Target != "" {
		out.TargetType = &d.Target
	}
	if v.Name != "" {
		out.VersionName = &v.Name
	}
	c, err := parse(v.Content, v.Format)
	if err != nil {
		return out // it was parsed when it came
	}
	out.SchemaVersion = &c.SchemaVersion
	if c.Description != "" {
		out.Description = &c.Description
	}
	for _, name := range slices.Sorted(maps.Keys(c.Parameters)) {
		p := c.Parameters[name]
		dp := types.DocumentParameter{Name: &name, Type: types.DocumentParameterType(p.Type)}
		if p.Description != "" {
			dp.Description = &p.Description
		}
		if p.Default != nil {
			dp.DefaultValue = aws.String(strings.Join(texts(p.Default), ","))
		}
		out.Parameters = append(out.Parameters, dp)
	}
	return out
}

// DescribeDocument tells about a version of a document, with its hash.
func (s *Service) DescribeDocument(tx *world.Tx, in *ssm.DescribeDocumentInput) (*ssm.DescribeDocumentOutput, error) {
	d, err := lookup(tx, in.Name)
	if err != nil {
		return nil, err
	}
	v, err := d.version(in.DocumentVersion, in.VersionName)
	if err != nil {
		return nil, err
	}
	return &ssm.DescribeDocumentOutput{Document: describeDocument(d, v)}, nil
}

// GetDocument reads a version's content.
func (s *Service) GetDocument(tx *world.Tx, in *ssm.GetDocumentInput) (*ssm.GetDocumentOutput, error) {
	d, err := lookup(tx, in.Name)
	if err != nil {
		return nil, err
	}
	v, err := d.version(in.DocumentVersion, in.VersionName)
	if err != nil {
		return nil, err
	}
	if f := string(in.DocumentFormat); f != "" && f != v.Format {
		return nil, unmodelled("conversion of documents from " + v.Format + " to " + f)
	}
	out := &ssm.GetDocumentOutput{
		Name: &d.Name, Content: &v.Content, DocumentFormat: types.DocumentFormat(v.Format), DocumentType: types.DocumentTypeCommand,
		DocumentVersion: aws.String(strconv.Itoa(v.Number)), Status: types.DocumentStatusActive, CreatedDate: aws.Time(v.Created),
	}
	if v.Name != "" {
		out.VersionName = &v.Name
	}
	return out, nil
}

// ListDocuments lists documents by name, with the filters Owner, Name (a prefix),
// DocumentType and PlatformTypes.
func (s *Service) ListDocuments(tx *world.Tx, in *ssm.ListDocumentsInput) (*ssm.ListDocumentsOutput, error) {
	filters := in.Filters
	for _, f := range in.DocumentFilterList { // the old form
		filters = append(filters, types.DocumentKeyValuesFilter{Key: aws.String(string(f.Key)), Values: []string{aws.ToString(f.Value)}})
	}
	all := builtins()
	for _, d := range documents(tx).All() {
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b document) int { return strings.Compare(a.Name, b.Name) })
	var out []types.DocumentIdentifier
	for _, d := range all {
		keep := true
		for _, f := range filters {
			ok, err := listed(d, f)
			if err != nil {
				return nil, err
			}
			keep = keep && ok
		}
		if !keep {
			continue
		}
		v, err := d.version(nil, nil)
		if err != nil {
			return nil, err
		}
		full := describeDocument(d, v)
		out = append(out, types.DocumentIdentifier{
			Name: full.Name, Owner: full.Owner, CreatedDate: full.CreatedDate, DocumentVersion: full.DocumentVersion, DocumentType: full.DocumentType, SchemaVersion: full.SchemaVersion,
			DocumentFormat: full.DocumentFormat, PlatformTypes: full.PlatformTypes, TargetType: full.TargetType, VersionName: full.VersionName, Tags: full.Tags,
		})
	}
	cut, next, err := page(out, in.NextToken, in.MaxResults, 50)
	return &ssm.ListDocumentsOutput{DocumentIdentifiers: cut, NextToken: next}, err
}

// ListDocumentVersions lists a document's versions, newest first.
func (s *Service) ListDocumentVersions(tx *world.Tx, in *ssm.ListDocumentVersionsInput) (*ssm.ListDocumentVersionsOutput, error) {
	d, err := lookup(tx, in.Name)
	if err != nil {
		return nil, err
	}
	var all []types.DocumentVersionInfo
	for _, v := range slices.Backward(d.Versions) {
		one := types.DocumentVersionInfo{Name: &d.Name, DocumentVersion: aws.String(strconv.Itoa(v.Number)), CreatedDate: &v.Created,
			DocumentFormat: types.DocumentFormat(v.Format), IsDefaultVersion: v.Number == d.Default, Status: types.DocumentStatusActive}
		if v.Name != "" {
			one.VersionName = &v.Name
		}
		all = append(all, one)
	}
	cut, next, err := page(all, in.NextToken, in.MaxResults, 50)
	return &ssm.ListDocumentVersionsOutput{DocumentVersions: cut, NextToken: next}, err
}

func listed(d document, f types.DocumentKeyValuesFilter) (bool, error) {
	any := func(match func(string) bool) bool { return slices.ContainsFunc(f.Values, match) }
	switch key := aws.ToString(f.Key); {
	case key == "Owner":
		return any(func(v string) bool {
			return v == "All" || v == "Amazon" && d.Owner == "Amazon" || (v == "Self" || v == "Private") && d.Owner != "Amazon" || v == "Public" && d.Owner == "Amazon"
		}), nil
	case key == "Name":
		return any(func(v string) bool { return strings.HasPrefix(d.Name, v) }), nil
	case key == "DocumentType":
		return any(func(v string) bool { return v == "Command" }), nil
	case key == "PlatformTypes":
		return any(func(v string) bool { return v == "Linux" || v == "MacOS" }), nil
	case strings.HasPrefix(key, "tag:"):
		return any(func(v string) bool { return d.Tags[strings.TrimPrefix(key, "tag:")] == v }), nil
	default:
		return false, wire.Errorf("InvalidFilterKey", "The specified filter key %s isn't valid.", key)
	}
}
