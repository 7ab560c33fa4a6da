// Package store is one S3 bucket.
package store

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout/inplace"
)

// API is what the adapter calls.
type API interface {
	s3.ListObjectsV2APIClient
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
}

var (
	_ API           = (*s3.Client)(nil)
	_ inplace.Store = Store{}
)

// Store keeps objects in one bucket.
type Store struct {
	API          API
	Name, Within string // bucket and region
}

// New is the adapter over a session.
func New(s *session.Session, bucket string) Store {
	client := s3.NewFromConfig(s.Config(), func(o *s3.Options) {
		o.UsePathStyle = s.PathStyle()
		// Every object is put with its SHA-256; further checksums add nothing.
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	})
	return Store{client, bucket, s.Region()}
}

// Bucket is the bucket's name.
func (s Store) Bucket() string { return s.Name }

// Region is the bucket's region.
func (s Store) Region() string { return s.Within }

// List is the size of each object under prefix.
func (s Store) List(ctx context.Context, prefix string) (map[string]int64, error) {
	out := map[string]int64{}
	p := s3.NewListObjectsV2Paginator(s.API, &s3.ListObjectsV2Input{Bucket: &s.Name, Prefix: &prefix})
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, awscloud.Wrap(err, "list s3://%s/%s", s.Name, prefix)
		}
		for _, x := range page.Contents {
			out[aws.ToString(x.Key)] = aws.ToInt64(x.Size)
		}
	}
	return out, nil
}

// Put creates an object; one that exists stays as it is.
func (s Store) Put(ctx context.Context, key string, body io.ReadSeeker, sha256 string) error {
	sum, err := hex.DecodeString(sha256)
	if err != nil {
		return fault.New(fault.Failed, "", "put s3://%s/%s: %q is no SHA-256", s.Name, key, sha256)
	}
	_, err = s.API.PutObject(ctx, &s3.PutObjectInput{Bucket: &s.Name, Key: &key, Body: body, IfNoneMatch: aws.String("*"),
		ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(sum))})
	if awscloud.Code(err) == "PreconditionFailed" {
		return nil
	}
	return awscloud.Wrap(err, "put s3://%s/%s", s.Name, key)
}

// Get reads an object whole.
func (s Store) Get(ctx context.Context, key string, limit int64) ([]byte, error) {
	out, err := s.API.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.Name, Key: &key})
	if err != nil {
		return nil, awscloud.Wrap(err, "get s3://%s/%s", s.Name, key)
	}
	defer out.Body.Close()
	data, err := io.ReadAll(io.LimitReader(out.Body, limit+1))
	if err != nil {
		return nil, awscloud.Wrap(err, "get s3://%s/%s", s.Name, key)
	}
	if int64(len(data)) > limit {
		return nil, fault.New(fault.Failed, "", "get s3://%s/%s: it is larger than %d bytes", s.Name, key, limit)
	}
	return data, nil
}
