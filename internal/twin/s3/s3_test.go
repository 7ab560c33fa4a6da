package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/goldenami/rehydrate/internal/twin/s3"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

var ctx = context.Background()

// open serves S3 in memory and makes the bucket "box".
func open(t *testing.T) (*sdk.Client, *world.World, string) {
	t.Helper()
	w, dir := wiretest.World(t), t.TempDir()
	c := sdk.NewFromConfig(wiretest.Client(t, w, s3.New(dir).Wire()), func(o *sdk.Options) { o.UsePathStyle = true })
	makeBox(t, c)
	return c, w, dir
}

func makeBox(t *testing.T, c *sdk.Client) {
	t.Helper()
	if _, err := c.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: aws.String("box"), CreateBucketConfiguration: &types.CreateBucketConfiguration{
		LocationConstraint: wiretest.Region}}); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, c *sdk.Client, key, body string) string {
	t.Helper()
	out, err := c.PutObject(ctx, &sdk.PutObjectInput{Bucket: aws.String("box"), Key: &key, Body: strings.NewReader(body)})
	if err != nil {
		t.Fatal(err)
	}
	return *out.ETag
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	if err != nil {
		return "other: " + err.Error()
	}
	return ""
}

func TestObjectsComeBackAsTheyWerePut(t *testing.T) {
	t.Parallel()
	c, _, _ := open(t)
	for _, key := range []string{"a", "dir/b c+ü%&?#.txt", "x//y", "runs/01/unit/0001.json"} {
		for _, body := range []string{"", "hello", strings.Repeat("0123456789", 100000)} {
			_, err := c.PutObject(ctx, &sdk.PutObjectInput{Bucket: aws.String("box"), Key: &key, Body: strings.NewReader(body),
				ContentType: aws.String("text/x"), Metadata: map[string]string{"by": "me"}})
			if err != nil {
				t.Fatalf("put %q: %v", key, err)
			}
			out, err := c.GetObject(ctx, &sdk.GetObjectInput{Bucket: aws.String("box"), Key: &key})
			if err != nil {
				t.Fatalf("get %q: %v", key, err)
			}
			got, err := io.ReadAll(out.Body)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != body || *out.ContentLength != int64(len(body)) || *out.ContentType != "text/x" || out.Metadata["by"] != "me" || out.ContentEncoding != nil {
				t.Errorf("%q: %d bytes of %d, %+v", key, len(got), len(body), out)
			}
			head, err := c.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: aws.String("box"), Key: &key})
			if err != nil || *head.ETag != *out.ETag || *head.ContentLength != int64(len(body)) {
				t.Errorf("head %q: %v", key, err)
			}
		}
	}
}

func TestConditionalWritesHoldAgainstEachOther(t *testing.T) {
	t.Parallel()
	c, _, _ := open(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for i := range 20 {
		wg.Go(func() {
			_, err := c.PutObject(ctx, &sdk.PutObjectInput{Bucket: aws.String("box"), Key: aws.String("lease"), IfNoneMatch: aws.String("*"), Body: strings.NewReader(fmt.Sprint(i))})
			mu.Lock()
			defer mu.Unlock()
			switch code(err) {
			case "":
				won++
			case "PreconditionFailed":
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("%d writers won", won)
	}
}

func TestIfMatchWritesOverTheVersionRead(t *testing.T) {
	t.Parallel()
	c, _, _ := open(t)
	write := func(key, tag string) error {
		_, err := c.PutObject(ctx, &sdk.PutObjectInput{Bucket: aws.String("box"), Key: &key, IfMatch: &tag, Body: strings.NewReader("new")})
		return err
	}
	tag := put(t, c, "a", "old")
	if err := write("a", tag); err != nil {
		t.Error(err)
	}
	if err := write("a", tag); code(err) != "PreconditionFailed" {
		t.Errorf("a stale tag: %v", err)
	}
	if err := write("b", tag); code(err) != "NoSuchKey" {
		t.Errorf("a missing key: %v", err)
	}
}

func TestRanges(t *testing.T) {
	t.Parallel()
	c, _, _ := open(t)
	put(t, c, "a", "0123456789")
	for spec, want := range map[string]string{
		"bytes=0-3": "0123", "bytes=7-": "789", "bytes=-2": "89", "bytes=5-99": "56789", "bytes=-99": "0123456789",
		"bytes=10-": "InvalidRange", "bytes=5-4": "InvalidRange", "bytes=-0": "InvalidRange",
		"bytes=0-1,3-4": "0123456789", "lines=1-2": "0123456789", "bytes=x-": "0123456789", "bytes=99999999999999999999-": "0123456789",
	} {
		out, err := c.GetObject(ctx, &sdk.GetObjectInput{Bucket: aws.String("box"), Key: aws.String("a"), Range: aws.String(spec)})
		got := code(err)
		if err == nil {
			body, _ := io.ReadAll(out.Body)
			got = string(body)
			if (out.ContentRange != nil) != (len(spec) < 12 && strings.HasPrefix(spec, "bytes=") && !strings.Contains(spec, "x")) {
				t.Errorf("%s: content range %v", spec, out.ContentRange)
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", spec, got, want)
		}
	}
}

func TestReadConditions(t *testing.T) {
	t.Parallel()
	c, _, _ := open(t)
	tag := put(t, c, "a", "1")
	get := func(match, none *string) string {
		_, err := c.GetObject(ctx, &sdk.GetObjectInput{Bucket: aws.String("box"), Key: aws.String("a"), IfMatch: match, IfNoneMatch: none})
		return code(err)
	}
	if got := get(&tag, nil); got != "" {
		t.Errorf("same tag: %s", got)
	}
	if got := get(aws.String(`"x"`), nil); got != "PreconditionFailed" {
		t.Errorf("other tag: %s", got)
	}
	if got := get(nil, &tag); got == "" {
		t.Error("not modified, but the body came")
	}
}

func TestChecksumsAreVerifiedKeptAndGiven(t *testing.T) {
	t.Parallel()
	c, _, _ := open(t)
	for _, alg := range types.ChecksumAlgorithm("").Values() {
		switch alg {
		case "CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256":
		default:
			continue
		}
		out, err := c.PutObject(ctx, &sdk.PutObjectInput{Bucket: aws.String("box"), Key: aws.String("a"), ChecksumAlgorithm: alg, Body: strings.NewReader("hello")})
		if err != nil {
			t.Errorf("%s: %v", alg, err)
			continue
		}
		// The SDK verifies what it is given.
		got, err := c.GetObject(ctx, &sdk.GetObjectInput{Bucket: aws.String("box"), Key: aws.String("a"), ChecksumMode: types.ChecksumModeEnabled})
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(got.Body); err != nil || string(body) != "hello" {
			t.Errorf("%s: %q, %v", alg, body, err)
		}
		if alg == "SHA256" && (got.ChecksumSHA256 == nil || *got.ChecksumSHA256 != *out.ChecksumSHA256) {
			t.Errorf("%s: put %v, got %v", alg, out.ChecksumSHA256, got.ChecksumSHA256)
		}
	}
	_, err := c.PutObject(ctx, &sdk.PutObjectInput{Bucket: aws.String("box"), Key: aws.String("b"), Body: strings.NewReader("hello"),
		ChecksumSHA256: aws.String("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")})
	if code(err) != "BadDigest" {
		t.Errorf("a wrong sum: %v", err)
	}
	_, err = c.PutObject(ctx, &sdk.PutObjectInput{Bucket: aws.String("box"), Key: aws.String("b"), Body: strings.NewReader("hello"), ContentMD5: aws.String("AA==")})
	if code(err) != "InvalidDigest" {
		t.Errorf("a bad digest: %v", err)
	}
}

// TestTrailingChecksums sends what the SDK sends when it cannot read a body twice:
// aws-chunked with the checksum after it.
func TestTrailingChecksumsAreRead(t *testing.T) {
	t.Parallel()
	w := wiretest.World(t)
	h := wiretest.Handler(t, w, s3.New(t.TempDir()).Wire())
	server := httptest.NewTLSServer(h)
	defer server.Close()
	cfg := wiretest.Config(h, "")
	cfg.BaseEndpoint, cfg.HTTPClient = aws.String(server.URL), server.Client()
	c := sdk.NewFromConfig(cfg, func(o *sdk.Options) { o.UsePathStyle = true })
	makeBox(t, c)
	body := strings.Repeat("x", 200000)
	_, err := c.PutObject(ctx, &sdk.PutObjectInput{Bucket: aws.String("box"), Key: aws.String("a"), Body: io.MultiReader(strings.NewReader(body)), ContentLength: aws.Int64(int64(len(body))),
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc32})
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.GetObject(ctx, &sdk.GetObjectInput{Bucket: aws.String("box"), Key: aws.String("a"), ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(out.Body)
	if err != nil || string(got) != body || out.ChecksumCRC32 == nil {
		t.Errorf("%d bytes, checksum %v, %v", len(got), out.ChecksumCRC32, err)
	}
}

func TestListsRollUpAndGoOn(t *testing.T) {
	t.Parallel()
	c, _, _ := open(t)
	for _, k := range []string{"b", "a/2", "a/1", "a-", "c/x/1", "c/y", "ü &"} {
		put(t, c, k, "1")
	}
	list := func(in sdk.ListObjectsV2Input) string {
		in.Bucket = aws.String("box")
		var out []string
		p := sdk.NewListObjectsV2Paginator(c, &in)
		for p.HasMorePages() {
			page, err := p.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if in.MaxKeys != nil && *page.KeyCount > *in.MaxKeys {
				t.Errorf("a page of %d", *page.KeyCount)
			}
			for _, o := range page.Contents {
				out = append(out, *o.Key)
			}
			for _, p := range page.CommonPrefixes {
				out = append(out, *p.Prefix)
			}
		}
		return strings.Join(out, " ")
	}
	for _, test := range []struct {
		in   sdk.ListObjectsV2Input
		want string
	}{
		{sdk.ListObjectsV2Input{}, "a- a/1 a/2 b c/x/1 c/y ü &"},
		{sdk.ListObjectsV2Input{MaxKeys: aws.Int32(2)}, "a- a/1 a/2 b c/x/1 c/y ü &"},
		{sdk.ListObjectsV2Input{Prefix: aws.String("a/")}, "a/1 a/2"},
		{sdk.ListObjectsV2Input{Delimiter: aws.String("/")}, "a- b ü & a/ c/"},
		{sdk.ListObjectsV2Input{Delimiter: aws.String("/"), MaxKeys: aws.Int32(1)}, "a- a/ b c/ ü &"},
		{sdk.ListObjectsV2Input{Prefix: aws.String("c/"), Delimiter: aws.String("/")}, "c/y c/x/"},
		{sdk.ListObjectsV2Input{StartAfter: aws.String("a/2")}, "b c/x/1 c/y ü &"},
		{sdk.ListObjectsV2Input{Prefix: aws.String("z")}, ""},
		{sdk.ListObjectsV2Input{Prefix: aws.String("ü"), EncodingType: types.EncodingTypeUrl}, "%C3%BC+%26"},
	} {
		if got := list(test.in); got != test.want {
			t.Errorf("%+v: %q, want %q", test.in, got, test.want)
		}
	}
	for _, token := range []string{"!", "gaga", "Z2FnYQ==", ""} {
		_, err := c.ListObjectsV2(ctx, &sdk.ListObjectsV2Input{Bucket: aws.String("box"), ContinuationToken: &token})
		if code(err) != "InvalidArgument" {
			t.Errorf("token %q: %v", token, err)
		}
	}
}

func TestDeletedObjectsAreGoneWithTheirFiles(t *testing.T) {
	t.Parallel()
	c, w, dir := open(t)
	put(t, c, "a", "1")
	put(t, c, "a", "2")
	for range 2 {
		if _, err := c.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: aws.String("box"), Key: aws.String("a")}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.GetObject(ctx, &sdk.GetObjectInput{Bucket: aws.String("box"), Key: aws.String("a")})
	if code(err) != "NoSuchKey" {
		t.Errorf("get: %v", err)
	}
	if _, err = c.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: aws.String("box"), Key: aws.String("a")}); code(err) != "NotFound" {
		t.Errorf("head: %v", err)
	}
	w.Close() // waits for the removals
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("files left: %v", files)
	}
}

func TestBucketsBelongToTheirAccount(t *testing.T) {
	t.Parallel()
	w := wiretest.World(t)
	cfg := wiretest.Client(t, w, s3.New(t.TempDir()).Wire())
	mine := sdk.NewFromConfig(cfg, func(o *sdk.Options) { o.UsePathStyle = true })
	makeBox(t, mine)
	cfg.Credentials = wiretest.Key("444455556666")
	theirs := sdk.NewFromConfig(cfg, func(o *sdk.Options) { o.UsePathStyle = true })
	box := aws.String("box")
	place := &types.CreateBucketConfiguration{LocationConstraint: wiretest.Region}
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"mine again":      {second(mine.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: box, CreateBucketConfiguration: place})), "BucketAlreadyOwnedByYou"},
		"somebody else's": {second(theirs.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: box, CreateBucketConfiguration: place})), "BucketAlreadyExists"},
		"bad name":        {second(mine.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: aws.String("Box_1"), CreateBucketConfiguration: place})), "InvalidBucketName"},
		"no place":        {second(mine.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: aws.String("box2")})), "IllegalLocationConstraintException"},
		"other place": {second(mine.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: aws.String("box2"), CreateBucketConfiguration: &types.CreateBucketConfiguration{
			LocationConstraint: "us-west-2"}})), "IllegalLocationConstraintException"},
		"head":         {second(mine.HeadBucket(ctx, &sdk.HeadBucketInput{Bucket: box})), ""},
		"head missing": {second(mine.HeadBucket(ctx, &sdk.HeadBucketInput{Bucket: aws.String("box9")})), "NotFound"},
		"their get":    {second(theirs.GetObject(ctx, &sdk.GetObjectInput{Bucket: box, Key: aws.String("a")})), "AccessDenied"},
		"wrong owner":  {second(mine.PutObject(ctx, &sdk.PutObjectInput{Bucket: box, Key: aws.String("a"), ExpectedBucketOwner: aws.String("444455556666")})), "AccessDenied"},
		"no bucket":    {second(mine.PutObject(ctx, &sdk.PutObjectInput{Bucket: aws.String("box9"), Key: aws.String("a")})), "NoSuchBucket"},
		"long key":     {second(mine.PutObject(ctx, &sdk.PutObjectInput{Bucket: box, Key: aws.String(strings.Repeat("k", 1025))})), "KeyTooLongError"},
		"unmodelled":   {second(mine.GetBucketAcl(ctx, &sdk.GetBucketAclInput{Bucket: box})), "UnsupportedOperation"},
	} {
		if got := code(test.err); got != test.want {
			t.Errorf("%s: %q, want %q (%v)", name, got, test.want, test.err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestVirtualHostStyleAndPresignedAddresses(t *testing.T) {
	t.Parallel()
	w := wiretest.World(t)
	h := wiretest.Handler(t, w, s3.New(t.TempDir()).Wire())
	cfg := wiretest.Config(h, "test")
	makeBox(t, sdk.NewFromConfig(cfg, func(o *sdk.Options) { o.UsePathStyle = true }))
	cfg.BaseEndpoint = nil // box.s3.eu-west-1.amazonaws.com, in-process
	c := sdk.NewFromConfig(cfg)
	put(t, c, "dir/a", "1")
	signed, err := sdk.NewPresignClient(c).PresignGetObject(ctx, &sdk.GetObjectInput{Bucket: aws.String("box"), Key: aws.String("dir/a")}, sdk.WithPresignExpires(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequest(http.MethodGet, signed.URL, nil)
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	if rec.Code != 200 || !bytes.Equal(rec.Body.Bytes(), []byte("1")) {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	day := regexp.MustCompile(`X-Amz-Date=[0-9TZ]+`)
	for name, c := range map[string]struct {
		url    string
		status int
		want   string
	}{
		"over":        {day.ReplaceAllString(signed.URL, "X-Amz-Date=20260101T000000Z"), 403, "<Code>AccessDenied</Code><Message>Request has expired"},
		"not yet":     {day.ReplaceAllString(signed.URL, "X-Amz-Date=20991231T000000Z"), 403, "not valid yet"},
		"no date":     {day.ReplaceAllString(signed.URL, "X-Amz-Date=today"), 400, "AuthorizationQueryParametersError"},
		"a month":     {strings.Replace(signed.URL, "Expires=60", "Expires=2592000", 1), 400, "AuthorizationQueryParametersError"},
		"no number":   {strings.Replace(signed.URL, "Expires=60", "Expires=x", 1), 400, "AuthorizationQueryParametersError"},
		"before then": {strings.Replace(signed.URL, "Expires=60", "Expires=-1", 1), 400, "AuthorizationQueryParametersError"},
	} {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, c.url, nil))
		if rec.Code != c.status || !strings.Contains(rec.Body.String(), c.want) {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
	}
}
