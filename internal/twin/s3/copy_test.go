package s3_test

import (
	"io"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/goldenami/rehydrate/internal/twin/s3"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
)

// text is a whole body.
func text(t *testing.T, body io.ReadCloser) string {
	t.Helper()
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestACopyHasTheBytesAndWhatItIsAskedToHave(t *testing.T) {
	t.Parallel()
	c, _, dir := open(t)
	const key = "dir/a b+ü%.txt"
	if _, err := c.PutObject(ctx, &sdk.PutObjectInput{Bucket: box, Key: aws.String(key), Body: strings.NewReader("hello"), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
		ContentType: aws.String("text/x"), Metadata: map[string]string{"by": "me"}}); err != nil {
		t.Fatal(err)
	}
	from := aws.String("/box/" + url.PathEscape(key))
	out, err := c.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: box, Key: aws.String("same"), CopySource: from})
	if err != nil {
		t.Fatal(err)
	}
	head, err := c.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: box, Key: aws.String("same"), ChecksumMode: types.ChecksumModeEnabled})
	if err != nil || *head.ETag != *out.CopyObjectResult.ETag || *head.ContentType != "text/x" || head.Metadata["by"] != "me" ||
		head.ChecksumCRC32 == nil || *head.ChecksumCRC32 != *out.CopyObjectResult.ChecksumCRC32 || !head.LastModified.Equal(*out.CopyObjectResult.LastModified) {
		t.Errorf("the copy: %+v, %v, told %+v", head, err, out.CopyObjectResult)
	}
	if got := read(c, "same", ""); got != "hello" {
		t.Errorf("the copy has %q", got)
	}
	// The object itself, with other metadata.
	if _, err := c.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: box, Key: aws.String(key), CopySource: from, MetadataDirective: types.MetadataDirectiveReplace,
		Metadata: map[string]string{"by": "you"}, ChecksumAlgorithm: types.ChecksumAlgorithmSha256}); err != nil {
		t.Fatal(err)
	}
	head, err = c.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: box, Key: aws.String(key), ChecksumMode: types.ChecksumModeEnabled})
	if err != nil || head.Metadata["by"] != "you" || aws.ToString(head.ContentType) == "text/x" || head.ChecksumSHA256 == nil || head.ChecksumCRC32 != nil {
		t.Errorf("with other metadata: %+v, %v", head, err)
	}
	if got := read(c, key, ""); got != "hello" {
		t.Errorf("copied to itself it has %q", got)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if i, err := f.Info(); err == nil && i.Mode().Perm() != 0o600 { // what has just gone is gone
			t.Errorf("%s is %s: others may read it", f.Name(), i.Mode())
		}
	}
}

func TestAnOldVersionIsCopiedByItsID(t *testing.T) {
	t.Parallel()
	c, _, _ := open(t)
	if _, err := c.PutBucketVersioning(ctx, &sdk.PutBucketVersioningInput{Bucket: box, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}); err != nil {
		t.Fatal(err)
	}
	first, err := c.PutObject(ctx, &sdk.PutObjectInput{Bucket: box, Key: aws.String("a"), Body: strings.NewReader("old")})
	if err != nil {
		t.Fatal(err)
	}
	put(t, c, "a", "new")
	out, err := c.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: box, Key: aws.String("a"), CopySource: aws.String("box/a?versionId=" + *first.VersionId)})
	if err != nil {
		t.Fatal(err)
	}
	if got := read(c, "a", ""); got != "old" || aws.ToString(out.CopySourceVersionId) != *first.VersionId || aws.ToString(out.VersionId) == *first.VersionId {
		t.Errorf("%q is current, told %+v", got, out)
	}
	if got := read(c, "a", *first.VersionId); got != "old" {
		t.Errorf("the first version has %q", got)
	}
}

func TestCopiesRefuse(t *testing.T) {
	t.Parallel()
	c, w, dir := open(t)
	tag := put(t, c, "a", "hello")
	other := sdk.NewFromConfig(wiretest.Client(t, w, s3.New(dir).Wire()), func(o *sdk.Options) { o.UsePathStyle, o.Credentials = true, wiretest.Key("999999999999") })
	old := aws.Time(time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC))
	for name, tc := range map[string]struct {
		c    *sdk.Client
		in   sdk.CopyObjectInput
		want string
	}{
		"no key":               {c, sdk.CopyObjectInput{CopySource: aws.String("box")}, "InvalidRequest"},
		"a bad escape":         {c, sdk.CopyObjectInput{CopySource: aws.String("box/%zz")}, "InvalidArgument"},
		"another query":        {c, sdk.CopyObjectInput{CopySource: aws.String("box/a?x=y")}, "InvalidArgument"},
		"a bad version":        {c, sdk.CopyObjectInput{CopySource: aws.String("box/a?versionId=x")}, "InvalidArgument"},
		"no bucket":            {c, sdk.CopyObjectInput{CopySource: aws.String("nobody/a")}, "NoSuchBucket"},
		"no object":            {c, sdk.CopyObjectInput{CopySource: aws.String("box/b")}, "NoSuchKey"},
		"itself":               {c, sdk.CopyObjectInput{CopySource: aws.String("box/a"), Key: aws.String("a")}, "InvalidRequest"},
		"another tag":          {c, sdk.CopyObjectInput{CopySource: aws.String("box/a"), CopySourceIfMatch: aws.String(`"x"`)}, "PreconditionFailed"},
		"the same tag":         {c, sdk.CopyObjectInput{CopySource: aws.String("box/a"), CopySourceIfNoneMatch: &tag}, "PreconditionFailed"},
		"changed since":        {c, sdk.CopyObjectInput{CopySource: aws.String("box/a"), CopySourceIfUnmodifiedSince: old}, "PreconditionFailed"},
		"tags":                 {c, sdk.CopyObjectInput{CopySource: aws.String("box/a"), Tagging: aws.String("a=b")}, "UnsupportedOperation"},
		"another's":            {other, sdk.CopyObjectInput{CopySource: aws.String("box/a")}, "AccessDenied"},
		"a bucket not of them": {c, sdk.CopyObjectInput{CopySource: aws.String("box/a"), ExpectedSourceBucketOwner: aws.String("999999999999")}, "AccessDenied"},
	} {
		if tc.in.Bucket = box; tc.in.Key == nil {
			tc.in.Key = aws.String("to")
		}
		if _, err := tc.c.CopyObject(ctx, &tc.in); code(err) != tc.want {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
	if got := read(c, "to", ""); got != "NoSuchKey" {
		t.Errorf("a copy that was refused has %q", got)
	}
}

func TestPartsAreMadeOfOtherObjectsAndListed(t *testing.T) {
	t.Parallel()
	c, _, _ := open(t)
	body := strings.Repeat("a", 5*mib) + "tail"
	put(t, c, "from", body)
	id, _ := multi(t, c, func(in *sdk.CreateMultipartUploadInput) { in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc32 })
	part := func(n int32, span string) (*sdk.UploadPartCopyOutput, error) {
		in := &sdk.UploadPartCopyInput{Bucket: box, Key: aws.String("big"), UploadId: &id, PartNumber: &n, CopySource: aws.String("box/from")}
		if span != "" {
			in.CopySourceRange = &span
		}
		return c.UploadPartCopy(ctx, in)
	}
	for n, span := range map[int32]string{1: "bytes=0-5242879", 2: "bytes=5242880-5242883"} {
		if _, err := part(n, span); err != nil {
			t.Fatal(err)
		}
	}
	for _, span := range []string{"bytes=0-", "bytes=-4", "0-4", "bytes=4-0", "bytes=5242880-5242884"} {
		if _, err := part(3, span); code(err) != "InvalidArgument" {
			t.Errorf("range %s: %v", span, err)
		}
	}
	var done []types.CompletedPart
	pages := sdk.NewListPartsPaginator(c, &sdk.ListPartsInput{Bucket: box, Key: aws.String("big"), UploadId: &id, MaxParts: aws.Int32(1)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.Parts {
			done = append(done, types.CompletedPart{PartNumber: p.PartNumber, ETag: p.ETag, ChecksumCRC32: p.ChecksumCRC32})
		}
	}
	out, err := complete(c, id, done)
	if err != nil {
		t.Fatal(err)
	}
	if *out.ETag != `"`+wantETag+`-2"` || aws.ToString(out.ChecksumCRC32) != wantCRC+"-2" {
		t.Errorf("of %d parts: %+v", len(done), out)
	}
	// A part of the object, and what a copy in one piece makes of it.
	for n, want := range map[int32]string{1: body[:5*mib], 2: "tail"} {
		got, err := c.GetObject(ctx, &sdk.GetObjectInput{Bucket: box, Key: aws.String("big"), PartNumber: &n})
		if err != nil || text(t, got.Body) != want || aws.ToInt32(got.PartsCount) != 2 {
			t.Errorf("part %d: %v", n, err)
		}
	}
	if _, err := c.GetObject(ctx, &sdk.GetObjectInput{Bucket: box, Key: aws.String("big"), PartNumber: aws.Int32(3)}); code(err) != "InvalidPartNumber" {
		t.Errorf("part 3 of 2: %v", err)
	}
	if _, err := c.GetObject(ctx, &sdk.GetObjectInput{Bucket: box, Key: aws.String("big"), PartNumber: aws.Int32(1), Range: aws.String("bytes=0-1")}); code(err) != "InvalidRequest" {
		t.Errorf("a range of a part: %v", err)
	}
	copied, err := c.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: box, Key: aws.String("whole"), CopySource: aws.String("box/big")})
	if err != nil || strings.Contains(*copied.CopyObjectResult.ETag, "-") || copied.CopyObjectResult.ChecksumType != types.ChecksumTypeFullObject {
		t.Errorf("the copy in one piece: %+v, %v", copied, err)
	}
	head, err := c.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: box, Key: aws.String("whole"), PartNumber: aws.Int32(1)})
	if err != nil || head.PartsCount != nil || *head.ContentLength != int64(len(body)) {
		t.Errorf("an object in one piece is its first part: %+v, %v", head, err)
	}
}

func TestPartsThatCannotBeMadeOrListedAreRefused(t *testing.T) {
	t.Parallel()
	c, _, _ := open(t)
	put(t, c, "from", "x")
	id, _ := multi(t, c, nil)
	for name, in := range map[string]sdk.UploadPartCopyInput{
		"NoSuchUpload":    {UploadId: aws.String("x"), PartNumber: aws.Int32(1), CopySource: aws.String("box/from")},
		"InvalidArgument": {UploadId: &id, PartNumber: aws.Int32(0), CopySource: aws.String("box/from")},
		"NoSuchKey":       {UploadId: &id, PartNumber: aws.Int32(1), CopySource: aws.String("box/nothing")},
		"InvalidRequest":  {UploadId: &id, PartNumber: aws.Int32(1), CopySource: aws.String("box/from"), CopySourceRange: aws.String("bytes=0-0")}, // of a small object
	} {
		in.Bucket, in.Key = box, aws.String("big")
		if _, err := c.UploadPartCopy(ctx, &in); code(err) != name {
			t.Errorf("%v, want %s", err, name)
		}
	}
	if _, err := c.ListParts(ctx, &sdk.ListPartsInput{Bucket: box, Key: aws.String("other"), UploadId: &id}); code(err) != "NoSuchUpload" {
		t.Errorf("the parts of another key's upload: %v", err)
	}
	if _, err := c.ListParts(ctx, &sdk.ListPartsInput{Bucket: box, Key: aws.String("big"), UploadId: &id, PartNumberMarker: aws.String("x")}); code(err) != "InvalidArgument" {
		t.Errorf("a marker that is no number: %v", err)
	}
}

func TestUploadsAreListedUntilTheyAreOver(t *testing.T) {
	t.Parallel()
	c, _, _ := open(t)
	ids := map[string]string{}
	for _, key := range []string{"a", "dir/b", "dir/c", "z"} {
		id, _ := multi(t, c, func(in *sdk.CreateMultipartUploadInput) { in.Key = &key })
		ids[key] = id
	}
	second, _ := multi(t, c, func(in *sdk.CreateMultipartUploadInput) { in.Key = aws.String("a") })
	all := func(delimiter string) (keys, prefixes []string) {
		pages := sdk.NewListMultipartUploadsPaginator(c, &sdk.ListMultipartUploadsInput{Bucket: box, Delimiter: &delimiter, MaxUploads: aws.Int32(1)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range page.Uploads {
				keys = append(keys, *u.Key)
			}
			for _, p := range page.CommonPrefixes {
				prefixes = append(prefixes, *p.Prefix)
			}
			if len(page.Uploads)+len(page.CommonPrefixes) > 1 || len(keys) > 9 {
				t.Fatal("more than one")
			}
		}
		return keys, prefixes
	}
	if keys, _ := all(""); strings.Join(keys, " ") != "a a dir/b dir/c z" {
		t.Errorf("listed %v", keys)
	}
	if keys, prefixes := all("/"); strings.Join(keys, " ") != "a a z" || strings.Join(prefixes, " ") != "dir/" {
		t.Errorf("listed %v and %v", keys, prefixes)
	}
	for key, id := range map[string]string{"a": second, "z": ids["z"]} {
		if _, err := c.AbortMultipartUpload(ctx, &sdk.AbortMultipartUploadInput{Bucket: box, Key: &key, UploadId: &id}); err != nil {
			t.Fatal(err)
		}
	}
	if keys, _ := all(""); strings.Join(keys, " ") != "a dir/b dir/c" {
		t.Errorf("listed %v after two were aborted", keys)
	}
	under, err := c.ListMultipartUploads(ctx, &sdk.ListMultipartUploadsInput{Bucket: box, Prefix: aws.String("dir/"), Delimiter: aws.String("/")})
	if err != nil || len(under.Uploads) != 2 || len(under.CommonPrefixes) != 0 {
		t.Errorf("under a prefix that is longer than a key: %+v, %v", under, err)
	}
	if _, err := c.ListMultipartUploads(ctx, &sdk.ListMultipartUploadsInput{Bucket: aws.String("nobody")}); code(err) != "NoSuchBucket" {
		t.Errorf("of no bucket: %v", err)
	}
}

func TestUploadsThatAreAbortedPageByPageAreAllListed(t *testing.T) {
	t.Parallel()
	c, w, _ := open(t)
	for range 3 {
		multi(t, c, nil)
		w.Clock().Step(time.Second)
	}
	in, n, last := &sdk.ListMultipartUploadsInput{Bucket: box, MaxUploads: aws.Int32(1)}, 0, time.Time{}
	for ; ; n++ {
		page, err := c.ListMultipartUploads(ctx, in)
		if err != nil || len(page.Uploads) != 1 || !page.Uploads[0].Initiated.After(last) {
			t.Fatalf("page %d: %+v, %v", n, page, err)
		}
		last = *page.Uploads[0].Initiated
		if _, err := c.AbortMultipartUpload(ctx, &sdk.AbortMultipartUploadInput{Bucket: box, Key: page.Uploads[0].Key, UploadId: page.Uploads[0].UploadId}); err != nil {
			t.Fatal(err)
		}
		if in.KeyMarker, in.UploadIdMarker = page.NextKeyMarker, page.NextUploadIdMarker; !*page.IsTruncated {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d uploads listed", n+1)
	}
}

func TestTheOlderListGoesOnBehindAKey(t *testing.T) {
	t.Parallel()
	c, _, _ := open(t)
	for _, key := range []string{"a b", "dir/b", "dir/c", "z"} {
		put(t, c, key, "x")
	}
	var got []string
	marker, rounds := (*string)(nil), 0
	for more := true; more; rounds++ {
		page, err := c.ListObjects(ctx, &sdk.ListObjectsInput{Bucket: box, MaxKeys: aws.Int32(1), Delimiter: aws.String("/"), Marker: marker, EncodingType: types.EncodingTypeUrl})
		if err != nil || rounds > 3 {
			t.Fatal(rounds, err)
		}
		for _, o := range page.Contents {
			got = append(got, *o.Key)
			if aws.ToString(o.Owner.ID) == "" {
				t.Error("an owner is always told")
			}
		}
		for _, p := range page.CommonPrefixes {
			got = append(got, *p.Prefix)
		}
		if marker, more = page.NextMarker, *page.IsTruncated; marker != nil {
			plain, err := url.QueryUnescape(*marker)
			if err != nil {
				t.Fatal(err)
			}
			marker = &plain
		}
	}
	if strings.Join(got, " ") != "a+b dir/ z" {
		t.Errorf("listed %v", got)
	}
	page, err := c.ListObjects(ctx, &sdk.ListObjectsInput{Bucket: box, MaxKeys: aws.Int32(1)})
	if err != nil || !*page.IsTruncated || page.NextMarker != nil {
		t.Errorf("without a delimiter the last key is where to go on: %+v, %v", page, err)
	}
	newer, err := c.ListObjectsV2(ctx, &sdk.ListObjectsV2Input{Bucket: box, StartAfter: aws.String("a b"), EncodingType: types.EncodingTypeUrl})
	if err != nil || *newer.StartAfter != "a+b" || len(newer.Contents) != 3 {
		t.Errorf("what the newer list is told to begin behind is encoded, too: %+v, %v", newer, err)
	}
	if _, err := c.ListObjects(ctx, &sdk.ListObjectsInput{Bucket: aws.String("nobody")}); code(err) != "NoSuchBucket" {
		t.Errorf("of no bucket: %v", err)
	}
}

func TestABucketTellsItsRegion(t *testing.T) {
	t.Parallel()
	c, w, dir := open(t)
	us := sdk.NewFromConfig(wiretest.Client(t, w, s3.New(dir).Wire()), func(o *sdk.Options) { o.UsePathStyle, o.Region = true, "us-east-1" })
	if _, err := us.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: aws.String("home")}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]types.BucketLocationConstraint{"box": wiretest.Region, "home": ""} {
		out, err := c.GetBucketLocation(ctx, &sdk.GetBucketLocationInput{Bucket: &name})
		if err != nil || out.LocationConstraint != want {
			t.Errorf("%s is in %+v, %v, want %q", name, out, err, want)
		}
	}
	if _, err := c.GetBucketLocation(ctx, &sdk.GetBucketLocationInput{Bucket: aws.String("nobody")}); code(err) != "NoSuchBucket" {
		t.Errorf("of no bucket: %v", err)
	}
}
