package worldfile

import (
	"strings"
	"testing"
)

func TestABucketIsANameOrHasAPolicy(t *testing.T) {
	t.Parallel()
	f, err := Parse([]byte(`{"account": "111122223333", "region": "eu-west-1", "buckets": ["plain", {"name": "shared", "policy": {"Statement": ["${who}"]}}]}`), ".", map[string]string{"who": "x"})
	if err != nil {
		t.Fatal(err)
	}
	if b := f.Buckets; len(b) != 2 || b[0].Name != "plain" || b[0].Policy != nil || b[1].Name != "shared" || string(b[1].Policy) != `{"Statement":["x"]}` {
		t.Errorf("%+v", b)
	}
	for text, want := range map[string]string{
		`{"name": "a", "polcy": {}}`: "polcy",
		`7`:                          "a bucket is a name, or an object",
	} {
		if _, err := Parse([]byte(`{"account": "111122223333", "region": "eu-west-1", "buckets": [`+text+`]}`), ".", nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
