package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/wait"
)

// Versions writes objects only over what the caller knows to be there. It implements
// the ports of a journal.
type Versions struct{ Store }

// busyTries bounds how often a write is repeated that S3 refuses because another one
// of the same key is under way (ConditionalRequestConflict; "How to prevent object
// overwrites with conditional writes", S3 User Guide).
const (
	busyTries = 6
	busyPause = 50 * time.Millisecond
)

// Create writes an object unless one of that key exists: kind fault.Conflict.
func (v Versions) Create(ctx context.Context, key string, body []byte) (tag string, err error) {
	return v.write(ctx, key, body, func(in *s3.PutObjectInput) { in.IfNoneMatch = aws.String("*") })
}

// Replace writes over the version with that tag; kind fault.Conflict when another
// stands there, or none.
func (v Versions) Replace(ctx context.Context, key, tag string, body []byte) (newTag string, err error) {
	newTag, err = v.write(ctx, key, body, func(in *s3.PutObjectInput) { in.IfMatch = &tag })
	if fault.KindOf(err) == fault.NotFound && awscloud.Code(err) == "NoSuchKey" {
		err = fault.As(err, fault.Conflict, "") // what was read is gone
	}
	return newTag, err
}

func (v Versions) write(ctx context.Context, key string, body []byte, when func(*s3.PutObjectInput)) (string, error) {
	pause := busyPause
	for try := 1; ; try++ {
		in := &s3.PutObjectInput{Bucket: &v.Name, Key: &key, Body: bytes.NewReader(body), ContentType: aws.String("application/json")}
		when(in)
		out, err := v.API.PutObject(ctx, in)
		if err == nil {
			return aws.ToString(out.ETag), nil
		}
		if code := awscloud.Code(err); code != "ConditionalRequestConflict" && code != "OperationAborted" || try == busyTries {
			return "", awscloud.Wrap(err, "put s3://%s/%s", v.Name, key)
		}
		if serr := (wait.Wall{}).Sleep(ctx, time.Now().Add(pause)); serr != nil {
			return "", fmt.Errorf("put s3://%s/%s: %w", v.Name, key, serr)
		}
		pause *= 2
	}
}

// Write writes an object over whatever stands there.
func (v Versions) Write(ctx context.Context, key string, body io.ReadSeeker) error {
	_, err := v.API.PutObject(ctx, &s3.PutObjectInput{Bucket: &v.Name, Key: &key, Body: body})
	return awscloud.Wrap(err, "put s3://%s/%s", v.Name, key)
}

// Read returns an object of at most limit bytes and the tag of its version.
func (v Versions) Read(ctx context.Context, key string, limit int64) (body []byte, tag string, err error) {
	var b bytes.Buffer
	tag, err = v.Copy(ctx, key, limit, &b)
	return b.Bytes(), tag, err
}

// Copy writes an object of at most limit bytes to w.
func (v Versions) Copy(ctx context.Context, key string, limit int64, w io.Writer) (tag string, err error) {
	out, err := v.API.GetObject(ctx, &s3.GetObjectInput{Bucket: &v.Name, Key: &key})
	if err != nil {
		return "", awscloud.Wrap(err, "get s3://%s/%s", v.Name, key)
	}
	n, err := io.Copy(w, io.LimitReader(out.Body, limit+1))
	if err = errors.Join(err, out.Body.Close()); err != nil {
		return "", awscloud.Wrap(err, "get s3://%s/%s", v.Name, key)
	}
	if n > limit {
		return "", fault.New(fault.Failed, "", "get s3://%s/%s: it is larger than %d bytes", v.Name, key, limit)
	}
	return aws.ToString(out.ETag), nil
}

// Keys lists the keys under prefix, sorted.
func (v Versions) Keys(ctx context.Context, prefix string) ([]string, error) {
	sizes, err := v.List(ctx, prefix)
	return slices.Sorted(maps.Keys(sizes)), err
}
