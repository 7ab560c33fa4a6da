package store_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/awscloud/store"
	"github.com/goldenami/rehydrate/internal/fault"
)

const (
	precondition = `<Error><Code>PreconditionFailed</Code><Message>At least one of the pre-conditions you specified did not hold</Message></Error>`
	underWay     = `<Error><Code>ConditionalRequestConflict</Code><Message>The conditional request cannot succeed due to a conflicting operation</Message></Error>`
)

func TestCreateAndReplaceSayOverWhatTheyMayWrite(t *testing.T) {
	var seen []string
	v := store.Versions{Store: over(t, func(r *http.Request) (int, string) {
		body, _ := io.ReadAll(r.Body)
		seen = append(seen, fmt.Sprintf("%s %s none=%s match=%s %s", r.Method, r.URL.Path, r.Header.Get("If-None-Match"), r.Header.Get("If-Match"), body))
		return 200, ""
	})}
	if _, err := v.Create(t.Context(), "runs/a", []byte("1")); err != nil {
		t.Error(err)
	}
	if _, err := v.Replace(t.Context(), "runs/a", `"tag"`, []byte("2")); err != nil {
		t.Error(err)
	}
	if err := v.Write(t.Context(), "runs/a", strings.NewReader("3")); err != nil {
		t.Error(err)
	}
	want := []string{`PUT /bucket/runs/a none=* match= 1`, `PUT /bucket/runs/a none= match="tag" 2`, `PUT /bucket/runs/a none= match= 3`}
	if !slices.Equal(seen, want) {
		t.Errorf("sent %q", seen)
	}
}

func TestAWriteThatMeetsAnotherIsRepeatedAndOneThatIsTooLateIsNot(t *testing.T) {
	for _, c := range []struct {
		name    string
		answers []string // "" is success
		status  int
		calls   int
		kind    fault.Kind
		ok      bool
	}{
		{"busy once", []string{underWay, ""}, 409, 2, 0, true},
		{"busy for ever", slices.Repeat([]string{underWay}, 20), 409, 6, fault.Conflict, false},
		{"taken", []string{precondition}, 412, 1, fault.Conflict, false},
		{"gone", []string{`<Error><Code>NoSuchKey</Code></Error>`}, 404, 1, fault.Conflict, false},
		{"no bucket", []string{`<Error><Code>NoSuchBucket</Code></Error>`}, 404, 1, fault.NotFound, false},
		{"denied", []string{`<Error><Code>AccessDenied</Code></Error>`}, 403, 1, fault.Denied, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			calls := 0
			v := store.Versions{Store: over(t, func(*http.Request) (int, string) {
				calls++
				if a := c.answers[calls-1]; a != "" {
					return c.status, a
				}
				return 200, ""
			})}
			_, err := v.Replace(t.Context(), "k", `"1"`, []byte("x"))
			if (err == nil) != c.ok || err != nil && fault.KindOf(err) != c.kind || calls != c.calls {
				t.Errorf("%v of kind %d after %d calls", err, fault.KindOf(err), calls)
			}
		})
	}
}

func TestReadGivesTheVersionsTagAndBoundsTheSize(t *testing.T) {
	v := store.Versions{Store: over(t, func(r *http.Request) (int, string) {
		if strings.HasSuffix(r.URL.Path, "none") {
			return 404, `<Error><Code>NoSuchKey</Code></Error>`
		}
		return 200, "foobar"
	})}
	if b, _, err := v.Read(t.Context(), "a", 6); err != nil || string(b) != "foobar" {
		t.Errorf("%q, %v", b, err)
	}
	if _, _, err := v.Read(t.Context(), "a", 5); err == nil {
		t.Error("more than the limit was read")
	}
	if _, _, err := v.Read(t.Context(), "none", 5); fault.KindOf(err) != fault.NotFound {
		t.Errorf("missing: %v", err)
	}
}

func TestKeysAreSorted(t *testing.T) {
	v := store.Versions{Store: over(t, func(*http.Request) (int, string) {
		return 200, `<ListBucketResult><Contents><Key>b</Key><Size>2</Size></Contents><Contents><Key>a</Key><Size>2</Size></Contents></ListBucketResult>`
	})}
	if got, err := v.Keys(t.Context(), ""); err != nil || !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("%q, %v", got, err)
	}
}
