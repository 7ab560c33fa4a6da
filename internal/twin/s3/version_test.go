package s3_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/goldenami/rehydrate/internal/twin/s3"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
)

var box = aws.String("box")

func versioning(t *testing.T, c *sdk.Client, status types.BucketVersioningStatus) {
	t.Helper()
	if _, err := c.PutBucketVersioning(ctx, &sdk.PutBucketVersioningInput{Bucket: box, VersioningConfiguration: &types.VersioningConfiguration{Status: status}}); err != nil {
		t.Fatal(err)
	}
	if out, err := c.GetBucketVersioning(ctx, &sdk.GetBucketVersioningInput{Bucket: box}); err != nil || out.Status != status {
		t.Fatalf("%+v %v", out, err)
	}
}

// terratest's PutS3BucketVersioning says with every call that MFA delete is disabled.
func TestDisabledMFADeleteIsSaidButNotEnabled(t *testing.T) {
	c, _, _ := open(t)
	for mfa, want := range map[types.MFADelete]string{types.MFADeleteDisabled: "", types.MFADeleteEnabled: "UnsupportedOperation"} {
		_, err := c.PutBucketVersioning(ctx, &sdk.PutBucketVersioningInput{Bucket: box,
			VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled, MFADelete: mfa}})
		if (err == nil) != (want == "") || err != nil && code(err) != want {
			t.Errorf("%s: %v", mfa, err)
		}
	}
}

// read is an object's body, or the error's code.
func read(c *sdk.Client, key, version string) string {
	in := &sdk.GetObjectInput{Bucket: box, Key: &key}
	if version != "" {
		in.VersionId = &version
	}
	out, err := c.GetObject(ctx, in)
	if err != nil {
		return code(err)
	}
	defer out.Body.Close()
	text, err := io.ReadAll(out.Body)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// history lists versions as "key size latest" and markers as "key marker latest".
func history(t *testing.T, c *sdk.Client, most int32) (out []string) {
	t.Helper()
	in := &sdk.ListObjectVersionsInput{Bucket: box, MaxKeys: &most}
	p := sdk.NewListObjectVersionsPaginator(c, in)
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page.Versions {
			out = append(out, fmt.Sprintf("%s %d %v", *v.Key, *v.Size, *v.IsLatest))
		}
		for _, v := range page.DeleteMarkers {
			out = append(out, fmt.Sprintf("%s marker %v", *v.Key, *v.IsLatest))
		}
	}
	slices.Sort(out)
	return out
}

func TestVersionsOutliveWritesAndDeletes(t *testing.T) {
	t.Parallel()
	c, _, _ := open(t)
	if out, err := c.GetBucketVersioning(ctx, &sdk.GetBucketVersioningInput{Bucket: box}); err != nil || out.Status != "" {
		t.Fatalf("%+v %v", out, err)
	}
	put(t, c, "k", "null")
	versioning(t, c, types.BucketVersioningStatusEnabled)
	write := func(body string) string {
		t.Helper()
		out, err := c.PutObject(ctx, &sdk.PutObjectInput{Bucket: box, Key: aws.String("k"), Body: strings.NewReader(body)})
		if err != nil || out.VersionId == nil {
			t.Fatalf("%+v %v", out, err)
		}
		return *out.VersionId
	}
	one, two := write("one"), write("second")
	gone, err := c.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: box, Key: aws.String("k")})
	if err != nil || !aws.ToBool(gone.DeleteMarker) {
		t.Fatalf("%+v %v", gone, err)
	}
	for version, want := range map[string]string{"": "NoSuchKey", "null": "null", one: "one", two: "second", *gone.VersionId: "MethodNotAllowed", "nope": "InvalidArgument",
		"../" + one[3:]: "InvalidArgument", one + "0": "InvalidArgument", strings.Repeat("0", 32): "NoSuchVersion"} {
		if got := read(c, "k", version); got != want {
			t.Errorf("version %q is %q, want %q", version, got, want)
		}
	}
	want := []string{"k 3 false", "k 4 false", "k 6 false", "k marker true"}
	for _, most := range []int32{1, 2, 1000} {
		if got := history(t, c, most); !slices.Equal(got, want) {
			t.Errorf("pages of %d: %v", most, got)
		}
	}
	if l, err := c.ListObjectsV2(ctx, &sdk.ListObjectsV2Input{Bucket: box}); err != nil || len(l.Contents) != 0 {
		t.Errorf("a deleted object is listed: %+v %v", l.Contents, err)
	}
	var refused *smithyhttp.ResponseError
	_, err = c.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: box, Key: aws.String("k"), VersionId: aws.String("nope")})
	if code(err) != "InvalidArgument" || !errors.As(err, &refused) || refused.HTTPStatusCode() != 400 {
		t.Errorf("deleting a version that none can be: %v", err)
	}
	_, err = c.ListObjectVersions(ctx, &sdk.ListObjectVersionsInput{Bucket: box, KeyMarker: aws.String("k"), VersionIdMarker: aws.String("nope")})
	if code(err) != "InvalidArgument" {
		t.Errorf("a list from a version that none can be: %v", err)
	}
	// A marker counts as absent: create-once may write again.
	if _, err := c.PutObject(ctx, &sdk.PutObjectInput{Bucket: box, Key: aws.String("k"), IfNoneMatch: aws.String("*"), Body: strings.NewReader("x")}); err != nil {
		t.Error(err)
	}
	if _, err := c.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: box, Key: aws.String("k"), VersionId: &two}); err != nil {
		t.Fatal(err)
	}
	if got := read(c, "k", two); got != "NoSuchVersion" {
		t.Errorf("deleted for good, yet %q", got)
	}
}

func TestRemovingTheMarkerBringsTheObjectBack(t *testing.T) {
	t.Parallel()
	c, _, _ := open(t)
	versioning(t, c, types.BucketVersioningStatusEnabled)
	put(t, c, "k", "one")
	put(t, c, "k", "two")
	gone, err := c.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: box, Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.DeleteObjects(ctx, &sdk.DeleteObjectsInput{Bucket: box, Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String("k"), VersionId: gone.VersionId}, {Key: aws.String("nope")}}}})
	if err != nil || len(out.Deleted) != 2 || !aws.ToBool(out.Deleted[0].DeleteMarker) {
		t.Fatalf("%+v %v", out, err)
	}
	if got := read(c, "k", ""); got != "two" {
		t.Errorf("got %q", got)
	}
}

func TestSuspendedVersioningKeepsOneNullVersion(t *testing.T) {
	t.Parallel()
	c, _, _ := open(t)
	versioning(t, c, types.BucketVersioningStatusEnabled)
	put(t, c, "k", "one")
	versioning(t, c, types.BucketVersioningStatusSuspended)
	put(t, c, "k", "second")
	put(t, c, "k", "3")
	if got := history(t, c, 1000); !slices.Equal(got, []string{"k 1 true", "k 3 false"}) {
		t.Errorf("got %v", got)
	}
	if _, err := c.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: box, Key: aws.String("k")}); err != nil {
		t.Fatal(err)
	}
	if got := history(t, c, 1000); !slices.Equal(got, []string{"k 3 false", "k marker true"}) {
		t.Errorf("got %v", got)
	}
}

func TestBucketsAreListedAndGoOnlyEmpty(t *testing.T) {
	t.Parallel()
	w := wiretest.World(t)
	svc := s3.New(t.TempDir())
	cfg := wiretest.Client(t, w, svc.Wire())
	c := sdk.NewFromConfig(cfg, func(o *sdk.Options) { o.UsePathStyle = true })
	makeBox(t, c)
	other := sdk.NewFromConfig(cfg, func(o *sdk.Options) { o.UsePathStyle, o.Credentials = true, wiretest.Key("444455556666") })
	if out, err := c.ListBuckets(ctx, &sdk.ListBucketsInput{}); err != nil || len(out.Buckets) != 1 || *out.Buckets[0].Name != "box" {
		t.Errorf("%+v %v", out, err)
	}
	if out, err := other.ListBuckets(ctx, &sdk.ListBucketsInput{}); err != nil || len(out.Buckets) != 0 {
		t.Errorf("another account sees %+v %v", out, err)
	}
	versioning(t, c, types.BucketVersioningStatusEnabled)
	put(t, c, "k", "x")
	if _, err := c.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: box, Key: aws.String("k")}); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"BucketNotEmpty": second(c.DeleteBucket(ctx, &sdk.DeleteBucketInput{Bucket: box})),
		"AccessDenied":   second(other.DeleteBucket(ctx, &sdk.DeleteBucketInput{Bucket: box})),
		"NoSuchBucket":   second(c.ListObjectVersions(ctx, &sdk.ListObjectVersionsInput{Bucket: aws.String("nope")})),
		"MalformedXML":   second(c.DeleteObjects(ctx, &sdk.DeleteObjectsInput{Bucket: box, Delete: &types.Delete{Objects: slices.Repeat([]types.ObjectIdentifier{{Key: aws.String("k")}}, 1001)}})),
	} {
		if code(err) != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	versions, err := c.ListObjectVersions(ctx, &sdk.ListObjectVersionsInput{Bucket: box})
	if err != nil {
		t.Fatal(err)
	}
	all := []types.ObjectIdentifier{}
	for _, v := range versions.Versions {
		all = append(all, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
	}
	for _, v := range versions.DeleteMarkers {
		all = append(all, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
	}
	if _, err := c.DeleteObjects(ctx, &sdk.DeleteObjectsInput{Bucket: box, Delete: &types.Delete{Objects: all, Quiet: aws.Bool(true)}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.DeleteBucket(ctx, &sdk.DeleteBucketInput{Bucket: box}); err != nil {
		t.Error(err)
	}
}

// Who empties a bucket deletes each page before the next one is asked for: its marker names
// a version that is gone.
func TestVersionsDeletedPageByPageLeaveNone(t *testing.T) {
	t.Parallel()
	c, _, _ := open(t)
	box := aws.String("box")
	if _, err := c.PutBucketVersioning(ctx, &sdk.PutBucketVersioningInput{Bucket: box, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}); err != nil {
		t.Fatal(err)
	}
	for range 7 {
		put(t, c, "a", "1")
	}
	put(t, c, "b", "1")
	if _, err := c.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: box, Key: aws.String("a")}); err != nil {
		t.Fatal(err)
	}
	pages := sdk.NewListObjectVersionsPaginator(c, &sdk.ListObjectVersionsInput{Bucket: box, MaxKeys: aws.Int32(2)})
	for pages.HasMorePages() {
		p, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var gone []types.ObjectIdentifier
		for _, v := range p.Versions {
			gone = append(gone, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		for _, v := range p.DeleteMarkers {
			gone = append(gone, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		if _, err := c.DeleteObjects(ctx, &sdk.DeleteObjectsInput{Bucket: box, Delete: &types.Delete{Objects: gone}}); err != nil {
			t.Fatal(err)
		}
	}
	out, err := c.ListObjectVersions(ctx, &sdk.ListObjectVersionsInput{Bucket: box})
	if err != nil || len(out.Versions)+len(out.DeleteMarkers) != 0 {
		t.Errorf("%d versions and %d markers are left, %v", len(out.Versions), len(out.DeleteMarkers), err)
	}
}

func TestAVersionThatCannotBeOneIsAnErrorOfItsOwnAmongMany(t *testing.T) {
	t.Parallel()
	c, _, _ := open(t)
	put(t, c, "a", "1")
	for _, quiet := range []bool{false, true} {
		out, err := c.DeleteObjects(ctx, &sdk.DeleteObjectsInput{Bucket: aws.String("box"), Delete: &types.Delete{Quiet: &quiet, Objects: []types.ObjectIdentifier{
			{Key: aws.String("a"), VersionId: aws.String("abc")}, {Key: aws.String("a"), VersionId: aws.String("0123456789abcdef0123456789abcdef")}}}})
		if err != nil || len(out.Errors) != 1 || *out.Errors[0].Code != "NoSuchVersion" || *out.Errors[0].Key != "a" || *out.Errors[0].VersionId != "abc" || (len(out.Deleted) == 0) != quiet {
			t.Errorf("%+v %v", out, err)
		}
	}
	if code(second(c.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: aws.String("box"), Key: aws.String("a")}))) != "" {
		t.Error("the object is gone")
	}
}
