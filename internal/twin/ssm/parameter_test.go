package ssm

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

func (r *rig) put(name, value string, opts ...func(*sdk.PutParameterInput)) (int64, error) {
	in := &sdk.PutParameterInput{Name: &name, Value: &value, Type: types.ParameterTypeString}
	for _, o := range opts {
		o(in)
	}
	out, err := r.c.PutParameter(r.t.Context(), in)
	if err != nil {
		return 0, err
	}
	return out.Version, nil
}

func (r *rig) mustPut(name, value string, opts ...func(*sdk.PutParameterInput)) int64 {
	r.t.Helper()
	n, err := r.put(name, value, opts...)
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

func over(in *sdk.PutParameterInput)  { in.Overwrite = aws.Bool(true) }
func image(in *sdk.PutParameterInput) { in.DataType = aws.String("aws:ec2:image") }

// get is "value@version", or the error's code.
func (r *rig) get(name string) string {
	out, err := r.c.GetParameter(r.t.Context(), &sdk.GetParameterInput{Name: &name})
	if err != nil {
		return code(err)
	}
	return fmt.Sprintf("%s@%d", *out.Parameter.Value, out.Parameter.Version)
}

func TestImageParameterStaysInvisibleUntilItIsValid(t *testing.T) {
	r := newRig(t)
	const name = "/golden/demo/latest"
	if n := r.mustPut(name, "ami-00000001", image); n != 1 {
		t.Fatalf("version %d", n)
	}
	if got := r.get(name); got != "ParameterNotFound" {
		t.Fatalf("before its check: %s", got)
	}
	r.step(validateDelay)
	if got := r.get(name); got != "ami-00000001@1" {
		t.Fatalf("after its check: %s", got)
	}
	if n := r.mustPut(name, "ami-00000002", image, over); n != 2 {
		t.Fatalf("version %d", n)
	}
	if got := r.get(name); got != "ami-00000001@1" {
		t.Fatalf("the old value has gone before the new one is valid: %s", got)
	}
	r.step(validateDelay)
	if got := r.get(name); got != "ami-00000002@2" {
		t.Fatal(got)
	}
}

func TestRejectedImageNeverBecomesCurrent(t *testing.T) {
	r := newRig(t)
	r.mustPut("/a", "ami-00000001", image)
	r.step(time.Minute)
	r.mustPut("/a", "ami-0000dead", image, over) // 200, as on AWS
	r.mustPut("/new", "ami-0000dead", image)
	r.step(time.Minute)
	if got := r.get("/a"); got != "ami-00000001@1" {
		t.Fatal(got)
	}
	if got := r.get("/new"); got != "ParameterNotFound" {
		t.Fatal(got)
	}
	if e := r.events("parameter.rejected"); len(e) != 2 || e[0]["value"] != "ami-0000dead" {
		t.Fatalf("events %v", e)
	}
	out, err := r.c.GetParameterHistory(t.Context(), &sdk.GetParameterHistoryInput{Name: aws.String("/a")})
	if err != nil || len(out.Parameters) != 1 {
		t.Fatalf("%v: the rejected version is in the history", err)
	}
	if n := r.mustPut("/new", "plain"); n != 1 { // nothing is left of the first try
		t.Fatalf("version %d", n)
	}
}

func TestTextPutDuringACheckIsNotOverwrittenByTheOlderImage(t *testing.T) {
	r := newRig(t)
	r.mustPut("/a", "ami-00000001", image)
	r.mustPut("/a", "words", over, func(in *sdk.PutParameterInput) { in.DataType = aws.String("text") })
	r.step(time.Minute)
	if got := r.get("/a"); got != "words@2" {
		t.Fatal(got)
	}
}

func TestPutRefuses(t *testing.T) {
	r := newRig(t)
	r.s.Key = func(_ *world.Tx, name string) error {
		if name != "alias/own" {
			return errors.New("no key " + name)
		}
		return nil
	}
	for n, key := range []string{"alias/own", "alias/aws/ssm"} {
		r.mustPut(fmt.Sprint("/secret", n), "x", func(in *sdk.PutParameterInput) { in.Type, in.KeyId = types.ParameterTypeSecureString, &key })
	}
	r.mustPut("/there", "x")
	adv := func(in *sdk.PutParameterInput) { in.Tier = types.ParameterTierAdvanced }
	r.mustPut("/advanced", strings.Repeat("x", 8192), adv)
	for _, c := range []struct {
		name, param, value string
		edit               func(*sdk.PutParameterInput)
		code               string
	}{
		{"an existing name without overwrite", "/there", "y", func(*sdk.PutParameterInput) {}, "ParameterAlreadyExists"},
		{"no type", "/n", "y", func(in *sdk.PutParameterInput) { in.Type = "" }, "ValidationException"},
		{"a path that does not begin with a slash", "a/b", "y", func(*sdk.PutParameterInput) {}, "ValidationException"},
		{"the prefix aws", "awsx", "y", func(*sdk.PutParameterInput) {}, "ValidationException"},
		{"AWS's own paths", "/aws/x", "y", func(*sdk.PutParameterInput) {}, "AccessDeniedException"},
		{"the prefix SSM", "SSMthing", "y", func(*sdk.PutParameterInput) {}, "ValidationException"},
		{"a space", "/a b", "y", func(*sdk.PutParameterInput) {}, "ValidationException"},
		{"sixteen levels", strings.Repeat("/l", 16), "y", func(*sdk.PutParameterInput) {}, "HierarchyLevelLimitExceededException"},
		{"4097 characters in the standard tier", "/n", strings.Repeat("x", 4097), func(*sdk.PutParameterInput) {}, "ValidationException"},
		{"a downgrade of the tier", "/advanced", "y", func(in *sdk.PutParameterInput) { over(in); in.Tier = types.ParameterTierStandard }, "ValidationException"},
		{"a value off its pattern", "/n", "y", func(in *sdk.PutParameterInput) { in.AllowedPattern = aws.String("^[0-9]+$") }, "ParameterPatternMismatchException"},
		{"a broken pattern", "/n", "y", func(in *sdk.PutParameterInput) { in.AllowedPattern = aws.String("(") }, "InvalidAllowedPatternException"},
		{"a pattern that Go cannot read", "/n", "y", func(in *sdk.PutParameterInput) { in.AllowedPattern = aws.String("^(?!x).*$") }, "UnsupportedOperation"},
		{"an unknown data type", "/n", "y", func(in *sdk.PutParameterInput) { in.DataType = aws.String("aws:ec2:snapshot") }, "ValidationException"},
		{"an image in a SecureString", "/n", "ami-00000001", func(in *sdk.PutParameterInput) { image(in); in.Type = types.ParameterTypeSecureString }, "ValidationException"},
		{"another type", "/there", "y", func(in *sdk.PutParameterInput) { over(in); in.Type = types.ParameterTypeSecureString }, "HierarchyTypeMismatchException"},
		{"a key that there is not", "/n", "y", func(in *sdk.PutParameterInput) {
			in.Type, in.KeyId = types.ParameterTypeSecureString, aws.String("alias/none")
		}, "InvalidKeyId"},
		{"tags with overwrite", "/there", "y", func(in *sdk.PutParameterInput) {
			over(in)
			in.Tags = []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}
		}, "ValidationException"},
		{"policies", "/n", "y", func(in *sdk.PutParameterInput) { in.Policies = aws.String("[]") }, "UnsupportedOperation"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := r.put(c.param, c.value, c.edit); code(err) != c.code {
				t.Fatalf("got %v, want %s", err, c.code)
			}
		})
	}
	if got := r.get("/there"); got != "x@1" {
		t.Fatalf("a refused put changed the value: %s", got)
	}
}

func TestSelectors(t *testing.T) {
	r := newRig(t)
	for k := range 3 {
		r.mustPut("/a", fmt.Sprint("v", k+1), over)
	}
	if _, err := r.c.LabelParameterVersion(t.Context(), &sdk.LabelParameterVersionInput{Name: aws.String("/a"), ParameterVersion: aws.Int64(2), Labels: []string{"stable"}}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"/a": "v3@3", "/a:1": "v1@1", "/a:stable": "v2@2", "/a:9": "ParameterVersionNotFound", "/a:none": "ParameterVersionNotFound", "/b": "ParameterNotFound",
		"arn:aws:ssm:eu-west-1:" + r.account() + ":parameter/a": "v3@3",
	} {
		if got := r.get(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	out, err := r.c.GetParameters(t.Context(), &sdk.GetParametersInput{Names: []string{"/a:stable", "/b", "/a:9"}})
	if err != nil || len(out.Parameters) != 1 || *out.Parameters[0].Selector != ":stable" || !slices.Equal(out.InvalidParameters, []string{"/b", "/a:9"}) {
		t.Fatalf("%+v %v", out, err)
	}
}

func TestHundredVersionsAreKeptUnlessTheOldestIsLabelled(t *testing.T) {
	r := newRig(t)
	for k := range 105 {
		r.mustPut("/a", fmt.Sprint(k+1), over)
	}
	if got := r.get("/a:5"); got != "ParameterVersionNotFound" {
		t.Fatal(got)
	}
	if got := r.get("/a:6"); got != "6@6" {
		t.Fatal(got)
	}
	label := func(v int64, l ...string) (*sdk.LabelParameterVersionOutput, error) {
		return r.c.LabelParameterVersion(t.Context(), &sdk.LabelParameterVersionInput{Name: aws.String("/a"), ParameterVersion: &v, Labels: l})
	}
	if _, err := label(6, "old"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.put("/a", "106", over); code(err) != "ParameterMaxVersionLimitExceeded" {
		t.Fatal(err)
	}
	if _, err := label(7, "old"); err != nil { // moves
		t.Fatal(err)
	}
	if got := r.get("/a:old"); got != "7@7" {
		t.Fatal(got)
	}
	if n := r.mustPut("/a", "106", over); n != 106 {
		t.Fatal(n)
	}
	out, err := label(50, "1st", "aws-x", "good")
	if err != nil || !slices.Equal(out.InvalidLabels, []string{"1st", "aws-x"}) {
		t.Fatalf("%+v %v", out, err)
	}
	if _, err := label(50, "a", "b", "c", "d", "e", "f", "g", "h", "i", "j"); code(err) != "ParameterVersionLabelLimitExceeded" {
		t.Fatal(err)
	}
	un, err := r.c.UnlabelParameterVersion(t.Context(), &sdk.UnlabelParameterVersionInput{Name: aws.String("/a"), ParameterVersion: aws.Int64(50), Labels: []string{"good", "nope"}})
	if err != nil || !slices.Equal(un.RemovedLabels, []string{"good"}) || !slices.Equal(un.InvalidLabels, []string{"nope"}) {
		t.Fatalf("%+v %v", un, err)
	}
	var history []int64
	p := sdk.NewGetParameterHistoryPaginator(r.c, &sdk.GetParameterHistoryInput{Name: aws.String("/a")})
	for p.HasMorePages() {
		out, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range out.Parameters {
			history = append(history, v.Version)
		}
	}
	if len(history) != 100 || history[0] != 7 || history[99] != 106 {
		t.Fatalf("%d versions from %d", len(history), history[0])
	}
}

func TestByPathPagesByTenAndRecursesOnRequest(t *testing.T) {
	r := newRig(t)
	for k := range 23 {
		r.mustPut(fmt.Sprintf("/p/%02d", k), "x")
	}
	r.mustPut("/p/deep/er", "x")
	r.mustPut("/pother", "x")
	r.mustPut("/p/ami", "ami-00000001", image) // not valid yet
	for _, recursive := range []bool{false, true} {
		var sizes []int
		p := sdk.NewGetParametersByPathPaginator(r.c, &sdk.GetParametersByPathInput{Path: aws.String("/p"), Recursive: &recursive})
		for p.HasMorePages() {
			out, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, len(out.Parameters))
		}
		want := []int{10, 10, 3}
		if recursive {
			want[2] = 4
		}
		if !slices.Equal(sizes, want) {
			t.Fatalf("recursive %v: pages of %v, want %v", recursive, sizes, want)
		}
	}
	if _, err := r.c.GetParametersByPath(t.Context(), &sdk.GetParametersByPathInput{Path: aws.String("p")}); code(err) != "ValidationException" {
		t.Fatal(err)
	}
	if _, err := r.c.GetParametersByPath(t.Context(), &sdk.GetParametersByPathInput{Path: aws.String("/p"), NextToken: aws.String("?")}); code(err) != "InvalidNextToken" {
		t.Fatal(err)
	}
}

func TestDescribeFiltersDeleteAndTags(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	r.mustPut("/app/a", "x", func(in *sdk.PutParameterInput) {
		in.Tags = []types.Tag{{Key: aws.String("team"), Value: aws.String("web")}}
	})
	r.mustPut("/app/b/c", "secret value", func(in *sdk.PutParameterInput) { in.Type = types.ParameterTypeSecureString })
	names := func(f ...types.ParameterStringFilter) (out []string) {
		d, err := r.c.DescribeParameters(ctx, &sdk.DescribeParametersInput{ParameterFilters: f})
		if err != nil {
			return []string{code(err)}
		}
		for _, p := range d.Parameters {
			out = append(out, *p.Name)
		}
		return out
	}
	f := func(k, o string, v ...string) types.ParameterStringFilter {
		out := types.ParameterStringFilter{Key: &k, Values: v}
		if o != "" {
			out.Option = &o
		}
		return out
	}
	for _, c := range []struct {
		f    types.ParameterStringFilter
		want []string
	}{
		{f("Name", "BeginsWith", "/app"), []string{"/app/a", "/app/b/c"}},
		{f("Name", "Contains", "b/"), []string{"/app/b/c"}},
		{f("Name", "", "/app/a"), []string{"/app/a"}},
		{f("Path", "OneLevel", "/app"), []string{"/app/a"}},
		{f("Path", "Recursive", "/app"), []string{"/app/a", "/app/b/c"}},
		{f("Type", "", "SecureString"), []string{"/app/b/c"}},
		{f("tag:team", "", "web"), []string{"/app/a"}},
		{f("tag:team", "", "db"), nil},
		{f("Colour", "", "red"), []string{"ValidationException"}},
		{f("Name", "Resembles", "red"), []string{"InvalidFilterOption"}},
	} {
		if got := names(c.f); !slices.Equal(got, c.want) {
			t.Errorf("%s %s %v: %v, want %v", *c.f.Key, aws.ToString(c.f.Option), c.f.Values, got, c.want)
		}
	}
	if got := r.get("/app/b/c"); strings.Contains(got, "secret") {
		t.Errorf("a SecureString shows its value without decryption: %s", got)
	}
	out, err := r.c.GetParameter(ctx, &sdk.GetParameterInput{Name: aws.String("/app/b/c"), WithDecryption: aws.Bool(true)})
	if err != nil || *out.Parameter.Value != "secret value" {
		t.Errorf("%v", err)
	}
	for _, e := range r.events("parameter.changed") {
		if e["value"] == "secret value" {
			t.Error("the event log has the secret")
		}
	}
	if _, err := r.c.AddTagsToResource(ctx, &sdk.AddTagsToResourceInput{ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: aws.String("/app/a"), Tags: []types.Tag{{Key: aws.String("x"), Value: aws.String("y")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.c.RemoveTagsFromResource(ctx, &sdk.RemoveTagsFromResourceInput{ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: aws.String("/app/a"), TagKeys: []string{"team"}}); err != nil {
		t.Fatal(err)
	}
	tags, err := r.c.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: aws.String("/app/a")})
	if err != nil || len(tags.TagList) != 1 || *tags.TagList[0].Key != "x" {
		t.Fatalf("%+v %v", tags, err)
	}
	if _, err := r.c.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: aws.String("/no")}); code(err) != "InvalidResourceId" {
		t.Fatal(err)
	}
	del, err := r.c.DeleteParameters(ctx, &sdk.DeleteParametersInput{Names: []string{"/app/a", "/no"}})
	if err != nil || !slices.Equal(del.DeletedParameters, []string{"/app/a"}) || !slices.Equal(del.InvalidParameters, []string{"/no"}) {
		t.Fatalf("%+v %v", del, err)
	}
	if _, err := r.c.DeleteParameter(ctx, &sdk.DeleteParameterInput{Name: aws.String("/app/a")}); code(err) != "ParameterNotFound" {
		t.Fatal(err)
	}
}

func TestAnImageThatWouldPushOutALabelIsRefusedAtOnce(t *testing.T) {
	r := newRig(t)
	put := func(edit ...func(*sdk.PutParameterInput)) error {
		_, err := r.put("/a", "ami-00000001", append(edit, image)...)
		return err
	}
	for range maxVersions {
		if err := put(over); err != nil {
			t.Fatal(err)
		}
		r.step(validateDelay)
	}
	if _, err := r.c.LabelParameterVersion(t.Context(), &sdk.LabelParameterVersionInput{Name: aws.String("/a"), ParameterVersion: aws.Int64(2), Labels: []string{"kept"}}); err != nil {
		t.Fatal(err)
	}
	if err := put(over); err != nil {
		t.Errorf("the first version, which has no label: %v", err)
	}
	if err := put(over); code(err) != "ParameterMaxVersionLimitExceeded" { // the one before still waits for its check
		t.Errorf("the second, which has one: %v", err)
	}
	r.step(validateDelay)
	if got := r.get("/a"); got != "ami-00000001@101" {
		t.Errorf("after the check: %s", got)
	}
	if got := r.get("/a:kept"); got != "ami-00000001@2" {
		t.Errorf("the label: %s", got)
	}
	if e := r.events("parameter.rejected"); len(e) != 0 {
		t.Errorf("accepted and dropped: %v", e)
	}
}
