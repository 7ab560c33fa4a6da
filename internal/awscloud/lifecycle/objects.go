package lifecycle

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/fault"
)

// S3 is what is called of S3.
type S3 interface {
	s3.ListObjectsV2APIClient
	DeleteObjects(context.Context, *s3.DeleteObjectsInput, ...func(*s3.Options)) (*s3.DeleteObjectsOutput, error)
}

var _ S3 = (*s3.Client)(nil)

// Objects deletes folders of a bucket.
type Objects struct {
	API    S3
	Bucket string
}

// NewObjects is the adapter over a session.
func NewObjects(s *session.Session, bucket string) Objects {
	return Objects{s3.NewFromConfig(s.Config(), func(o *s3.Options) { o.UsePathStyle = s.PathStyle() }), bucket}
}

// Any says whether there is an object under a prefix, which ends in a slash. A bucket
// that does not exist has none.
func (o Objects) Any(ctx context.Context, prefix string) (bool, error) {
	out, err := o.API.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &o.Bucket, Prefix: &prefix, MaxKeys: aws.Int32(1)})
	if err = awscloud.Wrap(err, "list s3://%s/%s", o.Bucket, prefix); fault.KindOf(err) == fault.NotFound && err != nil {
		return false, nil // there is no such bucket
	}
	if err != nil {
		return false, err
	}
	return len(out.Contents) > 0, nil
}

// mostKeys is how many objects one DeleteObjects takes.
const mostKeys = 1000

// Remove deletes every object under a prefix, which must end in a slash: anything else
// would take neighbours along.
func (o Objects) Remove(ctx context.Context, prefix string) error {
	if !strings.HasSuffix(prefix, "/") || strings.Trim(prefix, "/") == "" {
		return fault.New(fault.Failed, "", "delete s3://%s/%s: not a folder", o.Bucket, prefix)
	}
	var all []types.ObjectIdentifier
	p := s3.NewListObjectsV2Paginator(o.API, &s3.ListObjectsV2Input{Bucket: &o.Bucket, Prefix: &prefix})
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err = awscloud.Wrap(err, "list s3://%s/%s", o.Bucket, prefix); err != nil {
			if fault.KindOf(err) == fault.NotFound {
				return nil
			}
			return err
		}
		for _, x := range page.Contents {
			all = append(all, types.ObjectIdentifier{Key: x.Key})
		}
	}
	for some := range slices.Chunk(all, mostKeys) {
		out, err := o.API.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &o.Bucket, Delete: &types.Delete{Objects: some, Quiet: aws.Bool(true)}})
		if err != nil {
			return awscloud.Wrap(err, "delete s3://%s/%s", o.Bucket, prefix)
		}
		for _, e := range out.Errors {
			return fault.New(fault.Failed, "", "delete s3://%s/%s: %s: %s", o.Bucket, aws.ToString(e.Key), aws.ToString(e.Code), aws.ToString(e.Message))
		}
	}
	return nil
}
