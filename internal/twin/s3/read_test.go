package s3_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/goldenami/rehydrate/internal/twin/wiretest"
)

func TestReadsHoldTheirConditionsOnTimes(t *testing.T) {
	t.Parallel()
	c, _, _ := open(t)
	tag := put(t, c, "a", "1")
	before, after, at := aws.Time(wiretest.Start.Add(-time.Minute)), aws.Time(wiretest.Start.Add(time.Minute)), aws.Time(wiretest.Start)
	for name, test := range map[string]struct {
		in   sdk.GetObjectInput
		want string
	}{
		"modified since":                       {sdk.GetObjectInput{IfModifiedSince: before}, ""},
		"not modified since":                   {sdk.GetObjectInput{IfModifiedSince: after}, "NotModified"},
		"not modified since that very second":  {sdk.GetObjectInput{IfModifiedSince: at}, "NotModified"},
		"unmodified since":                     {sdk.GetObjectInput{IfUnmodifiedSince: after}, ""},
		"modified since what it must not":      {sdk.GetObjectInput{IfUnmodifiedSince: before}, "PreconditionFailed"},
		"the tag that it has goes first":       {sdk.GetObjectInput{IfMatch: &tag, IfUnmodifiedSince: before}, ""},
		"a tag that it does not have too":      {sdk.GetObjectInput{IfNoneMatch: aws.String(`"x"`), IfModifiedSince: after}, ""},
		"the tag that it must not have, alone": {sdk.GetObjectInput{IfNoneMatch: &tag, IfModifiedSince: before}, "NotModified"},
	} {
		in := test.in
		in.Bucket, in.Key = aws.String("box"), aws.String("a")
		if got := code(second(c.GetObject(ctx, &in))); got != test.want && !(test.want == "NotModified" && strings.Contains(got, "304")) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestAReadIsToldWhatItAsksToBeTold(t *testing.T) {
	t.Parallel()
	c, _, _ := open(t)
	box, key, day := aws.String("box"), aws.String("a"), aws.Time(wiretest.Start.Truncate(24*time.Hour))
	if _, err := c.PutObject(ctx, &sdk.PutObjectInput{Bucket: box, Key: key, Body: strings.NewReader("hello"), ContentDisposition: aws.String("inline"),
		ContentLanguage: aws.String("de"), Expires: day, ContentType: aws.String("text/plain")}); err != nil {
		t.Fatal(err)
	}
	out, err := c.GetObject(ctx, &sdk.GetObjectInput{Bucket: box, Key: key, ResponseContentType: aws.String("text/x"), ResponseCacheControl: aws.String("no-store")})
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToString(out.ContentType) != "text/x" || aws.ToString(out.CacheControl) != "no-store" || aws.ToString(out.ContentDisposition) != "inline" || aws.ToString(out.ContentLanguage) != "de" ||
		aws.ToString(out.ExpiresString) != day.Format("Mon, 02 Jan 2006 15:04:05 GMT") || out.ServerSideEncryption != types.ServerSideEncryptionAes256 {
		t.Errorf("%+v", out)
	}
	other := day.Add(24 * time.Hour)
	if again, err := c.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: box, Key: key, ResponseExpires: &other}); err != nil || aws.ToString(again.ExpiresString) != other.Format("Mon, 02 Jan 2006 15:04:05 GMT") {
		t.Errorf("%+v %v", again, err)
	}
	if body, err := io.ReadAll(out.Body); err != nil || string(body) != "hello" {
		t.Errorf("%q %v", body, err)
	}
	head, err := c.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: box, Key: key, Range: aws.String("bytes=1-2")})
	if err != nil || *head.ContentLength != 2 || aws.ToString(head.ContentRange) != "bytes 1-2/5" || aws.ToString(head.ContentDisposition) != "inline" {
		t.Errorf("%+v %v", head, err)
	}
	if err := second(c.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: box, Key: key, Range: aws.String("bytes=9-")})); err == nil {
		t.Error("a range behind the end was told")
	}
}

func TestAListSaysWhatItIsAskedOfObjects(t *testing.T) {
	t.Parallel()
	c, _, _ := open(t)
	if _, err := c.PutObject(ctx, &sdk.PutObjectInput{Bucket: aws.String("box"), Key: aws.String("a"), Body: strings.NewReader("1"), ChecksumAlgorithm: types.ChecksumAlgorithmSha256}); err != nil {
		t.Fatal(err)
	}
	for _, owner := range []bool{true, false} {
		out, err := c.ListObjectsV2(ctx, &sdk.ListObjectsV2Input{Bucket: aws.String("box"), FetchOwner: &owner})
		if err != nil || len(out.Contents) != 1 {
			t.Fatalf("%+v %v", out, err)
		}
		o := out.Contents[0]
		if len(o.ChecksumAlgorithm) != 1 || o.ChecksumAlgorithm[0] != types.ChecksumAlgorithmSha256 || o.ChecksumType != types.ChecksumTypeFullObject || (o.Owner != nil) != owner {
			t.Errorf("%+v", o)
		}
	}
}

func TestWhatWouldChangeAnObjectIsNotLeftOutInSilence(t *testing.T) {
	t.Parallel()
	c, _, _ := open(t)
	for name, test := range map[string]struct {
		in   sdk.PutObjectInput
		want string
		text string
	}{
		"tags":               {sdk.PutObjectInput{Tagging: aws.String("a=b")}, "UnsupportedOperation", "object tags"},
		"a key of KMS":       {sdk.PutObjectInput{ServerSideEncryption: types.ServerSideEncryptionAwsKms, SSEKMSKeyId: aws.String("alias/x")}, "UnsupportedOperation", "aws:kms"},
		"what it has anyway": {sdk.PutObjectInput{ServerSideEncryption: types.ServerSideEncryptionAes256}, "", ""},
		"the usual class":    {sdk.PutObjectInput{StorageClass: types.StorageClassStandard}, "", ""},
		"another class":      {sdk.PutObjectInput{StorageClass: types.StorageClassGlacier}, "UnsupportedOperation", "GLACIER"},
		"public":             {sdk.PutObjectInput{ACL: types.ObjectCannedACLPublicRead}, "AccessControlListNotSupported", "ACLs"},
		"a grant":            {sdk.PutObjectInput{GrantRead: aws.String(`id="x"`)}, "AccessControlListNotSupported", "ACLs"},
		"the owner's, as the agent of another account writes": {sdk.PutObjectInput{ACL: types.ObjectCannedACLBucketOwnerFullControl}, "", ""},
		"a lock":      {sdk.PutObjectInput{ObjectLockMode: types.ObjectLockModeGovernance, ObjectLockRetainUntilDate: aws.Time(wiretest.Start)}, "InvalidRequest", "Object Lock"},
		"redirection": {sdk.PutObjectInput{WebsiteRedirectLocation: aws.String("/x")}, "UnsupportedOperation", "redirections"},
		"appending":   {sdk.PutObjectInput{WriteOffsetBytes: aws.Int64(1)}, "UnsupportedOperation", "appending"},
	} {
		in := test.in
		in.Bucket, in.Key, in.Body = aws.String("box"), aws.String("a"), strings.NewReader("1")
		err := second(c.PutObject(ctx, &in))
		if code(err) != test.want || err != nil && !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: %v", name, err)
		}
		// The same of what comes in parts.
		err = second(c.CreateMultipartUpload(ctx, &sdk.CreateMultipartUploadInput{Bucket: in.Bucket, Key: in.Key, Tagging: in.Tagging, ServerSideEncryption: in.ServerSideEncryption, SSEKMSKeyId: in.SSEKMSKeyId,
			StorageClass: in.StorageClass, ACL: in.ACL, GrantRead: in.GrantRead, ObjectLockMode: in.ObjectLockMode, ObjectLockRetainUntilDate: in.ObjectLockRetainUntilDate, WebsiteRedirectLocation: in.WebsiteRedirectLocation}))
		if code(err) != test.want && in.WriteOffsetBytes == nil {
			t.Errorf("%s, in parts: %v", name, err)
		}
	}
}

func TestABodyHasOneChecksum(t *testing.T) {
	t.Parallel()
	c, _, _ := open(t)
	both := &sdk.PutObjectInput{Bucket: aws.String("box"), Key: aws.String("a"), Body: strings.NewReader("hello"), ChecksumCRC32: aws.String("NhCmhg=="), ChecksumSHA1: aws.String("qvTGHdzF6KLavt4PO0gs2a6pQ00=")}
	if _, err := c.PutObject(ctx, both); code(err) != "InvalidRequest" {
		t.Errorf("of two algorithms: %v", err)
	}
	both.ChecksumSHA1, both.Body = nil, strings.NewReader("hello")
	if _, err := c.PutObject(ctx, both); err != nil {
		t.Errorf("of one: %v", err)
	}
}

func TestACompositeChecksumNeedsThoseOfAllParts(t *testing.T) {
	t.Parallel()
	c, _, _ := open(t)
	box, key := aws.String("box"), aws.String("a")
	up, err := c.CreateMultipartUpload(ctx, &sdk.CreateMultipartUploadInput{Bucket: box, Key: key, ChecksumAlgorithm: types.ChecksumAlgorithmSha256})
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.UploadPart(ctx, &sdk.UploadPartInput{Bucket: box, Key: key, UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("1"), ChecksumAlgorithm: types.ChecksumAlgorithmSha256})
	if err != nil {
		t.Fatal(err)
	}
	part := types.CompletedPart{PartNumber: aws.Int32(1), ETag: p.ETag}
	complete := func() error {
		return second(c.CompleteMultipartUpload(ctx, &sdk.CompleteMultipartUploadInput{Bucket: box, Key: key, UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{part}}}))
	}
	if err := complete(); code(err) != "InvalidRequest" || !strings.Contains(err.Error(), "missing for part 1") {
		t.Errorf("without it: %v", err)
	}
	part.ChecksumSHA256 = p.ChecksumSHA256
	if err := complete(); err != nil {
		t.Error(err)
	}
}
