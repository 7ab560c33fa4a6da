package lifecycle

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish/retire"
)

// Snapshots are the account's own snapshots that carry the tag, with its value.
func (i Images) Snapshots(ctx context.Context, tag string) ([]retire.Snapshot, error) {
	var out []retire.Snapshot
	p := ec2.NewDescribeSnapshotsPaginator(i.API, &ec2.DescribeSnapshotsInput{OwnerIds: []string{"self"},
		Filters: []types.Filter{awscloud.Filter("tag-key", tag)}})
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, awscloud.Wrap(err, "describe snapshots")
		}
		for _, x := range page.Snapshots {
			out = append(out, retire.Snapshot{ID: aws.ToString(x.SnapshotId), Tags: awscloud.TagMap(x.Tags)})
		}
	}
	return out, nil
}

// DeleteSnapshot removes a snapshot. One that is gone is no error; one that another
// image uses is of kind fault.Conflict.
func (i Images) DeleteSnapshot(ctx context.Context, id string) error {
	_, err := i.API.DeleteSnapshot(ctx, &ec2.DeleteSnapshotInput{SnapshotId: &id})
	switch awscloud.Code(err) {
	case "InvalidSnapshot.NotFound":
		return nil
	case "InvalidSnapshot.InUse":
		return fault.As(awscloud.Wrap(err, "delete snapshot %s", id), fault.Conflict, "another image uses it")
	}
	return awscloud.Wrap(err, "delete snapshot %s", id)
}

// DeleteVersion removes a numbered version of a launch template. One that is gone is
// no error.
func (i Images) DeleteVersion(ctx context.Context, template string, number int64) error {
	out, err := i.API.DeleteLaunchTemplateVersions(ctx, &ec2.DeleteLaunchTemplateVersionsInput{LaunchTemplateId: &template,
		Versions: []string{strconv.FormatInt(number, 10)}})
	if fault.KindOf(awscloud.Wrap(err, "")) == fault.NotFound {
		return nil
	}
	if err != nil {
		return awscloud.Wrap(err, "delete version %d of launch template %s", number, template)
	}
	for _, f := range out.UnsuccessfullyDeletedLaunchTemplateVersions {
		if f.ResponseError == nil || f.ResponseError.Code == types.LaunchTemplateErrorCodeLaunchTemplateVersionDoesNotExist ||
			f.ResponseError.Code == types.LaunchTemplateErrorCodeLaunchTemplateIdDoesNotExist {
			continue
		}
		return fault.New(fault.Failed, "", "delete version %d of launch template %s: %s: %s", number, template,
			f.ResponseError.Code, aws.ToString(f.ResponseError.Message))
	}
	return nil
}

// SSM is what is called of Parameter Store.
type SSM interface {
	DeleteParameter(context.Context, *ssm.DeleteParameterInput, ...func(*ssm.Options)) (*ssm.DeleteParameterOutput, error)
}

var (
	_ SSM           = (*ssm.Client)(nil)
	_ retire.Builds = Parameters{}
)

// Parameters deletes builds entries.
type Parameters struct{ API SSM }

// NewParameters is the adapter over a session.
func NewParameters(s *session.Session) Parameters { return Parameters{ssm.NewFromConfig(s.Config())} }

// Delete removes a parameter. One that is gone is no error.
func (p Parameters) Delete(ctx context.Context, name string) error {
	_, err := p.API.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: &name})
	if awscloud.Code(err) == "ParameterNotFound" {
		return nil
	}
	return awscloud.Wrap(err, "delete parameter %s", name)
}
