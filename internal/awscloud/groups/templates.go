package groups

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
)

// TemplatesAPI is what Templates calls.
type TemplatesAPI interface {
	ec2.DescribeLaunchTemplateVersionsAPIClient
	ec2.DescribeLaunchTemplatesAPIClient
	CreateLaunchTemplateVersion(context.Context, *ec2.CreateLaunchTemplateVersionInput, ...func(*ec2.Options)) (*ec2.CreateLaunchTemplateVersionOutput, error)
}

var (
	_ TemplatesAPI         = (*ec2.Client)(nil)
	_ rollout.Templates    = Templates{}
	_ rollout.TemplateEnds = Templates{}
)

// Templates reads and makes launch-template versions.
type Templates struct{ API TemplatesAPI }

func newTemplates(s *session.Session) Templates { return Templates{ec2.NewFromConfig(s.Config())} }

// Versions lists the versions asked for, or all, by number.
func (t Templates) Versions(ctx context.Context, id string, versions ...string) ([]rollout.TemplateVersion, error) {
	var out []rollout.TemplateVersion
	p := ec2.NewDescribeLaunchTemplateVersionsPaginator(t.API, &ec2.DescribeLaunchTemplateVersionsInput{
		LaunchTemplateId: &id, Versions: versions})
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, awscloud.Wrap(err, "describe versions of launch template %s", id)
		}
		for _, x := range page.LaunchTemplateVersions {
			v, err := version(x)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
	}
	slices.SortFunc(out, func(a, b rollout.TemplateVersion) int { return number(a) - number(b) })
	return out, nil
}

// Ends lists the latest and the default version of every template there is. One that
// is both comes once.
func (t Templates) Ends(ctx context.Context) ([]rollout.TemplateVersion, error) {
	var out []rollout.TemplateVersion
	seen := map[[2]string]bool{}
	p := ec2.NewDescribeLaunchTemplateVersionsPaginator(t.API, &ec2.DescribeLaunchTemplateVersionsInput{
		Versions: []string{"$Latest", "$Default"}, MaxResults: aws.Int32(200)}) // the most a page holds
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, awscloud.Wrap(err, "describe the latest and default versions of all launch templates")
		}
		for _, x := range page.LaunchTemplateVersions {
			v, err := version(x)
			if err != nil {
				return nil, err
			}
			if key := [2]string{v.Template, v.Number}; !seen[key] {
				seen[key] = true
				out = append(out, v)
			}
		}
	}
	return out, nil
}

// Create makes a version out of another with ImageId replaced.
func (t Templates) Create(ctx context.Context, in rollout.NewTemplateVersion) (rollout.TemplateVersion, error) {
	out, err := t.API.CreateLaunchTemplateVersion(ctx, &ec2.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: &in.Template, SourceVersion: &in.Source, ClientToken: &in.Token, VersionDescription: &in.Description,
		LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: &in.Image}})
	if err != nil {
		return rollout.TemplateVersion{}, awscloud.Wrap(err, "create a version of launch template %s", in.Template)
	}
	if out.LaunchTemplateVersion == nil {
		return rollout.TemplateVersion{}, fault.New(fault.Failed, "", "create a version of launch template %s: empty answer", in.Template)
	}
	return version(*out.LaunchTemplateVersion)
}

func version(x types.LaunchTemplateVersion) (rollout.TemplateVersion, error) {
	v := rollout.TemplateVersion{Template: aws.ToString(x.LaunchTemplateId), Number: strconv.FormatInt(aws.ToInt64(x.VersionNumber), 10),
		Description: aws.ToString(x.VersionDescription), Default: aws.ToBool(x.DefaultVersion)}
	if x.LaunchTemplateData == nil {
		return v, nil
	}
	v.Image = aws.ToString(x.LaunchTemplateData.ImageId)
	var err error
	if v.Data, err = awscloud.Compact(x.LaunchTemplateData); err != nil {
		return v, fmt.Errorf("version %s of launch template %s: %w", v.Number, v.Template, err)
	}
	return v, nil
}

func number(v rollout.TemplateVersion) int {
	n, _ := strconv.Atoi(v.Number) // it came from an int64
	return n
}
