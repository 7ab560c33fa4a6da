package s3_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/goldenami/rehydrate/internal/twin/s3"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
)

const mib = 1 << 20

// What S3 makes of the parts 5 MiB of "a" and "tail", worked out by another program.
const (
	wantETag = "30dcfd3901d1c613b7fb532281748544"
	wantCRC  = "4fn9rQ=="
)

// multi uploads parts and returns what completes them.
func multi(t *testing.T, c *sdk.Client, edit func(*sdk.CreateMultipartUploadInput), parts ...string) (id string, done []types.CompletedPart) {
	t.Helper()
	in := &sdk.CreateMultipartUploadInput{Bucket: box, Key: aws.String("big"), ContentType: aws.String("text/x")}
	if edit != nil {
		edit(in)
	}
	u, err := c.CreateMultipartUpload(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	for i, body := range parts {
		out, err := c.UploadPart(ctx, &sdk.UploadPartInput{Bucket: box, Key: in.Key, UploadId: u.UploadId, PartNumber: aws.Int32(int32(i + 1)), Body: strings.NewReader(body), ChecksumAlgorithm: in.ChecksumAlgorithm})
		if err != nil {
			t.Fatal(err)
		}
		done = append(done, types.CompletedPart{PartNumber: aws.Int32(int32(i + 1)), ETag: out.ETag, ChecksumCRC32: out.ChecksumCRC32})
	}
	return *u.UploadId, done
}

func complete(c *sdk.Client, id string, parts []types.CompletedPart, edit ...func(*sdk.CompleteMultipartUploadInput)) (*sdk.CompleteMultipartUploadOutput, error) {
	in := &sdk.CompleteMultipartUploadInput{Bucket: box, Key: aws.String("big"), UploadId: &id, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}}
	for _, f := range edit {
		f(in)
	}
	return c.CompleteMultipartUpload(ctx, in)
}

func TestPartsBecomeOneObject(t *testing.T) {
	t.Parallel()
	c, w, dir := open(t)
	a, b := strings.Repeat("a", 5*mib), "tail"
	id, parts := multi(t, c, func(in *sdk.CreateMultipartUploadInput) { in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc32 }, a, b)
	if got := read(c, "big", ""); got != "NoSuchKey" {
		t.Errorf("there before its time: %q", got)
	}
	out, err := complete(c, id, parts)
	if err != nil {
		t.Fatal(err)
	}
	if *out.ETag != `"`+wantETag+`-2"` || aws.ToString(out.ChecksumCRC32) != wantCRC+"-2" || out.ChecksumType != types.ChecksumTypeComposite {
		t.Errorf("etag %s, crc %s %s", *out.ETag, aws.ToString(out.ChecksumCRC32), out.ChecksumType)
	}
	if got := read(c, "big", ""); got != a+b {
		t.Errorf("%d bytes came back", len(got))
	}
	head, err := c.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: box, Key: aws.String("big")})
	if err != nil || *head.ContentLength != 5*mib+4 || *head.ContentType != "text/x" {
		t.Errorf("%+v %v", head, err)
	}
	if _, err := complete(c, id, parts); code(err) != "NoSuchUpload" {
		t.Errorf("completed twice: %v", err)
	}
	if err := w.Close(); err != nil { // waits for what is removed later
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("%d files are left, want the object's", len(files))
	}
}

func TestAWholeObjectsChecksumIsThatOfItsBytes(t *testing.T) {
	t.Parallel()
	c, _, _ := open(t)
	whole := func(in *sdk.CreateMultipartUploadInput) { in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc64nvme }
	id, parts := multi(t, c, whole, strings.Repeat("a", 5*mib), "tail")
	out, err := complete(c, id, parts)
	if err != nil {
		t.Fatal(err)
	}
	put, err := c.PutObject(ctx, &sdk.PutObjectInput{Bucket: box, Key: aws.String("one"), Body: bytes.NewReader([]byte(strings.Repeat("a", 5*mib) + "tail")), ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme})
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToString(out.ChecksumCRC64NVME) != *put.ChecksumCRC64NVME || out.ChecksumType != types.ChecksumTypeFullObject {
		t.Errorf("%s, put whole it is %s", aws.ToString(out.ChecksumCRC64NVME), *put.ChecksumCRC64NVME)
	}
	id, parts = multi(t, c, whole, "x")
	if _, err := complete(c, id, parts, func(in *sdk.CompleteMultipartUploadInput) { in.ChecksumCRC64NVME = put.ChecksumCRC64NVME }); code(err) != "BadDigest" {
		t.Error(err)
	}
}

func TestPartsThatDoNotFitAreRefused(t *testing.T) {
	t.Parallel()
	c, _, _ := open(t)
	id, parts := multi(t, c, nil, "small", "tail")
	swapped := []types.CompletedPart{parts[1], parts[0]}
	foreign := []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: parts[1].ETag}}
	for name, list := range map[string][]types.CompletedPart{"EntityTooSmall": parts, "InvalidPartOrder": swapped, "InvalidPart": foreign, "MalformedXML": {}} {
		if _, err := complete(c, id, list); code(err) != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	put(t, c, "big", "there")
	if _, err := complete(c, id, parts[:1], func(in *sdk.CompleteMultipartUploadInput) { in.IfNoneMatch = aws.String("*") }); code(err) != "PreconditionFailed" {
		t.Errorf("written over what is there: %v", err)
	}
	if _, err := c.UploadPart(ctx, &sdk.UploadPartInput{Bucket: box, Key: aws.String("big"), UploadId: &id, PartNumber: aws.Int32(10001), Body: strings.NewReader("x")}); code(err) != "InvalidArgument" {
		t.Error(err)
	}
	if _, err := c.UploadPart(ctx, &sdk.UploadPartInput{Bucket: box, Key: aws.String("other"), UploadId: &id, PartNumber: aws.Int32(1), Body: strings.NewReader("x")}); code(err) != "NoSuchUpload" {
		t.Error(err)
	}
	for _, want := range []string{"", "NoSuchUpload"} {
		if _, err := c.AbortMultipartUpload(ctx, &sdk.AbortMultipartUploadInput{Bucket: box, Key: aws.String("big"), UploadId: &id}); code(err) != want {
			t.Errorf("abort: %v, want %q", err, want)
		}
	}
	if _, err := c.CreateMultipartUpload(ctx, &sdk.CreateMultipartUploadInput{Bucket: box, Key: aws.String("k"), ChecksumAlgorithm: types.ChecksumAlgorithmSha256, ChecksumType: types.ChecksumTypeFullObject}); code(err) != "InvalidRequest" {
		t.Error(err)
	}
}

// The ids of a world go on from what it saved: one that was killed before it saved gives
// them again. Two worlds of one seed over one folder do the same.
func TestAFileThatAKilledTwinLeftIsNoObstacle(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, tail := range []string{"tail, and more that must not stay", "tail"} {
		c := sdk.NewFromConfig(wiretest.Client(t, wiretest.World(t), s3.New(dir).Wire()), func(o *sdk.Options) { o.UsePathStyle = true })
		makeBox(t, c)
		a := strings.Repeat("a", 5*mib)
		id, parts := multi(t, c, nil, a, tail)
		if _, err := complete(c, id, parts); err != nil {
			t.Fatal(err)
		}
		if got := read(c, "big", ""); got != a+tail {
			t.Errorf("%d bytes came back", len(got))
		}
	}
}
